"""What named components need from outside, and getting it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..catalog.resolve import Component
from ..contract.texts import one_line
from .console import err, escape, out
from .fetching import fetch_watch

if TYPE_CHECKING:
    from ..supply.supplies import Supply


def supply_of(instance: Any) -> Supply | None:
    """What one component needs, or None."""
    from ..supply.supplies import Supplied

    return instance.supply() if isinstance(instance, Supplied) else None


def fetch_one(
    supply: Supply, path: Path | None = None, offline: bool = False, again: bool = False, any_version: bool = False
) -> None:
    """Get it and say what was got, from where, and under which license."""
    if path is None and not again and supply.is_whole():
        out.print(f"{escape(supply.spelling)}: here already, {escape(supply.folder)}", soft_wrap=True)
        return
    out.print(f"{escape(supply.spelling)}: license {escape(supply.resource.license)}", soft_wrap=True)
    with fetch_watch(err) as watch:
        arrays = supply.fetch(path=path, offline=offline, again=again, any_version=any_version, watch=watch)
    size = sum(entry["bytes"] for entry in arrays.header["arrays"].values())
    if "note" in arrays.meta:
        out.print(f"{escape(supply.spelling)}: {escape(one_line(arrays.meta['note'], 200))}", soft_wrap=True)
    out.print(
        f"{escape(supply.spelling)}: ready, {size / 1e6:,.1f} MB, digest {arrays.digest[:12]}, {escape(supply.folder)}",
        soft_wrap=True,
    )


def fetch_absent(component: Component) -> None:
    """Get what it needs and this machine has not; what has no source is told by its plugin."""
    from ..bench.supplied import supplies

    for supply in supplies(component.instance):
        if supply.resource.sources and not supply.is_whole():
            fetch_one(supply)
