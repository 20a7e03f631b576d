"""One attack against one contender, watched from all sides."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import os
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advbench import Access, Contender, Examples, Norm, Perturbed, State, Streams, Threat
from advbench.arena.contest import Contest, prepare, run_shard
from advbench.arena.draws import SeedPath
from advbench.contract.params import contender_fields

from .field import CPU, Field

BUDGET = 4000  # queries an example; gradients: a tenth
METHODS = {"labels": Access.LABELS, "scores": Access.SCORES, "value_and_grad": Access.GRADIENTS}


@dataclass(frozen=True)
class Ask:
    """One call of the oracle. dead: points of rows that were over before it; digest: of the points."""

    method: str
    points: int
    dead: int
    digest: str


@dataclass
class Watched:
    """An attack that behaves as the one inside, and takes notes. Fills the place of one in a Contest.

    say: what the attack's `explain` is handed, which then stands for `perturb`.
    """

    attack: Any
    say: Callable[[str], None] | None = None
    answers: list[tuple[Any, Perturbed]] = field(default_factory=list)  # input, answer
    asks: list[Ask] = field(default_factory=list)
    scribbles: list[str] = field(default_factory=list)  # what it wrote that is not its own
    draws: int = 0

    def perturb(self, oracle: Any, x: Any, rng: Streams) -> Perturbed:
        before = x if isinstance(x, tuple) else x.clone()
        goal = [None if part is None else part.clone() for part in (oracle.goal.y, oracle.goal.target)]
        self._watch(oracle)
        try:
            answer: Perturbed = self._answer(oracle, x, _CountedStreams(self, rng))
        finally:
            if isinstance(before, Tensor) and not torch.equal(before, x):
                self.scribbles.append("its input x")
            if not all(_same(a, b) for a, b in zip(goal, (oracle.goal.y, oracle.goal.target), strict=True)):
                self.scribbles.append("the goal's labels")
        self.answers.append((before, answer))
        return answer

    def _answer(self, oracle: Any, x: Any, rng: Streams) -> Any:
        if self.say is None:
            return self.attack.perturb(oracle, x, rng)
        return self.attack.explain(oracle, x, rng, self.say)

    def prepare(self, oracle: Any, seeds: Examples, rng: Streams) -> State:
        self._watch(oracle)
        learnt: State = self.attack.prepare(oracle, seeds, _CountedStreams(self, rng))
        return learnt

    def _watch(self, oracle: Any) -> None:
        for name in METHODS:
            if hasattr(oracle, name):
                setattr(oracle, name, self._noted(oracle, name, getattr(oracle, name)))

    def _noted(self, oracle: Any, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def _asked(points: Any, *args: Any, **more: Any) -> Any:
            rows = more.get("rows", args[-1] if args and isinstance(args[-1], Tensor) else None)
            live = oracle.live
            dead = ~(live if rows is None else live[rows])
            self.asks.append(Ask(name, len(points), int(dead.sum()), _digest(points)))
            return method(points, *args, **more)

        return _asked


class _CountedStreams:
    """The attack's streams, and whether it drew from them."""

    def __init__(self, watched: Watched, streams: Streams) -> None:
        self._watched, self._streams = watched, streams

    def normal(self, rows: Tensor, shape: tuple[int, ...]) -> Tensor:
        self._watched.draws += 1
        return self._streams.normal(rows, shape)

    def uniform(self, rows: Tensor, shape: tuple[int, ...]) -> Tensor:
        self._watched.draws += 1
        return self._streams.uniform(rows, shape)

    def integers(self, rows: Tensor, shape: tuple[int, ...], high: int) -> Tensor:
        self._watched.draws += 1
        return self._streams.integers(rows, shape, high)


@dataclass(frozen=True)
class Bout:
    """What came of it: judged rows in order, judged points by id, and the watcher's notes."""

    rows: list[dict[str, Any]]
    points: dict[str, Tensor]
    watched: Watched

    @property
    def broken(self) -> int:
        return sum(row["verdict"] == "broken" for row in self.rows)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a bout is held under."""

    needs: Access
    batched: bool
    norm: Norm
    field: Field
    eps: float | None = None
    budget: int | None = BUDGET
    seed: int = 0
    classes: int = 2


def hold(
    attack: Any,
    contender: Contender,
    examples: Examples,
    rules: Rules,
    target: Tensor | None = None,
    group: int = 0,
    say: Callable[[str], None] | None = None,
) -> Bout:
    """Let the attack at the contender; `group`: how many examples are attacked together, 0 = all.

    With `say` it explains itself on the way.
    """
    root, watched = SeedPath(rules.seed, "conformance"), Watched(attack, say)
    gradients = None if rules.budget is None else max(1, rules.budget // 10)
    threat = Threat(
        access=rules.needs, norm=rules.norm, eps=rules.eps, max_queries=rules.budget, max_gradients=gradients,
        max_prepare_queries=BUDGET, targeted=target is not None, gradient="exact",
    )  # fmt: skip
    contest = Contest(
        contender=contender, attack=watched, needs=rules.needs, batched=rules.batched, threat=threat,
        facts=rules.field.facts(rules.classes), distances=rules.field.distances(),
        attack_seeds=root.child("attack"), noise_seeds=root.child("noise"), judge_seeds=root.child("judge"), device=CPU,
        sources={name: copy.copy(contender) for name in contender_fields(attack)},  # a copy: the meter marks its own
    )  # fmt: skip
    learnt = None
    if hasattr(attack, "prepare"):
        seeds = rules.field.near(1.0, 32, reach=1.875)  # all over the bounds, wherever this bout's boundary lies
        learnt, _ = prepare(contest, Examples(seeds.ids + 10_000, seeds.x, seeds.y))
    rows: list[dict[str, Any]] = []
    points: dict[str, Tensor] = {}
    for part in torch.split(torch.arange(len(examples)), group or len(examples)):
        aim = None if target is None else target[part]
        outcome = run_shard(contest, select(examples, part), aim, learnt)
        rows += outcome.examples
        points |= outcome.points
    return Bout(rows, points, watched)


def select(examples: Examples, index: Tensor) -> Examples:
    """Those examples, in that order."""
    x = examples.x
    chosen = tuple(x[i] for i in index.tolist()) if isinstance(x, tuple) else x[index]
    return Examples(examples.ids[index], chosen, examples.y[index])


@dataclass
class Traces:
    """What a plugin's code left behind in the process: names of what changed, and what it printed."""

    moved: list[str] = field(default_factory=list)
    printed: str = ""


@contextlib.contextmanager
def traces() -> Iterator[Traces]:
    """Watch the process while plugin code runs; all that it changed is put back."""
    found, out = Traces(), io.StringIO()
    before = _process_state()
    saved = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            yield found
    finally:
        after = _process_state()
        found.moved += [name for name in before if before[name] != after[name]]
        found.printed = out.getvalue()
        random.setstate(saved[0])
        np.random.set_state(saved[1])
        torch.set_rng_state(saved[2])
        torch.set_grad_enabled(before["torch's gradient mode"])
        torch.set_default_dtype(before["torch's default dtype"])
        torch.set_num_threads(before["torch's number of threads"])


def _process_state() -> dict[str, Any]:
    return {
        "the generator of `random`": random.getstate(),
        "the global generator of numpy": str(np.random.get_state()),
        "the global generator of torch": torch.get_rng_state().numpy().tobytes(),
        "torch's gradient mode": torch.is_grad_enabled(),
        "torch's default dtype": torch.get_default_dtype(),
        "torch's number of threads": torch.get_num_threads(),
        "numpy's error handling": np.geterr(),
        "the working folder": os.getcwd(),
        # Torch sets some of its own, once, when a part of it is first used.
        "the environment": {name: text for name, text in os.environ.items() if not name.startswith("TORCH")},
        "the limit of recursion": sys.getrecursionlimit(),
    }


def where(error: BaseException) -> str:
    """The last line of a plugin's that an exception passed through: "attack.py:41"."""
    frames = traceback.extract_tb(error.__traceback__)
    core = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    foreign = [frame for frame in frames if not frame.filename.startswith(core)]
    last = (foreign or list(frames))[-1:]
    return f"{os.path.basename(last[0].filename)}:{last[0].lineno}" if last else "an unknown place"


def _digest(points: Any) -> str:
    data = "\0".join(points).encode() if isinstance(points, tuple) else points.detach().numpy().tobytes()
    return hashlib.sha256(data).hexdigest()


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    return a is b if a is None or b is None else torch.equal(a, b)
