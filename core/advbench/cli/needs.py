"""What named components need from outside, and getting it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..catalog.resolve import Component, Resolver
from ..contract.errors import DataError, RequestError
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
    """Get what the components of a run need and this machine has not; what has no source is told by its plugin.

    The encoder that texts are compared by is among them only if --similarity names it.
    """
    from ..bench.supplied import supplies

    for component in _components(found, request):
        for supply in supplies(component.instance):
            if supply.resource.sources and not _is_whole(supply):
                fetch_one(supply)


def _components(found: Resolver, request: Request) -> list[Component]:
    """Those that the plan will ask. None if one cannot be had: making the plan will tell, and end the run."""
    from ..bench.opponents import for_modality, opponents
    from ..bench.plan import DEFAULT_DATASET
    from ..bench.similarity import named_encoder

    try:
        data = found.many("dataset", request.dataset or (DEFAULT_DATASET,))
        modalities = [one.spec.modality for one in data]
        every = list(opponents(request, found))
        fighting = [one for kind in modalities for one in for_modality(every, kind, request.encoder, found)]
        judging = named_encoder(request.similarity) if Modality.TEXT in modalities else None
        return [
            *data,
            *(part for one in fighting for part in one.parts),
            *found.many("attack", request.attack),
            *(found.many("encoder", (judging,)) if judging else ()),
        ]
    except (RequestError, DataError):
        return []


def _is_whole(supply: Supply) -> bool:
    try:
        return supply.find() is not None
    except DataError:
        return False  # fetching mends it
