"""Putting points to a contender: in chunks of a fixed size, padded, checked, with their noise."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
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
        answers = [
            answer
            for start, part in self._chunks(points)
            for answer in self._fitting(lambda some, at: self._labels(some, seeds, at), part, start)
        ]
        return torch.cat(answers) if answers else torch.empty(0, dtype=torch.int64, device=self.device)

    def scores(self, points: Any, seeds: Sequence[int] | None = None) -> Tensor:
        """float32 (M, K)."""
        answers = [
            answer
            for start, part in self._chunks(points)
            for answer in self._fitting(lambda some, at: self._scores(some, seeds, at), part, start)
        ]
        return torch.cat(answers) if answers else torch.empty(0, self.classes, device=self.device)

    def value_and_grad(
        self, points: Tensor, loss: Loss, gradient: str, seeds: Sequence[int] | None = None, draws: int = 1
    ) -> tuple[Tensor, Tensor]:
        """(loss (M,), gradient like points).

        With draws > 1 both belong to the log of the mean probability over that many draws;
        `seeds` then holds them point by point, M x draws in all. The gradient may hold NaN.
        """
        values, grads = [points.new_zeros(0)], [points[:0]]
        for start, part in self._chunks(points, draws):
            for value, grad in self._fitting(
                lambda some, at: self._gradient(some, loss, gradient, seeds, at, draws), part, start, draws
            ):
                values.append(value)
                grads.append(grad)
        return torch.cat(values), torch.cat(grads)

    def _chunks(self, points: Any, draws: int = 1) -> Iterator[tuple[int, Any]]:
        whole, start = max(1, self.facts.chunk // draws), 0
        while start < len(points):
            size = max(min(whole, self._least(draws)), whole >> self._halvings)
            yield start, points if len(points) <= size else points[start : start + size]
            start += size

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
        if labels.dtype != torch.int64 or labels.shape != (len(part),):
            raise ContestError(f"contender: labels must be torch.int64 ({len(part)},), got {kind_of(labels)}.")
        return labels

    def _scores(self, part: Any, seeds: Sequence[int] | None, start: int) -> Tensor:
        scores = self._call(self.contender.scores, part, seeds, start)
        wanted = (len(part), self.classes)
        if scores.shape != wanted or not scores.is_floating_point():
            raise ContestError(f"contender: scores must be float32 {wanted}, got {kind_of(scores)}.")
        if has_nan(scores):
            raise ContestError("contender: scores must be numbers, got NaN. Scores are log-space; use log_softmax.")
        return scores

    def _call(self, method: Callable[..., Tensor], part: Any, seeds: Sequence[int] | None, start: int) -> Tensor:
        padded, fill = _pad(part, self.facts.pad)
        answer = method(padded, noise=self._noise(seeds, start, len(part), fill))
        self._discount(fill)
        if not isinstance(answer, Tensor) or not answer.dim() or len(answer) != len(padded):
            raise ContestError(f"contender: it must answer every point, got {kind_of(answer)} to {len(padded)}.")
        return answer[: len(part)] if fill else answer

    def _gradient(
        self, part: Tensor, loss: Loss, gradient: str, seeds: Sequence[int] | None, start: int, draws: int
    ) -> tuple[Tensor, Tensor]:
        m = len(part)
        repeated = part.repeat_interleave(draws, dim=0)
        padded, fill = _pad(repeated, self.facts.pad)
        index = torch.arange(start, start + m, device=part.device)
        kept: list[Tensor] = []

        def chunk_loss(scores: Tensor) -> Tensor:
            value = loss(_mean_scores(scores[: m * draws], draws), index)
            kept.append(value.detach())
            spread = (value / draws).repeat_interleave(draws)
            return torch.cat([spread, spread.new_zeros(fill)])

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
        if isinstance(self.contender, Metered):
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


def _pad(part: Any, multiple: int) -> tuple[Any, int]:
    """Fill up to the next multiple by repeating the last point."""
    fill = -len(part) % multiple
    if not fill:
        return part, 0
    if isinstance(part, tuple):
        return part + part[-1:] * fill, fill
    return part[_repeat_last(len(part), fill, part.device)], fill


@functools.lru_cache(maxsize=1024)
def _repeat_last(count: int, fill: int, device: torch.device) -> Tensor:
    return torch.arange(count + fill, device=device).clamp_(max=count - 1)
