"""What components need from outside must be here before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..catalog.resolve import Component
from ..contract.params import inner
from ..supply.supplies import Supplied, Supply


def supplied(component: Component) -> Component:
    """The component itself. Raises DataAbsent, with the command that fetches it, if something it needs is not here."""
    for supply in supplies(component.instance):
        supply.open()
    return component


def supplies(instance: Any) -> Iterator[Supply]:
    """What a component needs, and then what the components inside it need, however deep."""
    if isinstance(instance, Supplied):
        yield instance.supply()
    for part in inner(instance):
        yield from supplies(part)
