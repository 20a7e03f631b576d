"""Whether a plugin's record holds what its fields declare; Python itself never looks."""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from .texts import one_line

_SHOWN = 60  # characters of a value that does not fit


def misfit(record: Any) -> str | None:
    """Return `<field> must be <type>, got <value>` for the first field that does not fit; None if all do.

    `record` is an instance of one of our own dataclasses: a spec, facts.
    """
    cls: Any = type(record)
    hints = _hints(cls)
    for item in fields(record):
        value = getattr(record, item.name)
        if not fits(value, hints[item.name]):
            return f"{item.name} must be {_words(hints[item.name])}, got {one_line(repr(value), _SHOWN)}"
    return None


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value is of that type, looked into as deep as the type says."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return True
    if origin is Literal:
        return value in args
    if origin in (Union, types.UnionType):
        return any(fits(value, arg) for arg in args)
    if origin is tuple:
        if args[-1] is ...:
            return isinstance(value, tuple) and all(fits(part, args[0]) for part in value)
        return isinstance(value, tuple) and len(value) == len(args) and all(map(fits, value, args))
    if origin is frozenset:
        return isinstance(value, frozenset) and all(fits(part, args[0]) for part in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(fits(k, args[0]) and fits(v, args[1]) for k, v in value.items())
    if annotation in (float, int):  # numpy's numbers are as good
        return isinstance(value, Real if annotation is float else Integral) and not isinstance(value, bool)
    return isinstance(value, annotation)


def _words(annotation: Any) -> str:
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(_words(arg) for arg in get_args(annotation))
    if get_origin(annotation) is Literal:
        return " or ".join(map(repr, get_args(annotation)))
    if annotation is type(None):
        return "None"
    if get_args(annotation):
        inner = ", ".join("..." if arg is ... else _words(arg) for arg in get_args(annotation))
        return f"{get_origin(annotation).__name__}[{inner}]"
    return str(getattr(annotation, "__name__", annotation))


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)
