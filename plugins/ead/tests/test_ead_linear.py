"""Known answers: linear victims, whose optimum is soft-thresholding, and inside the box a knapsack's."""

import pytest
import torch
from gradient_oracle import attack, oracle_for
from known_victims import UNIT, box_optimum, distance, edgy, inner, labels_of, lead, linear, smooth, uniform

from advbench import Norm
from advbench_ead.attack import Ead
from advbench_ead.hunt import Hunt
from advbench_ead.walks import Plan, Shrinking


def end_of_walk(x, network, c, beta, **plan):
    """Where a walk ends that never reaches its goal."""
    hunt = Hunt(oracle_for(network, x), x, beta, kappa=1e6)
    settings = {
        "solver": "fista",
        "threshold": "prox",
        "steps": 120,
        "rate": 0.2,
        "abort": False,
        "pull": "always",
    } | plan
    walk = Shrinking(hunt, torch.arange(len(x)), torch.full((len(x),), c), Plan(**settings))
    for k in range(settings["steps"]):
        assert walk.step(k)
    return walk.x - x


@pytest.mark.parametrize("solver", ["fista", "ista"])
@pytest.mark.parametrize("where", ["inside", "at the bounds"])
def test_the_optimum_for_one_c_is_the_soft_threshold_of_the_weights(solver, where):
    """delta_i = -sign(w_i) max(c |w_i| - beta, 0) / 2 towards the other class, as far as the box lets it."""
    network, w = linear(64)
    x = inner(4, 64) if where == "inside" else edgy(4)
    c, beta = 0.2, 0.15
    free = -lead(w, x).sign()[:, None] * w.sign() * (c * w.abs() - beta).clamp(min=0) / 2
    expected = UNIT.clip(x + free) - x
    found = end_of_walk(x, network, c, beta, solver=solver)
    assert float((found - expected).abs().max()) < 1e-4
    assert 0.1 < float((expected != 0).float().mean()) < 0.9, "some features move, some do not"
    assert torch.equal(found != 0, expected != 0)


def test_the_papers_threshold_asks_for_ever_sparser_changes():
    """It does not shrink with the rate, so that it stands for a weight of beta / rate: not equation 16's optimum."""
    network, _ = linear(64)
    x, c, rate = inner(4, 64), 0.2, 0.2
    proper = end_of_walk(x, network, c, 0.05)
    papers = end_of_walk(x, network, c, 0.05 * rate, threshold="paper")
    assert float((papers.abs().sum(1) / proper.abs().sum(1)).max()) < 0.9
    assert bool((papers.abs() <= proper.abs() + 1e-5).all())


@pytest.mark.parametrize(
    ("component", "norm", "where", "slack", "median"),
    [
        (Ead(steps=100, searches=7, c=0.1), Norm.L1, inner, 1.1, 1.05),
        (Ead(), Norm.L1, edgy, 1.2, 1.1),
        (Ead(steps=100, searches=7, c=0.1, threshold="prox", beta=1.0), Norm.L1, edgy, 1.3, 1.2),
        (Ead(steps=100, searches=7, beta=0.0, c=0.1), Norm.L2, inner, 1.01, 1.001),
        (Ead(steps=100, searches=7, beta=0.0, c=0.1, solver="ista"), Norm.L2, edgy, 1.01, 1.001),
    ],
)
def test_the_smallest_change_comes_near_the_exact_one(component, norm, where, slack, median):
    network, w = linear(64)
    x = where(8, 64)
    x = x[box_optimum(w, x, Norm.L2) > 0.05]
    answer = attack(component, network, x, norm)
    assert (labels_of(network, answer.x) != labels_of(network, x)).all()
    ratio = distance(answer.x, x, norm) / box_optimum(w, x, norm)
    assert len(x) >= 4
    assert float(ratio.min()) > 1 - 1e-4, "nothing beats the exact optimum"
    assert float(ratio.max()) < slack
    assert float(ratio.median()) < median


def test_the_papers_beta_stays_far_from_the_smallest_l1_change():
    network, w = linear(64)
    x = inner(8, 64)
    x = x[box_optimum(w, x, Norm.L2) > 0.05]
    answer = attack(Ead(steps=100, searches=7, c=0.1, beta=1e-3), network, x)
    ratio = distance(answer.x, x, Norm.L1) / box_optimum(w, x, Norm.L1)
    assert float(ratio.median()) > 1.2


def test_kappa_is_the_lead_of_a_success():
    network, w = linear()
    x = inner()
    for kappa in (0.0, 1.0):
        answer = attack(Ead(kappa=kappa, steps=60, searches=5, c=0.1), network, x)
        ahead = lead(w, answer.x) * -lead(w, x).sign()
        assert float(ahead.min()) >= kappa - 1e-4
        assert float(ahead.max()) < kappa + 0.3


def test_more_weight_on_l1_makes_smaller_l1_changes():
    network, x = smooth(40), uniform(12, 40)
    means = [
        float(distance(attack(Ead(beta=beta, searches=4, steps=50, c=0.1), network, x, classes=3).x, x, Norm.L1).mean())
        for beta in (0, 1e-3, 1e-2)
    ]
    assert means[0] > means[1] > means[2]
