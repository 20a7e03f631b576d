"""What named components need from outside, and getting it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..catalog.resolve import Component, Resolver
from ..contract.errors import DataError, RequestError
from ..contract.params import inner
from ..contract.texts import one_line
from ..contract.types import Modality
from .console import err, escape, out
from .fetching import fetch_watch

if TYPE_CHECKING:
    from ..bench.request import Request
    from ..supply.supplies import Supply


def supply_of(instance: Any) -> Supply | None:
    """What one component needs, or None."""
    from ..supply.supplies import Supplied

    return instance.supply() if isinstance(instance, Supplied) else None


def fetch_one(
    supply: Supply, path: Path | None = None, offline: bool = False, again: bool = False, any_version: bool = False
) -> None:
    """Get it and say what was got, from where, and under which license."""
    if path is None and not again and _is_whole(supply):
        out.print(f"{escape(supply.spelling)}: here already, {escape(supply.folder)}", soft_wrap=True)
        return
    out.print(f"{escape(supply.spelling)}: license {escape(supply.resource.license)}", soft_wrap=True)
    with fetch_watch(err) as watch:
        arrays = supply.fetch(path=path, offline=offline, any_version=any_version, watch=watch)
    size = sum(entry["bytes"] for entry in arrays.header["arrays"].values())
    if "note" in arrays.meta:
        out.print(f"{escape(supply.spelling)}: {escape(one_line(arrays.meta['note'], 200))}", soft_wrap=True)
    out.print(
        f"{escape(supply.spelling)}: ready, {size / 1e6:,.1f} MB, digest {arrays.digest[:12]}, {escape(supply.folder)}",
        soft_wrap=True,
    )


def fetch_absent(found: Resolver, request: Request) -> None:
    """Get what the components of a run need and this machine has not; what has no source is told by its plugin."""
    for supply in _needed(found, request):
        if supply.resource.sources and not _is_whole(supply):
            fetch_one(supply)


def _needed(found: Resolver, request: Request) -> Iterator[Supply]:
    for instance in _instances(found, request):
        for one in (instance, *inner(instance)):
            supply = supply_of(one)
            if supply is not None:
                yield supply


def _instances(found: Resolver, request: Request) -> Iterator[Any]:
    data = _components(found, "dataset", request.dataset)
    text = any(one.spec.modality is Modality.TEXT for one in data)
    encoders = request.encoder or (("mean-embedding",) if text else ())
    named = (("encoder", encoders), ("model", request.model), ("defense", request.defense), ("attack", request.attack))
    yield from (one.instance for one in data)
    for kind, texts in named:
        yield from (one.instance for one in _components(found, kind, texts))


def _components(found: Resolver, kind: str, texts: Sequence[str]) -> list[Component]:
    """Those that can be had; what cannot is told when the plan is made."""
    components = []
    for text in texts:
        try:
            components += found.many(kind, (text,))
        except (RequestError, DataError):
            continue
    return components


def _is_whole(supply: Supply) -> bool:
    try:
        return supply.find() is not None
    except DataError:
        return False  # fetching mends it
