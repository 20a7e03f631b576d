"""Where words go: results to standard output, everything else to standard error."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from rich.console import Console

from ..catalog.plugins import Installed, discover
from ..catalog.registry import read
from ..catalog.resolve import Resolver
from ..contract.errors import AdvbenchError, PluginError
from ..contract.texts import harmless

P = ParamSpec("P")
T = TypeVar("T")

# A pipe has no width of its own; tables are laid out for this many columns unless COLUMNS says otherwise.
PIPE_WIDTH = 100
_LONGEST = 10_000  # characters of an error: it may quote what it was given


def _console(stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console


out, err = _console(stderr=False), _console(stderr=True)

PluginFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        envvar="ADVBENCH_PLUGIN",
        show_envvar=False,
        help="A Python file that registers components; may repeat.",
    ),
]


@contextmanager
def errors_told() -> Iterator[None]:
    """Our own errors become one red line and an exit code; a traceback is only for our bugs."""
    try:
        yield
    except AdvbenchError as error:
        err.print(f"[bold red]error:[/] {escape(harmless(error, _LONGEST))}", soft_wrap=True)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        err.print("interrupted")
        raise typer.Exit(130) from None
    except BrokenPipeError:  # `advbench list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def verb(function: Callable[P, T]) -> Callable[P, T]:
    """Wrap a command so that its errors are told and not thrown."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        with errors_told():
            return function(*args, **kwargs)

    return wrapped


def resolver(files: list[Path] | None) -> Resolver:
    """Everything installed, plus one-file plugins, which must work: they were asked for by name."""
    found = Resolver(discover(files or ()), read())
    asked = {str(path) for path in files or ()}
    for broken in found.installed.broken:
        if broken.source.dist in asked:
            raise PluginError(f"--plugin {broken.source.dist}: {broken.reason}")
    return found


def keeping_its_stream(console: Console) -> Console:
    """The same console, but printing to today's stream even while another one is put in its place."""
    kept = Console(file=console.file, stderr=console.stderr, highlight=False)
    kept.width = console.width
    return kept


def tell_broken(installed: Installed) -> None:
    """One line per broken plugin, and per plugin that printed while it was loaded, on standard error."""
    for source, printed in installed.printed.items():
        err.print(f"[yellow]plugin {escape(source)} printed[/] {escape(printed)}", soft_wrap=True)
    for broken in installed.broken:
        err.print(f"[yellow]plugin {escape(str(broken.source))} is broken:[/] {escape(broken.reason)}", soft_wrap=True)


def escape(text: Any) -> str:
    """Text from plugins and files, harmless to rich markup and to terminals."""
    from rich.markup import escape as escape_markup

    return escape_markup(harmless(text))
