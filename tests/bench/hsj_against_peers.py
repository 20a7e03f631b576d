"""HopSkipJump against its peers: time over the model's own, and the L2 distance at equal queries."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from scipy.stats import t as student
from torch import Tensor, nn
from torch.nn import functional as F

from advbench import DatasetFacts, Examples, TorchContender
from advbench.builtin.datasets import Digits
from advbench_hsj.attack import HopSkipJump

from .arena import play, queries
from .harness import Figure, at_most, figure, in_turn, ratios, step
from .hsj_peers import Notes, art, foolbox
from .victims import Victim, _trained, breast_cancer_mlp, digits_cnn

BUDGETS, N = (1000, 5000, 25_000), 100
STEPS = {5000: 17, 25_000: 52}  # of the peers: a little over so many queries
ROUNDS = 3
BRIEF, BRIEF_STEPS = 1000, 5  # queries of ours and steps of Foolbox's, of which times are taken


def figures() -> Iterator[Figure]:
    """Time on a four-layer convolutional network and a small dense one; distances on a table and on images."""
    yield from _times()
    for victim in (breast_cancer_mlp(), _digits_mlp(64)):
        yield from _distances(victim, BUDGETS)
    for victim in (digits_cnn(), _digits_mlp(20)):
        yield from _distances(victim, BUDGETS[:2])


@dataclass
class LabelRecording:
    """A contender that keeps a copy of all it is asked for labels."""

    contender: TorchContender
    parts: list[Tensor] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.contender, name)

    def labels(self, x: Tensor, *, noise: Any = None) -> Tensor:
        self.parts.append(x.clone())
        return self.contender.labels(x)


def _digits_mlp(hidden: int) -> Victim:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))
    return _trained(f"digits-mlp-{hidden}", network, Digits(), epochs=20)


class _Enlarged(Digits):
    """Digits blown up to 28 x 28, so that points are as long as MNIST's."""

    def load(self, split: Any, positions: Sequence[int] | None = None) -> Examples:
        part = super().load(split, positions)
        assert isinstance(part.x, Tensor)
        return replace(part, x=F.interpolate(part.x, size=28))

    def facts(self) -> DatasetFacts:
        return replace(super().facts(), shape=(1, 28, 28))


def _four_conv() -> Victim:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1024, 10),
    )  # fmt: skip
    return _trained("four-conv", network, _Enlarged(), epochs=3)


def _times() -> Iterator[Figure]:
    victim = _four_conv()
    examples = victim.examples("eval", 64)
    recording = LabelRecording(victim.contender)
    attack = HopSkipJump()
    spent = queries(play(recording, attack, examples, victim.facts, BRIEF))
    asked = f"{len(examples)} examples, {sum(spent) / len(spent):.0f} queries each"

    def model() -> None:
        for part in recording.parts:
            victim.contender.labels(part)

    with step(f"hsj, the model alone, Foolbox: {ROUNDS} rounds"):
        times = in_turn(
            ROUNDS,
            lambda: play(victim.contender, attack, examples, victim.facts, BRIEF),
            model,
            lambda: foolbox(victim, examples, BRIEF_STEPS, None),
        )
    yield figure("four conv, 28x28: ours / model, same rows (x)", ratios(times[0], times[1]), at_most(1.3), asked)
    notes = Notes(examples, (10**9,))
    foolbox(victim, examples, BRIEF_STEPS, notes)
    theirs = float(notes.queries.double().mean())
    scale = theirs * len(spent) / sum(spent)  # seconds per query, whatever each asked
    per_query = [ours / other * scale for ours, other in zip(times[0], times[2], strict=True)]
    yield figure("four conv, 28x28: ours / Foolbox, per query (x)", per_query, at_most(1.0), f"theirs {theirs:.0f}")
    small = _digits_mlp(20)
    few = small.examples("eval", 64)
    notes = Notes(few, (10**9,))
    art(small, few, 10, notes)
    budget = int(notes.queries.double().mean())
    with step(f"hsj and ART on 20 nodes: {ROUNDS} rounds"):
        ours, toolbox = in_turn(
            ROUNDS,
            lambda: play(small.contender, attack, few, small.facts, budget),
            lambda: art(small, few, 10, None),
        )
    yield figure("20 nodes: ours / ART, equal queries (x)", ratios(ours, toolbox), at_most(1 / 3), f"{budget} queries")


def _distances(victim: Victim, budgets: Sequence[int]) -> Iterator[Figure]:
    """Foolbox goes through the examples one by one up to 5000 queries only: it takes long."""
    examples, steps = victim.examples("eval", N), STEPS[budgets[-1]]
    runs: dict[str, tuple[Notes, Callable[[Notes], None]]] = {
        "ART": (Notes(examples, budgets), lambda notes: art(victim, examples, steps, notes)),
        "Foolbox, a batch": (Notes(examples, budgets), lambda notes: foolbox(victim, examples, steps, notes)),
        "Foolbox, one by one": (
            Notes(examples, budgets[:2]), lambda notes: foolbox(victim, examples, STEPS[5000], notes, True)
        ),
    }  # fmt: skip
    for name, (notes, run) in runs.items():
        with step(f"{victim.name}: {name}"):
            run(notes)
    for number, budget in enumerate(budgets):
        with step(f"{victim.name}: ours, {budget} queries"):
            outcome = play(victim.contender, HopSkipJump(), examples, victim.facts, budget)
        sizes = [row["l2"] if row["verdict"] == "broken" else math.inf for row in outcome.examples]
        ours = torch.tensor(sizes, dtype=torch.float64)
        yield figure(f"{victim.name}, {budget} queries: unbroken, ours", int(ours.isinf().sum()))
        for name, (notes, _) in runs.items():
            if number < len(notes.budgets):
                yield _ratio(f"{victim.name}, {budget} queries: L2, ours / {name}", ours, notes.best[number])


def _ratio(what: str, ours: Tensor, theirs: Tensor) -> Figure:
    """The upper end of the 95 % interval of the geometric mean of paired ratios."""
    ours = ours[: len(theirs)]
    both = ours.isfinite() & theirs.isfinite()
    logs = (ours[both] / theirs[both]).log()
    n, mean = len(logs), float(logs.mean())
    half = float(student.ppf(0.975, n - 1)) * float(logs.std()) / n**0.5
    note = f"95 % upper bound; mean {math.exp(mean):.3f}, lower {math.exp(mean - half):.3f}, n {n}"
    return figure(what, math.exp(mean + half), at_most(1.05), note)
