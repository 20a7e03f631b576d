"""Every verb and option, from the functions that carry them out: no terminal, no width."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import typer
from typer.models import ArgumentInfo, OptionInfo

from advbench.cli.app import app

from .markdown import code, page, plain, table

ABOUT = """\
`advbench VERB --help` shows the same in a terminal. An option with a variable also reads it from the
environment; what is typed wins over the environment, the environment over `--config FILE`, the file over the default.
Options marked *repeats* may be given more than once. [Errors](errors.md#exit-codes) lists the exit codes."""
WORDS = {str: "TEXT", int: "WHOLE", float: "NUMBER", Path: "PATH"}


def command_line_page() -> str:
    """One section per verb."""
    return page("Command line", ABOUT, *(_section(name, function) for name, function in _verbs(app, "advbench")))


def _verbs(group: typer.Typer, before: str) -> Iterator[tuple[str, Any]]:
    for command in group.registered_commands:
        assert command.callback is not None
        yield f"{before} {command.name or command.callback.__name__}", command.callback
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from _verbs(inner.typer_instance, f"{before} {inner.name}")


def _section(name: str, function: Any) -> str:
    hints = get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters.values()
    arguments, panels = [], dict[str, list[tuple[str, ...]]]()
    usage = name
    for one in parameters:
        kind, *about = get_args(hints[one.name]) or [None]
        info = next(iter(about), None)
        if isinstance(info, ArgumentInfo):
            shown = info.metavar or one.name.upper()
            usage += " " + (shown if one.default is one.empty else f"[{shown}]") + ("..." if _repeats(kind) else "")
            arguments.append((code(shown), _default(one.default), plain(info.help or "")))
        elif isinstance(info, OptionInfo):
            row = (
                _names(one.name, info),
                info.metavar or _words(kind),
                _default(one.default),
                _variable(info),
                plain(info.help or ""),
            )
            panels.setdefault(info.rich_help_panel or "", []).append(row)
    parts = [f"## {name}", _paragraphs(function), code(usage + (" [OPTIONS]" if panels else ""))]
    if arguments:
        parts.append(table(("argument", "default", "meaning"), arguments))
    # Panels in the order of the help: those without a title first.
    for panel in sorted(panels, key=lambda panel: panel != ""):
        parts.append(f"**{panel}**" if panel else "")
        parts.append(table(("option", "value", "default", "variable", "meaning"), panels[panel]))
    return "\n\n".join(part for part in parts if part)


def _paragraphs(function: Any) -> str:
    return "\n\n".join(plain(part) for part in (inspect.getdoc(function) or "").split("\n\n"))


def _names(name: str, info: OptionInfo) -> str:
    declared = [part for part in (info.default, *(info.param_decls or ())) if isinstance(part, str)]
    return ", ".join(map(code, declared or [f"--{name.replace('_', '-')}"]))


def _variable(info: OptionInfo) -> str:
    variables = [info.envvar] if isinstance(info.envvar, str) else info.envvar or []
    return ", ".join(map(code, variables))


def _repeats(kind: Any) -> bool:
    return get_origin(kind) is list or any(get_origin(part) is list for part in get_args(kind))


def _words(kind: Any) -> str:
    """What may be typed, for a type such as `list[str] | None`."""
    if get_origin(kind) is list:
        return f"{_words(get_args(kind)[0])} *repeats*"
    parts = [part for part in get_args(kind) if part is not NoneType]
    if parts:
        return " or ".join(map(_words, parts))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return ", ".join(code(str(one.value)) for one in kind)
    return "" if kind is bool else WORDS[kind]


def _default(value: Any) -> str:
    if value is None or isinstance(value, bool) or value is inspect.Parameter.empty:
        return ""
    return code(str(value.value if isinstance(value, enum.Enum) else value))
