"""Any attack runs on one's own network, uncounted."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from advbench import Access, ClassGoal, InputError, LocalOracle, Norm, Threat, TorchContender
from advbench.testing import BOUNDS, ThresholdContender, grid_examples

sys.path.insert(0, str(Path(__file__).resolve().parent))
from oracle_case import first

GRADIENTS = Access.GRADIENTS


class TestLocalOracle:
    def oracle(self, network, **more):
        goal = ClassGoal(torch.zeros(3, dtype=torch.int64))
        threat = Threat(access=GRADIENTS, norm=Norm.L2, max_queries=1, max_gradients=1, gradient="exact")
        return LocalOracle(network, goal, threat, shape=(4,), classes=2, bounds=BOUNDS, **more)

    def test_nothing_is_counted_and_nothing_ends(self):
        x = grid_examples(3).x
        oracle = self.oracle(ThresholdContender())
        for _ in range(3):
            oracle.labels(x)
            oracle.value_and_grad(x, first)
        assert oracle.live.all()
        assert (oracle.left() >= 1).all()
        assert (oracle.gradients_left() >= 1).all()

    def test_float64_reaches_the_network_and_leaves_the_given_one_alone(self):
        network = nn.Linear(4, 2)
        oracle = self.oracle(network, dtype=torch.float64)
        x = grid_examples(3).x.double()
        scores = oracle.scores(x)
        assert scores.dtype == torch.float64
        torch.testing.assert_close(scores, x @ network.weight.double().t() + network.bias.double(), rtol=0, atol=1e-15)
        value, grad = oracle.value_and_grad(x, first)
        assert (value.dtype, grad.dtype) == (torch.float64, torch.float64)
        torch.testing.assert_close(grad[0], network.weight[1].double(), rtol=0, atol=1e-15)
        assert network.weight.dtype == torch.float32
        assert network.weight.requires_grad
        with pytest.raises(InputError, match="float64"):
            oracle.scores(x.float())

    def test_it_agrees_with_a_contender_of_the_same_network(self):
        network = nn.Linear(4, 2)
        x = grid_examples(3).x
        assert torch.equal(self.oracle(network).scores(x), self.oracle(TorchContender(network)).scores(x))
