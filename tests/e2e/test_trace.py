"""`run --trace-example ID`: how one example's attack goes, without a trace of it in the report."""

import pytest
from text_toys import PLUGIN
from typer.testing import CliRunner

from advbench.cli.app import app
from advbench.records.reader import Report

TALKING = """
@dataclass(frozen=True)
class Talker(Swap):
    "Swaps, and says so."
    fails: bool = param(False, help="whether it ends in an error")

    def explain(self, oracle, x, rng, say):
        say(f"swapping [bold]all[/] of {x[0]!r}\\x1b[31m")
        if self.fails:
            raise ValueError("no more words")
        return self.perturb(oracle, x, rng)

@hookimpl
def advbench_register_attacks(register):
    for name, target in (("swap", Swap), ("talker", Talker)):
        register(AttackSpec(name=name, summary="s", needs=Access.LABELS, modalities=frozenset({Modality.TEXT}),
                            norms=frozenset({Norm.WORDS}), batched=True), target)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trace")
    (folder / "notes.py").write_text(PLUGIN[: PLUGIN.rindex("@hookimpl")] + TALKING)

    def start(name, *words):
        env = {"ADVBENCH_CACHE_DIR": str(folder / "cache"), "COLUMNS": "200"}
        return CliRunner().invoke(app, ["run", "-o", str(folder / name), *words], env=env)

    start.folder = folder
    start.texts = ("--plugin", str(folder / "notes.py"), "-D", "notes", "-m", "linear", "--encoder", "tally",
                   "--similarity", "none", "-n", "6")  # fmt: skip
    start.images = ("-D", "digits:classes=3/8", "-m", "linear:epochs=3", "-n", "6")
    return start


def stored(folder, table="examples"):
    columns = {"train_seconds", "attack_seconds", "peak_rss_mib", "finished_at"}
    return [
        {name: value for name, value in row.items() if name not in columns}
        for row in Report.open(folder).table(table).to_pylist()
    ]


def test_an_image_attack_is_told_query_by_query_and_leaves_no_trace(run):
    words = (*run.images, "-a", "random-noise:draws=5")
    assert run("images", *words).exit_code == 0
    before = stored(run.folder / "images"), stored(run.folder / "images", "cells")
    row = next(row for row in before[0] if row["verdict"] != "skipped")
    outcome = run("images", *words, "--trace-example", str(row["example_id"]))
    assert outcome.exit_code == 0, outcome.output
    assert "all of 1 cells were done before (cached)" in outcome.output
    assert f"example {row['example_id']}: linear:epochs=3 × random-noise:draws=5 on digits" in outcome.output
    asked = [line for line in outcome.output.splitlines() if line.startswith("query ")]
    assert len(asked) == row["queries"]
    assert all(" l2 " in line for line in asked)
    assert f"{row['verdict']} ({row['stop_reason']}): label" in outcome.output
    assert (stored(run.folder / "images"), stored(run.folder / "images", "cells")) == before


def test_an_attack_on_text_is_told_in_its_own_words_or_query_by_query(run):
    outcome = run("texts", *run.texts, "-a", "swap", "-a", "talker", "--trace-example", "10")
    assert outcome.exit_code == 0, outcome.output
    assert "query 1: label 1, goal met, words 0.25" in outcome.output
    assert "swapping [bold]all[/] of 'a good thing" in outcome.output
    assert "\x1b" not in outcome.output
    assert outcome.output.count("broken (found): label 0 → 1, 1 queries, words 0.25") == 2
    assert len(stored(run.folder / "texts")) == 12


def test_an_example_that_is_not_selected_ends_the_run_before_it_begins(run):
    outcome = run("never", *run.texts, "-a", "swap", "--trace-example", "6")
    assert outcome.exit_code == 2
    said = " ".join(outcome.output.split())
    assert "--trace-example must be the id of a selected example (7, 10, 16, 17, 20, 23), got 6" in said
    assert "--select ids=6" in said
    assert not (run.folder / "never").exists()


def test_all_targets_of_an_example_are_told(run):
    words = ("-D", "digits:classes=3/5/8", "-m", "linear:epochs=3", "-n", "3", "-a", "random-noise:draws=3")
    assert run("targets", *words, "--targeted", "--targets", "all").exit_code == 0
    row = next(row for row in stored(run.folder / "targets") if row["verdict"] != "skipped")
    outcome = run("targets", *words, "--targeted", "--targets", "all", "--trace-example", str(row["example_id"]))
    assert outcome.exit_code == 0, outcome.output
    told = [line for line in outcome.output.splitlines() if line.startswith("target ")]
    rows = [one for one in stored(run.folder / "targets") if one["example_id"] == row["example_id"]]
    assert sorted(line for line in told if line.endswith(":")) == [f"target {one['target']}:" for one in rows]
    ends = [line for line in told if not line.endswith(":")]
    assert sorted(line.split(" (")[0] for line in ends) == [f"target {one['target']}: {one['verdict']}" for one in rows]


def test_what_fails_while_it_is_told_is_told_up_to_there(run):
    outcome = run("broken", *run.texts, "-a", "talker:fails=true", "--trace-example", "10")
    assert "swapping" in outcome.output
    assert "failed: attack talker of notes" in " ".join(outcome.output.split())
    assert {row["status"] for row in stored(run.folder / "broken", "cells")} == {"ok"}  # as the run itself left it
