"""Which combinations make sense, decided from specs and facts: no example read, nothing built."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..contract.facts import AttackFacts, ContenderFacts, DatasetFacts
from ..contract.specs import AttackSpec, Spec
from ..contract.texts import format_value
from ..contract.types import Access, Modality, Norm, Threat


@dataclass(frozen=True)
class Refusal:
    """Why a combination is not run. `code` is stable; all three are stored in cells.parquet."""

    code: str
    reason: str
    hint: str

    def __str__(self) -> str:
        return f"[{self.code}] {self.reason}. {self.hint}"


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """One combination, as far as rules care.

    parts: the specs of model and defense. encoded: they are given vectors in the texts' stead.
    """

    data: DatasetFacts
    data_name: str
    parts: tuple[Any, ...]
    contender: ContenderFacts
    contender_name: str
    attack: AttackSpec
    attack_facts: AttackFacts
    threat: Threat
    encoded: bool = False


def facts_of_attack(attack: Any, spec: AttackSpec) -> AttackFacts:
    """What an attack instance asks for; its spec answers when it has no facts of its own."""
    own = getattr(attack, "facts", None)
    return own() if own is not None else AttackFacts(needs=spec.needs, norms=spec.norms)


def refusals(pairing: Pairing) -> tuple[Refusal, ...]:
    """Return every objection, not only the first; an empty tuple means run it."""
    checks = (_modality, _access, _norm, _goal, _classes, _margin, _gradient)
    return tuple(refusal for check in checks if (refusal := check(pairing)) is not None)


def _modality(p: Pairing) -> Refusal | None:
    read = Modality.TABULAR if p.encoded else p.data.modality
    serving = [(_name(spec), spec.modalities, read) for spec in p.parts]
    serving.append((_name(p.attack), p.attack.modalities, p.data.modality))
    if p.attack_facts.modalities is not None:
        serving.append((f"{_name(p.attack)} with these parameters", p.attack_facts.modalities, p.data.modality))
    for name, modalities, given in serving:
        if given not in modalities:
            serves = ", ".join(sorted(modalities))
            return Refusal(
                "modality",
                f"{name} serves {serves}; {p.data_name} is {p.data.modality}",
                f"Choose a data set of {serves}",
            )
    return None


def _access(p: Pairing) -> Refusal | None:
    needs, offers, ceiling = p.attack_facts.needs, p.contender.access, p.threat.access
    if needs > offers:
        return Refusal(
            "access",
            f"{_name(p.attack)} needs {needs.word}; {p.contender_name} gives only {offers.word}",
            f"Use an attack that needs {offers.word} at most: advbench list attacks",
        )
    if needs > ceiling:
        return Refusal(
            "access",
            f"{_name(p.attack)} needs {needs.word}; --access allows only {ceiling.word}",
            f"Raise --access to {needs.word} or leave it out",
        )
    return None


def _norm(p: Pairing) -> Refusal | None:
    norm, can = p.threat.norm, p.attack_facts.norms
    if norm not in can:
        names = " or ".join(sorted(can))
        return Refusal("norm", f"{_name(p.attack)} measures change in {names}, not {norm}", f"Use --norm {names}")
    if (norm is Norm.WORDS) != (p.data.modality is Modality.TEXT):
        wanted = "words" if p.data.modality is Modality.TEXT else "l2 or another numeric norm"
        return Refusal("norm", f"{norm} does not fit {p.data.modality} inputs", f"Use --norm {wanted}")
    return None


def _goal(p: Pairing) -> Refusal | None:
    if p.threat.targeted and not p.attack.targeted:
        return Refusal("goal", f"{_name(p.attack)} cannot aim at a chosen class", "Leave out --targeted")
    how, top = p.threat.targets, p.data.classes - 1
    if p.threat.targeted and how.isdecimal() and int(how) > top:
        return Refusal("goal", f"{p.data_name} has classes 0 to {top}, not {how}", f"Use a label from 0 to {top}")
    if p.threat.targeted and how == "least-likely" and p.contender.access < Access.SCORES:
        reason = f"the least likely class is read from scores; {p.contender_name} gives only {p.contender.access.word}"
        return Refusal("goal", reason, "Use --targets random or next")
    return None


def _classes(p: Pairing) -> Refusal | None:
    most, least = p.contender.classes, p.attack_facts.min_classes
    if most is not None and p.data.classes > most:
        return Refusal(
            "classes",
            f"{p.contender_name} serves {most} classes; {p.data_name} has {p.data.classes}",
            f"Pick classes, as in {p.data_name}:classes=0/1",
        )
    if p.data.classes < 2:
        return Refusal(
            "classes", f"a contest needs two classes; {p.data_name} has {p.data.classes}", "Choose more data"
        )
    if p.data.classes < least:
        return Refusal(
            "classes",
            f"{_name(p.attack)} with these parameters needs {least} classes; {p.data_name} has {p.data.classes}",
            "Choose another loss",
        )
    return None


def _margin(p: Pairing) -> Refusal | None:
    wanted, largest = p.attack_facts.margin, p.contender.largest_margin
    shown = _rounded_down(largest)
    if p.attack_facts.needs >= Access.SCORES and wanted > largest:
        return Refusal(
            "margin",
            f"{_name(p.attack)} asks for a margin of {format_value(wanted)}; {p.contender_name} never exceeds {shown}",
            f"Lower kappa to at most {shown}",
        )
    return None


def _gradient(p: Pairing) -> Refusal | None:
    if p.attack_facts.needs < Access.GRADIENTS or p.threat.gradient in p.contender.gradients:
        return None
    if not p.contender.gradients:
        return Refusal("gradient", f"{p.contender_name} offers no gradient", "Use an attack that asks for less")
    first, more = p.contender.gradients[:3], len(p.contender.gradients) - 3
    offered = " or ".join(first) + (f" or {more} more" if more > 0 else "")
    reason = f"{p.contender_name} offers the gradient {offered}, not {p.threat.gradient}"
    return Refusal("gradient", reason, f"Use --gradient {offered}")


def _rounded_down(number: float) -> str:
    """Four digits that a user may type without exceeding the number."""
    if not math.isfinite(number) or number <= 0:
        return format_value(number)
    unit = 10.0 ** (3 - math.floor(math.log10(number)))
    return f"{math.floor(number * unit) / unit:.4g}"


def _name(spec: Spec) -> str:
    return spec.name
