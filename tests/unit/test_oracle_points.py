"""Points that may not be asked about are refused before anything is charged; so are answers that are none."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from advbench import (
    Access,
    Bounds,
    ClassGoal,
    ContestError,
    DatasetFacts,
    InputError,
    LocalOracle,
    Modality,
    Norm,
    Threat,
    TorchContender,
)
from advbench.testing import BOUNDS, TextContender, ThresholdContender, grid_examples

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import Counted
from oracle_case import first, low

SCORES, GRADIENTS = Access.SCORES, Access.GRADIENTS


BAD = {
    "nan": torch.tensor([[0.0, 0, 0, float("nan")]]),
    "infinite": torch.tensor([[0.0, 0, 0, float("inf")]]),
    "above": torch.full((1, 4), 3.001),
    "below": torch.full((1, 4), -1.001),
    "shape": torch.zeros(1, 5),
    "flat": torch.zeros(4),
    "float64": torch.zeros(1, 4, dtype=torch.float64),
    "integers": torch.zeros(1, 4, dtype=torch.int64),
    "list": [[0.0] * 4],
    "text": ("good",),
    "none": None,
}


@pytest.mark.parametrize("door", ["labels", "scores", "value_and_grad"])
@pytest.mark.parametrize("bad", BAD)
def test_bad_points_are_refused_before_anything_is_charged(bad, door):
    contender = ThresholdContender()
    contender.facts = replace(contender.facts, float64=False)
    case = Counted(contender, *low(1), access=GRADIENTS, gradient="exact")
    ask = getattr(case.oracle, door)
    with pytest.raises(InputError, match="oracle: points must"):
        ask(BAD[bad], first) if door == "value_and_grad" else ask(BAD[bad])
    assert case.counts == ((0, 0), (0, 0))


def test_float64_points_are_answered_in_float64_where_the_contender_offers_it():
    network = nn.Linear(4, 2)
    case = Counted(TorchContender(network), *low(2), access=SCORES)
    assert case.oracle.float64
    x = grid_examples(2).x.double() + 1e-12  # lost in float32
    scores = case.oracle.scores(x)
    torch.testing.assert_close(scores, x @ network.weight.double().T + network.bias.double(), rtol=0, atol=1e-14)
    assert case.oracle.scores(x.float()).dtype == torch.float32
    assert case.counts == ((4, 0), (4, 0))
    with pytest.raises(InputError, match="oracle: points must lie"):
        case.oracle.scores(torch.full((2, 4), BOUNDS.high + 1e-12, dtype=torch.float64))


def test_a_success_that_only_float64_can_hold_is_none():
    contender = ThresholdContender(threshold=1.0)
    case = Counted(contender, *low(2), access=SCORES)
    case.ledger._confirm = lambda points, rows: case.goal.met(contender.labels(points), rows)
    x = torch.zeros(2, 4, dtype=torch.float64)
    x[0, 0], x[1, 0] = 1 + 1e-12, 1 + 1e-3  # the first one is 1, and class 0, as a float32
    assert case.oracle.scores(x).argmax(dim=1).tolist() == [1, 1]
    assert case.ledger.best_query.tolist() == [0, 1]
    assert case.ledger.best.dtype == torch.float32


@pytest.mark.parametrize("rows", [[0, 0], [2], [-1], []])
def test_bad_rows_are_refused_before_anything_is_charged(rows):
    case = Counted(ThresholdContender(), *low(2))
    with pytest.raises(InputError, match="oracle: rows must"):
        case.oracle.labels(torch.zeros(1, 4), torch.tensor(rows, dtype=torch.int64))
    with pytest.raises(InputError, match="oracle: rows must"):
        case.oracle.labels(torch.zeros(1, 4), torch.tensor([0.0]))
    assert case.counts == ((0, 0), (0, 0))


def test_the_edges_themselves_are_inside():
    unit = Bounds(0.1, 0.7)  # neither is a float32
    for bounds in (unit, None):
        oracle = LocalOracle(
            ThresholdContender(), ClassGoal(torch.zeros(1, dtype=torch.int64)),
            Threat(access=SCORES, norm=Norm.L2), shape=(1,), classes=2, bounds=bounds,
        )  # fmt: skip
        edges = torch.tensor([[0.1], [0.7]])
        assert oracle.labels(edges, torch.tensor([0, 0])).tolist() == [0, 0]
        with pytest.raises(InputError):
            oracle.labels(torch.tensor([[float("nan")]]))
    with pytest.raises(InputError):
        oracle.labels(torch.tensor([[float("inf")]]))


def test_points_are_cut_from_the_attacks_own_graph():
    case = Counted(ThresholdContender(), *low(1), access=GRADIENTS, gradient="exact")
    points = torch.full((1, 4), 2.0, requires_grad=True)
    for answer in (case.oracle.labels(points), case.oracle.scores(points), *case.oracle.value_and_grad(points, first)):
        assert not answer.requires_grad
    assert not case.ledger.best.requires_grad


def test_text_points_are_tuples_of_str():
    facts = DatasetFacts(modality=Modality.TEXT, shape=None, classes=2, bounds=None, digest="text")
    x = ("bad film", "good good film", "bad")
    y = torch.tensor([0, 1, 0])
    case = Counted(TextContender(), x, y, access=SCORES, facts=facts, max_queries=2)
    assert case.oracle.labels(("good film here", "a b", "good good bad")).tolist() == [0, 0, 1]
    scores = case.oracle.scores(("good good good", "good", "good good"), torch.tensor([0, 0, 2]))
    assert scores.tolist() == [[0.5, 1.0], [0.0, 0.0], [0.5, 1.0]]  # the second of row 0 is over its budget
    assert case.ledger.best == ["good good good", "a b", "good good bad"]
    assert case.counts == ((5, 0), (5, 0))
    for bad in (["good"] * 3, "abc", (1, 2, 3)):
        with pytest.raises(InputError, match="tuple of str"):
            case.oracle.labels(bad)


def test_a_contender_that_answers_wrongly_is_named():
    class Short(ThresholdContender):
        def labels(self, x, *, noise=None):
            return super().labels(x)[:-1]

    class Wide(ThresholdContender):
        def scores(self, x, *, noise=None):
            return torch.zeros(len(x), 3)

    class Lost(ThresholdContender):
        def scores(self, x, *, noise=None):
            return super().scores(x) * float("nan")

    x, y = low(5)
    for contender, word in ((Short(), "every point"), (Wide(), "scores must be"), (Lost(), "NaN")):
        oracle = Counted(contender, x, y, access=SCORES).oracle
        with pytest.raises(ContestError, match=word):
            oracle.labels(x) if word == "every point" else oracle.scores(x)
