"""How long, how deep and how large a file may be is looked at before it is believed."""

import json
import os
import time

import pytest
import torch
from safetensors.torch import save

from advbench.supply.bounded import parse_json, parse_toml, read_small, within
from advbench.supply.tensors import check_tensors, read_tensors


def test_a_small_file_is_read(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert read_small(tmp_path / "a", 3) == b"abc"
    assert within(b"abc", 3) == b"abc"


def test_a_long_one_is_not(tmp_path):
    (tmp_path / "a").write_bytes(b"abcd")
    with pytest.raises(ValueError, match="more than 3 bytes"):
        read_small(tmp_path / "a", 3)


@pytest.mark.parametrize("kind", ["pipe", "folder", "zeros"])
def test_what_is_no_plain_file_is_not_waited_for(tmp_path, kind):
    path = tmp_path / "a"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="no plain file"):
        read_small(path, 10)


@pytest.mark.parametrize("parse", [parse_json, lambda text: parse_toml(b"a = " + text)])
@pytest.mark.parametrize("depth", [70, 900, 100_000])
def test_what_is_nested_too_deeply_is_refused(parse, depth):
    with pytest.raises(ValueError, match="within each other"):
        parse(b"[" * depth + b"]" * depth)


def test_what_is_nested_less_is_read():
    assert parse_json(b'{"a": [[1, {"b": null}]]}') == {"a": [[1, {"b": None}]]}
    assert parse_toml(b'a = [{b = "c"}]') == {"a": [{"b": "c"}]}
    assert parse_json(b"[" * 60 + b"]" * 60)


TENSORS = {"a": torch.ones(2, 3), "b": torch.zeros(0, 4), "c": torch.ones((), dtype=torch.bfloat16)}


def test_what_safetensors_writes_passes(tmp_path):
    data = save(TENSORS, {"note": "x"})
    check_tensors(data)
    (tmp_path / "a").write_bytes(data)
    assert read_tensors(tmp_path / "a") == data


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.float64, torch.complex64])
def test_every_type_of_torch_passes(dtype):
    check_tensors(save({"a": torch.ones(3).to(dtype)}))


def written(**changes):
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **changes}
    header = json.dumps({"a": entry}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(4)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "a header of 0 bytes in a file of 0"),
        ((2**63).to_bytes(8, "little"), "a header of 9,223,372,036,854,775,808 bytes"),
        (written(dtype="F4"), "of type 'F4'"),
        (written(shape=[2]), "of shape"),
        (written(shape=[-1]), "of shape"),
        (written(shape=[True]), "of shape"),
        (written(shape=[0, 2**40, 2**40]), "of shape"),
        (written(shape=[1] * 17), "of shape"),
        (written(data_offsets=[4, 8]), "begins at byte 4 instead of 0"),
        (written(data_offsets=[0, 4, 8]), "at [0, 4, 8]"),
        (written(more=1), "without dtype, shape and data_offsets"),
        (written() + b"x", "tensors of 4 bytes in 5"),
        (written()[:-1], "tensors of 4 bytes in 3"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(data, told):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  its text is looked at below
        check_tensors(data)
    assert told in str(refusal.value)


def test_a_file_larger_than_memory_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "a").open("wb") as file:
        file.write(written())
        file.truncate(1 << 43)  # takes no room
    started = time.monotonic()
    with pytest.raises(ValueError, match="more than this machine's memory"):
        read_tensors(tmp_path / "a")
    assert time.monotonic() - started < 1
