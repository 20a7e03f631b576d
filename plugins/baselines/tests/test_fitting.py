"""The training loop: side by side as one by one, on from a checkpoint as without, by every setting."""

import errno
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from advbench import ContestError, DataError, ParamError
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench_baselines.bnn import Bnn
from advbench_baselines.checkpoint import Checkpoint
from advbench_baselines.convnets import CarliniWagnerCnn
from advbench_baselines.distillation import Distillation
from advbench_baselines.fitting import batches
from advbench_baselines.lenet import LeNet
from advbench_baselines.network_model import NetworkModel
from advbench_baselines.recipe import Recipe, augmented, losses

sys.path.insert(0, str(Path(__file__).resolve().parent))
from baselines_case import blobs, job

RESOLVER = Resolver(discover(), read())


class OneByOne(LeNet):
    side_by_side = None


class BinaryOneByOne(Bnn):
    side_by_side = None


@pytest.mark.parametrize(("together", "apart"), [(LeNet, OneByOne), (Bnn, BinaryOneByOne)])
def test_votes_side_by_side_are_those_trained_one_by_one(together, apart):
    settings = {"votes": 3, "epochs": 2, "batch": 50, "learning_rate": 1e-3}
    states = [kind(**settings).fit(job()).state().arrays for kind in (together, apart)]
    for name, one in states[0].items():
        torch.testing.assert_close(states[1][name], one, rtol=1e-3, atol=1e-4, msg=name)
    first, second = (states[0][f"members.{vote}.{_weights(states[0])}"] for vote in (0, 1))
    assert not torch.allclose(first, second, rtol=0, atol=1e-2), "votes must start and train apart"


def _weights(arrays):
    return next(name.removeprefix("members.0.") for name in arrays if name.endswith("weight"))


@pytest.mark.parametrize("model", [
    LeNet(epochs=4, learning_rate=0.003), CarliniWagnerCnn(epochs=3, learning_rate=0.02, batch=32),
    LeNet(epochs=3, votes=2, optimizer="sgd", schedule="cosine", augment="crop-flip", learning_rate=0.02),
    OneByOne(epochs=2, votes=2, optimizer="adadelta", learning_rate=0.5),
], ids=["adam", "dropout", "sgd", "parts"])  # fmt: skip
def test_it_goes_on_where_it_was_interrupted(model, tmp_path, monkeypatch):
    monkeypatch.setattr(Checkpoint, "due", property(lambda checkpoint: checkpoint.path is not None))
    whole, rows = [], []
    expected = model.fit(job(log=whole.append)).state().arrays

    def stop(done, total):
        if done >= 0.7 * total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(job(checkpoints=tmp_path, progress=stop))
    assert list(tmp_path.iterdir())
    again = model.fit(job(checkpoints=tmp_path, log=rows.append)).state().arrays
    assert all(torch.equal(again[name], value) for name, value in expected.items())
    assert [row["loss"] for row in rows] == [row["loss"] for row in whole]


def test_a_damaged_checkpoint_is_as_none(tmp_path):
    model, expected = LeNet(epochs=1), LeNet(epochs=1).fit(job()).state().arrays
    (tmp_path / "part-0.safetensors").write_bytes(b"no such thing")
    again = model.fit(job(checkpoints=tmp_path)).state().arrays
    assert all(torch.equal(again[name], value) for name, value in expected.items())


def test_past_its_deadline_it_fails_and_keeps_what_it_learnt(tmp_path):
    late = job(deadline=time.monotonic(), checkpoints=tmp_path)
    with pytest.raises(ContestError, match="before its deadline, got 1 of 3 epochs"):
        LeNet(epochs=3).fit(late)
    again = LeNet(epochs=3).fit(replace(late, deadline=None)).state().arrays
    assert all(torch.equal(again[name], value) for name, value in LeNet(epochs=3).fit(job()).state().arrays.items())


@pytest.mark.parametrize("changed", [
    {"loss": "square", "learning_rate": 0.01}, {"optimizer": "sgd", "learning_rate": 0.05},
    {"optimizer": "adadelta", "learning_rate": 1.0}, {"augment": "crop"}, {"weight_decay": 1e-3},
    {"schedule": "halves", "learning_rate": 0.01},
], ids=str)  # fmt: skip
def test_every_setting_learns_something_of_its_own(changed):
    rows, settings = [], {"epochs": 12, "learning_rate": 0.005, "batch": 20}
    contender = LeNet(**{**settings, **changed}).fit(job(log=rows.append))
    usual = LeNet(**settings).fit(job())
    examples = job().tune
    assert not torch.equal(contender.scores(examples.x), usual.scores(examples.x))
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert [row["epoch"] for row in rows] == list(range(12))
    right = (contender.labels(examples.x) == examples.y).float().mean()
    assert rows[-1]["tune_accuracy"] == pytest.approx(float(right))
    assert float(right) > 0.6


@pytest.mark.parametrize("where", ["a file", "/proc/nowhere"])
def test_a_disk_that_refuses_checkpoints_ends_no_training(where, tmp_path):
    (tmp_path / "a file").write_text("no folder")
    checkpoint = Checkpoint(tmp_path / where, "part")
    checkpoint.save({"weights": torch.zeros(2)}, {"epoch": 1})
    assert checkpoint.load() is None
    assert not checkpoint.due  # it is not tried again at once


def test_a_training_on_a_full_disk_ends_as_on_an_empty_one(tmp_path, monkeypatch):
    model = Bnn(epochs=3, votes=2)
    whole = model.fit(job()).state().arrays
    tried = []

    def full(handle):
        tried.append(handle)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("advbench_baselines.checkpoint._EVERY", 0.0)
    monkeypatch.setattr(os, "fsync", full)
    again = model.fit(job(checkpoints=tmp_path)).state().arrays
    assert len(tried) >= 3
    assert all(torch.equal(again[name], whole[name]) for name in whole)
    assert not list(tmp_path.iterdir())


def test_the_log_holds_the_loss_of_the_tune_split():
    rows = []
    given = job(log=rows.append)
    contender = LeNet(epochs=2).fit(given)
    expected = F.cross_entropy(contender.scores(given.tune.x), given.tune.y)
    assert rows[-1]["tune_loss"] == pytest.approx(float(expected), rel=1e-4)


def test_losses_are_as_stated():
    scores = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    y = torch.tensor([0, 2, 1, 1, 0])
    shares = scores.softmax(dim=1)
    square = ((shares - torch.eye(3)[y]) ** 2).sum(dim=1)
    torch.testing.assert_close(losses(scores, y, "square"), square)
    torch.testing.assert_close(losses(scores, y, "ce"), -shares[torch.arange(5), y].log())


@pytest.mark.parametrize(("schedule", "expected"), [
    ("constant", [1, 1, 1, 1]), ("thirds", [1, 1, 0.1, 0.01]), ("halves", [1, 0.5, 0.25, 0.125]),
    ("cosine", [1, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5]),
])  # fmt: skip
def test_schedules_are_as_stated(schedule, expected):
    recipe = Recipe(epochs=40, batch=1, learning_rate=1, schedule=schedule)
    assert [recipe.rate(epoch) for epoch in (0, 10, 20, 30)] == pytest.approx(expected)


def test_pictures_are_moved_and_mirrored():
    x = torch.zeros(400, 1, 8, 8)
    x[:, 0, 3, 4] = 1
    moved = augmented(x, "crop", torch.Generator().manual_seed(0))
    assert moved.shape == x.shape
    places = {tuple(place) for place in moved[:, 0].nonzero()[:, 1:].tolist()}
    assert places == {(row, column) for row in (2, 3, 4) for column in (3, 4, 5)}
    mirrored = augmented(x, "crop-flip", torch.Generator().manual_seed(0))
    assert {column for _, column in mirrored[:, 0].nonzero()[:, 1:].tolist()} == {2, 3, 4, 5}
    assert augmented(x, "none", torch.Generator()) is x


def test_the_base_names_no_network():
    with pytest.raises(NotImplementedError):
        NetworkModel().build(job())


def test_an_example_left_over_joins_the_batch_before_it():
    ends = {(129, 64): [64, 129], (128, 64): [64, 128], (130, 64): [64, 128, 130], (1, 64): [1], (3, 1): [1, 2, 3]}
    for (count, batch), expected in ends.items():
        assert [part.stop for part in batches(count, batch)] == expected
    Bnn(epochs=1, batch=20).fit(job(train=blobs(41)))


def test_only_pictures_are_moved():
    with pytest.raises(DataError, match="augment=crop must be of pictures, got inputs"):
        Bnn(epochs=1, augment="crop").fit(job(shape=(64,)))


@pytest.mark.parametrize("name", ["bnn", "lenet", "sk-mlp", "cw-cnn", "madry-cnn", "densenet", "mlp", "linear"])
@pytest.mark.parametrize("rate", ["1e300", "inf", "1001"])
def test_a_learning_rate_that_no_network_stands_is_refused_where_it_is_typed(name, rate):
    with pytest.raises(ParamError, match="learning_rate must be .*<= 1000"):
        RESOLVER.one("model", f"{name}:learning_rate={rate}")


@pytest.mark.parametrize("train", [
    lambda: LeNet(epochs=3, learning_rate=1000.0, weight_decay=1000.0, optimizer="sgd").fit(job()),
    lambda: Distillation().protect(LeNet(epochs=3, learning_rate=1000.0, weight_decay=1000.0, optimizer="sgd"), job()),
], ids=["alone", "taught"])  # fmt: skip
def test_a_loss_that_is_no_number_ends_the_training_and_says_what_to_lower(train):
    told = r"the loss must be finite, got (nan|inf) in epoch \d. Lower learning_rate \(now 1000\)"
    with pytest.raises(ContestError, match=told):
        train()
