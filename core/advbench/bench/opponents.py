"""The contenders that a request names: every defense over every model, and their undefended twins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..catalog.resolve import Component, Resolver
from ..contract.errors import PluginError, RequestError
from ..contract.facts import ContenderFacts
from ..contract.params import items
from .request import Request

DEFAULT_MODEL, NO_DEFENSE = "mlp", "none"


@dataclass(frozen=True)
class Opponent:
    """What is trained and attacked: a model, a defense, or a defense over a model."""

    model: Component | None
    defense: Component | None
    twin_of: str | None = None

    @cached_property
    def facts(self) -> ContenderFacts:
        base = self.model.ask("facts", self.model.instance.facts, ContenderFacts) if self.model else None
        if self.defense is None:
            assert base is not None
            return base
        defense = self.defense.instance
        return self.defense.ask("facts", lambda: defense.facts(base), ContenderFacts)

    @property
    def parts(self) -> tuple[Component, ...]:
        return tuple(part for part in (self.model, self.defense) if part is not None)

    @property
    def text(self) -> str:
        """For people: `scd:votes=8`, `mlp`, `noise over mlp`."""
        return " over ".join(part.text for part in reversed(self.parts))

    @property
    def identity(self) -> dict[str, Any]:
        return {part.kind: part.identity for part in self.parts}


def opponents(request: Request, resolver: Resolver) -> Iterator[Opponent]:
    """Every defense over every model; plain models when asked for, or as each defense's twin."""
    plain = not request.defense or any(_is_none(text) for text in request.defense)
    models = resolver.many("model", request.model or (DEFAULT_MODEL,))
    defenses = resolver.many("defense", tuple(text for text in request.defense if not _is_none(text)))
    seen: set[tuple[tuple[str, str], ...]] = set()
    found: list[Opponent] = []
    for defense in defenses:
        over: list[Component | None] = [None] if defense.spec.base == "none" else [*models]
        for model in over:
            found.append(Opponent(model, defense))
            twin = _twin(defense, model, resolver) if request.twin and not plain else None
            if twin is not None:
                found.append(Opponent(twin, None, twin_of=defense.text))
    if plain:
        # With `none` among the defenses the plain models are asked for by name, and nobody's twins.
        found += [Opponent(model, None) for model in models]
    for opponent in found:
        key = tuple((part.kind, part.text) for part in opponent.parts)
        if key not in seen:
            seen.add(key)
            yield opponent


def _is_none(text: str) -> bool:
    return text.strip().lower() == NO_DEFENSE


def _twin(defense: Component, model: Component | None, resolver: Resolver) -> Component | None:
    """The same contender without its defense."""
    if defense.spec.twin is None:
        return model
    try:
        text = defense.spec.twin.format(**items(defense.instance, all=True))
    except (LookupError, ValueError) as error:
        who, got = defense.entry.source, f"'{defense.spec.twin}' ({error})"
        raise PluginError(f"{who}: the twin of {defense.name} must name its own parameters, got {got}.") from None
    try:
        return resolver.one("model", text)
    except RequestError as error:
        raise RequestError(f"twin of {defense.text}: {error} With --no-twin it is left out.") from None
