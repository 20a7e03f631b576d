"""Arrays made once: whole or absent, mapped and not copied, damage seen."""

import json
import subprocess
import sys

import numpy as np
import pytest

from advbench.contract.errors import DataError
from advbench.supply.arrays import make_arrays, open_arrays, verify_arrays


def made(folder, values=(1, 2, 3)):
    def make(writer):
        writer.put("x", np.array(values, np.int64))
        writer.create("y", (2, 2), np.uint8)[...] = 7
        return {"classes": 2}

    return make_arrays(folder, make, {"spelling": "toy"})


def test_what_was_made_is_opened_again(tmp_path):
    first, again = made(tmp_path / "toy"), open_arrays(tmp_path / "toy")
    assert again.digest == first.digest
    assert again.meta == {"classes": 2}
    assert isinstance(again["x"], np.memmap)
    assert again["x"].tolist() == [1, 2, 3]
    assert again["y"].tolist() == [[7, 7], [7, 7]]
    with pytest.raises(ValueError, match="read-only"):
        again["x"][0] = 5
    assert not verify_arrays(again)


def test_the_digest_is_of_the_contents(tmp_path):
    one, same, other = made(tmp_path / "a"), made(tmp_path / "b"), made(tmp_path / "c", (1, 2, 4))
    assert one.digest == same.digest != other.digest


def test_nothing_is_left_when_making_fails(tmp_path):
    def make(writer):
        writer.put("x", np.zeros(3))
        raise DataError("no")

    with pytest.raises(DataError, match="no"):
        make_arrays(tmp_path / "toy", make, {})
    assert not list(tmp_path.iterdir())
    assert open_arrays(tmp_path / "toy") is None


def test_the_old_arrays_stay_when_making_new_ones_fails(tmp_path):
    made(tmp_path / "toy")
    with pytest.raises(ZeroDivisionError):
        make_arrays(tmp_path / "toy", lambda writer: 1 / 0, {})
    assert open_arrays(tmp_path / "toy")["x"].tolist() == [1, 2, 3]


def test_a_killed_maker_leaves_nothing_that_could_be_taken_for_arrays(tmp_path):
    code = f"""
import os, numpy as np
from pathlib import Path
from advbench.supply.arrays import make_arrays
def make(writer):
    writer.put("x", np.zeros(3))
    os.kill(os.getpid(), 9)
make_arrays(Path({str(tmp_path)!r}) / "toy", make, {{}})
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    assert open_arrays(tmp_path / "toy") is None
    assert made(tmp_path / "toy")["x"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "x.npy").write_bytes((folder / "x.npy").read_bytes()[:-1]),
        lambda folder: (folder / "x.npy").unlink(),
        lambda folder: (folder / "header.json").write_text("{"),
        lambda folder: (folder / "header.json").write_text('{"format": 1}'),
        lambda folder: (folder / "header.json").write_text("[]"),
    ],
    ids=["cut short", "removed", "no JSON", "empty header", "a list"],
)
def test_damage_is_seen_on_opening(tmp_path, harm):
    made(tmp_path / "toy")
    harm(tmp_path / "toy")
    with pytest.raises(DataError, match="must be whole"):
        open_arrays(tmp_path / "toy")


def test_a_changed_number_is_seen_by_verifying(tmp_path):
    arrays = made(tmp_path / "toy")
    raw = bytearray((tmp_path / "toy/x.npy").read_bytes())
    raw[-1] ^= 1
    (tmp_path / "toy/x.npy").write_bytes(raw)
    assert open_arrays(tmp_path / "toy") is not None
    assert verify_arrays(arrays) == ["x.npy: its values are not those that were written"]


def test_arrays_of_another_format_are_made_again(tmp_path):
    made(tmp_path / "toy")
    header = json.loads((tmp_path / "toy/header.json").read_text())
    (tmp_path / "toy/header.json").write_text(json.dumps(header | {"format": 99}))
    assert open_arrays(tmp_path / "toy") is None
