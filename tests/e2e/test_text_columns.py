"""Changed texts: measured by the judge, kept on request, shown with their changes marked."""

import json

import pytest
from text_toys import PLUGIN
from typer.testing import CliRunner

from advbench.cli.app import app
from advbench.records.reader import Report


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    (folder / "notes.py").write_text(PLUGIN)

    def start(*words):
        return CliRunner().invoke(app, [*words], env={"ADVBENCH_CACHE_DIR": str(folder / "cache"), "COLUMNS": "200"})

    def run(name, *words):
        victim = ["run", "--plugin", str(folder / "notes.py"), "-D", "notes", "-m", "linear", "--encoder", "tally"]
        return start(*victim, "-a", "swap", "-n", "24", "-o", str(folder / name), *words)

    return folder, start, run


@pytest.fixture(scope="module")
def judged(place):
    folder, _, run = place
    outcome = run("kept", "--similarity", "tally", "--save-adversarials")
    assert outcome.exit_code == 0, outcome.output
    return folder / "kept", outcome.output


def test_the_judge_measures_words_letters_and_likeness(judged):
    report, said = judged
    rows = Report.open(report).examples.to_pylist()
    assert len(rows) == 24
    for row in rows:
        assert (row["verdict"], row["words"]) == ("broken", 0.25)
        assert row["edit_distance"] == 3  # good to bad: two letters replaced, one gone
        assert row["similarity"] == row["similarity_min"] == 0
    assert "by tally over windows of 15 words" in " ".join(said.split())


def test_which_encoder_judged_is_in_the_log(judged):
    (entry,) = Report.open(judged[0]).runs
    assert entry["request"]["similarity"] == "tally"
    assert entry["settled"]["similarity"].startswith("by tally")


def test_texts_are_kept_and_shown_with_harmless_marks(judged, place):
    (path,) = judged[0].glob("adversarials/*/*.json")
    assert json.loads(path.read_text())["0"] == ["a good thing \x1b[31m0", "a bad thing \x1b[31m0"]
    outcome = place[1]("texts", str(judged[0]), "-n", "3")
    assert outcome.exit_code == 0, outcome.output
    assert "\x1b" not in outcome.output
    assert outcome.output.count("{+bad+}") + outcome.output.count("{+good+}") == 3
    assert "a [-good-]{+bad+} thing \\x1b[31m0" in outcome.output
    assert "0 → 1, 25.0% of words, similarity 0.000, 1 queries" in outcome.output
    assert "swap against linear on notes: 24 broken" in outcome.output


def test_another_encoder_is_another_measurement(judged, place):
    again = place[2]("kept", "--similarity", "tally", "--save-adversarials")
    assert "all of 1 cells were done before" in again.output
    other = place[2]("kept", "--similarity", "none", "--save-adversarials")
    assert "the encoder that compares texts changed since it was run" in " ".join(other.output.split())
    rows = Report.open(judged[0]).examples.to_pylist()
    assert {row["similarity"] for row in rows} == {None}
    assert {row["edit_distance"] for row in rows} == {3.0}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--similarity", "tally:fetched=false"), "Run: advbench data fetch tally"),
        (("--similarity", "taly"), "no encoder is called 'taly'"),
        (("--similarity", "tally", "-D", "two-moons"), None),
    ],
)
def test_an_encoder_that_cannot_judge_ends_the_run_before_it_begins(place, words, told):
    outcome = place[2]("never", *words, "--dry-run")
    if told is None:  # the texts among the data are enough
        assert outcome.exit_code == 0, outcome.output
        return
    assert outcome.exit_code == 2
    assert told in " ".join(outcome.output.split())


def test_similarity_of_what_is_no_text_is_refused(place):
    outcome = place[1]("run", "-D", "two-moons", "-a", "none", "--similarity", "minilm", "--dry-run")
    assert outcome.exit_code == 2
    assert "--similarity must go with a data set of texts" in " ".join(outcome.output.split())


def test_where_nothing_was_kept_it_says_how_to_keep_it(place):
    assert place[2]("bare", "--similarity", "none").exit_code == 0
    outcome = place[1]("texts", str(place[0] / "bare"))
    assert outcome.exit_code == 2
    assert "Run with --save-adversarials" in " ".join(outcome.output.split())


def test_a_damaged_file_of_texts_is_named(judged, place, tmp_path):
    import shutil

    shutil.copytree(judged[0], tmp_path / "copy")
    (path,) = (tmp_path / "copy").glob("adversarials/*/*.json")
    path.write_text('{"0": "half')
    outcome = place[1]("texts", str(tmp_path / "copy"))
    assert outcome.exit_code == 2
    assert "it must hold texts as JSON" in " ".join(outcome.output.split())
