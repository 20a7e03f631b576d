"""A shard whose worker was lost is attacked row by row, so that the examples that kill it are told from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..contract.engines import Trouble
from .packing import united
from .shards import Key
from .work import Attacked


@dataclass
class Pieces:
    """What is known of them by now; `left` have no answer yet."""

    left: int
    found: dict[int, Attacked] = field(default_factory=dict)  # by row
    culprits: list[Key] = field(default_factory=list)
    trouble: Trouble | None = None  # the last

    def together(self) -> Attacked:
        """As if the rows had been attacked together."""
        found = [self.found[row] for row in sorted(self.found)]
        kept = [one.kept for one in found if one.kept is not None]
        return Attacked(
            examples=[row for one in found for row in one.examples],
            trace=[row for one in found for row in one.trace],
            kept=united(kept) if kept else None,
        )


def befell(keys: Sequence[Key]) -> str:
    """Name those examples in a sentence; an empty text if there are none."""
    if not keys:
        return ""
    names = [str(example) + ("" if target is None else f" (target {target})") for example, target in sorted(keys)[:10]]
    more = f" and {len(keys) - 10} more" if len(keys) > 10 else ""
    return f" This befell example{'s' * (len(keys) > 1)} {', '.join(names)}{more}."
