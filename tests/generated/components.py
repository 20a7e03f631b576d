"""Every component of this repository, with its parameters."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable
from typing import Any

from advbench.catalog.plugins import KINDS, Entry
from advbench.contract.params import SAME, ParamInfo, describe
from advbench.contract.specs import Spec
from advbench.contract.texts import format_value

from .markdown import code, page, plain, table
from .repository import entries, plugin_folders

ABOUT = """\
What the plugins of this repository register; `advbench list` shows what is installed, `advbench show KIND NAME`
one of them. Parameters are typed as `NAME:key=value,key=value`. *Paper* is the value in the paper where it differs from
the default. What the words before each table mean is said at the specs of the [contract](contract.md#contractspecs)."""
COMMON = {field.name for field in dataclasses.fields(Spec)}


def components_page() -> str:
    """One section per distribution, core first; by kind and name within."""
    found = entries(plugin_folders())
    kinds = list(KINDS)
    parts = []
    for dist in sorted({entry.source.dist for entry in found}, key=lambda dist: (dist != "advbench", dist)):
        own = [entry for entry in found if entry.source.dist == dist]
        parts.append(f"## {dist}")
        parts += [_section(one) for one in sorted(own, key=lambda one: (kinds.index(one.kind), one.spec.name))]
    return page("Components", ABOUT, *parts)


def _section(entry: Entry) -> str:
    spec, infos = entry.spec, describe(entry.load())
    parts = [f"### {entry.kind} {spec.name}", plain(_sentence(spec.summary)), _traits(spec)]
    if infos:
        headings = ("parameter", "default", "paper", "value", "range", "unit", "meaning")
        parts.append(table(headings, map(_row, infos)))
    if spec.paper is not None:
        about = f"Source: [{plain(spec.paper.title)}]({spec.paper.url}), {spec.paper.year}."
        parts.append(about + ("" if not spec.paper.deviations else " Where this code leaves it:"))
        parts.append("\n".join(f"- {plain(text)}" for text in spec.paper.deviations))
    return "\n\n".join(part for part in parts if part)


def _row(info: ParamInfo) -> tuple[str, ...]:
    paper = "" if info.paper == SAME else info.paper if isinstance(info.paper, str) else format_value(info.paper)
    choices = info.limits.choices is not None
    name = code(info.name) + (" (may be typed without its name)" if info.positional else "")
    return (
        name, code(info.default_words), plain(paper), plain(str(info.limits) if choices else info.type_words),
        "" if choices else plain(str(info.limits)), plain(info.unit or ""), plain(info.help),
    )  # fmt: skip


def _traits(spec: Any) -> str:
    """What the spec says beyond its name, field by field."""
    fields = [field.name for field in dataclasses.fields(spec) if field.name not in COMMON]
    told = [(name.replace("_", " "), getattr(spec, name)) for name in fields]
    said = [f"{name}: {code(_words(value))}" for name, value in told if value not in (None, "")]
    return " · ".join([*said, *([f"revision: {code(str(spec.revision))}"] if spec.revision > 1 else [])])


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, enum.IntEnum):
        return value.name.lower()
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Iterable):
        return ", ".join(sorted(map(_words, value)))
    return str(value)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
