"""Noise for training, drawn by a second thread while the first computes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import torch
from torch import Generator, Tensor

from .anatomy import Place
from .taps import Draw

_NUMBERS = 2**19  # drawn in one go, 2 MiB: for small networks handing over costs as much as drawing
_TWICE = 2**26  # numbers of a block, 256 MiB, above which there is memory for one alone and nothing is drawn ahead


class Ahead:
    """Fresh standard normals for every pass, example and place of an epoch, in blocks of several passes.

    Two blocks of memory take turns: one is read while the other is written. Very large networks have one, written
    when it is wanted. What is drawn depends on the generator, the places, `rows` and `passes` alone.
    """

    def __init__(self, places: Sequence[Place], rows: int, passes: int, generator: Generator) -> None:
        total = rows * sum(place.size for place in places)
        self._passes = max(1, min(passes, _NUMBERS // max(total, 1)))
        self._blocks = -(-passes // self._passes)
        self._memory = [
            [torch.empty(self._passes, rows, *place.shape, device=generator.device) for place in places]
            for _ in range(min(2, self._blocks) if total <= _TWICE else 1)
        ]
        self._generator = generator
        self._taken = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="noise")

    def __enter__(self) -> Ahead:
        self._coming: Future[None] = self._thread.submit(self._fill, 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def take(self) -> Draw:
        """The draws of the next pass, to be used before the next call."""
        block, number = divmod(self._taken, self._passes)
        self._taken += 1
        if number == 0:
            self._coming.result()
            if len(self._memory) == 1 and block:
                self._fill(block)
            elif len(self._memory) == 2 and block + 1 < self._blocks:
                self._coming = self._thread.submit(self._fill, block + 1)
        drawn = self._memory[block % len(self._memory)]

        def draw(place: int, shape: tuple[int, ...]) -> Tensor:
            return drawn[place][number, : shape[0]]

        return draw

    def _fill(self, block: int) -> None:
        for numbers in self._memory[block % len(self._memory)]:
            numbers.normal_(generator=self._generator)
