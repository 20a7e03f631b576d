"""What holds for every component whatever its parameters."""

from __future__ import annotations

import dataclasses

from ..findings import Broken, require
from ..subject import Subject


def check_spelling_round_trips(subject: Subject) -> None:
    """What is printed can be typed again and means the same: reports depend on it."""
    once = subject.component
    again = subject.resolver.one(subject.kind, once.text)
    same = again.text == once.text and again.params == once.params and again.instance == once.instance
    require(same, f"'{once.text}' is read back as '{again.text}'.", "Change nothing in __post_init__.")


def check_is_frozen(subject: Subject) -> None:
    """Parameters cannot be changed after they were checked and hashed."""
    for item in dataclasses.fields(subject.instance):
        try:
            setattr(subject.instance, item.name, None)
        except dataclasses.FrozenInstanceError:
            continue
        raise Broken(f"{item.name} could be set.", "Declare it with @dataclass(frozen=True).")
