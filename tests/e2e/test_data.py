"""The `data` verbs, as a stranger types them; nothing here leaves this machine."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from advbench.cli.app import app

pytest.importorskip("advbench_data")


@pytest.fixture
def bare(place, tmp_path):
    """A cache of its own, and no package client in reach."""
    place.env["ADVBENCH_CACHE_DIR"] = str(tmp_path / "cache")
    return place


def idx(path, array):
    head = bytes((0, 0, 8, array.ndim)) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(head + array.astype(np.uint8).tobytes())


@pytest.fixture
def digits(tmp_path):
    """MNIST's four files, much smaller."""
    folder, rng = tmp_path / "mine", np.random.default_rng(0)
    folder.mkdir()
    for name, count in (("train", 200), ("t10k", 60)):
        labels = np.arange(count) % 10
        idx(folder / f"{name}-labels-idx1-ubyte", labels)
        idx(folder / f"{name}-images-idx3-ubyte", rng.integers(0, 20, (count, 28, 28)) + labels[:, None, None] * 20)
    return folder


def test_absent_data_are_told_with_the_command_before_anything_is_done(bare):
    done = bare.run("-D", "mnist:classes=3/8", "-m", "mlp", "-a", "random-noise", "--offline", code=2)
    assert "mnist: its data must be on this machine, got none. Run: advbench data fetch mnist" in done.stderr
    assert not bare.out.exists()


SUPPLIED = """
from dataclasses import dataclass
import numpy as np, torch
from advbench import *

@dataclass(frozen=True)
class Far(LabelledDataset):
    "Two classes told by the first number."
    def all_facts(self):
        return DatasetFacts(modality=Modality.TABULAR, shape=(2,), classes=2, bounds=Bounds(0.0, 1.0), digest="far",
                            eps={{Norm.L2: 0.3}}, sizes={{"train": 20, "tune": 10, "eval": 20}})

    def all_labels(self, split):
        return torch.arange(self.all_facts().sizes[split]) % 2

    def read(self, split, positions):
        assert len(self.supply().open()["x"]) == 7
        at = torch.as_tensor(positions)
        return at, torch.stack([0.25 + 0.5 * (at % 2), at / 100], dim=1)

    def supply(self):
        resource = Resource(name="far", license="a license of its own", home="nowhere", layouts=(("far.bin",),),
                            sources=(Place("{folder}"),))
        return Supply(spelling="far", key="far", resource=resource, make=make)

def make(folder, writer):
    writer.put("x", np.frombuffer((folder / "far.bin").read_bytes(), np.uint8))
    return {{}}

@hookimpl
def advbench_register_datasets(register):
    register(DatasetSpec(name="far", summary="s", modality=Modality.TABULAR, license="its own"), Far)
"""


def test_a_run_fetches_what_it_names_and_says_so(bare, tmp_path):
    (tmp_path / "far.bin").write_bytes(b"7 bytes")
    plugin = tmp_path / "far.py"
    plugin.write_text(SUPPLIED.format(folder=tmp_path))
    words = ("--plugin", plugin, "-D", "far", "-m", "linear", "-a", "none")
    refused = bare.run(*words, "--offline", code=1)
    assert "far: its data must be on this machine, got none. Run: advbench data fetch far" in refused.stdout
    done = bare.run(*words)
    assert "far: license a license of its own" in done.stdout
    assert "far: ready" in done.stdout
    assert "license" not in bare.run(*words, "--force").stdout


def test_every_set_has_a_row_that_says_how_to_get_it(bare):
    done = bare.call("data", "list")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line and not line.startswith(" ")}
    assert "bundled" in rows["digits"]
    assert "(12 MB)" in rows["mnist"]
    assert "70,000" in rows["mnist"]
    assert "--path FOLDER" in rows["celeba"]
    assert "write csv:PATH" in rows["csv"]
    assert rows["colorectal-histology"].split()[-2:] == ["--path", "FOLDER"]  # whole, however narrow
    assert "nothing was fetched yet" in bare.call("data", "verify").stdout


def test_the_list_names_the_damaged_one_of_several(bare, tmp_path):
    for name in ("ECG200", "ECG5000"):
        for which in ("TRAIN", "TEST"):
            rows = [f"{label}\t{label}\t{number}" for label in (1, 2) for number in range(20)]
            (tmp_path / f"{name}_{which}.tsv").write_text("\n".join(rows))
        assert bare.call("data", "fetch", f"ucr:{name}", "--path", tmp_path).returncode == 0
    assert "ECG200, ECG5000" in bare.call("data", "list").stdout
    (tmp_path / "cache/data/ucr-ECG5000/y.npy").write_bytes(b"short")
    (row,) = [line for line in bare.call("data", "list").stdout.splitlines() if line.startswith("ucr ")]
    assert row.split("damaged", 1)[1].split() == ["ECG200,", "ECG5000", "(damaged:", "--again)"]


def test_the_list_waits_for_neither_torch_nor_scikit_learn(bare):
    code = (
        "import sys; from advbench.cli import main; sys.argv = ['advbench', 'data', 'list']\n"
        "try: main()\n"
        "finally: print('imported:', *sorted({'torch', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=bare.env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported:"
    assert "digits" in done.stdout


def test_a_folder_becomes_data_that_run_path_and_verify_know(bare, digits):
    refused = bare.call("data", "fetch", "mnist", "--path", digits)
    assert refused.returncode == 2
    assert "--any-version" in refused.stderr
    done = bare.call("data", "fetch", "mnist", "--path", digits, "--any-version")
    assert done.returncode == 0, done.stderr
    assert "license CC BY-SA 3.0" in done.stdout
    assert "here already" in bare.call("data", "fetch", "mnist", "--offline").stdout
    folder = bare.call("data", "path", "mnist").stdout.strip()
    assert folder.endswith("cache/data/mnist")
    bare.run("-D", "mnist:classes=3/8", "-m", "linear:epochs=5", "-a", "random-noise:draws=5", "-n", "6")
    (cell,) = bare.rows("cells")
    assert (cell["status"], cell["n"]) == ("ok", 6)
    verified = bare.call("data", "verify")
    assert verified.returncode == 2
    assert "not those published" in verified.stdout


def test_damage_is_found_by_verify_and_mended_by_fetch(bare, tmp_path):
    table = tmp_path / "mine"
    table.mkdir()
    for label, name in enumerate(("normal", "abnormal")):
        beats = np.hstack([np.full((40, 187), 0.1 + label), np.full((40, 1), label)])
        np.savetxt(table / f"ptbdb_{name}.csv", beats, delimiter=",")
    assert bare.call("data", "fetch", "ptb-ecg", "--path", table).returncode == 0
    assert "whole" in bare.call("data", "verify", "ptb-ecg").stdout
    stored = tmp_path / "cache/data/ptb-ecg/x.npy"
    raw = bytearray(stored.read_bytes())
    raw[-1] ^= 1
    stored.write_bytes(raw)
    found = bare.call("data", "verify")
    assert found.returncode == 2
    assert "x.npy: its values are not those that were written" in found.stdout
    stored.write_bytes(raw[:-5])
    assert "must be whole" in bare.call("data", "path", "ptb-ecg").stderr
    assert "damaged" in bare.call("data", "list").stdout
    assert bare.call("data", "fetch", "ptb-ecg", "--path", table).returncode == 0
    assert bare.call("data", "verify").returncode == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("fetch", "minst"), "Did you mean 'mnist'?"),
        (("fetch", "mnist", "--path", "/nowhere"), "--path must exist, got /nowhere"),
        (("fetch", "mnist", "cifar10", "--path", "."), "--path must go with one name"),
        (("fetch", "gtsrb"), "Get it from https://benchmark.ini.rub.de/gtsrb_dataset.html"),
        (("fetch", "cifar10", "--offline"), "--offline forbids asking"),
        (("fetch", "ucr:ECG500"), "Did you mean 'ECG5000'?"),
        (("fetch", "mnist:split=5/1"), "split must be published, or three shares"),
        (("path", "digits"), "comes with its plugin"),
    ],
)
def test_bad_requests_are_told(tmp_path, monkeypatch, words, told):
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("ADVBENCH_DATA_DIR", raising=False)
    done = CliRunner().invoke(app, ["data", *words])
    assert done.exit_code == 2
    assert told in " ".join(done.output.split())


def test_what_comes_with_a_plugin_needs_no_fetching(bare):
    done = bare.call("data", "fetch", "digits")
    assert done.returncode == 0
    assert "nothing to fetch" in done.stdout


def test_an_interrupted_fetch_stops_its_client_and_leaves_nothing(bare, tmp_path):
    program = tmp_path / "bin/npm"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    program.chmod(0o755)
    bare.env |= {"PATH": f"{program.parent}:{bare.env['PATH']}", "https_proxy": "http://127.0.0.1:9"}
    process = bare.start("data", "fetch", "mnist")
    limit = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        assert time.monotonic() < limit, "its client was never started"
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == [".lock"]


def test_two_that_fetch_one_thing_at_once_both_get_it(bare, digits):
    both = [bare.start("data", "fetch", "mnist", "--path", digits, "--any-version") for _ in range(2)]
    for process in both:
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told
    assert bare.call("data", "path", "mnist").returncode == 0
