"""Distillation, and the training loop that it shares with adversarial training."""

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from advbench import ContestError, TorchContender
from advbench_baselines.distillation import Distillation
from advbench_baselines.layers import Dense, draw
from advbench_baselines.lenet import LeNet
from advbench_baselines.lessons import recipe_of, teach
from advbench_baselines.phases import phases

sys.path.insert(0, str(Path(__file__).resolve().parent))
from baselines_case import blobs, job

QUICK = LeNet(epochs=4, learning_rate=0.005)


def weights(contender):
    return torch.cat([array.flatten().float() for array in contender.state().arrays.values()])


def test_phases_are_one_bar_and_one_count_of_epochs(tmp_path):
    bars, rows = [], []
    whole = job(progress=lambda *bar: bars.append(bar), log=rows.append, checkpoints=tmp_path)
    first, second = phases(whole, ("one", "two"))
    for part, total in ((first, 3), (second, 2)):
        for done in range(total):
            part.log({"epoch": done, "loss": 1.0})
            part.progress(done + 1, total)
    assert bars == [(333, 2000), (666, 2000), (1000, 2000), (1500, 2000), (2000, 2000)]
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3, 4]
    assert first.rng.seed() != second.rng.seed()
    assert [first.checkpoints, second.checkpoints] == [tmp_path / "one", tmp_path / "two"]


def test_the_recipe_is_the_models_own():
    assert recipe_of(LeNet(batch=7, optimizer="sgd"), None) == replace(LeNet().recipe(), batch=7, optimizer="sgd")
    assert recipe_of(LeNet(), 3).epochs == 3

    @dataclass(frozen=True)
    class Foreign:
        learning_rate: float = 0.25
        loss: str = "square"

    found = recipe_of(Foreign(), None)
    assert (found.learning_rate, found.loss, found.batch, found.schedule) == (0.25, "square", 64, "cosine")


def test_the_loop_minimises_what_the_lesson_returns():
    network = draw(nn.Sequential(nn.Flatten(), Dense(64, 3)), torch.Generator().manual_seed(0))
    before = network[1].weight.detach().clone()
    recipe, rows = replace(QUICK.recipe(), epochs=60), []
    teach(network, recipe, job(log=rows.append), lambda net, given: (net(given.x)[:, 0] - 4).square())
    assert float((network(blobs().x)[:, 0].detach() - 4).square().mean()) < 0.1
    assert rows[-1]["loss"] < 0.1 < 1 < rows[0]["loss"]
    assert torch.equal(network[1].weight[1:], before[1:])


def test_a_late_training_fails():
    with pytest.raises(ContestError, match="must end before its deadline, got 0 of 4 epochs"):
        Distillation().protect(QUICK, job(deadline=time.monotonic() - 1))


def test_a_temperature_of_t_makes_scores_steeper():
    def margin(contender):
        top = contender.scores(blobs(30, seed=1).x).topk(2).values
        return float((top[:, 0] - top[:, 1]).median())

    cool, hot = (Distillation(t).protect(LeNet(epochs=25, learning_rate=0.01), job()) for t in (1.0, 20.0))
    assert margin(hot) > 3 * margin(cool)
    assert float((hot.labels(blobs(30, seed=1).x) == blobs(30, seed=1).y).double().mean()) > 0.8


def test_the_student_learns_the_teachers_answers_and_not_the_labels():
    random = torch.randint(0, 3, (120,), generator=torch.Generator().manual_seed(3))
    odd = job(train=replace(blobs(), y=random))
    model = LeNet(epochs=1, learning_rate=1e-9)  # nobody learns: the student stays as it was drawn
    student = Distillation(2.0).protect(model, odd)
    drawn = model.restore(TorchContender(model.build(replace(odd, rng=odd.rng.child("student")))).state(), odd)
    torch.testing.assert_close(weights(student), weights(drawn), atol=1e-6, rtol=0)
    taught = Distillation(1.0).protect(LeNet(epochs=20, learning_rate=0.01), odd)
    flat = taught.scores(odd.train.x).softmax(dim=1)
    assert float(flat.mean(dim=0).max()) < 0.8
