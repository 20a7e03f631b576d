"""The fused passes against the plain formulas, and against each other whatever the threads and the company."""

import sys
from pathlib import Path

import pytest
import torch

from advbench_rbfi.lanes import LANES
from advbench_rbfi.reach import Workers, reach, reach_within, workers

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rbfi_case import layer_numbers, naive_back, naive_reach

CASES = [("linf", None), ("linf", 1.0), ("linf", 0.3), ("l2", None), ("l2", 1.0)]
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here"))]


def passes(x, u, w, grad, norm, k, crew=None):
    """(y, gx, gu, gw)."""
    parts = [part.clone().requires_grad_() for part in (x, u, w)]
    y = reach(*parts, norm, k, crew or Workers())
    return [y.detach(), *torch.autograd.grad((y * grad).sum(), parts)]


def gap(found, wanted):
    """Largest difference, as a share of the largest number."""
    return float((found.double().cpu() - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize(("norm", "k"), CASES)
@pytest.mark.parametrize("inputs", [1, 5, 64, 65, 300])
def test_fused_passes_equal_the_plain_formulas_to_1e_6(norm, k, inputs):
    numbers = layer_numbers(inputs=inputs)
    exact = [part.double() for part in numbers]
    x, u, w, grad = exact
    wanted = [naive_reach(x, u, w, norm), *naive_back(x, u, w, grad, norm, k)]
    for found, truth in zip(passes(*numbers, norm, k), wanted, strict=True):
        assert gap(found, truth) < 1e-6


@pytest.mark.parametrize(("norm", "k"), CASES)
@pytest.mark.parametrize("device", DEVICES)
def test_the_chunked_path_agrees_with_the_fused_one(norm, k, device):
    numbers = layer_numbers(batch=9)
    dtype = torch.float64 if device == "cpu" else torch.float32  # float64 is never fused
    chunked = passes(*(part.to(device, dtype) for part in numbers), norm, k)
    for one, other in zip(passes(*numbers, norm, k), chunked, strict=True):
        assert gap(one, other.double().cpu()) < 1e-6


def test_the_true_derivative_is_that_of_autograd():
    x, u, w, grad = (part.double() for part in layer_numbers())
    for norm in ("linf", "l2"):
        parts = [part.clone().requires_grad_() for part in (x, u, w)]
        truth = torch.autograd.grad((naive_reach(*parts, norm) * grad).sum(), parts)
        for found, wanted in zip(passes(x, u, w, grad, norm, None)[1:], truth, strict=True):
            torch.testing.assert_close(found, wanted)


def test_of_equal_maxima_the_first_receives_all():
    x, u, w = torch.zeros(1, 200), torch.ones(1, 200), torch.full((1, 200), 0.5)
    _, gx, _, _ = passes(x, u, w, torch.ones(1, 1), "linf", None)
    assert gx[0, 0] == -1
    assert not gx[0, 1:].any()


def test_pseudo_maximum_reaches_every_input_by_its_nearness():
    x, u, w = torch.zeros(1, 2), torch.ones(1, 2), torch.tensor([[1.0, 0.5]])
    _, gx, _, _ = passes(x, u, w, torch.ones(1, 1), "linf", 2.0)
    torch.testing.assert_close(gx, torch.tensor([[-2.0, -1.0 * torch.tensor(-1.5).exp()]]))


@pytest.mark.parametrize(("steepest", "k"), [(1000.0, 1e4), (3.0, 1e30)])
def test_the_share_of_the_maximum_itself_is_exactly_one_however_steep(steepest, k):
    x, u, w, grad = layer_numbers(inputs=33)
    numbers = x, steepest / 3 * u, w, grad
    exact = [part.double() for part in numbers]
    for found, truth in zip(passes(*numbers, "linf", k)[1:], naive_back(*exact, "linf", k), strict=True):
        assert gap(found, truth) < 1e-6


def test_weights_that_want_no_gradient_get_none():
    x, u, w, grad = layer_numbers()
    for k in (None, 1.0):
        alone = x.clone().requires_grad_()
        (gx,) = torch.autograd.grad((reach(alone, u, w, "linf", k, Workers()) * grad).sum(), alone)
        assert torch.equal(gx, passes(x, u, w, grad, "linf", k)[1])
        half = u.clone().requires_grad_()
        (gu,) = torch.autograd.grad((reach(x, half, w, "linf", k, Workers()) * grad).sum(), half)
        assert torch.equal(gu, passes(x, u, w, grad, "linf", k)[2])


@pytest.mark.parametrize(("norm", "k"), CASES)
def test_threads_change_no_bit(norm, k):
    numbers = layer_numbers(inputs=3 * LANES + 7)
    alone = passes(*numbers, norm, k)
    for threads in (2, 3):
        with workers(threads) as crew:
            together = passes(*numbers, norm, k, crew)
        assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


@pytest.mark.parametrize(("norm", "k"), CASES)
def test_rows_do_not_depend_on_their_company(norm, k):
    x, u, w, grad = layer_numbers()
    y, gx, _, _ = passes(x, u, w, grad, norm, k)
    for row in (0, 7, 22):
        alone = passes(x[row : row + 1], u, w, grad[row : row + 1], norm, k)
        assert torch.equal(alone[0][0], y[row])
        assert torch.equal(alone[1][0], gx[row])


def test_it_cannot_be_differentiated_twice():
    x, u, w, _ = layer_numbers()
    x = x.requires_grad_()
    (once,) = torch.autograd.grad(reach(x, u, w, "linf", 1.0, Workers()).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError):
        torch.autograd.grad(once.sum(), x)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bounds_over_a_box_hold_and_are_attained(norm, dtype):
    x, u, w, _ = (part.to(dtype) for part in layer_numbers(batch=5, units=7, inputs=70))
    low, high = (x - 0.2).clamp(0, 1), (x + 0.1).clamp(0, 1)
    least, most = reach_within(low, high, u, w, norm)
    nearest = torch.minimum(torch.maximum(w[None], low[:, None]), high[:, None])
    farthest = torch.where(w[None] - low[:, None] > high[:, None] - w[None], low[:, None], high[:, None])
    for points, bound in ((nearest, least), (farthest, most)):
        z = (u * (points - w)) ** 2
        torch.testing.assert_close(z.amax(dim=2) if norm == "linf" else z.sum(dim=2), bound)
    draw = torch.Generator().manual_seed(1)
    for _ in range(50):
        inside = low + (high - low) * torch.rand(low.shape, generator=draw, dtype=dtype)
        y = naive_reach(inside, u, w, norm)
        assert ((least <= y + 1e-5) & (y <= most + 1e-5)).all()
