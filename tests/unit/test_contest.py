"""The same rows come out whatever the shard, its order, or the company; preparing is charged and handed back."""

import itertools
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from advbench import Access, ContenderFacts, DatasetFacts, Examples, Modality, Norm, Perturbed, TorchContender
from advbench.arena.contest import run_shard
from advbench.builtin.attacks import Nothing, RandomNoise
from advbench.builtin.datasets import Digits
from advbench.builtin.models import Linear, Mlp
from advbench.testing import (
    NestedAttack,
    NoisyContender,
    SlopeAttack,
    StepAttack,
    TextContender,
    ThresholdContender,
    grid_examples,
    grid_facts,
)

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import contest_of, global_states, job, play, same, subset

DIGITS = Digits(classes=(3, 8))
EVAL = DIGITS.load("eval", range(12))


class Ten(torch.nn.Module):
    """A network of sign units with a hard vote, as SCD's: integers decide."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.planes = torch.randn(64, 40, generator=generator)
        self.sides = torch.randint(0, 2, (40,), generator=generator) * 2 - 1

    def forward(self, x):
        votes = (((x.flatten(1) - 0.3) @ self.planes > 0).long() * 2 - 1) * self.sides
        ones = (votes > 0).sum(dim=1)
        return torch.stack([40 - ones + 0.5, ones + 0.5], dim=1).log()


@pytest.fixture(scope="module")
def contenders():
    """Trained for seconds: what matters is that they answer, not how well."""
    torch.set_num_threads(1)
    own = job(DIGITS)
    return {
        "linear": Linear(epochs=3).fit(own),
        "mlp": Mlp(hidden=(16,), epochs=3).fit(own),
        "votes": Mlp(hidden=(20,), activation="sigmoid", votes=30, vote="hard", epochs=2).fit(own),
        "signs": TorchContender(Ten(), ContenderFacts(access=Access.SCORES)),
        "noisy": NoisyContender(scale=0.2, threshold=0.4),
    }


def zoo(**params):
    return pytest.importorskip("advbench_zoo.attack").Zoo(**params)


ATTACKS = {
    "zoo": lambda: (zoo(coordinates=6), Access.SCORES, Norm.L2),
    "random-noise l2": lambda: (RandomNoise(draws=20), Access.LABELS, Norm.L2),
    "random-noise linf": lambda: (RandomNoise(draws=20), Access.LABELS, Norm.LINF),
    "gradient": lambda: (SlopeAttack(steps=3), Access.GRADIENTS, Norm.L2),
}


@pytest.mark.parametrize("eps", [None, 1.5])
@pytest.mark.parametrize(
    ("name", "attack"),
    [
        (name, attack)
        for name in ("linear", "mlp", "votes", "signs", "noisy")
        for attack in ATTACKS
        if (name, attack) != ("signs", "gradient")  # it offers none
    ],
)
def test_shards_of_any_size_and_order_give_the_same_rows(contenders, name, attack, eps):
    contender = contenders[name]
    instance, needs, norm = ATTACKS[attack]()
    gradient = contender.facts.gradients[0] if needs is Access.GRADIENTS else "none"
    if name == "noisy" and attack == "zoo":
        budget = 60  # a hundred draws for every verdict take their time
    else:
        budget = 150
    facts = DIGITS.facts()
    labels = _labels(contender, EVAL)
    examples = Examples(EVAL.ids, EVAL.x, labels)  # all right, so that all are attacked

    def rows(order, batched, size):
        contest = contest_of(
            contender, instance, needs=needs, norm=norm, batched=batched, facts=facts, eps=eps, gradient=gradient,
            max_queries=budget, eot=2 if contender.facts.stochastic else 1,
        )  # fmt: skip
        found, traces = {}, {}
        for start in range(0, len(order), size):
            outcome = run_shard(contest, subset(examples, order[start : start + size]))
            found |= {row["example_id"]: row for row in outcome.examples}
            for step in outcome.trace:
                traces.setdefault(step["example_id"], []).append((step["query"], step["distance"]))
        return found, traces

    straight = list(range(len(examples)))
    whole, trace = rows(straight, True, len(examples))
    assert {row["verdict"] for row in whole.values()} <= {"broken", "held", "skipped"}
    shuffled = [7, 3, 11, 0, 5, 1, 10, 2, 9, 4, 8, 6]
    for order, batched, size in ((shuffled, True, 12), (shuffled, True, 5), (straight, True, 1), (straight, False, 12)):
        other, other_trace = rows(order, batched, size)
        assert set(other) == set(whole)
        wrong = [i for i in whole if not same(whole[i], other[i])]
        assert not wrong, f"example {wrong[0]}: {whole[wrong[0]]} in {size} of order {order}: {other[wrong[0]]}"
        assert other_trace == trace


def _labels(contender, examples):
    if contender.facts.stochastic:
        return (contender.flips(examples.x) > 0.5).long()
    return contender.labels(examples.x)


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(9)), cuts=st.sets(st.integers(1, 8), max_size=4), seed=st.integers(0, 3))
def test_a_row_knows_nothing_of_its_company(order, cuts, seed):
    """Lucky draws, confirmations and budgets that end at different times included."""
    examples = grid_examples(9, seed=5)
    rules = {"max_queries": 40, "seed": seed, "eps": 1.0, "norm": Norm.LINF}
    contender, attack = NoisyContender(scale=0.5), RandomNoise(draws=20)
    whole = {row["example_id"]: row for row in play(contender, attack, examples, **rules)}
    edges = [0, *sorted(cuts), 9]
    for start, end in itertools.pairwise(edges):
        for row in play(contender, attack, subset(examples, list(order)[start:end]), **rules):
            assert same(row, whole[row["example_id"]])


def test_what_is_not_batched_sees_one_example_at_a_time():
    class Alone(StepAttack):
        def perturb(self, oracle, x, rng):
            seen.append((len(x), oracle.goal.y.tolist(), oracle.live.tolist(), float(x[0, 0])))
            return super().perturb(oracle, x, rng)

    seen = []
    examples = grid_examples(5)
    play(ThresholdContender(), Alone(steps=2), examples, batched=False)
    expected = [
        (1, [y], [True], first) for y, first in zip(examples.y.tolist(), examples.x[:, 0].tolist(), strict=True)
    ]
    assert seen == expected
    seen.clear()
    play(ThresholdContender(), Alone(steps=2), examples)
    assert [size for size, *_ in seen] == [5]


def test_another_target_of_an_example_draws_other_numbers():
    class Draws:
        def perturb(self, oracle, x, rng):
            return Perturbed(x, notes={"drawn": rng.uniform(torch.arange(len(x)), ())})

    given_ = Examples(torch.tensor([4, 4, 5]), torch.zeros(3, 4), torch.zeros(3, dtype=torch.int64))
    rows = play(ThresholdContender(), Draws(), given_, needs=Access.NONE, target=torch.tensor([1, 2, 1]),
                facts=grid_facts(classes=2))  # fmt: skip
    assert len({row["note_drawn"] for row in rows}) == 3


def test_contenders_and_parameters_leave_the_attacks_draws_alone():
    class Draws(StepAttack):
        def perturb(self, oracle, x, rng):
            return Perturbed(x, notes={"drawn": rng.uniform(torch.arange(len(x)), ())})

    given_ = grid_examples(3)
    runs = [
        play(contender, Draws(steps=steps), given_, needs=Access.NONE)
        for contender, steps in ((ThresholdContender(), 1), (NoisyContender(0.01), 9))
    ]
    drawn = [[row["note_drawn"] for row in rows] for rows in runs]
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 3


def test_an_attack_may_hold_another():
    inner = StepAttack(steps=4)
    rows = [play(ThresholdContender(), attack, grid_examples(6)) for attack in (inner, NestedAttack(attack=inner))]
    assert all(same(a, b) for a, b in zip(*rows, strict=True))
    rows = play(ThresholdContender(), NestedAttack(attack=Nothing()), grid_examples(6))
    assert {row["verdict"] for row in rows} == {"held"}


def test_judged_points_are_kept_by_name_and_skipped_ones_are_not():
    x = torch.tensor([[0.0, 0, 0, 0], [2.0, 0, 0, 0]])
    given_ = Examples(torch.tensor([3, 9]), x, torch.zeros(2, dtype=torch.int64))
    contest = contest_of(ThresholdContender(), StepAttack(step=0.75, steps=4))
    outcome = run_shard(contest, given_)
    assert {name: point.tolist() for name, point in outcome.points.items()} == {"3": [1.5, 0, 0, 0]}
    outcome = run_shard(contest, given_, torch.tensor([1, 1]))
    assert list(outcome.points) == ["3-1"]


def test_the_trace_names_examples_and_counts_queries():
    outcome = run_shard(contest_of(ThresholdContender(), Shrinks(), facts=grid_facts()), _two())
    steps = [(step["example_id"], step["target"], step["query"], step["distance"]) for step in outcome.trace]
    assert steps == [
        (3, None, 1, 3.0),
        (3, None, 2, 2.0),
        (3, None, 3, 1.5),
        (9, None, 1, 2.5),
        (9, None, 2, 1.5),
        (9, None, 3, 1.0),
    ]


class Shrinks:
    def perturb(self, oracle, x, rng):
        for value in (3.0, 2.0, 1.5):
            out = x.clone()
            out[:, 0] = value
            oracle.labels(out)
        return Perturbed(x)


def _two():
    x = torch.tensor([[0.0, 0, 0, 0], [0.5, 0, 0, 0]])
    return Examples(torch.tensor([3, 9]), x, torch.zeros(2, dtype=torch.int64))


@pytest.mark.parametrize(
    ("attack", "rules"),
    [
        (Nothing(), {"needs": Access.NONE}),
        (RandomNoise(draws=5), {"eps": 0.5}),
        (StepAttack(steps=2), {}),
        (SlopeAttack(steps=2), {"needs": Access.GRADIENTS, "gradient": "exact", "eot": 2}),
        ("zoo", {"needs": Access.SCORES, "max_queries": 200}),
    ],
)
def test_no_global_generator_is_moved(attack, rules):
    attack = zoo() if attack == "zoo" else attack
    before = global_states()
    play(NoisyContender(), attack, grid_examples(4), **rules)
    assert global_states() == before


def test_text_is_attacked_too():
    facts = DatasetFacts(modality=Modality.TEXT, shape=None, classes=2, bounds=None, digest="text")

    class Appends:
        def perturb(self, oracle, x, rng):
            out = x
            while True:
                out = tuple(text + " good" for text in out)
                oracle.labels(out)

    given_ = Examples(torch.tensor([1, 2]), ("bad film", "so bad a film"), torch.tensor([0, 0]))
    for batched in (True, False):
        rows = play(TextContender(), Appends(), given_, facts=facts, eps=2.0, max_queries=9, batched=batched)
        assert [(row["verdict"], row["queries"], row["words"]) for row in rows] == [
            ("broken", 3, 1.5), ("broken", 5, 1.25)
        ]  # fmt: skip
