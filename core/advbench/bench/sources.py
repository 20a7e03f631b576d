"""Contenders in an attack's own fields: who they are, and whether they can serve it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..catalog.pairing import Pairing, Refusal, facts_of_attack, refusals
from ..catalog.resolve import Component, Resolver
from ..contract.facts import DatasetFacts
from ..contract.params import contender_fields, describe, spec_of
from ..contract.types import Access, Threat
from .opponents import Opponent, opponent_of


@dataclass(frozen=True)
class Source:
    """A contender that an attack holds in one of its fields, and learns from or attacks in the victim's stead."""

    field: str
    opponent: Opponent


def sources_of(attack: Component, resolver: Resolver) -> tuple[Source, ...]:
    """In the order of the fields; empty ones are left out."""
    held = contender_fields(attack.instance)
    return tuple(Source(name, opponent_of(named, resolver)) for name, named in held.items())


def source_refusals(
    sources: tuple[Source, ...],
    attack: Component,
    data: DatasetFacts,
    data_name: str,
    threat: Threat,
    others: tuple[str, ...] = (),
) -> tuple[Refusal, ...]:
    """What keeps a source from the data, or the attacks in the attack's other fields from the source."""
    found = []
    for source in sources:
        for runs in _runs_on_sources(attack.instance):
            facts, contender = facts_of_attack(runs, spec_of(runs)), source.opponent.facts
            gradient = contender.gradients[0] if contender.gradients else "exact"
            pairing = Pairing(
                data=data,
                data_name=data_name,
                parts=tuple(part.spec for part in source.opponent.parts),
                contender=contender,
                contender_name=source.opponent.text,
                attack=spec_of(runs),
                attack_facts=facts,
                threat=replace(threat, access=Access.GRADIENTS, gradient=gradient),
                others=others,
            )
            found += [
                Refusal("source", f"{source.field} {source.opponent.text}: {one.reason}", one.hint, others)
                for one in refusals(pairing)
            ]
    return tuple(dict.fromkeys(found))


def _runs_on_sources(attack: Any) -> list[Any]:
    """The attacks in its fields; the attack itself, for its norms and inputs, where there are none."""
    inner = [getattr(attack, info.name) for info in describe(type(attack)) if info.kind == "attack"]
    return [one for one in inner if one is not None] or [attack]
