"""Pickles read as data: nothing in them is called."""

import collections
import os
import pickle

import pytest

from advbench.contract.errors import DataError
from advbench.supply.plain import read_plain

VALUES = {
    "numbers": [1, -2, 300, 70_000, 2**40, 2**80, 1.5, float("inf"), True, False, None],
    "texts": ["", "words", "ü" * 300, b"bytes", b"b" * 300],
    "nested": {"a": (1,), "b": (1, 2), "c": (1, 2, 3), "d": (1, 2, 3, 4), "e": [[]], "f": {}, "g": ()},
    "twice": [shared := ["same"], shared],
}


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_come_back_whatever_the_protocol(protocol):
    assert read_plain(pickle.dumps(VALUES, protocol), "toy", {("_codecs", "encode"): str.encode}) == VALUES


def test_sets_come_back():
    assert read_plain(pickle.dumps({1, 2}, 4), "toy") == {1, 2}


class Harmful:
    def __reduce__(self):
        return os.system, ("touch /tmp/advbench-was-here",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_would_run_something_is_refused(protocol):
    with pytest.raises(DataError, match="must hold plain data, got (posix|nt).system"):
        read_plain(pickle.dumps([Harmful()], protocol), "toy")


@pytest.mark.parametrize(
    "raw",
    [
        b"(S'touch x'\nios\nsystem\n.",
        b"cos\nsystem\n(S'x'\ntR.",
        b"\x80\x02]q\x00K\x01R.",
        b"(cbuiltins\neval\nS'1'\no.",
    ],
    ids=["INST", "GLOBAL", "REDUCE of a number", "OBJ"],
)
def test_old_ways_to_call_things_are_refused(raw):
    with pytest.raises(DataError):
        read_plain(raw, "toy")


def test_only_makers_that_were_allowed_are_called():
    raw = pickle.dumps(collections.OrderedDict(a=1), 2)
    with pytest.raises(DataError, match=r"collections\.OrderedDict"):
        read_plain(raw, "toy")
    assert read_plain(raw, "toy", {("collections", "OrderedDict"): lambda *items: dict(*items)}) == {"a": 1}


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_pickle_cut_short_is_said_to_be_so(cut):
    with pytest.raises(DataError, match="must be whole"):
        read_plain(pickle.dumps(VALUES, 4)[:-cut], "toy")


@pytest.mark.parametrize("raw", [b"", b".", b"e.", b"}(K\x01u.", b"t.", b"h\x05.", b"K\x01K\x02s."])
def test_nonsense_is_refused(raw):
    with pytest.raises(DataError):
        read_plain(raw, "toy")


@pytest.mark.parametrize("use", [b"K\x01s", b"\x91"], ids=["key", "set"])
def test_a_chain_of_tuples_is_never_hashed(use):
    """Two million of them, one in the other, overflow the stack of whoever hashes the first: no error, but the end."""
    chain = b")" + b"\x85" * 20
    data = b"\x80\x04" + (b"}" + chain if use == b"K\x01s" else b"(" + chain) + use + b"."
    with pytest.raises(DataError, match="keys within keys"):
        read_plain(data, "it")
