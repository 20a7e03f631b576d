"""The slope of sigma is delta x eps (Theorem 1), and the noise is where and what it should be."""

import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent))
from noise_case import Draws, blobs, dense, job, residual, small_cnn

from advbench.builtin.models import Mlp
from advbench_noise.draws import from_generator
from advbench_noise.network import Layout, NoisyNetwork, begin


def noisy(make, where="all", start=0.5, double=False, **layout):
    network = NoisyNetwork(make(), torch.zeros(2, 1, 8, 8), Layout(where=where, **layout))
    begin(network, start, torch.Generator().manual_seed(1))
    return network.double() if double else network


def mlp():
    return Mlp(hidden=(20,)).build(job())


def recorded(network):
    """Draws that are kept, by place."""
    kept = {}
    inner = from_generator(torch.Generator().manual_seed(3))

    def draw(place, shape):
        kept[place] = inner(place, shape).double()
        return kept[place]

    return draw, kept


def slopes_by_finite_differences(network, x, y, kept, entries, step=1e-5):
    found = []
    for entry in entries:
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                network.sigma[entry] += sign * step
                values.append(F.cross_entropy(network.once(x, lambda place, shape: kept[place]), y, reduction="sum"))
                network.sigma[entry] -= sign * step
        found.append((values[0] - values[1]) / (2 * step))
    return torch.stack(found)


@pytest.mark.parametrize("make", [dense, small_cnn, residual, mlp])
def test_the_slope_of_sigma_is_that_of_the_loss_at_fixed_draws(make):
    network = noisy(make, double=True).eval()
    examples = blobs(6)
    x, y = examples.x.double(), examples.y
    draw, kept = recorded(network)
    F.cross_entropy(network.once(x, draw), y, reduction="sum").backward()
    entries = torch.randperm(len(network.sigma), generator=torch.Generator().manual_seed(0))[:25]
    wanted = slopes_by_finite_differences(network, x, y, kept, entries)
    assert torch.allclose(network.sigma.grad[entries], wanted, atol=1e-6, rtol=1e-5)


def test_the_slope_of_sigma_is_delta_times_eps():
    """delta from the slope of what stands beside the noise: biases of one row each."""
    network = noisy(dense, double=True)
    examples = blobs(5)
    x, y = examples.x.double(), examples.y
    draw, kept = recorded(network)
    first, last = (layer.layer for layer in network.network if hasattr(layer, "layer"))
    one = (x.flatten(1) @ first.weight.T + first.bias + 0.5 * draw(0, (5, 20))).detach().requires_grad_(True)
    two = one.relu() @ last.weight.T + last.bias + 0.5 * draw(1, (5, 3))
    two.retain_grad()
    F.cross_entropy(two, y, reduction="sum").backward()
    wanted = torch.cat([(one.grad * kept[0]).sum(0), (two.grad * kept[1]).sum(0)])
    F.cross_entropy(network.once(x, lambda place, shape: kept[place]), y, reduction="sum").backward()
    assert torch.allclose(network.sigma.grad, wanted, atol=1e-12)


@pytest.mark.parametrize("make", [dense, small_cnn, residual, mlp])
def test_the_slope_of_the_input_is_that_of_the_loss_at_fixed_draws(make):
    network = noisy(make, double=True).eval()
    x = blobs(4).x.double().requires_grad_(True)
    draw, kept = recorded(network)
    network.once(x, draw).square().sum().backward()
    step = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 1e-6
    with torch.no_grad():
        ends = [network.once(x + sign * step, lambda place, shape: kept[place]).square().sum() for sign in (1, -1)]
    assert torch.isclose((ends[0] - ends[1]) / 2, (x.grad * step).sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "where", "logits", "shapes"),
    [
        (dense, "fc", True, [(20,), (3,)]),
        (dense, "fc", False, [(20,)]),
        (mlp, "all", True, [(20,), (3,)]),
        (mlp, "fc", False, [(20,)]),
        (small_cnn, "fc", True, [(3,)]),
        (small_cnn, "all", True, [(4, 8, 8), (6, 4, 4), (3,)]),
        (residual, "all", True, [(4, 8, 8), (4, 8, 8), (6, 8, 8), (3,)]),
        (residual, "none", True, []),
    ],
)
def test_sigma_is_per_neuron_and_per_element(make, where, logits, shapes):
    assert [place.shape for place in noisy(make, where, logits=logits).places] == shapes


def test_noise_on_the_last_layer_has_the_spread_that_sigma_says():
    network = noisy(dense, start=0.0)
    with torch.no_grad():
        network.sigma[-3:] = torch.tensor([0.5, 1.0, 2.0])
    x = blobs(1).x.expand(4000, -1, -1, -1)
    with torch.no_grad():
        spread = (network(x, Draws(4000)) - network.once(x, None)).std(dim=0)
    assert torch.allclose(spread, torch.tensor([0.5, 1.0, 2.0]), rtol=0.06)


def test_noise_on_maps_leaves_what_went_into_the_layer_alone():
    """The sum is taken in place: of the layer's result, never of its input."""
    network = noisy(small_cnn).eval()
    x = blobs(3).x
    before = x.clone()
    with torch.no_grad():
        network(x, Draws(3))
    assert torch.equal(x, before)


def test_convolutions_start_with_the_published_spread():
    network = NoisyNetwork(
        torch.nn.Sequential(torch.nn.Conv2d(1, 32, 3, padding=1), torch.nn.Flatten(), torch.nn.Linear(25088, 3)),
        torch.zeros(2, 1, 28, 28), Layout(where="all", sign="released"),
    )  # fmt: skip
    begin(network, None, torch.Generator().manual_seed(0))
    assert float(network.pieces(network.sigma)[0].detach().std()) == pytest.approx(0.0345, rel=0.02)
    assert bool((network.sigma < 0).any())


def test_a_layer_that_runs_twice_is_refused():
    class Twice(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(64, 64)

        def forward(self, x):
            return self.layer(self.layer(x.flatten(1)))

    with pytest.raises(Exception, match="noise: layers of its model must run once a pass, got 'layer' twice"):
        noisy(Twice)
