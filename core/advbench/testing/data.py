"""What a data set holds, read once for many checks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from advbench import DatasetFacts, Examples, Split

from .bout import Traces, traces

if TYPE_CHECKING:
    from .subject import Subject

SPLITS: tuple[Split, ...] = ("train", "tune", "eval")


@dataclass
class Contents:
    """All three splits, and what reading them left behind in the process."""

    facts: DatasetFacts
    splits: dict[Split, Examples] = field(default_factory=dict)
    left: Traces = field(default_factory=Traces)


def contents(subject: Subject) -> Contents:
    """Ask for it by `subject.once(contents)`; nobody writes into it."""
    dataset = subject.instance
    dataset.labels("eval")  # what libraries do at their first use is nobody's doing
    found = Contents(dataset.facts())
    with traces() as found.left:
        for split in SPLITS:
            found.splits[split] = dataset.load(split)
            dataset.labels(split)
            dataset.facts()
    return found


def fresh(subject: Subject) -> Any:
    """Another instance with the same parameters."""
    return subject.resolver.one(subject.kind, subject.typed).instance


def rows(x: Any) -> list[bytes]:
    """Each input as bytes, to be compared and counted."""
    if isinstance(x, tuple):
        return [text.encode() for text in x]
    whole = x.detach().flatten(1).contiguous().numpy()
    return [hashlib.sha256(row.tobytes()).digest() for row in whole]


def unequal(one: Examples, other: Examples) -> str:
    """What differs between two readings, and in how many rows; "" if nothing does."""
    if len(one) != len(other):
        return f"{len(one)} and {len(other)} examples"
    parts = {"ids": one.ids != other.ids, "labels": one.y != other.y, "inputs": _mask(rows(one.x), rows(other.x))}
    return ", ".join(f"{int(mask.sum())} of {len(one)} {what}" for what, mask in parts.items() if bool(mask.any()))


def _mask(one: list[bytes], other: list[bytes]) -> Tensor:
    return torch.tensor([a != b for a, b in zip(one, other, strict=True)], dtype=torch.bool)
