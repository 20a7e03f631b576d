"""A model trained elsewhere: asked as it is, once it has shown that it fits the data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from advbench import Access, ContenderFacts, DataError, Job, State, param

from .own_contenders import GradientContender, LabelContender, Reader, ScoreContender
from .own_probe import Expectation, probe, require_fit

Ask: TypeAlias = Callable[[Tensor], Any]  # prepared inputs (N, ...) -> whatever the model returns
_CHUNK, _PAD = 128, 16
_CLOSE = 1e-3  # of the largest answer: more than rounding, less than any training moves a network


@dataclass(frozen=True)
class OwnModel:
    """Base: what the user says of the model, checked on sixteen points before it is used.

    Subclasses define `who`, `gives_gradients` and `open(job)`, which returns (ask, digest of its file).
    """

    outputs: Literal["logits", "probabilities", "labels"] = param(
        "logits", help="what it returns: (N, K) log-space scores, (N, K) probabilities, or (N,) class numbers"
    )
    classes: int | None = param(None, ge=2, help="classes that it tells apart; none: those of the data set")
    bounds: tuple[float, ...] | None = param(
        None, help="range of inputs that it was trained on, low/high, which must be the data set's; none: unknown"
    )
    mean: tuple[float, ...] = param((0.0,), help="taken from the inputs first: one number, or one per channel")
    std: tuple[float, ...] = param((1.0,), gt=0, help="divides the inputs then: one number, or one per channel")
    layout: Literal["as-is", "channels-last", "flat"] = param(
        "as-is", help="of pictures: (N, C, H, W) as they are, (N, H, W, C), or (N, C H W)"
    )
    fixed_batch: int | None = param(None, ge=1, help="points per call, for files that were stored for this many only")

    def __post_init__(self) -> None:
        if self.bounds is not None and (len(self.bounds) != 2 or self.bounds[0] >= self.bounds[1]):
            got = "/".join(f"{bound:g}" for bound in self.bounds)
            raise ValueError(f"bounds must be two numbers, the lower first, got {got}. Write bounds=0/1.")

    @property
    def who(self) -> str:
        """Its name in messages."""
        raise NotImplementedError

    @property
    def gives_gradients(self) -> bool:
        """Whether torch can differentiate it."""
        raise NotImplementedError

    def open(self, job: Job) -> tuple[Ask, str]:
        """Load the model. Raises DataError."""
        raise NotImplementedError

    def facts(self) -> ContenderFacts:
        gradients = self.gives_gradients and self.outputs != "labels"
        access = Access.GRADIENTS if gradients else Access.LABELS if self.outputs == "labels" else Access.SCORES
        return ContenderFacts(
            access=access, gradients=("exact",) if gradients else (), classes=self.classes,
            chunk=self.fixed_batch or _CHUNK, pad=self.fixed_batch or _PAD,
        )  # fmt: skip

    def build(self, job: Job) -> None:
        """No untrained network: there is nothing to train."""

    def fit(self, job: Job) -> LabelContender:
        """Train nothing; open the model and check that it fits."""
        contender, answers, digest = self._checked(job)
        contender.known_by = State({"probe": answers}, {"digest": digest})
        return contender

    def restore(self, state: State, job: Job) -> LabelContender:
        """Open it again. Raises DataError if it is no longer the model that was opened first."""
        contender, answers, digest = self._checked(job)
        before = state.arrays["probe"].to(answers)
        gap = _CLOSE * float(before.abs().max())
        if digest != state.meta["digest"] or not torch.allclose(answers, before, rtol=0, atol=gap):
            raise DataError(
                f"{self.who}: it must be the model that was used before, got another under the same name."
                " Give the new one a name of its own, or forget the old one: advbench cache prune --older-than 0."
            )
        contender.known_by = state
        return contender

    def _checked(self, job: Job) -> tuple[LabelContender, Tensor, str]:
        facts = self.facts()
        expected = Expectation(self.who, self.outputs, job.facts, self.classes, self.bounds)
        expected.check_bounds()
        ask, digest = self.open(job)
        channels = job.facts.shape[-1 if job.facts.modality == "series" else 0] if job.facts.shape else 1
        for name in ("mean", "std"):
            if len(getattr(self, name)) not in (1, channels):
                raise DataError(
                    f"{self.who}: {name} must hold 1 or {channels} numbers, got {len(getattr(self, name))}."
                    " Give one, or one per channel."
                )
        reader = Reader(ask, self.outputs, self.mean, self.std, self.layout, job.facts)
        answers = require_fit(expected, reader, facts, job.device)
        kinds = {Access.LABELS: LabelContender, Access.SCORES: ScoreContender, Access.GRADIENTS: GradientContender}
        return kinds[facts.access](reader, facts), answers.cpu(), digest


__all__ = ["Ask", "OwnModel", "probe"]
