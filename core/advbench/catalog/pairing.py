"""Which combinations make sense, decided from specs and facts: no example read, nothing built."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..contract.facts import AttackFacts, ContenderFacts, DatasetFacts
from ..contract.specs import AttackSpec, Spec
from ..contract.texts import format_value
from ..contract.types import Access, Modality, Norm, Threat


@dataclass(frozen=True)
class Refusal:
    """Why a combination is not run. `code` is stable; all is stored in cells.parquet.

    hint: what would mend it; empty if nothing but one of the `others`, attacks that could be run, would.
    """

    code: str
    reason: str
    hint: str
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        return told((self,))


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """One combination, as far as rules care.

    parts: the specs of model and defense. encoded: they are given vectors in the texts' stead.
    others: names of attacks that could be run here instead, the best first.
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
    others: tuple[str, ...] = ()


def facts_of_attack(attack: Any, spec: AttackSpec) -> AttackFacts:
    """What an attack instance asks for; its spec answers when it has no facts of its own."""
    own = getattr(attack, "facts", None)
    return own() if own is not None else AttackFacts(needs=spec.needs, norms=spec.norms)


def refusals(pairing: Pairing) -> tuple[Refusal, ...]:
    """Return every objection, not only the first; an empty tuple means run it."""
    checks = (_modality, _access, _norm, _goal, _classes, _margin, _gradient)
    found = (refusal for check in checks if (refusal := check(pairing)) is not None)
    return tuple(replace(refusal, others=pairing.others) for refusal in found)


def told(found: Sequence[Refusal]) -> str:
    """For people: every reason as a sentence, then what to do.

    Against several reasons another attack is the shortest way; what would mend each is told only if there is none.
    """
    others = next((one.others for one in found if one.others), ())
    parts = []
    for one in found:
        parts.append(f"[{one.code}] {one.reason}.")
        if one.hint and (not others or len(found) == 1):
            parts.append(f"{one.hint}.")
    if others:
        start = "Use" if parts[-1].startswith("[") else "Or use"
        parts.append(f"{start} --attack {' or '.join(others)}.")
    return " ".join(parts)


def _modality(p: Pairing) -> Refusal | None:
    read = Modality.TABULAR if p.encoded else p.data.modality
    attack, few = _name(p.attack), p.attack_facts.modalities
    serving = [(_name(spec), spec.modalities, read) for spec in p.parts]
    serving.append((attack, p.attack.modalities, p.data.modality))
    if few is not None:
        serving.append((f"{attack} with these parameters", few, p.data.modality))
    for name, modalities, given in serving:
        if given not in modalities:
            serves = " or ".join(sorted(modalities))
            reason = f"{name}: data must be {serves}, got {p.data.modality} ({p.data_name})"
            return Refusal("modality", reason, f"Choose a data set of {serves}")
    return None


def _access(p: Pairing) -> Refusal | None:
    needs, offers, ceiling = p.attack_facts.needs, p.contender.access, p.threat.access
    if needs > offers:
        reason = f"{_name(p.attack)}: the contender must give {needs.word}, got only {offers.word} from"
        hint = "" if p.others else f"Choose an attack that needs {offers.word} at most: advbench list attacks"
        return Refusal("access", f"{reason} {p.contender_name}", hint)
    if needs > ceiling:
        reason = f"{_name(p.attack)}: --access must be {needs.word} or more, got {ceiling.word}"
        return Refusal("access", reason, "Leave out --access")
    return None


def _norm(p: Pairing) -> Refusal | None:
    norm, can = p.threat.norm, p.attack_facts.norms
    if norm not in can:
        names = " or ".join(sorted(can))
        reason = f"{_name(p.attack)}: the norm must be {names}, got {norm}"
        return Refusal("norm", reason, f"Use --norm {names}")
    if (norm is Norm.WORDS) != (p.data.modality is Modality.TEXT):
        wanted = "words" if p.data.modality is Modality.TEXT else "l2 or another numeric one"
        reason = f"{p.data_name}: the norm must be {wanted} for {p.data.modality} inputs, got {norm}"
        return Refusal("norm", reason, f"Use --norm {wanted.partition(' ')[0]}")
    return None


def _goal(p: Pairing) -> Refusal | None:
    if p.threat.targeted and not p.attack.targeted:
        reason = f"{_name(p.attack)}: the goal must be any wrong class, got --targeted"
        return Refusal("goal", reason, "Leave out --targeted")
    how, top = p.threat.targets, p.data.classes - 1
    if p.threat.targeted and how.isdecimal() and int(how) > top:
        reason = f"{p.data_name}: the target must be a class from 0 to {top}, got {how}"
        return Refusal("goal", reason, f"Use --targets with a number from 0 to {top}")
    if p.threat.targeted and how == "least-likely" and p.contender.access < Access.SCORES:
        reason = "--targets least-likely: it must be read from scores, got only"
        reason = f"{reason} {p.contender.access.word} from {p.contender_name}"
        return Refusal("goal", reason, "Use --targets random or next")
    return None


def _classes(p: Pairing) -> Refusal | None:
    most, least = p.contender.classes, p.attack_facts.min_classes
    got = f"got {p.data.classes} ({p.data_name})"
    if most is not None and p.data.classes > most:
        reason = f"{p.contender_name}: classes must be <= {most}, {got}"
        return Refusal("classes", reason, f"Pick classes, as in {p.data_name}:classes=0/1")
    if p.data.classes < 2:
        return Refusal("classes", f"a contest: classes must be >= 2, {got}", "Choose more data")
    if p.data.classes < least:
        reason = f"{_name(p.attack)}: classes must be >= {least} with these parameters, {got}"
        return Refusal("classes", reason, "Choose another loss")
    return None


def _margin(p: Pairing) -> Refusal | None:
    wanted, largest = p.attack_facts.margin, p.contender.largest_margin
    if p.attack_facts.needs < Access.SCORES or wanted <= largest:
        return None
    shown = _rounded_down(largest)
    reason = f"{_name(p.attack)}: the margin must be <= {shown}, the largest of {p.contender_name}"
    return Refusal("margin", f"{reason}, got {format_value(wanted)}", f"Lower kappa to at most {shown}")


def _gradient(p: Pairing) -> Refusal | None:
    if p.attack_facts.needs < Access.GRADIENTS or p.threat.gradient in p.contender.gradients:
        return None
    if p.contender.gradients:
        first, more = p.contender.gradients[:3], len(p.contender.gradients) - 3
        offered = " or ".join(first) + (f" or {more} more" if more > 0 else "")
        reason = f"{p.contender_name}: the gradient must be {offered}, got {p.threat.gradient}"
        return Refusal("gradient", reason, f"Use --gradient {offered}")
    if p.contender.access < Access.GRADIENTS:
        return None  # that it gives less has been said
    hint = "" if p.others else "Choose an attack that asks for less"
    return Refusal("gradient", f"{p.contender_name}: it must offer a gradient, got none", hint)


def _rounded_down(number: float) -> str:
    """Four digits that a user may type without exceeding the number."""
    if not math.isfinite(number) or number <= 0:
        return format_value(number)
    unit = 10.0 ** (3 - math.floor(math.log10(number)))
    return f"{math.floor(number * unit) / unit:.4g}"


def _name(spec: Spec) -> str:
    return spec.name
