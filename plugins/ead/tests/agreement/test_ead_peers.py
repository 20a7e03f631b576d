"""Foolbox and the Adversarial Robustness Toolbox on the same network: equal where they are right, and where not."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from gradient_oracle import attack, oracle_for
from known_victims import UNIT, distance, inner, labels_of, lead, linear, smooth, uniform
from torch import nn

from advbench import Norm
from advbench_ead.attack import Ead
from advbench_ead.hunt import Hunt
from advbench_ead.walks import Plan, Shrinking, shrink

pytestmark = pytest.mark.slow  # importing them takes seconds
STEPS, SEARCHES, BETA = 60, 6, 3e-3
NORMS = (Norm.L1, Norm.L2)
OURS = Ead(steps=STEPS, searches=SEARCHES, beta=BETA)


def foolbox(network, x, labels, rule, *, targeted=False, abort=False, kappa=0.0):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("foolbox")
        model = library.PyTorchModel(network.eval(), bounds=(0, 1), device="cpu")
        run = library.attacks.EADAttack(
            binary_search_steps=SEARCHES, steps=STEPS, initial_const=1e-3, initial_stepsize=1e-2, confidence=kappa,
            regularization=BETA, decision_rule=rule, abort_early=abort,
        )  # fmt: skip
        kind = library.criteria.TargetedMisclassification if targeted else library.criteria.Misclassification
        return run.run(model, x, kind(labels))


def toolbox(network, features, rule, kappa=0.0):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evasion = pytest.importorskip("art.attacks.evasion")
        from art.estimators.classification import PyTorchClassifier

        classifier = PyTorchClassifier(
            network, nn.CrossEntropyLoss(), (features,), network[-1].out_features, clip_values=(0.0, 1.0),
            device_type="cpu",
        )  # fmt: skip
        return evasion.ElasticNet(
            classifier, confidence=kappa, learning_rate=1e-2, binary_search_steps=SEARCHES, max_iter=STEPS, beta=BETA,
            initial_const=1e-3, batch_size=64, decision_rule=rule, verbose=False,
        )  # fmt: skip


@pytest.mark.parametrize("rule", ["EN", "L1"])
@pytest.mark.parametrize("targeted", [False, True])
def test_foolbox_without_its_early_end_chooses_the_same_points(rule, targeted):
    network, x = smooth(20), 0.3 + 0.4 * uniform(12, 20)
    y = labels_of(network, x)
    target = (y + 1) % 3 if targeted else None
    theirs = foolbox(network, x, target if targeted else y, rule, targeted=targeted)
    notes = attack(OURS, network, x, y=y, target=target, classes=3).notes
    fell = notes["en_l1"].isfinite()
    assert int(fell.sum()) >= 8
    for norm in (Norm.L1, Norm.L2):
        size = distance(theirs, x, norm)
        assert torch.allclose(size[fell], notes[f"{rule.lower()}_{norm}"][fell], rtol=1e-3)


def test_foolboxs_early_end_depends_on_the_company():
    """It compares sums over the batch; ours looks row by row."""
    network, x = smooth(20), uniform(12, 20)
    y = labels_of(network, x)
    alone = torch.cat([foolbox(network, x[i : i + 1], y[i : i + 1], "EN", abort=True) for i in range(len(x))])
    assert float((foolbox(network, x, y, "EN", abort=True) - alone).abs().max()) > 1e-3
    ours = Ead(steps=STEPS, searches=SEARCHES, beta=BETA, abort=True)
    together = attack(ours, network, x, classes=3).x
    for i in range(len(x)):
        assert torch.equal(attack(ours, network, x[i : i + 1], classes=3).x, together[i : i + 1])


def test_rows_that_hold_come_back_black_from_foolbox_and_unchanged_from_us():
    network = nn.Sequential(nn.Flatten(), nn.Linear(5, 2))
    with torch.no_grad():
        network[1].weight.mul_(1e-3)
        network[1].bias.copy_(torch.tensor([9.0, 0.0]))
    x = uniform(2, 5)
    assert not foolbox(network, x, torch.zeros(2, dtype=torch.int64), "L1").any()
    assert torch.equal(attack(OURS, network, x).x, x)


@pytest.mark.parametrize("pull", ["always", "unmet"])
def test_the_toolbox_forgets_the_distance_wherever_the_goal_is_met(pull):
    """Its gradient is zero there, that of |x - x0|^2 too, which equation 16 weighs always; pull=unmet does not."""
    network, w = linear()
    x = inner()
    across = UNIT.clip(x - 2 * (lead(w, x) / w.square().sum())[:, None] * w)
    y = nn.functional.one_hot(labels_of(network, x), 2).numpy()
    run = toolbox(network, 16, "L2")
    slope = run._gradient_of_loss(y, x.numpy(), across.numpy(), np.full(len(x), 0.1))
    assert (labels_of(network, across) != labels_of(network, x)).all()
    assert not slope.any()
    hunt = Hunt(oracle_for(network, x), x, BETA, 0.0)
    walk = Shrinking(
        hunt, torch.arange(len(x)), torch.full((len(x),), 0.1), Plan("ista", "paper", 10, 0.1, False, pull)
    )
    walk.y = across
    walk.step(0)
    pulled = across - 0.2 * (across - x) if pull == "always" else across
    assert torch.allclose(walk.x, shrink(pulled, x, BETA, UNIT), atol=1e-6)


def test_the_toolbox_chooses_what_we_choose_without_a_pull_at_the_goal():
    """Well inside the box, where it takes its gradients at the same points."""
    network, x = smooth(20), 0.3 + 0.4 * uniform(12, 20)
    y = labels_of(network, x)
    for rule in ("EN", "L1", "L2"):
        theirs = torch.from_numpy(toolbox(network, 20, rule).generate(x.numpy().copy(), y.numpy()))
        gaps = {}
        for pull in ("always", "unmet"):
            notes = attack(replace(OURS, pull=pull), network, x, classes=3).notes
            both = notes["en_l1"].isfinite() & (labels_of(network, theirs) != y)
            assert int(both.sum()) >= 8
            sizes = torch.stack([distance(theirs, x, norm) / notes[f"{rule.lower()}_{norm}"] for norm in NORMS])
            gaps[pull] = float((sizes[:, both] - 1).abs().max())
        assert gaps["unmet"] < 1e-3 < 1e-2 < gaps["always"]


def test_the_toolboxs_success_takes_no_notice_of_confidence():
    network, x = smooth(20), 0.3 + 0.4 * uniform(12, 20)
    y = labels_of(network, x)
    kappa = 0.5

    def ahead(points):
        scores = network(points).detach()
        own = scores.gather(1, y[:, None])[:, 0]
        return scores.scatter(1, y[:, None], -torch.inf).amax(dim=1) - own

    theirs = torch.from_numpy(toolbox(network, 20, "L1", kappa).generate(x.numpy().copy(), y.numpy()))
    answer = attack(Ead(steps=STEPS, searches=SEARCHES, beta=BETA, kappa=kappa), network, x, classes=3)
    found = answer.notes["en_l1"].isfinite()
    assert float(ahead(theirs)[labels_of(network, theirs) != y].min()) < kappa / 2
    assert float(ahead(answer.x)[found].min()) >= kappa - 1e-4
