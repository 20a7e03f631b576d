"""The optimiser against torch's, and against itself whatever the threads."""

import pytest
import torch

from advbench_rbfi.adadelta import _SPAN, Adadelta
from advbench_rbfi.reach import Workers, workers

SIZES = ((3, _SPAN - 5), (7,), (1, 1))  # several spans, less than one, a single number


def parameters():
    draw = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.rand(size, generator=draw)) for size in SIZES]


def walked(parts, optimiser, steps=4):
    """The parameters after steps along drawn gradients."""
    draw = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for part in parts:
            part.grad = torch.randn(part.shape, generator=draw)
        optimiser.step()
    return [part.detach() for part in parts]


def same(ones, others):
    return all(torch.equal(one, other) for one, other in zip(ones, others, strict=True))


def test_it_takes_the_steps_of_torch_bit_for_bit():
    ours, theirs = parameters(), parameters()
    mine, torchs = Adadelta(ours, 5.0, Workers()), torch.optim.Adadelta(theirs, 5.0, foreach=True)
    assert same(walked(ours, mine), walked(theirs, torchs))
    kept, wanted = mine.state_dict()["state"], torchs.state_dict()["state"]
    for place, state in wanted.items():
        assert same([kept[place][name] for name in state], list(state.values()))


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(threads):
    alone, together = parameters(), parameters()
    with workers(threads) as crew:
        found = walked(together, Adadelta(together, 5.0, crew))
    assert same(walked(alone, Adadelta(alone, 5.0, Workers())), found)


def test_it_goes_on_from_a_kept_state():
    whole, cut = parameters(), parameters()
    first = Adadelta(cut, 5.0, Workers())
    walked(cut, first)
    second = Adadelta(cut, 5.0, Workers())
    second.load_state_dict(first.state_dict())
    walked(cut, second)
    optimiser = Adadelta(whole, 5.0, Workers())
    walked(whole, optimiser)
    assert same(walked(whole, optimiser), [part.detach() for part in cut])


def test_parameters_without_a_gradient_stay():
    moved, still = parameters()[:2]
    before = still.detach().clone()
    moved.grad = torch.ones_like(moved)
    Adadelta([moved, still], 5.0, Workers()).step()
    assert torch.equal(still.detach(), before)
