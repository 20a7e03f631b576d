"""The same component with other parameters, as far as they can be guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from advbench import AdvbenchError
from advbench.contract.params import ParamInfo, describe

if TYPE_CHECKING:
    from .subject import Subject


def variants(subject: Subject) -> Iterator[tuple[str, Any]]:
    """What differs, as one types it, and the instance: the spec's other trials, and one parameter changed at a time.

    Values that the component refuses are left out.
    """
    for trial in subject.spec.trials:
        if trial != subject.trial:
            typed = f"{subject.spec.name}:{trial}" if trial else subject.spec.name
            yield f"'{trial}'", subject.resolver.one(subject.kind, typed).instance
    for info in describe(type(subject.instance)):
        for value in _others(info, getattr(subject.instance, info.name)):
            try:
                other = replace(subject.instance, **{info.name: value})
                other.facts()
            except (AdvbenchError, ValueError):
                continue
            yield f"{info.name}={value}", other


def _others(info: ParamInfo, value: Any) -> list[Any]:
    if info.limits.choices is not None:
        return [choice for choice in info.limits.choices if choice != value]
    if info.name == "classes":
        return [(1, 0)]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 2]
    if isinstance(value, float):
        return [value * 1.5 + 0.01]
    return []
