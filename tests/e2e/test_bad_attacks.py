"""Whatever an attack does wrong, it is named, its own cell fails alone, and the report says so."""

import pytest
from bad_case import run

from advbench.records.reader import Report

ATTACKS = {
    "raise": ("ZeroDivisionError", r"got ZeroDivisionError: divided by \x1b[31mzero. The traceback is in tracebacks/"),
    "mute": ("Mute", "got Mute: its message cannot be read."),
    "exit": ("SystemExit", "it must end without an error, got SystemExit: 3."),
    "stop": ("Stop", "got Stop: now."),
    "recursion": ("RecursionError", "got RecursionError: maximum recursion depth exceeded"),
    "memory": ("RuntimeError", "allocate"),
    "huge-message": ("ValueError", "more characters)"),
    "ask-outside": ("InputError", "points must lie in [0, 1], got"),
    "ask-nan": ("InputError", "points must lie in [0, 1], got nan to nan"),
    "ask-shape": ("InputError", "points must be torch.float32 (M, 2), got torch.float32 (12, 1)"),
    "ask-dtype": ("InputError", "points must be torch.float32 (M, 2), got torch.int64 (12, 2)"),
    "ask-list": ("InputError", "points must be torch.float32 (M, 2), got list"),
    "word": ("ContestError", "perturb must return Perturbed, got str"),
    "note-word": ("ContestError", "note 'h' must hold (12,) numbers, got str"),
    "note-shape": ("ContestError", "note 'h' must hold (12,) numbers, got torch.float32 (2, 2)"),
    "note-name": ("ContestError", r"a note's name must be like 'step_size', got '\x1b[31mh'"),
    "blind": ("ContestError", "blind must be None or torch.bool (12,), got torch.float32 (12,)"),
}
INVALID = {
    "nan": "the returned point holds NaN or infinity",
    "outside": "the returned point leaves the bounds",
    "shape": "the attack must return torch.float32 (12, 2), got torch.float32 (12, 1)",
    "giant": "the attack must return torch.float32 (12, 2), got torch.float32 (1000000000, 1000000)",
    "dtype": "the attack must return torch.float32 (12, 2), got torch.float64 (12, 2)",
    "list": "the attack must return torch.float32 (12, 2), got list",
}


@pytest.fixture(scope="module")
def attacks(folder):
    words = [f"bad:{how}" for how in (*ATTACKS, *INVALID, "print")]
    select = "ids=" + "/".join(map(str, _right_ids()))
    return run(folder, "ATTACKS", "-D", "two-moons", "--select", select, "-m", "linear",
               *(part for word in (*words, "none") for part in ("-a", word)))  # fmt: skip


def _right_ids():
    """Twelve examples that every fair model gets right, so that all are attacked."""
    from advbench.builtin.datasets import TwoMoons

    examples = TwoMoons().load("eval")
    far = (examples.x[:, 1] - 0.5).abs().argsort(descending=True)
    return examples.ids[far[:12]].tolist()


@pytest.mark.parametrize("how", ATTACKS)
def test_an_attack_at_fault_fails_its_cell_alone(attacks, how):
    code, told = ATTACKS[how]
    cell = attacks.cells["linear", "two-moons", "bad", how]
    assert (cell["status"], cell["code"]) == ("failed", code)
    assert told in cell["reason"]
    assert "attack bad" in cell["reason"]
    assert "of attacks (" in cell["reason"]  # the plugin
    assert len(cell["reason"]) < 1000
    assert " ".join(cell["reason"].split()) in attacks.said
    trace = attacks.out / "tracebacks" / f"{cell['cell_id']}.txt"
    assert "Traceback" in trace.read_text()
    assert trace.stat().st_size < 200_000


@pytest.mark.parametrize("how", INVALID)
def test_a_worthless_answer_is_unresolved_and_told(attacks, how):
    cell = attacks.cells["linear", "two-moons", "bad", how]
    assert cell["status"] == "ok"
    rows = [row for row in Report.open(attacks.out).table("examples").to_pylist() if row["cell_id"] == cell["cell_id"]]
    assert {(row["verdict"], row["stop_reason"]) for row in rows} == {("invalid", "error")}
    assert {row["reason"] for row in rows} == {INVALID[how]}
    assert any(f"bad:how={how}" in note and INVALID[how] in note for note in attacks.entry["notes"])


def test_the_rest_of_the_run_goes_on_and_the_leaderboard_tells(attacks):
    assert attacks.code == 1
    assert attacks.cells["linear", "two-moons", "none", None]["status"] == "ok"
    assert attacks.cells["linear", "two-moons", "bad", "print"]["status"] == "ok"
    assert f"f{len(ATTACKS)}" in attacks.said
    assert "?12" in attacks.said  # nobody broke them, but nobody attacked them well either
    assert (attacks.entry["outcome"]["failed"], attacks.entry["exit_code"]) == (len(ATTACKS), 1)


def test_what_a_plugin_prints_is_told_once_and_bounded(attacks):
    (note,) = [note for note in attacks.entry["notes"] if "printed" in note]
    assert "bad:how=print on two-moons: plugins printed 1,000,019 bytes, first: \\x1b[2Jzzz" in note
    assert len(note) < 3_100
    assert note[:300] in attacks.said
    assert "z" * 1_000 not in attacks.said
