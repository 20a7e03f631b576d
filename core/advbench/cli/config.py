"""Where options come from: the command line, the environment, and `--config FILE` below them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import typer

from ..contract.errors import RequestError, did_you_mean
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
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RequestError(f"run: --config {path} must be a readable TOML file, got: {error}.") from None
    known = {param.name for param in context.command.params}
    options: dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        name = _NAMES.get(name, name)
        if name not in known or name == "config":
            shown = {str(one).replace("_", "-") for one in known}
            raise RequestError(f"run: --config {path}: '{key}' must be an option of run. {did_you_mean(key, shown)}")
        options[name] = value if isinstance(value, (list, bool)) else str(value)
    return options
