"""Pictures to arrays, in one mode and size."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from advbench import DataError

_SMOOTH = Image.Resampling.BILINEAR
_MOST = 1 << 26  # pixels; larger pictures are refused before they are decoded, and never made by resizing
_DEEP = ("I", "F")  # how modes of more than 8 bits begin, which Pillow would cut off at 255
_FORMATS = ("PNG", "JPEG", "PPM", "BMP", "TIFF", "GIF", "WEBP")  # Pillow knows more, and runs programs for some


def strip_of_images(path: Path, width: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """uint8 (rows, width, 3) of an RGB picture that holds one image a row."""
    with opened(path) as picture:
        if picture.width != width or picture.mode != "RGB":
            got = f"{picture.width} in {picture.mode}"
            raise DataError(f"{path}: it must be {width} RGB pixels wide, got {got}. Get it again.")
        return decoded(path, picture)


def image(
    path: Path, size: tuple[int, int], mode: Literal["L", "RGB"], *, crop: bool = False
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """uint8 (C, H, W), resized to (height, width) by Pillow's bilinear filter.

    crop: the shorter side is resized to 8/7 of the size and the middle taken, as ImageNet is read.
    """
    height, width = size
    with opened(path) as picture:
        if picture.mode.startswith(_DEEP):
            raise DataError(f"{path}: it must have 8 bits a colour, got mode {picture.mode}. Convert it.")
        try:
            converted = picture.convert(mode)
        except Exception as error:  # decoders raise whatever they stumble over
            raise _cut_short(path, error) from None
        if crop:
            scale = 8 / 7 * max(height / converted.height, width / converted.width)
            whole = round(converted.width * scale), round(converted.height * scale)
            if whole[0] * whole[1] > _MOST:
                raise DataError(f"{path}: it must be no stripe, got {picture.size}. Remove it.")
            converted = converted.resize(whole, _SMOOTH)
            left, top = (converted.width - width) // 2, (converted.height - height) // 2
            converted = converted.crop((left, top, left + width, top + height))
        elif converted.size != (width, height):
            converted = converted.resize((width, height), _SMOOTH)
        pixels = np.asarray(converted)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def looked_at(path: Path) -> tuple[tuple[int, int], Literal["L", "RGB"]]:
    """((height, width), mode) without decoding. Palettes and transparency count as RGB."""
    with opened(path) as picture:
        grey = picture.mode in ("1", "L") or picture.mode.startswith(_DEEP)
        return (picture.height, picture.width), "L" if grey else "RGB"


def opened(path: Path) -> Image.Image:
    """An open picture, not yet decoded. Raises DataError if it is none, or too large."""
    try:
        picture = Image.open(path, formats=_FORMATS)
    except Exception as error:  # readers of headers raise whatever they stumble over
        raise DataError(f"{path}: it must be a picture, got: {error}. Remove it or get it again.") from None
    if picture.width * picture.height > _MOST:
        raise DataError(f"{path}: it must have at most {_MOST:,} pixels, got {picture.size}. Do not use it.")
    return picture


def decoded(path: Path, picture: Image.Image) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Its pixels. Raises DataError if it is cut short."""
    try:
        return np.asarray(picture)
    except Exception as error:
        raise _cut_short(path, error) from None


def _cut_short(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: it must be a whole picture, got: {error}. Get it again.")
