"""What a plugin does to its process costs its own examples: the rest is kept, and the culprit is named."""

import json
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import engine_plugins
from killing import differences

DATA = ("-D", "numbers", "-n", "24")


@pytest.fixture
def mortal(place, tmp_path):
    place.env["ADVBENCH_CACHE_DIR"] = str(tmp_path / "cache")
    return place.plugin("mortal", engine_plugins.MORTAL)


def cell_of(place, attack, model="well"):
    """The cell of the model and the attack (mortal, or none) whose `how` is that."""
    found = []
    for row in place.rows("cells"):
        hows = [json.loads(row[f"{kind}_params"]).get("how", row[kind]) for kind in ("model", "attack")]
        found += [row] if hows == [model, attack] else []
    (cell,) = found
    return cell


def judged(place, cell):
    return {row["example_id"] for row in place.rows() if row["cell_id"] == cell["cell_id"]}


def test_workers_die_and_the_run_goes_on(place, mortal):
    attacks = ("-a", "none", "-a", "mortal:segfault,victim=11", "-a", "mortal:exit,once=true")
    words = ("--plugin", mortal, *DATA, "-m", "look", "-m", "look:segfault", *attacks, "--save-adversarials")
    done = place.run(*words, "--jobs", "2", code=1)
    said = " ".join(done.stderr.split())
    assert cell_of(place, "none")["status"] == "ok"
    assert cell_of(place, "exit")["status"] == "ok"  # it died but once
    assert "a worker was lost (its worker ended with exit code 3); its work is done again." in said
    killed = cell_of(place, "segfault")
    assert (killed["status"], killed["code"]) == ("failed", "worker")
    assert "attack mortal:how=segfault,victim=11 of mortal (" in killed["reason"]
    assert "Segmentation fault. This befell example 11." in killed["reason"]
    assert "in die" in (place.out / "tracebacks" / f"{killed['cell_id']}.txt").read_text()
    assert judged(place, killed) == set(range(24)) - {11}
    for attack in ("none", "segfault", "exit"):
        untrained = cell_of(place, attack, model="segfault")
        assert untrained["code"] == "worker"
        assert untrained["reason"].startswith("look:how=segfault of mortal (")
    assert "incomplete" in done.stdout  # the leaderboard was shown

    (place.root / "mended").touch()
    done = place.run(*words)
    assert "2 of 6 cells were done before" in done.stdout
    assert "16 of 24 examples were judged before" in " ".join(done.stderr.split())
    quiet = type(place)(place.root / "quiet", place.root / "quiet" / "cache")
    quiet.root.mkdir()
    (quiet.root / "mended").touch()
    quiet.run(*words)
    assert not differences(place.out, quiet.out)


@pytest.mark.parametrize("how", ["fork", "close-standard", "close-objects", "leave", "memory"])
def test_in_process_what_can_be_survived_is(place, mortal, how):
    attacks = ("-a", f"mortal:{how}", "-a", "mortal:well", "-a", "none")
    fails = how in ("leave", "memory")
    done = place.run("--plugin", mortal, *DATA, "-m", "look", *attacks, code=int(fails))
    assert cell_of(place, how)["status"] == ("failed" if fails else "ok")
    assert cell_of(place, "well")["status"] == "ok"
    assert len(place.rows()) == (48 if fails else 72)
    assert done.stdout.count("report: ") == 1
    assert "3/3" in done.stderr


def test_in_process_a_fatal_attack_leaves_its_place_to_the_next_run(place, mortal):
    words = ("--plugin", mortal, *DATA, "-m", "look", "-a", "none", "-a", "mortal:segfault,victim=20")
    done = place.call("run", "--out", place.out, *words)
    assert done.returncode == -11
    (place.root / "mended").touch()
    done = place.run(*words)
    assert "1 of 2 cells were done before (cached)" in done.stdout


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_other_ends_of_workers_and_what_they_leave_behind(place, mortal):
    hows = {
        "leave": ("SystemExit", "4"), "memory": ("MemoryError", "MemoryError"),
        "interrupt": ("worker", "exit code 1, KeyboardInterrupt. This befell example 5."),
        "speak": ("worker", "exit code 9, \\x1b]0;owned\\x07 and gone. This befell example 5."),
    }  # fmt: skip
    survived = ("fork", "close-standard", "close-objects", "company")
    attacks = [word for how in (*hows, *survived) for word in ("-a", f"mortal:{how},victim=5")]
    done = place.run("--plugin", mortal, *DATA, "-m", "look", *attacks, "--jobs", "2", code=1)
    for how, (code, told) in hows.items():
        cell = cell_of(place, how)
        assert cell["code"] == code
        assert told in cell["reason"]
    for how in survived:
        assert cell_of(place, how)["status"] == "ok"
    assert "\x1b" not in done.stdout + done.stderr
    assert not alive(int((place.root / "company").read_text()))


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["--timeout", "--cell-timeout"])
def test_a_worker_that_listens_to_nobody_is_stopped_after_its_limit_and_ten_seconds(place, mortal, limit):
    """An attack that keeps the interpreter to itself: no signal is handled, and no thread goes on."""
    started = time.monotonic()
    words = ("-m", "look", "-a", "mortal:hang,victim=5", "-a", "mortal:well", limit, "1", "--jobs", "2")
    place.run("--plugin", mortal, *DATA, *words, code=1)
    cell = cell_of(place, "hang")
    assert (cell["status"], cell["code"]) == ("failed", "timeout")
    if limit == "--timeout":
        assert "This befell example 5." in cell["reason"]
        assert judged(place, cell) == set(range(24)) - {5}
    assert cell_of(place, "well")["status"] == "ok"
    assert time.monotonic() - started < 120


@pytest.mark.slow
def test_a_training_that_listens_to_nobody_is_stopped_too(place, mortal):
    words = ("-m", "look:hang", "-m", "look", "-a", "none", "--cell-timeout", "1", "--jobs", "2")
    place.run("--plugin", mortal, *DATA, *words, code=1)
    assert cell_of(place, "none", model="hang")["reason"].startswith("look:how=hang of mortal (")
    assert cell_of(place, "none")["status"] == "ok"
