"""Putting points to a contender: in chunks of a fixed size, padded, checked, with their noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ..contract.errors import ContestError
from ..contract.protocols import Contender, Loss
from .draws import QueryDraws
from .meter import Metered


class Asker:
    """Asks one contender. Chunk size and padding come from its facts, never from a clock.

    A row's answer therefore does not depend on what is asked beside it.
    """

    def __init__(self, contender: Contender, classes: int, device: torch.device) -> None:
        self.contender, self.classes, self.device = contender, classes, device
        self.facts = contender.facts

    def labels(self, points: Any, seeds: Sequence[int] | None = None) -> Tensor:
        """int64 (M,)."""
        answers = [self._labels(part, seeds, start) for start, part in self._chunks(points)]
        return torch.cat(answers) if answers else torch.empty(0, dtype=torch.int64, device=self.device)

    def scores(self, points: Any, seeds: Sequence[int] | None = None) -> Tensor:
        """float32 (M, K)."""
        answers = [self._scores(part, seeds, start) for start, part in self._chunks(points)]
        return torch.cat(answers) if answers else torch.empty(0, self.classes, device=self.device)

    def value_and_grad(
        self, points: Tensor, loss: Loss, gradient: str, seeds: Sequence[int] | None = None, draws: int = 1
    ) -> tuple[Tensor, Tensor]:
        """(loss (M,), gradient like points).

        With draws > 1 both belong to the log of the mean probability over that many draws;
        `seeds` then holds them point by point, M x draws in all.
        """
        values, grads = [points.new_zeros(0)], [points[:0]]
        for start, part in self._chunks(points, max(1, self.facts.chunk // draws)):
            value, grad = self._gradient(part, loss, gradient, seeds, start, draws)
            values.append(value)
            grads.append(grad)
        return torch.cat(values), torch.cat(grads)

    def _chunks(self, points: Any, size: int | None = None) -> Iterator[tuple[int, Any]]:
        size = size or self.facts.chunk
        for start in range(0, len(points), size):
            yield start, points[start : start + size]

    def _labels(self, part: Any, seeds: Sequence[int] | None, start: int) -> Tensor:
        labels = self._call(self.contender.labels, part, seeds, start)
        if labels.dtype != torch.int64 or labels.shape != (len(part),):
            raise ContestError(
                f"contender: labels must be int64 ({len(part)},), got {labels.dtype} {tuple(labels.shape)}."
            )
        return labels

    def _scores(self, part: Any, seeds: Sequence[int] | None, start: int) -> Tensor:
        scores = self._call(self.contender.scores, part, seeds, start)
        wanted = (len(part), self.classes)
        if scores.shape != wanted or not scores.is_floating_point():
            raise ContestError(f"contender: scores must be float32 {wanted}, got {scores.dtype} {tuple(scores.shape)}.")
        if scores.isnan().any():
            raise ContestError("contender: scores must be numbers, got NaN. Scores are log-space; use log_softmax.")
        return scores

    def _call(self, method: Callable[..., Tensor], part: Any, seeds: Sequence[int] | None, start: int) -> Tensor:
        padded, fill = _pad(part, self.facts.pad)
        answer = method(padded, noise=self._noise(seeds, start, len(part), fill))
        self._discount(fill)
        if len(answer) != len(padded):
            raise ContestError(f"contender: it must answer every point, got {len(answer)} answers to {len(padded)}.")
        return answer[: len(part)]

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
        _, grad = self.contender.value_and_grad(padded, chunk_loss, gradient=gradient, noise=noise)
        self._discount(fill, gradients=True)
        grad = grad[: m * draws].reshape(m, draws, *part.shape[1:]).sum(dim=1)
        if grad.isnan().any():
            raise ContestError(f"contender: gradient '{gradient}' must be numbers, got NaN.")
        return kept[-1], grad

    def _noise(self, seeds: Sequence[int] | None, start: int, count: int, fill: int) -> QueryDraws | None:
        if not self.facts.stochastic or seeds is None:
            return None
        return QueryDraws([*seeds[start : start + count], *[0] * fill], self.device)

    def _discount(self, fill: int, gradients: bool = False) -> None:
        if isinstance(self.contender, Metered):
            self.contender.discount(fill, gradients)


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
    return torch.cat([part, part[-1:].expand(fill, *part.shape[1:])]), fill
