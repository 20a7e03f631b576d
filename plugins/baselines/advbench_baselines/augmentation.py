"""Adversarial examples made once and added to the training split, for the network to be trained again."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from advbench import (
    Contender,
    ContenderFacts,
    ContestError,
    Examples,
    Job,
    Model,
    Norm,
    State,
    component,
    param,
    spec_of,
)

from .adversarial_training import NORMS
from .checkpoint import Checkpoint
from .fitting import numbers
from .lessons import Batch, trainable
from .phases import phases
from .sparring import Sparring, check_attack

_NAME = "adversarial-augmentation"
_CHUNK = 64  # examples attacked together


@dataclass(frozen=True)
class AdversarialAugmentation:
    """A plain network is attacked towards every wrong class of some training examples; those that reach it join the
    training split under their true labels, and a network is trained from the start (thesis, section 4.3.5).

    With a second attack the examples of both join: attack=cw,other=ead are C&W's (L2) and EAD's (L1) together.
    """

    attack: Any = component("attack", default="cw", help="what makes the examples: the smallest changes")  # noqa: RUF009
    norm: NORMS = param("l2", help="how the attack's changes are measured")  # noqa: RUF009
    other: Any = component("attack", help="a second attack, whose examples join too")  # noqa: RUF009
    other_norm: NORMS = param("l1", help="how its changes are measured")  # noqa: RUF009
    images: int = param(1000, ge=1, paper=1000, help="training examples that are attacked, at most all")

    def __post_init__(self) -> None:
        for attack, norm, field, norm_field in self._attacks():
            check_attack(attack, norm, field, norm_field)
            if not spec_of(attack).targeted:
                raise ValueError(f"{field} must aim at classes, got {spec_of(attack).name}. Choose another.")

    def facts(self, base: ContenderFacts | None) -> ContenderFacts:
        return trainable(_NAME, base)

    def protect(self, base: Model, job: Job) -> Contender:
        attacks = self._attacks()
        first, *making, last = phases(job, ("plain", *(field for _, _, field, _ in attacks), "augmented"))
        victim = base.fit(first)
        made = [
            _made(Sparring(_NAME, attack, Norm(norm), None, job.facts), victim, own, self._chosen(job))
            for (attack, norm, _, _), own in zip(attacks, making, strict=True)
        ]
        return base.fit(replace(last, train=joined(job.train, made)))

    def restore(self, base: Model, state: State, job: Job) -> Contender:
        return base.restore(state, job)

    def _attacks(self) -> list[tuple[Any, NORMS, str, str]]:
        """(attack, norm, the names of both fields); the second only if there is one."""
        second = [(self.other, self.other_norm, "other", "other_norm")] if self.other is not None else []
        return [(self.attack, self.norm, "attack", "norm"), *second]

    def _chosen(self, job: Job) -> Tensor:
        """Rows of the training split, the same for both attacks."""
        order = torch.randperm(len(job.train), generator=job.rng.child("images").generator())
        return order[: self.images].sort().values


def joined(train: Examples, made: list[Examples]) -> Examples:
    """All of them; those made get ids of their own."""
    x = torch.cat([numbers(train), *(numbers(one) for one in made)])
    y = torch.cat([train.y, *(one.y for one in made)])
    first = int(train.ids.max()) + 1
    return Examples(torch.cat([train.ids, torch.arange(first, first + len(y) - len(train))]), x, y)


def _made(sparring: Sparring, victim: Contender, job: Job, chosen: Tensor) -> Examples:
    """Every example that reached its class, with the true label. Raises ContestError if none did.

    What was made before an interruption is read back.
    """
    rows, target = pairs(job.train.y, chosen, job.facts.classes)
    x, y = numbers(job.train)[rows], job.train.y[rows]
    checkpoint = Checkpoint(job.checkpoints, "made")
    kept = checkpoint.load()
    moved = [] if kept is None else [kept[0]["moved"]]
    reached = [] if kept is None else [kept[0]["reached"]]
    for start in range(sum(map(len, moved)), len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        batch = Batch(x[part].to(job.device), y[part].to(job.device), job.rng.child("batch", start))
        answer = sparring.against(victim, batch, target[part].to(job.device))
        moved.append(answer.cpu())
        reached.append(victim.labels(answer).cpu() == target[part])
        job.progress(min(start + _CHUNK, len(rows)), len(rows))
        late = job.deadline is not None and time.monotonic() > job.deadline
        if checkpoint.due or late:
            checkpoint.save({"moved": torch.cat(moved), "reached": torch.cat(reached)}, {})
        if late:
            raise ContestError(
                f"{_NAME}: training must end before its deadline, got {sum(map(len, moved))} of {len(rows)} examples."
                " Allow more time or fewer images; what was made so far is kept."
            )
    hit = torch.cat(reached)
    if not bool(hit.any()):
        raise ContestError(f"{_NAME}: the attack must reach some class, got none of {len(rows)}. Choose another.")
    return Examples(rows[hit], torch.cat(moved)[hit], y[hit])


def pairs(y: Tensor, chosen: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """(rows, targets): each chosen row with each class that it is not."""
    every = torch.arange(classes).expand(len(chosen), classes)
    wrong = every != y[chosen, None]
    return chosen.repeat_interleave(classes - 1), every[wrong]
