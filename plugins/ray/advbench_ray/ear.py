"""What hears the tasks of a run: an actor, so that every node can reach it. Light, for it has a process to itself."""

from __future__ import annotations

from typing import Any, TypeAlias

Heard: TypeAlias = list[tuple[int, str, tuple[Any, ...]]]  # the number of a task, what, values


class Ear:
    """Keeps what it is told until the driver asks for it."""

    def __init__(self) -> None:
        self._heard: Heard = []

    def tell(self, number: int, what: str, *values: Any) -> None:
        """Of a task: where it begins, all queries so far, or a training's progress."""
        self._heard.append((number, what, values))

    def take(self) -> Heard:
        """All that was told since it was last asked."""
        heard, self._heard = self._heard, []
        return heard
