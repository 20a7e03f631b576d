"""The contenders that a request names: every defense over every model, and their undefended twins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..catalog.resolve import Component, Resolver
from ..contract.errors import PluginError, RequestError
from ..contract.facts import ContenderFacts
from ..contract.named import DEFAULT_MODEL, NamedContender
from ..contract.params import items
from ..contract.types import Modality
from .encoding import encoded_facts
from .request import Request

NO_DEFENSE, DEFAULT_ENCODER = "none", "mean-embedding"


@dataclass(frozen=True)
class Opponent:
    """What is trained and attacked: a model, a defense, or a defense over a model; of text, over an encoder."""

    model: Component | None
    defense: Component | None
    twin_of: str | None = None
    encoder: Component | None = None

    @cached_property
    def facts(self) -> ContenderFacts:
        return encoded_facts(self._own_facts) if self.encoder else self._own_facts

    @cached_property
    def _own_facts(self) -> ContenderFacts:
        base = self.model.ask("facts", self.model.instance.facts, ContenderFacts) if self.model else None
        if self.defense is None:
            assert base is not None
            return base
        defense = self.defense.instance
        return self.defense.ask("facts", lambda: defense.facts(base), ContenderFacts)

    @property
    def parts(self) -> tuple[Component, ...]:
        return tuple(part for part in (self.encoder, self.model, self.defense) if part is not None)

    @property
    def fighters(self) -> tuple[Component, ...]:
        """Model and defense: what the data, or an encoder, must serve."""
        return tuple(part for part in (self.model, self.defense) if part is not None)

    @property
    def text(self) -> str:
        """For people: `scd:votes=8`, `mlp`, `noise over mlp`, `mlp over mean-embedding`."""
        return " over ".join(part.text for part in reversed(self.parts))

    @cached_property
    def lineage(self) -> str | None:
        """Which training it shares with contenders of other parameters, as its plugin says; None: with none."""
        if not any(hasattr(part.instance, "lineage") for part in self.parts):
            return None
        return " over ".join(_lineage(part) for part in reversed(self.parts))

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


def for_modality(
    found: Sequence[Opponent], modality: Modality, encoders: Sequence[str], resolver: Resolver
) -> list[Opponent]:
    """Those that read such data; of text, tabular ones once over each encoder, mean-embedding if none is named."""
    if modality is not Modality.TEXT:
        return list(found)
    native = [all(modality in part.spec.modalities for part in one.parts) for one in found]
    if all(native):
        return list(found)
    over = resolver.many("encoder", tuple(encoders) or (DEFAULT_ENCODER,))
    return [
        other
        for one, reads in zip(found, native, strict=True)
        for other in ([one] if reads else [replace(one, encoder=encoder) for encoder in over])
    ]


def opponent_of(named: NamedContender, resolver: Resolver) -> Opponent:
    """What a field of kind `contender` names."""
    model, defense = named.model, named.defense
    return Opponent(
        None if model is None else resolver.component("model", model),
        None if defense is None else resolver.component("defense", defense),
    )


def _lineage(part: Component) -> str:
    named = getattr(part.instance, "lineage", None)
    return part.text if named is None else f"{part.name}:{part.ask('lineage', named, str)}"


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
