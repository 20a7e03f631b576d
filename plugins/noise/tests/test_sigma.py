"""How sigma moves, both settings of its sign, and the watch on it."""

import math
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from noise_case import dense

from advbench_noise.network import Layout, NoisyNetwork, begin
from advbench_noise.sigma import SigmaAdam, Watch


def walk(start, grads, **settings):
    sigma = torch.nn.Parameter(torch.tensor(start))
    adam = SigmaAdam(sigma, 0.1, **settings)
    for grad in grads:
        sigma.grad = torch.tensor(grad)
        adam.step()
    return sigma.detach()


def test_it_is_adam():
    grads = [[0.3, -2.0], [0.1, 1.0], [-0.7, 0.2], [1e-3, 4.0]]
    other = torch.nn.Parameter(torch.tensor([5.0, 7.0]))
    torchs = torch.optim.Adam([other], lr=0.1, weight_decay=0.01)
    for grad in grads:
        other.grad = torch.tensor(grad)
        torchs.step()
    assert torch.allclose(walk([5.0, 7.0], grads, decay=0.01), other.detach(), atol=1e-6)


@pytest.mark.parametrize("epsilon", ["outside", "printed"])
@pytest.mark.parametrize("reflect", [True, False])
def test_compiled_steps_are_those_of_other_devices(epsilon, reflect):
    grads = (torch.randn(5, 200, generator=torch.Generator().manual_seed(0)) * 1e-3).tolist()
    start = torch.linspace(0, 2, 200).tolist()
    compiled = walk(start, grads, epsilon=epsilon, reflect=reflect)

    elsewhere = SigmaAdam(torch.nn.Parameter(torch.tensor(start)), 0.1, epsilon=epsilon, reflect=reflect)
    with torch.no_grad():
        for step, grad in enumerate(grads, start=1):
            elsewhere._move(torch.tensor(grad), 0.1 / (1 - 0.9**step), 1 - 0.999**step)
    assert torch.allclose(compiled, elsewhere.sigma, atol=1e-6)


def test_a_step_below_zero_is_reflected():
    assert torch.allclose(walk([0.04], [[1.0]]), torch.tensor([0.06]))
    assert torch.allclose(walk([0.04], [[1.0]], reflect=False), torch.tensor([-0.06]))


def test_the_printed_epsilon_stands_under_the_root():
    tiny = 1e-5
    assert walk([5.0], [[tiny]], epsilon="printed").item() == pytest.approx(
        5 - 0.1 * tiny / math.sqrt(tiny**2 + 1e-8), abs=1e-6
    )
    assert walk([5.0], [[tiny]]).item() == pytest.approx(4.9, abs=1e-3)


@pytest.mark.parametrize(("sign", "grows"), [("reflect", True), ("released", False)])
def test_sigma_that_is_negative_goes_the_wrong_way_as_released(sign, grows):
    """A loss that wants more noise: |sigma| shrinks from a negative start if the slope forgets the sign."""
    network = NoisyNetwork(dense(), torch.zeros(2, 1, 8, 8), Layout(sign=sign))
    begin(network, None, torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.sigma.fill_(-0.5)
        if sign == "reflect":
            network.sigma.abs_()
    adam = SigmaAdam(network.sigma, 0.01, reflect=sign == "reflect")
    for _ in range(5):
        (-torch.cat([level.flatten() for level in network.levels()]).sum()).backward()
        adam.step()
    strength = float(network.sigma.detach().abs().mean())
    assert (strength > 0.5) is grows
    assert all(bool((level >= 0).all()) for level in network.levels())


def test_a_vanished_and_a_grown_sigma_are_told_once_with_the_layer():
    texts = []
    levels = [torch.full((4,), v) for v in (0.7, 0.7, 0.0)]
    watch = Watch(["first", "second", "third"], levels, rate=1e-3, note=texts.append)
    watch.look([torch.full((4,), v) for v in (0.5, 1.2, 0.0)], 1)
    assert not texts
    for epoch in (2, 3):
        watch.look([torch.full((4,), v) for v in (1e-3, 8.0, 0.0)], epoch)
    assert "of first must be >= 0.035, got 0.001 after epoch 2: it has collapsed from 0.7" in texts[0]
    assert "of second must be <= 7, got 8 after epoch 2: it has exploded from 0.7" in texts[1]
    assert len(texts) == 2


def test_sigma_that_is_no_number_has_exploded():
    texts = []
    Watch(["only"], [torch.ones(2)], 1e-3, texts.append).look([torch.full((2,), torch.nan)], 1)
    assert "exploded" in texts[0]
