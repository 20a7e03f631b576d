"""What strangers hand over is refused in words or read: never a crash, an endless wait, or a file elsewhere.

`corpus/READER/` holds files that are right and files that once did harm or might; all are read in every run, and
changed at random: a few dozen times each here, thousands of times in `make test-all`. What fails there is printed
as bytes: it belongs into the corpus.
"""

import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent))
import contextlib

from guard import Broken, attempt
from mutations import mutated
from readers import READERS

from advbench.contract.errors import DataError

CORPUS = Path(__file__).resolve().parent / "corpus"
FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file())
ELSEWHERE = Path("/tmp/advbench-escaped")  # what the corpus tries to make
SLOW = {"component", "picture-folder", "cifar-binary", "cifar-python", "parquet", "celeba", "gtsrb", "tiny-imagenet"}


def seeds(name):
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def test_every_reader_has_a_corpus_and_takes_the_good_files_in_it():
    assert sorted(READERS) == sorted(path.name for path in CORPUS.iterdir())
    good = {path.relative_to(CORPUS): attempt(*case(path)) for path in FILES if path.stem == "good"}
    assert len(good) > 20
    assert {path: str(error) for path, error in good.items() if error is not None} == {}


def case(path):
    return READERS[path.parent.name], path.read_bytes()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORPUS)))
def test_the_corpus_does_no_harm(path):
    attempt(*case(path))
    assert not ELSEWHERE.exists()


def fuzz(name, examples):
    @settings(max_examples=examples, deadline=None, derandomize=examples < 100, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(mutated(seeds(name)))
    def check(data):
        attempt(READERS[name], data)

    check()
    assert not ELSEWHERE.exists()


@pytest.mark.parametrize("name", READERS)
def test_nearly_right_files_do_no_harm(name):
    fuzz(name, 12 if name in SLOW else 36)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_thousands_of_nearly_right_files_do_no_harm(name):
    fuzz(name, 250 if name in SLOW else 1_000)


# --- what the guard must catch ----------------------------------------------------------------------------------------


def crash(folder, data):
    raise KeyError("header")


def leave(folder, data):
    raise SystemExit(0)


def mumble(folder, data):
    raise DataError("bad file")


def escape(folder, data):
    (folder / ".." / "beside.txt").write_bytes(data)


def drop(folder, data):
    (folder.parent / "new").mkdir()


def wait(folder, data):
    while True:
        time.sleep(0.01)


def swallow(folder, data):
    bytearray(1 << 30)


def swallow_and_hide(folder, data):
    with contextlib.suppress(Exception):
        time.sleep(30)


@pytest.mark.parametrize(
    ("reader", "told"),
    [
        (crash, "an error of its own left it: KeyError"),
        (leave, "an error of its own left it: SystemExit"),
        (mumble, "its error says not what must be"),
        (escape, "it wrote outside of its folder"),
        (drop, "it wrote outside of its folder"),
        (wait, "it took more than 0.2 seconds"),
        (swallow_and_hide, "it took more than 0.2 seconds"),
        (swallow, "it took more than 16,777,216 bytes"),
    ],
)
def test_the_guard_catches(reader, told):
    with pytest.raises(Broken, match=told):
        attempt(reader, b"x", seconds=0.2, memory=1 << 24)


def test_the_guard_lets_an_honest_reader_pass():
    def refuse(folder, data):
        (folder / "mine").write_bytes(data)
        raise DataError(f"{folder}: it must be empty, got {data!r}. Get it again.")

    assert "must be empty" in str(attempt(refuse, b"x"))
    assert attempt(lambda folder, data: None, b"x") is None


@given(st.data())
@settings(max_examples=20, derandomize=True, database=None)
def test_mutations_change_what_they_are_given(data):
    assert isinstance(data.draw(mutated([b"abc"])), bytes)
