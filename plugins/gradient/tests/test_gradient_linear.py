"""Known answers: linear victims, whose optimum inside the box is exact."""

import pytest
import torch
from gradient_oracle import attack, oracle_for
from known_victims import box_optimum, distance, edgy, inner, labels_of, lead, linear

from advbench import Norm
from advbench.testing import streams
from advbench_gradient.apgd import Apgd
from advbench_gradient.cw import CarliniWagner
from advbench_gradient.deepfool import DeepFool
from advbench_gradient.iterative import Ifgsm, Mim, Pgd
from advbench_gradient.lbfgs import Lbfgs
from advbench_gradient.single_step import Fgm, Fgsm


def flipped(network, x, answer):
    return (labels_of(network, answer.x) != labels_of(network, x)).tolist()


@pytest.mark.parametrize("component", [Fgsm(), Ifgsm(), Mim(), Pgd(steps=20, restarts=1), Apgd(steps=20, restarts=1)])
def test_linf_attacks_flip_exactly_when_eps_exceeds_the_exact_distance(component):
    network, w = linear()
    x = inner()
    needed = lead(w, x).abs() / w.abs().sum()
    for share, expected in ((0.99, False), (1.01, True)):
        for i in range(len(x)):
            answer = attack(component, network, x[i : i + 1], Norm.LINF, float(needed[i]) * share)
            assert flipped(network, x[i : i + 1], answer) == [expected]


@pytest.mark.parametrize(
    ("component", "norm", "slack"),
    [
        (Fgsm(), Norm.LINF, 1.02),
        (Fgm(), Norm.L2, 1.05),
        (Ifgsm(), Norm.L2, 1.02),
        (Ifgsm(), Norm.LINF, 1.01),
        (Ifgsm(grid=400), Norm.LINF, 1.05),
        (Mim(), Norm.L2, 1.02),
        (Pgd(steps=40), Norm.L2, 1.04),
        (Pgd(steps=40), Norm.LINF, 1.01),
        (Pgd(steps=40, share=1 / 16), Norm.L1, 1.1),
        (Pgd(optimizer="adadelta"), Norm.LINF, 1.3),
        (Apgd(steps=40), Norm.L2, 1.02),
        (Apgd(steps=40), Norm.LINF, 1.02),
        (DeepFool(), Norm.L2, 1.03),
        (DeepFool(), Norm.LINF, 1.03),
        (CarliniWagner(), Norm.L2, 1.02),
        (Lbfgs(), Norm.L2, 1.02),
    ],
)
def test_without_eps_the_smallest_change_is_found_well_inside_the_box(component, norm, slack):
    network, w = linear()
    x = inner()
    x = x[box_optimum(w, x, norm) > 0.05]
    answer = attack(component, network, x, norm)
    assert all(flipped(network, x, answer))
    ratio = distance(answer.x, x, norm) / box_optimum(w, x, norm)
    assert float(ratio.min()) > 1 - 1e-4, "nothing beats the exact optimum"
    assert float(ratio.max()) < slack


@pytest.mark.parametrize(
    ("component", "norm", "slack"),
    [
        (CarliniWagner(), Norm.L2, 1.02),
        (Lbfgs(), Norm.L2, 1.02),
        (Pgd(steps=40), Norm.L2, 1.05),
        (Apgd(steps=40), Norm.L2, 1.05),
        (Pgd(steps=40), Norm.LINF, 1.02),
        (Pgd(share=1 / 64), Norm.L1, 1.4),
    ],
)
def test_without_eps_the_smallest_change_is_found_among_features_at_their_bounds(component, norm, slack):
    network, w = linear(64)
    x = edgy(12)
    x = x[box_optimum(w, x, norm) > (0.02 if norm is Norm.LINF else 0.1)]
    assert len(x) >= 5
    answer = attack(component, network, x, norm)
    assert all(flipped(network, x, answer))
    ratio = distance(answer.x, x, norm) / box_optimum(w, x, norm)
    assert float(ratio.min()) > 1 - 1e-4
    assert float(ratio.max()) < slack


def test_tanh_hardly_moves_features_that_stand_at_a_bound():
    network, w = linear(64)
    x = edgy(12)
    x = x[box_optimum(w, x, Norm.L2) > 0.1]
    size = {}
    for box in ("clip", "tanh"):
        answer = attack(CarliniWagner(box=box, steps=100), network, x, Norm.L2)
        assert all(flipped(network, x, answer))
        size[box] = distance(answer.x, x, Norm.L2)
    assert (size["clip"] < size["tanh"]).all()
    assert float((size["tanh"] / size["clip"]).median()) > 1.05


def test_the_formula_without_a_box_would_be_undercut_by_nobody():
    """The exact optimum at image-like points is a tenth longer than |f| / |w|: comparing with that proves little."""
    _, w = linear(64)
    x = edgy(12)
    ratio = box_optimum(w, x, Norm.L2) / (lead(w, x).abs() / w.norm())
    assert float(ratio.median()) > 1.1


@pytest.mark.parametrize("norm", [Norm.L2, Norm.LINF])
def test_deepfool_takes_one_step_on_a_linear_victim(norm):
    network, _ = linear()
    x = inner()
    oracle = oracle_for(network, x, norm)
    answer = DeepFool(overshoot=0.02).perturb(oracle, x, streams(len(x)))
    assert all(flipped(network, x, answer))
    assert oracle.gradients.tolist() == [2] * len(x)  # the step, and the look that finds it has succeeded


def test_more_restarts_never_find_less():
    network, w = linear(64)
    x = edgy(12)
    eps = float(box_optimum(w, x, Norm.LINF).median())
    found = []
    for restarts in (1, 3):
        answer = attack(Pgd(steps=1, restarts=restarts, step=eps / 3), network, x, Norm.LINF, eps)
        found.append(set(torch.tensor(flipped(network, x, answer)).nonzero().flatten().tolist()))
    assert found[0] <= found[1]
    assert len(found[0]) < len(found[1]), "chosen so that starts matter"


def test_a_single_step_costs_one_gradient_and_the_grid_up_to_its_first_success():
    network, w = linear()
    x = inner()
    oracle = oracle_for(network, x, Norm.LINF)
    Fgsm(grid=1000).perturb(oracle, x, streams(len(x)))
    assert oracle.gradients.tolist() == [1] * len(x)
    first = (lead(w, x).abs() / w.abs().sum() * 1000).ceil()
    assert oracle.queries.tolist() == ((first / 32).ceil() * 32).long().tolist()


def test_kappa_is_the_lead_of_a_success():
    network, w = linear()
    x = inner()
    for kappa in (0.0, 1.0):
        answer = attack(CarliniWagner(kappa=kappa), network, x, Norm.L2)
        ahead = lead(w, answer.x) * -lead(w, x).sign()
        assert float(ahead.min()) >= kappa - 1e-5
        assert float(ahead.max()) < kappa + 0.2
