"""The second counter: what a contender really answered, whoever asked."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from ..contract.protocols import ChunkLoss, Contender, Draws, State

_METHODS = ("labels", "scores", "value_and_grad")


class Metered:
    """A contender that counts its answered rows. Padding is discounted by whoever padded.

    Oracles hold only this. While it is `watching`, a call that reaches the contender by another
    way counts too: the ledger will not know of it. confirmations: rows that the judge was asked
    about while the attack ran; the ledger counts those that it asked for.
    """

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self.facts = contender.facts
        self.rows = 0
        self.gradients = 0
        self.confirmations = 0
        self._known = False  # the call under way has been counted, or is the judge's

    def labels(self, x: Any, *, noise: Draws | None = None) -> Tensor:
        return self._counted("labels", self._contender.labels, x, noise=noise)  # type: ignore[no-any-return]

    def scores(self, x: Any, *, noise: Draws | None = None) -> Tensor:
        return self._counted("scores", self._contender.scores, x, noise=noise)  # type: ignore[no-any-return]

    def value_and_grad(
        self, x: Tensor, loss: ChunkLoss, *, gradient: str, noise: Draws | None = None
    ) -> tuple[Tensor, Tensor]:
        method = self._contender.value_and_grad
        return self._counted("value_and_grad", method, x, loss, gradient=gradient, noise=noise)  # type: ignore[no-any-return]

    def state(self) -> State:
        return self._contender.state()

    def discount(self, padding: int, gradients: bool = False) -> None:
        """Take rows back that were only padding."""
        self.rows -= padding
        self.gradients -= padding if gradients else 0

    @contextmanager
    def judging(self, rows: int) -> Iterator[None]:
        """The judge's own calls, about so many rows, are no queries."""
        self.confirmations += rows
        before, self._known = self._known, True
        try:
            yield
        finally:
            self._known = before

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Until it ends, the contender's own methods count what is asked of them directly.

        A contender without instance attributes (__slots__) cannot be watched.
        """
        own: dict[str, Any] = getattr(self._contender, "__dict__", {})
        before = {name: own[name] for name in _METHODS if name in own}
        own |= {name: self._watched(name) for name in _METHODS if hasattr(self._contender, name)}
        try:
            yield
        finally:
            for name in _METHODS:
                own.pop(name, None)
            own |= before

    def _watched(self, name: str) -> Callable[..., Any]:
        return functools.partial(self._asked_directly, name, getattr(self._contender, name))

    def _asked_directly(self, name: str, method: Callable[..., Any], x: Any, *args: Any, **more: Any) -> Any:
        return method(x, *args, **more) if self._known else self._counted(name, method, x, *args, **more)

    def _counted(self, name: str, method: Callable[..., Any], x: Any, *args: Any, **more: Any) -> Any:
        before, self._known = self._known, True  # what it asks of itself is part of the same answer
        try:
            answer = method(x, *args, **more)
        finally:
            self._known = before
        n = len(x)
        self.rows += n
        self.gradients += n if name == "value_and_grad" else 0
        return answer
