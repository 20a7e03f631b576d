"""What was finished stays finished, whatever ends a run; and what changed is done again."""

import hashlib
import random
import signal
import sys
import time
from pathlib import Path

import pytest
import torch

from advbench import State
from advbench.bench.packing import pack_state

sys.path.insert(0, str(Path(__file__).resolve().parent))
import one_file_plugins as plugins

DATA = ("-D", "two-moons", "-m", "linear")
ARGUMENTS = (*DATA, "-a", "slow:pause=0.01", "-n", "64", "--eps", "0.02")
COMPARED = ("cell_id", "example_id", "verdict", "adv_label", "queries", "first_query", "best_query", "l2", "linf")


def compared(rows):
    return [{name: row[name] for name in COMPARED} for row in rows]


@pytest.fixture
def slow(place):
    return place.plugin("slow", plugins.SLOW)


def undisturbed(place, slow):
    out = place.root / "undisturbed"
    done = place.call("run", "--out", out, "--plugin", slow, *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    return compared(place.rows(out=out))


def parts(place):
    """Finished shards by inode: a shard that is attacked again is another file."""
    return {path: path.stat().st_ino for path in place.out.glob("parts/*/shard-?????.parquet")}


def wait_for(process, condition, seconds=60):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "nothing happened"
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def test_kill_and_go_on(place, slow):
    """kill -9 at several moments: finished shards are kept, and the result is that of a quiet run."""
    expected = undisturbed(place, slow)
    rng = random.Random(7)
    for moment in range(3):
        before = parts(place)
        process = place.start("run", "--out", place.out, "--plugin", slow, *ARGUMENTS)
        wait_for(process, lambda before=before: len(parts(place)) > len(before))
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        process.communicate()
        assert before.items() <= parts(place).items(), f"kill {moment}: a finished shard was attacked again"
    done = place.run("--plugin", slow, *ARGUMENTS)
    assert "examples were judged before; going on from there" in " ".join(done.stderr.split())
    assert compared(place.rows()) == expected
    assert not list(place.out.glob("parts/*/*")), "everything is folded into the tables"


def test_interrupt_keeps_what_is_finished_and_leaves_with_130(place, slow):
    both = ("--plugin", slow, *DATA, "-a", "none", *ARGUMENTS[4:])
    process = place.start("run", "--out", place.out, *both)
    wait_for(process, lambda: len({path.parent for path in parts(place)}) == 2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "incomplete" in out
    cells = {row["attack"]: (row["status"], row["code"]) for row in place.rows("cells")}
    assert cells == {"none": ("ok", None), "slow": ("failed", "interrupted")}
    judged = compared(place.rows())
    assert 64 + 8 <= len(judged) < 2 * 64
    place.run(*both)
    assert {row["status"] for row in place.rows("cells")} == {"ok"}
    assert all(row in compared(place.rows()) for row in judged)


def test_the_same_command_finds_everything_done(place):
    first = place.run(*DATA, "-a", "random-noise:draws=20", "-n", "10")
    again = place.run(*DATA, "-a", "random-noise:draws=20", "-n", "10")
    assert "trained" in first.stderr
    assert "trained" not in again.stderr
    assert "all of 1 cells were done before (cached)" in again.stdout


def test_a_new_attack_costs_only_its_own_cells(place):
    place.run(*DATA, "-a", "none", "-n", "10")
    done = place.run(*DATA, "-a", "none", "-a", "random-noise:draws=20", "-n", "10")
    assert "1 of 2 cells were done before (cached)" in done.stdout


def test_more_examples_extend_a_cell(place, slow):
    place.run("--plugin", slow, *DATA, "-a", "slow", "-n", "16")
    before = {row["example_id"]: row for row in place.rows()}
    done = place.run("--plugin", slow, *DATA, "-a", "slow", "-n", "40")
    assert "16 of 40 examples were judged before" in " ".join(done.stderr.split())
    after = {row["example_id"]: row for row in place.rows()}
    assert len(after) == 40
    assert before.items() <= after.items()
    # Fewer are a part of what is there.
    assert "cached" in place.run("--plugin", slow, *DATA, "-a", "slow", "-n", "16").stdout


def test_an_edited_attack_is_run_again_and_the_run_says_so(place, slow):
    arguments = ("--plugin", slow, *DATA, "-a", "slow", "-a", "none", "-n", "10")
    place.run(*arguments)
    slow.write_text(slow.read_text().replace("0.2 *", "0.3 *"))
    done = place.run(*arguments)
    assert "its code or libraries changed since it was run; it is run again" in " ".join(done.stderr.split())
    assert "1 of 2 cells were done before (cached)" in done.stdout, "only the edited plugin's cells are stale"


def test_force_runs_again(place):
    arguments = (*DATA, "-a", "none", "-n", "10")
    place.run(*arguments)
    assert "(cached)" not in place.run(*arguments, "--force").stdout


def test_a_damaged_cache_entry_is_noticed_and_rebuilt(place, tmp_path):
    place.env["ADVBENCH_CACHE_DIR"] = str(tmp_path / "own-cache")
    arguments = (*DATA, "-a", "random-noise:draws=20", "-n", "10")
    place.run(*arguments)
    expected = compared(place.rows())
    (arrays,) = (tmp_path / "own-cache" / "contenders").glob("*/state.safetensors")
    data = bytearray(arrays.read_bytes())
    data[-1] ^= 1
    arrays.write_bytes(bytes(data))
    done = place.run(*arguments, "--force")
    assert "does not match its checksum" in " ".join(done.stderr.split())
    assert compared(place.rows()) == expected


def test_what_an_attack_prepared_is_asked_for_once(place):
    learner = place.plugin("learner", LEARNER)
    arguments = ("--plugin", learner, *DATA, "-a", "learner", "-n", "24", "--max-prepare-queries", "30")
    process = place.start("run", "--out", place.out, *arguments)
    wait_for(process, lambda: parts(place))
    process.kill()
    process.communicate()
    place.run(*arguments)
    (cell,) = place.rows("cells")
    assert cell["queries_shared"] == 30
    assert {row["note_learnt"] for row in place.rows() if row["verdict"] != "skipped"} == {30.0}
    assert (place.root / "prepared.txt").read_text() == "once\n"


def test_what_no_attack_prepared_is_prepared_again(place):
    """As of an older version: its checksum fits, but it does not say what it must."""
    learner = place.plugin("learner", LEARNER)
    arguments = ("--plugin", learner, *DATA, "-a", "learner", "-n", "8", "--max-prepare-queries", "30")
    place.run(*arguments)
    before = compared(place.rows())
    (path,) = place.out.glob("prepared/*/state.safetensors")
    good, foreign = path.read_bytes(), pack_state(State({"learnt": torch.tensor([30.0])}, {"tree": 1}))
    path.write_bytes(foreign)
    path.with_name(f"{path.name}.sha256").write_text(hashlib.sha256(foreign).hexdigest())
    done = place.run(*arguments[:-4], "-n", "16", *arguments[-2:])
    assert "it must say state and queries, got tree. It is prepared again." in " ".join(done.stderr.split())
    assert path.read_bytes() == good
    assert [row for row in compared(place.rows()) if row in before] == before
    assert (place.root / "prepared.txt").read_text() == "once\n" * 2


LEARNER = """
import time
from dataclasses import dataclass
from pathlib import Path
import torch
from advbench import *

@dataclass(frozen=True)
class Learner:
    "Asks about its seeds first."

    def prepare(self, oracle, seeds, rng):
        with Path("prepared.txt").open("a") as file:
            file.write("once\\n")
        rows = torch.arange(len(seeds))
        while True:
            try:
                oracle.labels(seeds.x, rows)
            except BudgetSpent:
                return State({"learnt": torch.tensor([30.0])}, {"tree": [1, {"a": None}]})

    def perturb(self, oracle, x, rng):
        assert oracle.prepared.meta == {"tree": [1, {"a": None}]}
        time.sleep(0.1)
        return Perturbed(x, notes={"learnt": oracle.prepared.arrays["learnt"].expand(len(x))})

@hookimpl
def advbench_register_attacks(register):
    register(AttackSpec(name="learner", summary="learns first", needs=Access.LABELS, modalities=frozenset(Modality),
                        norms=frozenset({Norm.L2}), batched=True, shard=8), Learner)
"""
