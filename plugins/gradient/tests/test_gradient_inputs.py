"""Bad input and odd input: every attack must come through, row by row."""

import pytest
import torch
from gradient_oracle import OneIsNan, attack, oracle_for
from known_victims import labels_of, smooth, uniform
from odd_inputs import check_moved_rows_fell, check_one_row_of_odd_bounds, every_shape
from torch import nn

from advbench import ContestError, Norm, ParamError
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.testing import streams
from advbench_gradient.apgd import Apgd
from advbench_gradient.cw import CarliniWagner
from advbench_gradient.deepfool import DeepFool
from advbench_gradient.iterative import Ifgsm, Mim, Pgd
from advbench_gradient.jsma import Jsma
from advbench_gradient.lbfgs import Lbfgs
from advbench_gradient.losses import LOSSES
from advbench_gradient.single_step import Fgm, Fgsm

FAMILY = {
    "fgsm": (Fgsm(grid=50), Norm.LINF),
    "fgm": (Fgm(grid=50), Norm.L2),
    "ifgsm": (Ifgsm(searches=4), Norm.LINF),
    "pgd": (Pgd(steps=5, searches=4, restarts=2), Norm.LINF),
    "pgd l2": (Pgd(steps=5, searches=4, restarts=2), Norm.L2),
    "pgd l1": (Pgd(steps=5, searches=4, restarts=2), Norm.L1),
    "adadelta": (Pgd(steps=5, searches=4, restarts=2, optimizer="adadelta"), Norm.LINF),
    "mim": (Mim(searches=4), Norm.LINF),
    "apgd": (Apgd(steps=10, searches=4, restarts=2), Norm.L2),
    "apgd aimed": (Apgd(steps=10, searches=4, classes=2), Norm.LINF),
    "cw": (CarliniWagner(steps=10, searches=3), Norm.L2),
    "cw tanh": (CarliniWagner(steps=10, searches=3, box="tanh"), Norm.L2),
    "deepfool": (DeepFool(steps=5), Norm.L2),
    "jsma": (Jsma(features=1), Norm.L0),
    "jsma pairs": (Jsma(), Norm.L0),
    "lbfgs": (Lbfgs(steps=10, searches=3), Norm.L2),
}
family = pytest.mark.parametrize(("component", "norm"), FAMILY.values(), ids=FAMILY)


@family
@every_shape
@pytest.mark.parametrize("targeted", [False, True])
def test_every_shape_of_input_in_bounds_of_its_own_and_alone(component, norm, shape, targeted):
    check_one_row_of_odd_bounds(attack, component, norm, shape, targeted)


@family
def test_a_target_that_holds_already_is_met_without_a_change(component, norm):
    network, x = smooth(), uniform(3, 12)
    y = labels_of(network, x)
    answer = attack(component, network, x, norm, y=y, target=y, classes=3)
    assert (labels_of(network, answer.x) == y).all()
    if not isinstance(component, (Fgsm, Fgm)):  # they look no earlier than after their step
        assert torch.allclose(answer.x, x, atol=1e-5)  # tanh cannot stand on a bound


@family
def test_with_eps_zero_nothing_moves(component, norm):
    network, x = smooth(), uniform(3, 12)
    for row in attack(component, network, x, norm, 0.0, classes=3).x:
        assert row.shape == (12,)
    if norm is not Norm.L0 and not isinstance(component, (CarliniWagner, DeepFool, Lbfgs)):
        assert torch.equal(attack(component, network, x, norm, 0.0, classes=3).x, x)


@family
def test_a_row_without_a_gradient_stops_at_once_and_is_blind(component, norm):
    network = nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(12, 3))
    with torch.no_grad():
        network[2].weight.zero_()
        network[2].bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    x = uniform(3, 12)
    oracle = oracle_for(network, x, norm, classes=3)
    answer = component.perturb(oracle, x, streams(3))
    assert answer.blind.all()
    assert torch.equal(answer.x, x)
    assert int(oracle.gradients.max()) <= 5, "no more than a gradient or two for each search or start"


@family
def test_a_row_whose_gradient_is_no_number_stops_and_the_others_go_on(component, norm):
    network, x = smooth(), uniform(3, 12)
    oracle = oracle_for(network, x, norm, classes=3, kind=OneIsNan)
    answer = component.perturb(oracle, x, streams(3))
    assert answer.blind.tolist() == [False, True, False]
    assert torch.equal(answer.x[1], x[1])
    assert int(oracle.gradients[1]) <= 5  # DeepFool looks at two faces at once
    healthy = component.perturb(oracle_for(network, x, norm, classes=3), x, streams(3))
    assert torch.equal(answer.x[[0, 2]], healthy.x[[0, 2]])
    assert bool((answer.x[[0, 2]] != x[[0, 2]]).any())


@family
def test_two_classes_suffice(component, norm):
    network, x = smooth(classes=2), uniform(2, 12)
    answer = attack(component, network, x, norm, classes=2)
    check_moved_rows_fell(network, x, answer)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_finds_something(loss):
    network, x = smooth(), uniform(8, 12)
    answer = attack(Pgd(steps=20, loss=loss), network, x, Norm.LINF, 0.5, classes=3)
    assert int((labels_of(network, answer.x) != labels_of(network, x)).sum()) >= 4


def test_training_gets_the_end_point_whatever_it_reached():
    network, x = smooth(), uniform(6, 12)
    y = labels_of(network, x)
    for component in (Fgsm(returns="last"), Ifgsm(returns="last"), Pgd(steps=5, restarts=1, returns="last")):
        answer = attack(component, network, x, Norm.LINF, 0.01, y=y, classes=3)
        assert (labels_of(network, answer.x) == y).any()
        assert (answer.x != x).flatten(1).any(dim=1).all()
        with torch.no_grad():
            before, after = (nn.functional.cross_entropy(network(points), y) for points in (x, answer.x))
        assert after > before


def test_what_contradicts_itself_is_refused_with_the_way_out():
    resolver = Resolver(discover(()), read())
    with pytest.raises(ParamError, match="restarts must be 1 without random_start, got 5"):
        resolver.one("attack", "pgd:random_start=false")
    with pytest.raises(
        ParamError, match="loss must be one of 'auto', 'native', 'ce', 'margin', 'dlr', 'square', got hinge"
    ):
        resolver.one("attack", "fgsm:loss=hinge")
    network, x = smooth(), uniform(1, 12)
    for component in (CarliniWagner(), Lbfgs(), Jsma(), Pgd(legacy_box=True)):
        with pytest.raises(ContestError, match="bounds, got"):
            attack(component, network, x, Norm.L2, bounds=None, classes=3)
