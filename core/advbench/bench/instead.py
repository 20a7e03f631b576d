"""Which attacks could be run where another is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from ..catalog.resolve import Component, Resolver
from ..contract.errors import AdvbenchError
from .sources import Source, sources_of

Known: TypeAlias = tuple[Component, tuple[Source, ...]]
_NAMED = 2  # attacks, at most


@dataclass(frozen=True)
class Others:
    """The installed attacks, with their usual parameters; made when first asked for."""

    resolver: Resolver

    def fitting(self, fits: Callable[[Known], bool]) -> tuple[str, ...]:
        """Names of those that fit, at most two: what asks for most comes first, then what was published last."""
        names = (one[0].name for one in self._known if fits(one))
        return tuple(name for name, _ in zip(names, range(_NAMED), strict=False))

    @cached_property
    def _known(self) -> list[Known]:
        found = []
        for name in self.resolver.installed.entries["attack"]:
            try:
                attack = self.resolver.one("attack", name)
                found.append((attack, sources_of(attack, self.resolver)))
            except AdvbenchError:
                continue  # what does not work is told where it is asked for
        return sorted(found, key=lambda one: _rank(one[0]))


def _rank(attack: Component) -> tuple[int, int, str]:
    paper = attack.spec.paper
    return -attack.spec.needs, -paper.year if paper else 0, attack.name
