"""Many picture files to one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from advbench import ArrayWriter, DataError

from .decode import image, looked_at
from .splits import TRAIN

Mode: TypeAlias = Literal["L", "RGB"]
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".gif", ".webp"})


@dataclass(frozen=True)
class Picture:
    """A file, its class, its part (TRAIN, EVAL, TUNE), and whom it shows."""

    path: Path
    label: int
    part: int = TRAIN
    group: int | None = None


def pictures_in(folder: Path) -> list[Path]:
    """All pictures in a folder, not below it, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def write_pictures(
    writer: ArrayWriter,
    pictures: Sequence[Picture],
    size: tuple[int, int] | None,
    mode: Mode | None,
    *,
    crop: bool = False,
) -> None:
    """Arrays `x` (uint8 (N, C, H, W)), `y`, and `part` and `group` where they say anything.

    size: (height, width) to resize to, and mode to convert to; None = all must be alike.
    """
    if not pictures:
        raise DataError("pictures: there must be some, got none. Check the folder.")
    wanted, kind = size, mode
    if size is None or mode is None:
        seen_size, seen_mode = _alike([picture.path for picture in pictures], size is None, mode is None)
        wanted, kind = size or seen_size, mode or seen_mode
    assert wanted is not None
    assert kind is not None
    x = writer.create("x", (len(pictures), 1 if kind == "L" else 3, *wanted), np.uint8)
    for row, picture in enumerate(pictures):
        x[row] = image(picture.path, wanted, kind, crop=crop)
    writer.put("y", np.array([picture.label for picture in pictures], np.int64))
    parts = np.array([picture.part for picture in pictures], np.uint8)
    if len(np.unique(parts)) > 1:
        writer.put("part", parts)
    if any(picture.group is not None for picture in pictures):
        writer.put("group", np.array([picture.group for picture in pictures], np.int64))


def _alike(paths: Sequence[Path], sizes: bool, modes: bool) -> tuple[tuple[int, int], Mode]:
    """What all pictures share. Raises DataError naming two that differ."""
    first = looked_at(paths[0])
    for path in paths[1:]:
        size, mode = looked_at(path)
        if sizes and size != first[0]:
            got = f"{_times(first[0])} in {paths[0].name} and {_times(size)} in {path.name}"
            raise DataError(f"{path.parent}: pictures must have one size, got {got}. Say size=HEIGHT/WIDTH.")
        if modes and mode != first[1]:
            got = f"{first[1]} in {paths[0].name} and {mode} in {path.name}"
            raise DataError(f"{path.parent}: pictures must have one mode, got {got}. Say mode=RGB or mode=L.")
    return first


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
