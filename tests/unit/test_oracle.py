"""An oracle grants what its type says, charges first, and answers dead rows neutrally."""

import sys
from pathlib import Path

import pytest
import torch

from advbench import Access, BudgetSpent, StopReason
from advbench.arena.draws import NoiseSource, QueryDraws, SeedPath
from advbench.testing import BOUNDS, LinearContender, NoisyContender, SurrogateContender, ThresholdContender

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import Counted
from oracle_case import first, low

SCORES, GRADIENTS = Access.SCORES, Access.GRADIENTS


@pytest.mark.parametrize(
    ("access", "has"),
    [
        (Access.NONE, set()),
        (Access.LABELS, {"labels"}),
        (SCORES, {"labels", "scores"}),
        (GRADIENTS, {"labels", "scores", "value_and_grad", "gradients_left"}),
    ],
)
def test_the_type_of_an_oracle_is_its_access(access, has):
    oracle = Counted(ThresholdContender(), *low(2), access=access).oracle
    doors = ("labels", "scores", "value_and_grad", "gradients_left")
    assert {name for name in doors if hasattr(oracle, name)} == has
    assert (oracle.classes, oracle.bounds, oracle.prepared) == (2, BOUNDS, None)


def test_each_example_pays_for_the_points_made_from_it():
    case = Counted(ThresholdContender(), *low(3), access=SCORES, max_queries=5)
    labels = case.oracle.labels(torch.full((4, 4), 0.5), torch.tensor([2, 0, 2, 2]))
    assert labels.tolist() == [0, 0, 0, 0]
    assert case.ledger.queries.tolist() == [1, 0, 3]
    assert case.oracle.left().tolist() == [4, 5, 2]
    case.oracle.scores(torch.zeros(3, 4))
    assert case.ledger.queries.tolist() == [2, 1, 4]
    assert case.counts == ((7, 0), (7, 0))


def test_answers_stand_where_their_points_stood():
    x, _ = low(3)
    points = torch.tensor([0.5, 2.0, 1.5, 0.25, 3.0]).unsqueeze(1).expand(5, 4).contiguous()
    case = Counted(ThresholdContender(), x, torch.zeros(3, dtype=torch.int64), access=SCORES, eps=0.001)
    rows = torch.tensor([2, 1, 0, 2, 2])
    assert torch.equal(case.oracle.scores(points, rows)[:, 1], points[:, 0] - 1)
    assert case.oracle.labels(points, rows).tolist() == [0, 1, 1, 0, 1]


@pytest.mark.parametrize("budget", [0, 1, 7])
def test_rows_never_drag_each_other_down(budget):
    case = Counted(ThresholdContender(), *low(2), access=SCORES, max_queries=budget)
    spent = torch.zeros(1, 4)
    for _ in range(budget):
        case.oracle.labels(spent, torch.tensor([1]))
    if budget:
        assert case.oracle.live.tolist() == [True, False]
        both = torch.full((2, 4), 2.0)
        assert case.oracle.labels(both).tolist() == [1, 0]  # the dead row is answered with its own label
        assert case.ledger.queries.tolist() == [1, budget]
    for _ in range(budget - 1):
        case.oracle.labels(torch.zeros(2, 4))
    with pytest.raises(BudgetSpent):
        case.oracle.labels(torch.zeros(2, 4))
    assert case.ledger.queries.tolist() == [budget, budget]
    assert case.oracle.live.tolist() == [False, False]
    assert case.ledger.stopped == {0: StopReason.BUDGET, 1: StopReason.BUDGET}
    assert case.counts == ((2 * budget, 0), (2 * budget, 0))


def test_a_dead_row_is_answered_by_its_label_zero_scores_and_zero_gradients():
    x = torch.full((2, 4), 2.0)
    case = Counted(ThresholdContender(), x, torch.tensor([1, 1]), access=GRADIENTS, gradient="exact", max_queries=4)
    case.oracle.labels(x[:1].repeat(4, 1), torch.tensor([0, 0, 0, 0]))
    down = torch.zeros(2, 4)
    assert case.oracle.labels(down).tolist() == [1, 0]
    assert case.oracle.scores(down).tolist() == [[0, 0], [0, -1]]
    value, grad = case.oracle.value_and_grad(down, first)
    assert (value.tolist(), grad[:, 0].tolist()) == ([0, -1], [0, 1])
    assert case.ledger.best_query.tolist() == [0, 1]


def test_a_call_is_cut_where_the_budget_ends():
    case = Counted(ThresholdContender(), *low(2), access=SCORES, max_queries=3)
    rows = torch.tensor([0, 0, 1, 0, 0])
    points = torch.full((5, 4), 0.5)
    scores = case.oracle.scores(points, rows)
    assert scores[:, 1].tolist() == [-0.5, -0.5, -0.5, -0.5, 0.0]
    assert case.oracle.live.tolist() == [False, True]
    assert case.counts == ((4, 0), (4, 0))


def test_spent_is_raised_only_when_no_row_of_the_call_is_live():
    case = Counted(ThresholdContender(), *low(2), max_queries=1)
    case.oracle.labels(torch.zeros(1, 4), torch.tensor([0]))
    with pytest.raises(BudgetSpent):
        case.oracle.labels(torch.zeros(2, 4), torch.tensor([0, 0]))
    assert case.oracle.labels(torch.zeros(2, 4)).tolist() == [0, 0]
    assert not case.oracle.live.any()


def test_nothing_asked_is_nothing_charged():
    case = Counted(ThresholdContender(), *low(2), access=GRADIENTS, gradient="exact", max_queries=1)
    none, rows = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)
    assert case.oracle.labels(none, rows).shape == (0,)
    assert case.oracle.scores(none, rows).shape == (0, 2)
    value, grad = case.oracle.value_and_grad(none, first, rows)
    assert (value.shape, grad.shape) == ((0,), (0, 4))
    assert case.counts == ((0, 0), (0, 0))


def test_gradients_have_a_limit_of_their_own():
    case = Counted(
        LinearContender(bias=-50.0), *low(2), access=GRADIENTS, gradient="exact", max_queries=9, max_gradients=2
    )
    points = torch.zeros(3, 4)
    value, grad = case.oracle.value_and_grad(points, first, torch.tensor([0, 0, 1]))
    assert value.tolist() == [-50, -50, -50]
    assert grad.tolist() == [[1.0, -2.0, 0.5, 0.25]] * 3
    assert case.oracle.gradients_left().tolist() == [0, 1]
    value, grad = case.oracle.value_and_grad(points[:2], first)
    assert value.tolist() == [0, -50]  # the row that cannot pay is neutral, and dead
    assert grad.tolist() == [[0, 0, 0, 0], [1.0, -2.0, 0.5, 0.25]]
    assert case.oracle.live.tolist() == [False, True]
    assert case.ledger.gradients.tolist() == [2, 2]
    assert case.counts == ((4, 4), (4, 4))
    assert case.oracle.labels(points[:2]).tolist() == [0, 0]


def test_a_loss_is_told_which_points_it_sees():
    contender = LinearContender(bias=-50.0)
    facts = contender.facts
    contender.facts = type(facts)(**{**vars(facts), "chunk": 4})
    x, y = low(11)
    case = Counted(contender, x, y, access=GRADIENTS, gradient="exact", max_queries=1)
    case.oracle.labels(x[:1], torch.tensor([3]))  # row 3 is dead: the indices seen have a gap
    seen = []

    def loss(scores, index):
        seen.append(index.tolist())
        return scores[:, 1] * index

    value, grad = case.oracle.value_and_grad(x, loss)
    assert seen == [[0, 1, 2, 4], [5, 6, 7, 8], [9, 10]]
    expected = torch.arange(11.0)
    expected[3] = 0
    assert torch.equal(value, -50 * expected)
    assert torch.equal(grad[:, 0], expected)


def test_exact_gradients_show_successes_and_surrogates_prove_nothing():
    x = torch.zeros(1, 4)
    flipped = torch.full((1, 4), 2.0)
    y = torch.zeros(1, dtype=torch.int64)
    exact = Counted(ThresholdContender(), x, y, access=GRADIENTS, gradient="exact")
    exact.oracle.value_and_grad(flipped, first)
    assert exact.ledger.best_query.tolist() == [1]
    smooth = Counted(SurrogateContender(), x, y, access=GRADIENTS, gradient="surrogate/tau=.5")
    value, grad = smooth.oracle.value_and_grad(flipped, first)
    assert (float(value), float(grad[0, 0])) == (2.0, 2.0)
    assert smooth.ledger.best_query.tolist() == [0]
    assert smooth.counts == ((1, 1), (1, 1))
    smooth.oracle.labels(flipped)
    assert smooth.ledger.best_query.tolist() == [2]


def test_eot_charges_every_draw_and_follows_the_mean_probability():
    draws, contender = 5, NoisyContender(scale=1.0, threshold=0.5)
    x = torch.tensor([[0.5, 0, 0, 0], [0.25, 0, 0, 0], [1.0, 0, 0, 0]])
    y = torch.zeros(3, dtype=torch.int64)
    case = Counted(contender, x, y, access=GRADIENTS, gradient="exact", eot=draws, max_queries=100, max_gradients=12)
    rows = torch.tensor([0, 1, 2, 0])
    points = x[rows]
    assert case.oracle.gradients_left().tolist() == [2, 2, 2]
    value, grad = case.oracle.value_and_grad(points, lambda scores, index: scores[:, 1] - 2 * scores[:, 0], rows)
    assert case.ledger.queries.tolist() == [2 * draws, draws, draws]
    assert case.counts == ((20, 20), (20, 20))
    assert case.oracle.gradients_left().tolist() == [0, 1, 1]

    # The same noise by hand: query numbers 1..5 of each row, 6..10 of row 0's second point.
    source = NoiseSource(SeedPath(0, "noise"), [100, 101, 102])
    starts = [1, 1, 1, 1 + draws]
    for m, (row, start) in enumerate(zip(rows.tolist(), starts, strict=True)):
        seeds = source.seeds([row] * draws, list(range(start, start + draws)))
        point = points[m].clone().requires_grad_(True)
        repeated = point.expand(draws, 4)
        probabilities = contender.scores(repeated, noise=QueryDraws(seeds, torch.device("cpu"))).softmax(dim=1)
        mean = probabilities.mean(dim=0).log()
        loss = mean[1] - 2 * mean[0]
        (expected,) = torch.autograd.grad(loss, point)
        torch.testing.assert_close(value[m], loss.detach())
        torch.testing.assert_close(grad[m], expected)
