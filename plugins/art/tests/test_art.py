"""ART's attacks under our rules: counted, seeded one by one, and never trusted."""

import numpy as np
import pytest
import torch
from arena_case import play

from advbench import Access, Norm
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.contract.errors import ContestError, ParamError
from advbench.testing import LinearContender, grid_examples
from advbench_art.signatures import signatures

RESOLVER = Resolver(discover(only="art"), read())
WEIGHTS = (1.0, -0.5, 0.25, -1.0)
VICTIM = LinearContender(WEIGHTS, bias=0.25)  # through the middle of the bounds


def attack(text):
    return RESOLVER.one("attack", text).instance


def margins(x):
    scores = VICTIM.scores(x)
    return scores[:, 1] - scores[:, 0]


def near(n=6):
    """Examples close to the boundary, so that the bounds play no part."""
    examples = grid_examples(64, seed=5)
    x = 1 + (examples.x - 1) / 4
    y = VICTIM.labels(x)
    return type(examples)(examples.ids[:n], x[:n], y[:n])


@pytest.mark.parametrize(
    ("text", "needs", "within"),
    [
        ("art:deepfool,epsilon=0.02", Access.GRADIENTS, 1.05),
        ("art:carlinil2method,max_iter=60,binary_search_steps=6,learning_rate=0.05", Access.GRADIENTS, 1.1),
        ("art:hopskipjump,max_iter=10,max_eval=400,init_eval=50", Access.LABELS, 1.3),
    ],
)
def test_a_linear_victim_falls_near_its_exact_distance(text, needs, within):
    examples, own = near(), attack(text)
    assert own.facts().needs is needs
    rows = play(VICTIM, own, examples, needs=needs, batched=False, gradient="exact")
    assert [row["verdict"] for row in rows] == ["broken"] * len(rows)
    slope = margins(torch.eye(4)) - margins(torch.zeros(1, 4))
    exact = margins(examples.x).abs() / slope.norm()
    ratios = torch.tensor([row["l2"] for row in rows]) / exact
    assert float(ratios.median()) < within
    assert float(ratios.min()) > 0.99
    assert all(row["queries"] > 0 for row in rows)


def test_equal_seeds_give_equal_rows_though_art_itself_draws_unseeded():
    own = attack("art:hopskipjump,max_iter=2,max_eval=100,init_eval=10")
    state = np.random.get_state()[1].tobytes()
    one, two = (play(VICTIM, own, near(3), needs=Access.LABELS, batched=False) for _ in range(2))
    assert one == two
    other = play(VICTIM, own, near(3), needs=Access.LABELS, batched=False, seed=1)
    assert [row["l2"] for row in other] != [row["l2"] for row in one]
    assert np.random.get_state()[1].tobytes() == state


def test_the_norm_and_eps_are_the_threats():
    own = attack("art:projectedgradientdescentnumpy,max_iter=5")
    rules = {"needs": Access.GRADIENTS, "batched": False, "gradient": "exact", "norm": Norm.LINF}
    rows = play(VICTIM, own, near(4), eps=0.5, **rules)
    assert all(row["linf"] <= 0.5 + 1e-5 for row in rows)
    assert sum(row["verdict"] == "broken" for row in rows) >= 2
    with pytest.raises(ContestError, match="must have an eps, got none"):
        play(VICTIM, own, near(1), **rules)


def test_names_and_parameters_are_arts():
    assert {"deepfool", "zoo", "elasticnet", "hopskipjump", "carlinil2method", "square"} <= signatures().keys()
    assert attack("art:deepfool,max_iter=7").max_iter == 7
    with pytest.raises(ParamError, match="art: it has no parameter 'max_itr'. Did you mean 'max_iter'"):
        attack("art:deepfool,max_itr=7")
    with pytest.raises(ParamError, match="attack must be one of ART's, got depfool. Did you mean 'deepfool'"):
        attack("art:depfool")
    assert attack("art") == attack("art:deepfool")
