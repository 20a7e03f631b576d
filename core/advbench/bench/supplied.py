"""What components need from outside must be here before anything is trained."""

from __future__ import annotations

from typing import Any

from ..catalog.resolve import Component
from ..contract.params import inner
from ..supply.supplies import Supplied


def supplied(component: Component) -> Component:
    """The component itself. Raises DataAbsent, with the command that fetches it, if something it needs is not here."""
    _check(component.instance)
    return component


def _check(instance: Any) -> None:
    if isinstance(instance, Supplied):
        instance.supply().open()
    for part in inner(instance):
        _check(part)
