"""Who is in which split: always the same, every class by the same shares."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from advbench import Arrays, ParamError, Split

Positions: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"
Rule: TypeAlias = Literal["published", "paper", "patient"] | tuple[int, ...]
SPLITS: tuple[Split, ...] = ("train", "tune", "eval")
PUBLISHED: Literal["published"] = "published"
TRAIN, EVAL, TUNE = 0, 1, 2  # the values of the array `part`
_SEED = 20_260_101  # fixed for ever: it decides who is in which split
_USUAL, _HELD_OUT = (7, 1, 2), (9, 1)  # shares where nothing is published; of the training part


def check_rule(rule: Rule, cuts: Sequence[str]) -> None:
    """Raise ParamError unless it is one of the words that a set knows, or three shares train/tune/eval."""
    shares = not isinstance(rule, str) and len(rule) == len(SPLITS) and min(rule) >= 1
    if not shares and rule not in cuts:
        got = rule if isinstance(rule, str) else "/".join(map(str, rule)) or "nothing"
        known = ", ".join(cuts)
        raise ParamError(f"split must be {known}, or three shares such as 5/1/1, got '{got}'. Choose one of these.")


@functools.lru_cache(maxsize=16)
def positions(arrays: Arrays, rule: Rule) -> dict[Split, Positions]:
    """Row numbers of each split, in ascending order.

    The notes of the arrays may hold `paper_shares` and `paper_per_class`: how a paper cut this
    set, and how many examples of each class it drew. `patient` does the same by whole groups.
    """
    names, y = arrays.header["arrays"], np.asarray(arrays["y"])
    groups = np.asarray(arrays["group"]) if "group" in names else None
    shares: Sequence[int] = arrays.meta.get("paper_shares", _USUAL)
    part = np.asarray(arrays["part"]) if "part" in names else np.zeros(len(y), np.uint8)
    if rule == PUBLISHED and (part == EVAL).any():
        return _published(part, y, groups)
    among = np.arange(len(y))
    if rule in ("paper", "patient"):
        among = _drawn(y, arrays.meta.get("paper_per_class"))
        groups = groups if rule == "patient" else None
    elif not isinstance(rule, str):
        shares = rule
    return dict(zip(SPLITS, _cut(among, y, groups, shares), strict=True))


def _published(part: Any, y: Any, groups: Any) -> dict[Split, Positions]:
    train, tune, test = (np.flatnonzero(part == value) for value in (TRAIN, TUNE, EVAL))
    if not len(tune):
        train, tune = _cut(train, y, groups, _HELD_OUT)
    return {"train": train, "tune": tune, "eval": test}


def _drawn(y: Any, per_class: int | None) -> Positions:
    """As many of each class, at most what the smallest holds; everyone if no number was printed."""
    if per_class is None:
        return np.arange(len(y))
    rng = np.random.default_rng(_SEED)
    members = [rng.permutation(np.flatnonzero(y == label)) for label in np.unique(y)]
    count = min(per_class, *(len(some) for some in members))
    return np.sort(np.concatenate([some[:count] for some in members]))


def _cut(among: Positions, y: Any, groups: Any, shares: Sequence[int]) -> list[Positions]:
    """Cut by shares, class by class; with groups (patients), whole groups at a time."""
    if groups is not None:
        return _cut_groups(among, y, groups, shares)
    rng = np.random.default_rng(_SEED)
    parts: list[list[Positions]] = [[] for _ in shares]
    for label in np.unique(y[among]):
        members = rng.permutation(among[y[among] == label])
        for kept, some in zip(parts, np.split(members, _ends(len(members), shares)), strict=True):
            kept.append(some)
    return [np.sort(np.concatenate(some)) for some in parts]


def _cut_groups(among: Positions, y: Any, groups: Any, shares: Sequence[int]) -> list[Positions]:
    """Every group in one split, whatever classes it holds; groups are dealt out by their first label."""
    known, first, where = np.unique(groups[among], return_index=True, return_inverse=True)
    labels, sizes = y[among][first], np.bincount(where)
    home = np.empty(len(known), np.int64)
    rng = np.random.default_rng(_SEED)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        filled = np.cumsum(sizes[members]) - sizes[members] / 2  # a group lies where its middle does
        home[members] = np.searchsorted(_ends(int(sizes[members].sum()), shares), filled, side="right")
    return [among[home[where] == part] for part in range(len(shares))]


def _ends(count: int, shares: Sequence[int]) -> list[int]:
    """Where the parts end; none is empty where there are enough for all."""
    bounds, parts = np.cumsum(shares), len(shares)
    ends = [round(count * int(bound) / int(bounds[-1])) for bound in bounds[:-1]]
    if count < parts:
        return ends
    return [min(max(end, part + 1), count - (parts - 1 - part)) for part, end in enumerate(ends)]
