"""Between the text that users type and the typed value of one parameter; the two round-trip.

And the one place where text that others wrote is made fit to be shown and stored.
"""

from __future__ import annotations

import math
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def describe_type(annotation: Any) -> str:
    """Say in words what may be typed: "a number", "a list of whole numbers split at '/'"."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"'{word}'" for word in args)
    if origin in (Union, types.UnionType):
        return " or ".join("'none'" if arg is type(None) else describe_type(arg) for arg in args)
    if origin is tuple:
        return f"a list split at '/', each {describe_type(args[0])}"
    words = {float: "a number", int: "a whole number", bool: "true or false", str: "text", Path: "a path"}
    return words.get(annotation, getattr(annotation, "__name__", str(annotation)))


def article(noun: str) -> str:
    """The noun with "a" or "an" before it."""
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"


def harmless(text: object, limit: int | None = None) -> str:
    """Text that may go to any terminal or file, at most `limit` characters of it and how many are left out.

    Whatever would act instead of being shown becomes visible text: control characters, escape
    sequences, changes of writing direction, invisible ones. Only line ends stay.
    """
    whole = str(text)
    kept = whole if limit is None else whole[:limit]
    # ASCII with \x1b spelt out: no terminal acts on it, and no encoding fails on it.
    shown = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in kept)
    return shown if len(kept) == len(whole) else f"{shown}… ({len(whole) - len(kept):,} more characters)"


def one_line(text: object, limit: int | None = None) -> str:
    """The same without line ends: for names, which must not look like other lines."""
    return " ".join(harmless(text, limit).split())


def kind_of(value: object) -> str:
    """What somebody gave instead: `torch.float64 (3, 2)` of a tensor or array, else the name of its type."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{value.dtype} {tuple(value.shape)}"
    return type(value).__name__


def is_supported(annotation: Any, *, inside_list: bool = False) -> bool:
    """Whether parse_value() can spell every value of this type."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return all(isinstance(word, str) for word in args)
    if origin in (Union, types.UnionType):
        return all(is_supported(arg, inside_list=inside_list) for arg in args if arg is not type(None) or inside_list)
    if origin is tuple:
        return not inside_list and len(args) == 2 and args[1] is ... and is_supported(args[0], inside_list=True)
    return annotation in (float, int, bool, str, Path)


def parse_value(text: str, annotation: Any) -> Any:
    """Return the value that `text` spells. Raises ValueError when it spells none.

    Spaces around it are ignored, except in free text and paths, which are taken whole.
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        if text.strip() in args:
            return text.strip()
        raise ValueError(text)
    if origin in (Union, types.UnionType):
        return _parse_union(text, args)
    if origin is tuple:
        return tuple(parse_value(part, args[0]) for part in text.split("/")) if text.strip() else ()
    if annotation is bool:
        return _parse_bool(text)
    if annotation is int:
        return _parse_int(text)
    if annotation is float:
        return _parse_float(text)
    if annotation in (str, Path):
        return annotation(text)
    raise ValueError(f"unsupported parameter type {annotation!r}")


def format_value(value: Any) -> str:
    """Return the text that parses to `value`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _shortest(value)
    if isinstance(value, tuple):
        return "/".join(format_value(part) for part in value)
    return str(value)


def _parse_union(text: str, args: tuple[Any, ...]) -> Any:
    if type(None) in args and text.strip().lower() == "none":
        return None
    # Fixed words come before numbers, and numbers before free text, whatever the order declared.
    for arg in sorted((a for a in args if a is not type(None)), key=_eagerness):
        try:
            return parse_value(text, arg)
        except ValueError:
            continue
    raise ValueError(text)


def _eagerness(annotation: Any) -> int:
    if get_origin(annotation) is Literal:
        return 0
    return {bool: 1, int: 2, float: 3}.get(annotation, 4)


def _parse_bool(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(text)
    return word in _TRUE


def _parse_int(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        about = float(text)  # people type 1e4 for a budget
        if not about.is_integer():
            raise
        number = int(about)
    if not -(2**63) <= number < 2**63:  # reports and tensors hold 64 bits
        raise ValueError(text)
    return number


def _parse_float(text: str) -> float:
    top, slash, bottom = text.partition("/")
    try:
        number = float(top) / float(bottom) if slash else float(text)
    except ZeroDivisionError:
        raise ValueError(text) from None
    if math.isnan(number):
        raise ValueError(text)
    return number + 0.0  # minus zero is zero, or equal settings would hash differently


def _shortest(number: float) -> str:
    text = repr(number)
    return text[:-2] if text.endswith(".0") else text
