"""No-box attack: what breaks other contenders is submitted to the victim, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from advbench import Access, AttackFacts, Oracle, Perturbed, Streams, component, param

from .committee import Committee
from .stand_in import broken_stand_in, check_attack, facts_of, further

_FIELDS = ("source", "second", "third")


@dataclass(frozen=True)
class Transfer:
    """Runs `attack` on the sources and submits what it finds, drawn out by `overshoot`.

    note_source_broken tells whether the submitted point met the goal on the source before it was
    drawn out: what failed there says little about the victim.
    """

    source: Any = component("contender", default="mlp", help="attacked in the victim's stead: a model or a defense")  # noqa: RUF009
    second: Any = component("contender", help="attacked together with source; none: source alone")  # noqa: RUF009
    third: Any = component("contender", help="a third one; none: the two, or source alone")  # noqa: RUF009
    attack: Any = component(  # noqa: RUF009
        "attack", default="pgd", settings={"returns": "last"}, help="run on the sources, not charged"
    )
    overshoot: float = param(
        1.0, gt=0, le=100, help="times the change: points just beyond the source's boundary hardly transfer"
    )

    def __post_init__(self) -> None:
        if self.source is None:
            raise ValueError("source must be a contender, got none. Name one, as source=mlp.")
        check_attack(self.attack)

    def facts(self) -> AttackFacts:
        inner = facts_of(self.attack)
        return AttackFacts(
            needs=Access.NONE, norms=inner.norms, modalities=inner.modalities, min_classes=inner.min_classes
        )

    def perturb(self, oracle: Oracle, x: Tensor, rng: Streams) -> Perturbed:
        """One point for each example; no query."""
        members = [oracle.contenders[name] for name in _FIELDS if getattr(self, name) is not None]
        stand_in = members[0] if len(members) == 1 else Committee(members)
        candidate, met = broken_stand_in(self.attack, stand_in, oracle, x, rng)
        threat = oracle.threat
        drawn = further(x, candidate, self.overshoot, threat.norm, threat.eps, oracle.bounds)
        return Perturbed(drawn, notes={"source_broken": met})
