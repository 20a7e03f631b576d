"""Units, layers and networks by the paper's equations; geometry; sensitivity; certificates."""

import math
import sys
from pathlib import Path

import pytest
import torch

from advbench import Bounds, ContenderFacts, Norm
from advbench_rbfi.contender import RbfiContender
from advbench_rbfi.defense import Rbfi
from advbench_rbfi.geometry import LayerShape, parse
from advbench_rbfi.network import Derivatives, Range, RbfiNetwork, attraction

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rbfi_case import blobs, job_for, naive_reach

TRUE, PSEUDO = Derivatives(), Derivatives(0.5, 1.0)


def network(geometry="11^,9v,7*,v", features=20, classes=4, norm="linf", bounds=(0.0, 1.0), span=None):
    draw = torch.Generator().manual_seed(3)
    return RbfiNetwork(features, parse(geometry), classes, norm, span or Range(), bounds, draw)


def inputs(n=16, features=20):
    return torch.rand(n, features, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_outputs_follow_equations_2_and_3_layer_by_layer(norm):
    net, x = network(norm=norm), inputs()
    expected = x.double()
    for layer in net.layers:
        near = (-naive_reach(expected, layer.u.double(), layer.w.double(), norm)).exp()
        expected = torch.where(layer.negated, 1 - near, near)
    torch.testing.assert_close(net(x, TRUE).double(), expected, rtol=1e-5, atol=1e-6)
    assert [int(layer.negated.sum()) for layer in net.layers][:2] == [0, 9]
    assert net.layers[3].negated.all()
    assert 0 < int(net.layers[2].negated.sum()) < 7


@pytest.mark.parametrize("geometry", ["8^,v", "8v,^", "8^,*"])
def test_scores_are_the_logarithms_of_the_outputs(geometry):
    net, x = network(geometry), inputs()
    for by in (TRUE, PSEUDO):
        torch.testing.assert_close(net.logs(x, by), net(x, by).log(), rtol=1e-4, atol=1e-6)


def test_saturated_outputs_still_differ_in_their_logarithms():
    net = network("^", features=1, classes=2, span=Range(u_high=30.0))
    with torch.no_grad():
        net.layers[0].u.copy_(torch.tensor([[20.0], [21.0]]))
        net.layers[0].w.zero_()
    x = torch.ones(1, 1)
    assert net(x, TRUE).tolist() == [[0.0, 0.0]]
    assert net.logs(x, TRUE).tolist() == [[-400.0, -441.0]]


def test_an_output_of_exactly_zero_has_a_finite_logarithm():
    net = network("v", features=3, classes=2)
    with torch.no_grad():
        net.layers[0].w.fill_(0.5)
    x = torch.full((1, 3), 0.5, requires_grad=True)
    for by in (TRUE, PSEUDO):
        found = net.logs(x, by)
        (grad,) = torch.autograd.grad(found.sum(), x)
        assert found.isfinite().all()
        assert grad.isfinite().all()


def test_pseudoderivative_of_the_exponential_is_equation_9():
    y = torch.tensor([0.0, 1.0, 8.0], requires_grad=True)
    (grad,) = torch.autograd.grad(attraction(y, 0.5).sum(), y)
    torch.testing.assert_close(grad, torch.tensor([-1.0, -(2**-0.5), -1 / 3]))
    (grad,) = torch.autograd.grad(attraction(y, None).sum(), y)
    torch.testing.assert_close(grad, -(-y.detach()).exp())


def test_the_pseudogradient_of_the_squared_error_is_the_same_through_scores_and_outputs():
    net, x, y = network("8^,6v,v"), inputs().requires_grad_(), torch.eye(4).repeat(4, 1)
    (by_outputs,) = torch.autograd.grad((net(x, PSEUDO) - y).square().sum(), x)
    (by_scores,) = torch.autograd.grad((net.logs(x, PSEUDO).exp() - y).square().sum(), x)
    torch.testing.assert_close(by_scores, by_outputs, rtol=1e-4, atol=1e-6)


def test_inputs_are_scaled_by_their_bounds():
    x = inputs()
    torch.testing.assert_close(network(bounds=(-1.0, 3.0))(4 * x - 1, TRUE), network()(x, TRUE), rtol=1e-4, atol=1e-6)


def test_sensitivity_bounds_follow_equations_6_and_8_and_hold():
    net, steep = network("11^,9v,v"), math.sqrt(2 / math.e)
    moved = torch.ones(20)
    for layer in net.layers:
        moved = torch.stack([steep * max(u * s for u, s in zip(row, moved, strict=True)) for row in layer.u.detach()])
    torch.testing.assert_close(net.sensitivity(), moved.max())
    x, bound = inputs(), float(net.sensitivity().detach())
    draw = torch.Generator().manual_seed(0)
    for size in (1e-3, 1e-2, 0.1):
        away = (torch.rand(x.shape, generator=draw) * 2 - 1) * size
        moved = (net(x + away, TRUE) - net(x, TRUE)).detach().abs().max()
        assert float(moved) <= bound * size * (1 + 1e-4)


def test_the_steepest_slope_of_a_unit_is_attained():
    net = network("^", features=1, classes=1)
    with torch.no_grad():
        net.layers[0].u.fill_(2.0)
        net.layers[0].w.zero_()
    x = torch.tensor([[1 / (2 * math.sqrt(2))]], requires_grad=True)
    (slope,) = torch.autograd.grad(net(x, TRUE).sum(), x)
    assert float(-slope) == pytest.approx(float(net.sensitivity().detach()), rel=1e-5)


def test_l2_units_are_as_sensitive_as_the_norm_of_their_scaling():
    net = network("^", classes=1, norm="l2")
    expected = math.sqrt(2 / math.e) * net.layers[0].u.norm()
    torch.testing.assert_close(net.sensitivity(), expected)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_intervals_hold_all_outputs_of_a_box(norm):
    net, x = network(norm=norm), inputs()
    draw = torch.Generator().manual_seed(0)
    for eps in (0.0, 0.01, 0.3):
        low, high = net.logs_within((x - eps).clamp(0, 1), (x + eps).clamp(0, 1))
        for _ in range(30):
            ways = torch.randint(0, 2, x.shape, generator=draw) * 2 - 1
            logs = net.logs((x + eps * ways).clamp(0, 1), TRUE)
            assert ((low <= logs) & (logs <= high)).all()
    assert (low < high).all()


def test_certificates_hold_in_smaller_norms_and_are_claimed_for_no_other():
    defense = Rbfi(geometry="24^,v", epochs=12)
    contender, x = defense.protect(None, job_for()), blobs().x
    linf = contender.certify(x, Norm.LINF, 0.03)
    assert 0 < int(linf.sum()) < len(x)
    assert torch.equal(contender.certify(x, Norm.L2, 0.03), linf)
    assert torch.equal(contender.certify(x, Norm.L1, 0.03), linf)
    assert not contender.certify(x, Norm.L0, 1).any()
    assert not contender.certify(x, Norm.LINF, 1.0).any()


def test_a_contender_without_bounds_is_certified_inside_the_given_ones_only():
    facts = ContenderFacts(access=3, gradients=("exact", "surrogate"))
    contender = RbfiContender(network("^", features=1, classes=2), facts, PSEUDO, Bounds(0.0, 1.0))
    with torch.no_grad():
        contender.network.layers[0].u.copy_(torch.tensor([[3.0], [0.01]]))
        contender.network.layers[0].w.copy_(torch.tensor([[1.0], [0.5]]))
    x = torch.tensor([[0.0]])  # class 1 up to .98, and nothing lies below 0
    assert contender.certify(x, Norm.LINF, 0.9).tolist() == [True]
    assert contender.certify(x, Norm.LINF, 1.0).tolist() == [False]


def test_geometry_is_read_as_in_the_paper():
    assert parse("512^,512v, 512* ,10v") == (
        LayerShape(512, "^"), LayerShape(512, "v"), LayerShape(512, "*"), LayerShape(10, "v")
    )  # fmt: skip
    assert parse("v") == (LayerShape(None, "v"),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("512^,5x2v,10v", "'5x2v' at character 6 is not a layer."),
        ("512^,,10v", "'' at character 6 is not a layer."),
        ("0^,v", "'0^' at character 1 is not a layer of at least one unit."),
        ("^,v", "'^' at character 1 is not a layer of at least one unit."),
        ("512", "'512' at character 1 is not a layer."),
        ("512^;10v", "'512^;10v' at character 1 is not a layer."),
        ("", "'' at character 1 is not a layer."),
    ],
)
def test_bad_geometry_is_refused_with_its_place(text, told):
    with pytest.raises(ValueError, match="geometry must be layers like 512") as error:
        Rbfi(geometry=text)
    assert told in str(error.value)
