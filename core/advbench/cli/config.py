"""Where options come from: the command line, the environment, and `--config FILE` below them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from ..contract.errors import RequestError, did_you_mean
from ..contract.texts import one_line
from ..supply.bounded import MIB, parse_toml, within
from .console import errors_told

_NAMES = {"out": "report"}  # the option's name -> its parameter's


def read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Make the file's values the command's defaults. Unknown keys are errors."""
    if path is not None:
        with errors_told():
            context.default_map = {**(context.default_map or {}), **_options(context, path)}
    return path


def given(context: typer.Context) -> frozenset[str]:
    """Options that somebody gave, wherever and even at their default; named as in a Request."""
    names = {parameter: name for name, parameter in _NAMES.items()}
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return frozenset(
        names.get(name, name) for name, source in sources.items() if source is not None and source.name != "DEFAULT"
    )


def _options(context: typer.Context, path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:  # which may be a pipe
            table = parse_toml(within(file.read(MIB + 1), MIB))
    except (OSError, ValueError) as error:
        raise RequestError(f"run: --config {path} must be a readable TOML file, got: {error}.") from None
    known = {str(param.name): param for param in context.command.params}
    options: dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        name = _NAMES.get(name, name)
        if name not in known or name == "config":
            shown = {one.replace("_", "-") for one in known}
            raise RequestError(f"run: --config {path}: '{key}' must be an option of run. {did_you_mean(key, shown)}")
        options[name] = _option(value, f"run: --config {path}: '{key}'", getattr(known[name], "multiple", False))
    return options


def _option(value: Any, who: str, several: bool) -> Any:
    """As the command line gives it: texts, and lists of them where an option may repeat. Raises RequestError."""
    listed = value if several and isinstance(value, list) else [value]
    if not all(isinstance(one, (str, int, float)) for one in listed):
        wanted = "texts or numbers" if several else "a text, a number, true or false"
        raise RequestError(f"{who} must be {wanted}, got {one_line(value, 60)}. See: advbench run --help.")
    if several:
        return [str(one) for one in listed]
    return value if isinstance(value, bool) else str(value)
