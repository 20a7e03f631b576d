"""Votes on disk: a stopped training goes on, ensembles of other sizes share them, other settings are refused."""

import errno
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from scd_case import blobs, job_for

from advbench import DataError
from advbench_scd.defense import Scd
from advbench_scd.settings import Settings
from advbench_scd.store import VoteStore
from advbench_scd.training import Vote

SMALL = Scd(votes=5, hidden=4, iterations=40)


@pytest.fixture
def job(tmp_path):
    return replace(job_for(blobs(2), 2), checkpoints=tmp_path)


def weights(contender):
    """(hidden, votes, d)."""
    arrays = contender.state().arrays
    return arrays["weights"].unflatten(0, arrays["final"].shape[1:])


def test_votes_do_not_depend_on_their_number_and_are_trained_once(job, tmp_path):
    few = SMALL.protect(None, job)
    stamps = {place: place.stat().st_mtime_ns for place in tmp_path.glob("*.safetensors")}
    more = replace(SMALL, votes=8).protect(None, job)
    assert len(stamps) == 5
    assert len([*tmp_path.glob("*.safetensors")]) == 8
    assert torch.equal(weights(few), weights(more)[:, :5])
    assert all(place.stat().st_mtime_ns == stamp for place, stamp in stamps.items())


def test_a_member_answers_as_that_vote_alone(job):
    whole = SMALL.protect(None, job)
    member = replace(SMALL, member=3).protect(None, job)
    x = job.train.x
    assert torch.equal(member.labels(x), (whole.network.logits(x)[:, 0, 3] > 0).long())
    assert member.facts == replace(SMALL, member=3).facts(None)
    with pytest.raises(ValueError, match="member must be < votes, 5, got 5"):
        replace(SMALL, member=5)


def test_a_stopped_training_goes_on_where_it_was(job, tmp_path):
    class Stopped(Exception):
        pass

    def stop(done, total):
        raise Stopped

    with pytest.raises(Stopped):
        SMALL.protect(None, replace(job, progress=stop, threads=1))
    kept = sorted(tmp_path.glob("*.safetensors"))
    assert kept
    for place in kept[3:]:  # small votes may all have been done
        place.unlink()
    seen = []
    again = SMALL.protect(None, replace(job, progress=lambda done, total: seen.append(done)))
    assert seen[0] == len(kept[:3])
    assert seen[-1] == 5
    assert torch.equal(weights(again), weights(SMALL.protect(None, replace(job, checkpoints=None))))


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_ends_no_training_and_room_is_used_when_there_is_some(job, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        contender = SMALL.protect(None, job)
        assert not list(tmp_path.iterdir())
        store = VoteStore(tmp_path, Settings(), "data")
    assert torch.equal(weights(contender), weights(SMALL.protect(None, replace(job, checkpoints=None))))
    parts = [np.ones(shape, np.float32) for shape in ((2, 3), (2,), (2,), ())]
    store.keep("1-0", 7, Vote(*parts, accuracy=0.5))
    with pytest.raises(ValueError, match="must be of equal settings"):  # a vote never stands without its settings
        VoteStore(tmp_path, Settings(), "other data")


def test_other_settings_and_other_data_are_refused(job, tmp_path):
    SMALL.protect(None, job)
    with pytest.raises(DataError, match=r"must be of equal settings to go on, got step_hidden=0.17 .* step_hidden=0.3"):
        replace(SMALL, step_hidden=0.3).protect(None, job)
    with pytest.raises(DataError, match="must be of equal settings to go on, got data="):
        SMALL.protect(None, replace(job, train=replace(job.train, x=job.train.x + 1)))


def test_damaged_files_and_other_seeds_read_as_absent(tmp_path):
    store = VoteStore(tmp_path, Settings(), "data")
    parts = [np.ones(shape, np.float32) for shape in ((2, 3), (2,), (2,), ())]
    store.keep("1-0", 7, Vote(*parts, accuracy=0.1 + 0.2))
    back = store.load("1-0", 7)
    assert back.accuracy == 0.1 + 0.2
    assert back.weights.shape == (2, 3)
    assert back.threshold.shape == ()
    assert store.load("1-0", 8) is None
    assert store.load("1-1", 7) is None
    place = next(tmp_path.glob("*.safetensors"))
    whole = place.read_bytes()
    place.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert store.load("1-0", 7) is None
    place.write_bytes(whole[:20])
    assert store.load("1-0", 7) is None


def test_bad_labels_are_refused_in_words(job):
    for y, told in (
        (torch.arange(240) == 3, "each class must have at least 2 training rows, got 1 of class 1"),
        (torch.arange(240) % 3, "labels must be 0 to 1, got 2"),
    ):
        with pytest.raises(DataError, match=told):
            SMALL.protect(None, replace(job, train=replace(job.train, y=y.long())))
    assert Scd(mode="paper").facts(None).classes == 2
    assert Scd().facts(None).classes is None
