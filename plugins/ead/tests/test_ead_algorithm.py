"""Algorithm 4 written down once more, one example at a time and as plainly as can be, must choose the same points."""

import pytest
import torch
from gradient_oracle import Counted, attack, oracle_for
from known_victims import UNIT, labels_of, smooth, uniform

from advbench import Access, ClassGoal, LocalOracle, Norm, Threat
from advbench.testing import streams
from advbench_ead.attack import Ead
from advbench_ead.bracket import Bracket
from advbench_ead.hunt import RULES, Hunt


def plainly(network, x0, y, target, settings):
    """The sizes (l1, l2) that each rule chooses, by the thesis and with nothing left out."""
    best = dict.fromkeys(RULES, (torch.inf, None))
    c, low, high = settings.c, 0.0, torch.inf
    for _ in range(settings.searches):
        x, z, found = x0, x0, False
        for k in range(settings.steps):
            rate = settings.rate * (1 - k / settings.steps) ** 0.5
            threshold = settings.beta * (rate if settings.threshold == "prox" else 1)
            asked = z.clamp(0, 1).requires_grad_(True)
            scores = network(asked[None])[0]
            if target is None:
                f = scores[y] - scores[[k for k in range(len(scores)) if k != y]].max()
            else:
                f = scores[[k for k in range(len(scores)) if k != target]].max() - scores[target]
            (slope,) = torch.autograd.grad(torch.clamp(f, min=-settings.kappa), asked)
            pull = 2 * (z - x0) if settings.pull == "always" or f > -settings.kappa else 0
            moved = z - rate * (c * slope + pull) - x0
            fresh = (x0 + moved.sign() * (moved.abs() - threshold).clamp(min=0)).clamp(0, 1)
            z = fresh + (k / (k + 3) if settings.solver == "fista" else 0) * (fresh - x)
            x = fresh
            label = int(network(x[None]).argmax())
            if label != y if target is None else label == target:
                found = True
                l1, l2 = float((x - x0).abs().sum()), float((x - x0).norm())
                for rule, size in (("en", settings.beta * l1 + l2**2), ("l1", l1), ("l2", l2)):
                    best[rule] = min(best[rule], (size, (l1, l2)), key=lambda pair: pair[0])
        high, low = (min(high, c), low) if found else (high, max(low, c))
        c = c * 10 if high == torch.inf else (low + high) / 2
    return {rule: chosen for rule, (_, chosen) in best.items()}


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize(
    ("solver", "threshold", "pull"),
    [
        ("fista", "paper", "always"),
        ("ista", "paper", "always"),
        ("fista", "prox", "always"),
        ("fista", "paper", "unmet"),
        ("ista", "prox", "unmet"),
    ],
)
def test_the_three_rules_choose_what_the_plain_algorithm_chooses(solver, threshold, pull, targeted):
    network, x = smooth(), uniform(3, 12)
    y = labels_of(network, x)
    target = (y + 1) % 3 if targeted else None
    settings = Ead(steps=30, searches=5, beta=3e-3, c=0.01, rate=0.05, solver=solver, threshold=threshold, pull=pull)
    notes = attack(settings, network, x, y=y, target=target, classes=3).notes
    for i in range(len(x)):
        expected = plainly(network, x[i], int(y[i]), None if target is None else int(target[i]), settings)
        for rule, sizes in expected.items():
            found = [float(notes[f"{rule}_{norm}"][i]) for norm in ("l1", "l2")]
            assert found == pytest.approx(sizes, rel=1e-4)


def test_one_walk_serves_all_rules_and_each_wins_by_its_own():
    network, x = smooth(40), uniform(8, 40)
    notes = attack(Ead(steps=60, searches=6, c=0.01), network, x, classes=3).notes
    beta, size = 1e-2, {}
    for rule in RULES:
        l1, l2 = notes[f"{rule}_l1"], notes[f"{rule}_l2"]
        size[rule] = {"en": beta * l1 + l2**2, "l1": l1, "l2": l2}
    for rule in RULES:
        for other in RULES:
            assert bool((size[rule][rule] <= size[other][rule] * (1 + 1e-6)).all())
    assert bool((size["l1"]["l1"] < size["l2"]["l1"]).any()), "chosen so that rules differ"


@pytest.mark.parametrize("norm", [Norm.L1, Norm.L2])
def test_the_rule_follows_the_norm_unless_one_is_named(norm):
    network, x = smooth(40), uniform(4, 40)
    for rule, column in (("norm", norm.value), ("en", "en"), ("l1", "l1"), ("l2", "l2")):
        answer = attack(Ead(steps=25, searches=3, c=0.1, rule=rule, beta=1e-3), network, x, norm, classes=3)
        change = (answer.x - x).double()
        assert change.abs().sum(dim=1).tolist() == pytest.approx(answer.notes[f"{column}_l1"].tolist(), rel=1e-6)
        assert change.norm(dim=1).tolist() == pytest.approx(answer.notes[f"{column}_l2"].tolist(), rel=1e-6)


@pytest.mark.parametrize("solver", ["fista", "ista", "cov"])
def test_where_the_goal_is_met_the_distance_may_cease_to_pull(solver):
    network, x = smooth(40), 0.3 + 0.4 * uniform(8, 40)
    sizes = [
        attack(Ead(steps=40, searches=5, c=0.01, beta=1e-3, solver=solver, pull=pull), network, x, classes=3).notes
        for pull in ("always", "unmet")
    ]
    assert bool((sizes[0]["l2_l2"] < sizes[1]["l2_l2"]).any()), "a distance that pulls always ends nearer in L2"


def test_a_step_costs_one_gradient_and_at_most_one_more_query():
    network, x = smooth(40), uniform(8, 40)
    for component, most in ((Ead(steps=40, searches=5), 1.0), (Ead(steps=40, searches=5, solver="ista"), 0.05)):
        oracle = oracle_for(network, x, classes=3)
        component.perturb(oracle, x, streams(8))
        assert int(oracle.gradients.max()) <= 200
        assert bool((oracle.queries <= most * oracle.gradients).all())
    # The first values of c never leave the input: one gradient tells.
    assert int(oracle.gradients.max()) < 160


def test_all_targets_of_all_examples_walk_in_one_batch():
    network, x = smooth(20, classes=10), uniform(4, 20)
    y = labels_of(network, x).repeat_interleave(9)
    target = (y + torch.arange(1, 10).repeat(4)) % 10
    oracle = oracle_for(network, x.repeat_interleave(9, dim=0), y=y, target=target, classes=10)
    answer = Ead(steps=30, searches=4, c=0.1).perturb(oracle, x.repeat_interleave(9, dim=0), streams(36))
    assert oracle.calls <= 120
    found = (answer.x != x.repeat_interleave(9, dim=0)).any(dim=1)
    assert bool((labels_of(network, answer.x) == target)[found].all())
    assert float(found.float().mean()) > 0.5


def test_a_bracket_climbs_until_something_works_and_halves_then():
    bracket = Bracket.start(torch.ones(2))
    tried = []
    for _ in range(8):
        tried.append(bracket.now.tolist())
        bracket.advance(torch.arange(2), bracket.now > torch.tensor([30.0, 0.3]))
    assert [row[0] for row in tried[:4]] == [1.0, 10.0, 100.0, 55.0]
    assert bracket.high.tolist() == pytest.approx([30.0, 0.3], rel=0.1)
    assert bool((bracket.low < bracket.high).all())


def test_ending_walks_early_saves_gradients_and_changes_little():
    network, x = smooth(40), uniform(8, 40)
    spent, size = [], []
    for abort in (False, True):
        oracle = oracle_for(network, x, Norm.L2, classes=3)
        answer = Ead(steps=60, searches=6, c=0.01, abort=abort).perturb(oracle, x, streams(8))
        spent.append(int(oracle.gradients.sum()))
        size.append(float(answer.notes["l2_l2"].mean()))
    assert spent[1] < 0.9 * spent[0]
    assert size[1] < 1.05 * size[0]


def test_changing_variables_takes_no_notice_of_beta():
    """Thesis, Table 5: the walk in tanh space hardly becomes sparser, EAD does."""
    network, x = smooth(40), 0.05 + 0.9 * uniform(8, 40)
    drop = {}
    for solver in ("cov", "fista"):
        one, other = (
            float(
                attack(Ead(beta=beta, solver=solver, steps=50, searches=4, c=0.1), network, x, classes=3)
                .notes["en_l1"]
                .mean()
            )
            for beta in (0.0, 1e-2)
        )
        drop[solver] = 1 - other / one
    assert drop["cov"] < 0.1 < drop["fista"]


class CountsLooks(Counted):
    """Counts the calls for labels too."""

    looks = 0

    def labels(self, points, rows=None):
        self.looks += 1
        return super().labels(points, rows)


def test_iterates_that_wait_to_be_asked_about_change_nothing_that_is_chosen(monkeypatch):
    network, x = smooth(40), uniform(8, 40)
    component = Ead(steps=60, searches=5, c=0.01, beta=1e-3)
    patient, hasty = (oracle_for(network, x, classes=3, kind=CountsLooks) for _ in range(2))
    answer = component.perturb(patient, x, streams(8))
    monkeypatch.setattr(Hunt, "patient", lambda hunt, steps: torch.zeros(len(hunt.x0), dtype=torch.bool))
    expected = component.perturb(hasty, x, streams(8))
    assert torch.equal(answer.x, expected.x)
    for name, column in expected.notes.items():
        assert torch.equal(answer.notes[name], column), name
    assert torch.equal(patient.gradients, hasty.gradients)
    assert patient.looks < hasty.looks / 5
    assert bool((patient.queries < 1.1 * hasty.queries).all())


@pytest.mark.parametrize(
    ("eps", "refine", "queries", "gradients", "waits"),
    [
        (None, False, None, None, True),
        (2.0, False, None, None, False),
        (2.0, True, None, None, True),
        (None, False, 15, None, False),
        (None, False, 16, None, True),
        (None, False, None, 7, False),
    ],
)
def test_nobody_waits_where_a_success_ends_the_row_or_the_budget_may_run_out(eps, refine, queries, gradients, waits):
    network, x = smooth(40), uniform(2, 40)
    threat = Threat(
        access=Access.GRADIENTS, norm=Norm.L1, eps=eps, refine=refine, max_queries=queries, max_gradients=gradients,
        gradient="exact",
    )  # fmt: skip
    oracle = LocalOracle(network, ClassGoal(labels_of(network, x)), threat, shape=(40,), classes=3, bounds=UNIT)
    assert Hunt(oracle, x, 1e-2, 0.0).patient(8).tolist() == [waits] * 2
