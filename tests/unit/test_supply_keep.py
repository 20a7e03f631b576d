"""Checkpoints: whole or not there, and a disk that refuses them is no error."""

import errno
import os

import pytest

from advbench import keep_file


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "deep" / "one.bin"
    assert keep_file(path, b"first")
    assert keep_file(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_what_stood_there_stands_when_the_disk_is_full(tmp_path, monkeypatch, call):
    path = tmp_path / "one.bin"
    keep_file(path, b"first")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    assert not keep_file(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_no_folder_can_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    assert not keep_file(tmp_path / "file" / "one.bin", b"data")


def test_a_training_that_is_stopped_while_writing_leaves_nothing(tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stopped)
    with pytest.raises(KeyboardInterrupt):
        keep_file(tmp_path / "one.bin", b"data")
    assert not list(tmp_path.iterdir())
