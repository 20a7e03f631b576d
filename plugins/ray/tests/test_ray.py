"""Runs on Ray, all on this machine: the same rows as in process, whatever happens to a worker or a node."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from advbench.records.reader import Report

pytest.importorskip("advbench_ray", reason="advbench-ray is not installed. Run: make .venv/all")
pytest.importorskip("ray", reason="Ray is not installed. Run: make .venv/all")
pytestmark = pytest.mark.slow

ODD = Path(__file__).with_name("odd.py")
MOONS = ("-D", "two-moons", "-m", "mlp:epochs=20", "--max-queries", "300", "--plugin", ODD)
ATTACKS = ("-a", "random-noise:draws=50", "-a", "zoo:iterations=10")
PREPARED = ("-a", "substitute", "--max-prepare-queries", "200")  # it learns before its first example
# What may differ: clocks, memory, and what was trained elsewhere is found in the cache folder.
ASIDE = {"cells": {"run", "train_seconds", "attack_seconds", "peak_rss_mib", "finished_at"}, "training": {"seconds"}}


class Place:
    """Where the command line is called: a folder, and a cache folder."""

    def __init__(self, folder, cache):
        self.folder, self.env = folder, {**os.environ, "ADVBENCH_CACHE_DIR": str(cache), "COLUMNS": "250"}

    def start(self, *words):
        command = [sys.executable, "-m", "advbench", *map(str, words)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=self.folder, env=self.env, text=True, **pipes)

    def run(self, *words, out, engine="local"):
        """The words of `run`; what it said on both streams, each on one line, and its exit code."""
        return ended(self.start("run", "-o", out, "--engine", engine, *words))

    def tables(self, out):
        """All that must be equal, as {table: rows as texts, in order}."""
        report, found = Report.open(self.folder / out), {}
        for name in ("cells", "examples", "trace", "scores", "training"):
            rows = [
                {k: v for k, v in row.items() if k not in ASIDE.get(name, ())} for row in report.table(name).to_pylist()
            ]
            found[name] = sorted(map(repr, rows))  # texts: nan equals itself
        return found

    def cells(self, out):
        """By attack, or by `how` where it has one."""
        cells = Report.open(self.folder / out).cells.to_pylist()
        return {json.loads(cell["attack_params"]).get("how", cell["attack"]): cell for cell in cells}


def ended(process):
    with process:
        out, err = process.communicate(timeout=200)
    return process.returncode, " ".join(out.split()), " ".join(err.split())


def await_shards(process, out, count=1):
    until = time.monotonic() + 120
    while len(list(out.glob("parts/*/shard-*"))) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def contenders(cache):
    """Trained ones, each with the moment in which its file was written."""
    return {
        path.parent.name: path.stat().st_mtime_ns for path in Path(cache, "contenders").glob("[!.]*/state.safetensors")
    }


@pytest.fixture(scope="module")
def cluster():
    """A head without room for tasks, and a function that adds nodes with one CPU and a cache folder of their own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster

        one = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield one
    one.shutdown()


@pytest.fixture
def node(cluster, tmp_path):
    """Adds nodes that are gone after the test."""
    added = []

    def add(cache):
        cache.mkdir(exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            added.append(cluster.add_node(num_cpus=1, env_vars={"ADVBENCH_CACHE_DIR": str(cache)}))
        return added[-1]

    yield add
    for one in added:
        if one in cluster.worker_nodes:
            cluster.remove_node(one, allow_graceful=False)


def test_a_ray_of_its_own_gives_the_rows_of_the_first_light_suite_and_leaves_nothing_running(tmp_path):
    small = (
        "--suite",
        "first-light",
        "-d",
        "none",
        "-d",
        "scd:votes=4,iterations=60",
        "-n",
        "12",
        "--max-queries",
        "200",
    )
    one, other = Place(tmp_path, tmp_path / "one"), Place(tmp_path, tmp_path / "other")
    assert one.run(*small, out="local")[0] == 0
    code, said, told = other.run(*small, "--jobs", 2, out="ray", engine="ray")
    assert (code, "raylet" in said + told) == (0, False), told
    assert one.tables("local") == other.tables("ray")
    assert len(other.tables("ray")["cells"]) == 8
    assert f"{tmp_path}" not in subprocess.run(["ps", "-wweo", "args"], capture_output=True, text=True).stdout


def test_a_machine_without_room_for_a_task_is_told_at_once(tmp_path):
    words = (*MOONS, *ATTACKS, "-n", "4")
    code, _, told = Place(tmp_path, tmp_path / "near").run(*words, out="ray", engine="ray:gpus=99")
    assert code == 2
    assert "this machine must have room for a task of 1 CPUs and 99 GPUs, got too little" in told


def test_what_a_far_node_trains_lies_on_both_and_is_never_trained_again(cluster, node, tmp_path):
    near, far = tmp_path / "near", tmp_path / "far"
    here, engine = Place(tmp_path, near), f"ray:address={cluster.address}"
    first = node(far)
    code, _, told = here.run(*MOONS, *ATTACKS, *PREPARED, "-n", "20", out="ray", engine=engine)
    assert code == 0, told
    assert contenders(near).keys() == contenders(far).keys()
    assert contenders(near)
    trained = contenders(near)
    cluster.remove_node(first)
    node(tmp_path / "third")  # knows nothing
    code, _, told = here.run(*MOONS, *ATTACKS, *PREPARED, "-a", "odd", "-n", "20", out="ray", engine=engine)
    assert (code, contenders(near)) == (0, trained), told
    assert contenders(tmp_path / "third").keys() == trained.keys()
    assert (
        Place(tmp_path, tmp_path / "alone").run(*MOONS, *ATTACKS, *PREPARED, "-a", "odd", "-n", "20", out="local")[0]
        == 0
    )
    assert here.tables("ray") == here.tables("local")


def test_a_node_that_is_killed_costs_no_row(cluster, node, tmp_path):
    here = Place(tmp_path, tmp_path / "near")
    words = (*MOONS, *ATTACKS, "-a", "odd:pause=.6", "-n", "24")  # six shards of 2.4 s
    node(tmp_path / "near")
    doomed = node(tmp_path / "far")
    process = here.start("run", "-o", "ray", "--engine", f"ray:address={cluster.address}", *words)
    await_shards(process, tmp_path / "ray", 2)
    until = time.monotonic() + 60
    while not contenders(tmp_path / "far"):  # it is at work now
        assert time.monotonic() < until
        time.sleep(0.05)
    cluster.remove_node(doomed, allow_graceful=False)
    code, _, told = ended(process)
    assert code == 0, told
    assert "a worker was lost (its node was lost" in told
    assert Place(tmp_path, tmp_path / "alone").run(*words, out="local")[0] == 0
    assert here.tables("ray") == here.tables("local")


def test_who_kills_workers_fails_alone_and_is_named(cluster, node, tmp_path):
    here = Place(tmp_path, tmp_path / "near")
    for _ in range(2):
        node(tmp_path / "near")
    odd = [word for how in ("segfault", "exit", "fork") for word in ("-a", f"odd:{how}")]
    code, _, told = here.run(*MOONS, *ATTACKS, *odd, "-n", "30", out="ray", engine=f"ray:address={cluster.address}")
    assert code == 1, told
    cells = here.cells("ray")
    assert {name: cell["status"] for name, cell in cells.items()} == {
        "random-noise": "ok", "zoo": "ok", "fork": "ok", "segfault": "failed", "exit": "failed",
    }  # fmt: skip
    for how in ("segfault", "exit"):
        assert "it must leave its worker alive" in cells[how]["reason"]
        assert "This befell example" in cells[how]["reason"]
    assert "Segmentation fault" in cells["segfault"]["reason"]
    trace = (tmp_path / "ray" / "tracebacks" / f"{cells['segfault']['cell_id']}.txt").read_text()
    assert 'odd.py", line' in trace


def test_a_worker_that_listens_to_nobody_is_stopped_and_the_others_go_on(cluster, node, tmp_path):
    here = Place(tmp_path, tmp_path / "near")
    node(tmp_path / "near")
    words = (*MOONS, *ATTACKS, "-a", "odd:hang", "-n", "30", "--cell-timeout", "10")
    code, _, told = here.run(*words, out="ray", engine=f"ray:address={cluster.address}")
    cells = here.cells("ray")
    assert code == 1, told
    assert (cells["hang"]["code"], cells["zoo"]["status"], cells["random-noise"]["status"]) == ("timeout", "ok", "ok")
    assert "its worker was stopped" in cells["hang"]["reason"]


def test_data_that_a_node_lacks_are_named_with_the_node(cluster, node, tmp_path):
    here = Place(tmp_path, tmp_path / "near")
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "kept").touch()
    words = ("-D", "kept", "-m", "linear:epochs=2", "-a", "none", "--plugin", ODD)
    node(tmp_path / "far")
    code, _, _ = here.run(*words, out="ray", engine=f"ray:address={cluster.address}")
    (cell,) = here.cells("ray").values()
    assert (code, cell["status"], cell["code"]) == (1, "failed", "DataAbsent")
    assert "Run: advbench data fetch kept This was on node " in cell["reason"]
    assert here.run(*words, out="local")[0] == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_takes_its_ray_along(how, tmp_path):
    here = Place(tmp_path, tmp_path / "near")
    words = (*MOONS, "-n", "40", "-a", "odd:pause=1")
    process = here.start("run", "-o", "ray", "--engine", "ray:jobs=1", *words)
    await_shards(process, tmp_path / "ray")
    running = children(process.pid)
    assert any("raylet" in words for words in running.values())
    process.send_signal(how)
    ended(process)
    until = time.monotonic() + 20
    while left := {pid for pid in running if Path(f"/proc/{pid}").exists()}:
        assert time.monotonic() < until, {pid: running[pid] for pid in left}
        time.sleep(0.1)
    code, _, told = here.run(*words[:-1], "odd", out="ray")  # and the folder is as good as ever
    assert code == 0, told


def test_a_ray_that_dies_ends_the_run_with_what_to_do(tmp_path):
    here = Place(tmp_path, tmp_path / "near")
    words = (*MOONS, "-n", "40", "-a", "odd:pause=.5")
    process = here.start("run", "-o", "ray", "--engine", "ray:jobs=1", *words)
    await_shards(process, tmp_path / "ray")
    (raylet,) = [pid for pid, words in children(process.pid).items() if words.split()[0].endswith("raylet/raylet")]
    os.kill(raylet, signal.SIGKILL)
    code, _, told = ended(process)
    assert code == 2, told
    assert "engine ray: its connection to Ray must last as long as the run" in told
    assert "Run the same command again" in told


def children(pid):
    """All processes that descend from it, with their command lines."""
    lines = subprocess.run(["ps", "-wweo", "pid,ppid,args"], capture_output=True, text=True).stdout.splitlines()[1:]
    parents = {int(line.split(None, 2)[0]): int(line.split(None, 2)[1]) for line in lines}
    words = {int(line.split(None, 2)[0]): line.split(None, 2)[2] for line in lines}
    found = {pid}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return {one: words[one] for one in found}
