"""Putting points to a contender: in chunks of a fixed size, padded, checked, with their noise."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..contract.errors import ContestError
from ..contract.protocols import Contender, Loss
from ..contract.texts import kind_of
from .draws import QueryDraws
from .meter import Metered

T = TypeVar("T")


class Asker:
    """Asks one contender. Chunk size and padding come from its facts, never from a clock.

    A row's answer therefore does not depend on what is asked beside it. Chunks for which the device
    lacks memory are halved, and so are later ones; unless rows are not `exact`: then they must not be.
    """

    def __init__(self, contender: Contender, classes: int, device: torch.device, exact: bool = True) -> None:
        self.contender, self.classes, self.device = contender, classes, device
        self.facts = contender.facts
        self._exact = exact
        self._halvings = 0

    def labels(self, points: Any, seeds: Sequence[int] | None = None) -> Tensor:
        """int64 (M,)."""
        answers = self._answers(lambda part, start: self._labels(part, seeds, start), points)
        return torch.cat(answers) if answers else torch.empty(0, dtype=torch.int64, device=self.device)

    def scores(self, points: Any, seeds: Sequence[int] | None = None) -> Tensor:
        """float32 (M, K)."""
        answers = self._answers(lambda part, start: self._scores(part, seeds, start), points)
        scores = torch.cat(answers) if answers else torch.empty(0, self.classes, device=self.device)
        if has_nan(scores):
            raise ContestError("contender: scores must be numbers, got NaN. Scores are log-space; use log_softmax.")
        return scores

    def value_and_grad(
        self, points: Tensor, loss: Loss, gradient: str, seeds: Sequence[int] | None = None, draws: int = 1
    ) -> tuple[Tensor, Tensor]:
        """(loss (M,), gradient like points).

        With draws > 1 both belong to the log of the mean probability over that many draws;
        `seeds` then holds them point by point, M x draws in all. The gradient may hold NaN.
        """
        answers = self._answers(
            lambda part, start: self._gradient(part, loss, gradient, seeds, start, draws), points, draws
        )
        values, grads = zip((points.new_zeros(0), points[:0]), *answers, strict=True)
        return torch.cat(values), torch.cat(grads)

    def _answers(self, ask: Callable[[Any, int], T], points: Any, draws: int = 1) -> list[T]:
        """What `ask(part, start)` says of each chunk, in order."""
        whole, n = max(1, self.facts.chunk // draws), len(points)
        least = min(whole, self._least(draws))
        answers: list[T] = []
        start = 0
        while start < n:
            size = max(least, whole >> self._halvings)
            part = points if n <= size else points[start : start + size]
            answers += self._fitting(ask, part, start, draws)
            start += size
        return answers

    def _fitting(
        self, ask: Callable[[Any, int], T], part: Any, start: int, draws: int = 1, halved: int | None = None
    ) -> list[T]:
        """The answers for a chunk, `halved` so often: one, or several where the device lacks memory for it all."""
        with suppress(torch.OutOfMemoryError):
            return [ask(part, start)]
        half = len(part) // 2
        half += -half % self._least(draws)
        if not self._exact or not 0 < half < len(part):
            hint = "Its rows depend on their chunk, which cannot be made smaller. " if not self._exact else ""
            raise ContestError(
                f"contender: {len(part)} points at once must fit into the memory of {self.device}, got out of memory."
                f" {hint}Use a device with more, or fewer workers on it."
            )
        halved = (self._halvings if halved is None else halved) + 1
        self._halvings = max(self._halvings, halved)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        parts = ((part[:half], start), (part[half:], start + half))
        return [answer for some, at in parts for answer in self._fitting(ask, some, at, draws, halved)]

    def _least(self, draws: int) -> int:
        """Points below which padding makes up for whatever is left out."""
        return math.ceil(self.facts.pad / draws)

    def _labels(self, part: Any, seeds: Sequence[int] | None, start: int) -> Tensor:
        labels = self._call(self.contender.labels, part, seeds, start)
        if labels.dtype != torch.int64 or labels.dim() != 1:
            raise ContestError(f"contender: labels must be torch.int64 ({len(part)},), got {kind_of(labels)}.")
        return labels

    def _scores(self, part: Any, seeds: Sequence[int] | None, start: int) -> Tensor:
        scores = self._call(self.contender.scores, part, seeds, start)
        if scores.dim() != 2 or scores.shape[1] != self.classes or not scores.is_floating_point():
            wanted = (len(part), self.classes)
            raise ContestError(f"contender: scores must be float32 {wanted}, got {kind_of(scores)}.")
        return scores

    def _call(self, method: Callable[..., Tensor], part: Any, seeds: Sequence[int] | None, start: int) -> Tensor:
        """One answer per point."""
        m = len(part)
        padded, fill = _pad(part, m, self.facts.pad)
        answer = method(padded, noise=self._noise(seeds, start, m, fill))
        self._discount(fill)
        if not isinstance(answer, Tensor) or not answer.dim() or answer.shape[0] != m + fill:
            raise ContestError(f"contender: it must answer every point, got {kind_of(answer)} to {m + fill}.")
        return answer[:m] if fill else answer

    def _gradient(
        self, part: Tensor, loss: Loss, gradient: str, seeds: Sequence[int] | None, start: int, draws: int
    ) -> tuple[Tensor, Tensor]:
        m = len(part)
        # A copy: a contender may mark what it is handed, to get the gradient.
        repeated = part.clone() if draws == 1 else part.repeat_interleave(draws, dim=0)
        padded, fill = _pad(repeated, m * draws, self.facts.pad)
        index = torch.arange(start, start + m, device=part.device)
        kept: list[Tensor] = []

        def chunk_loss(scores: Tensor) -> Tensor:
            value = loss(_mean_scores(scores[: m * draws] if fill else scores, draws), index)
            kept.append(value.detach())
            spread = value if draws == 1 else (value / draws).repeat_interleave(draws)
            return torch.cat([spread, spread.new_zeros(fill)]) if fill else spread

        noise = self._noise(seeds, start * draws, m * draws, fill)
        answer = self.contender.value_and_grad(padded, chunk_loss, gradient=gradient, noise=noise)
        self._discount(fill, gradients=True)
        if not kept or not isinstance(answer, tuple) or len(answer) != 2:
            got = kind_of(answer) if kept else "an answer without asking the loss"
            raise ContestError(f"contender: value_and_grad must return (loss, gradient), got {got}.")
        grad = answer[1]
        if not isinstance(grad, Tensor) or grad.shape != padded.shape or not grad.is_floating_point():
            wanted = f"{padded.dtype} {tuple(padded.shape)}"
            raise ContestError(f"contender: gradient '{gradient}' must be {wanted}, got {kind_of(grad)}.")
        grad = grad[: m * draws].reshape(m, draws, *part.shape[1:]).sum(dim=1)
        return kept[-1], grad

    def _noise(self, seeds: Sequence[int] | None, start: int, count: int, fill: int) -> QueryDraws | None:
        if not self.facts.stochastic or seeds is None:
            return None
        return QueryDraws([*seeds[start : start + count], *[0] * fill], self.device)

    def _discount(self, fill: int, gradients: bool = False) -> None:
        if fill and isinstance(self.contender, Metered):
            self.contender.discount(fill, gradients)


def has_nan(numbers: Tensor) -> bool:
    """Whether any number is NaN."""
    # A sum is one pass; that it is NaN may also come from infinities of both signs.
    return math.isnan(float(numbers.sum())) and bool(numbers.isnan().any())


def _mean_scores(scores: Tensor, draws: int) -> Tensor:
    """Log of the mean probability over draws, (m x draws, K) -> (m, K)."""
    if draws == 1:
        return scores
    logs = scores.log_softmax(dim=1).reshape(-1, draws, scores.shape[1])
    return logs.logsumexp(dim=1) - math.log(draws)


def _pad(part: Any, count: int, multiple: int) -> tuple[Any, int]:
    """Fill so many points up to the next multiple by repeating the last one."""
    fill = -count % multiple
    if not fill:
        return part, 0
    if isinstance(part, tuple):
        return part + part[-1:] * fill, fill
    return part.index_select(0, _repeat_last(count, fill, part.device)), fill


@functools.lru_cache(maxsize=1024)
def _repeat_last(count: int, fill: int, device: torch.device) -> Tensor:
    return torch.arange(count + fill, device=device).clamp_(max=count - 1)
