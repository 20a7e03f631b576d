"""`advbench leaderboard [REPORT...]`: the worst case of every contender, from stored rows."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .console import out, verb


class By(StrEnum):
    """What the rows are broken down by."""

    CONTENDER = "contender"
    ATTACK = "attack"


class Format(StrEnum):
    """How it is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MD = "md"


@verb
def leaderboard(
    reports: Annotated[list[Path] | None, typer.Argument(help="Report folders; reports/main if none.")] = None,
    by: Annotated[
        By, typer.Option("--by", envvar="ADVBENCH_BY", help="One line a contender, or one column an attack.")
    ] = By.CONTENDER,
    format: Annotated[
        Format, typer.Option("--format", envvar="ADVBENCH_FORMAT", help="How to write it.")
    ] = Format.TABLE,
) -> None:
    """Show the worst case of every contender over its attacks, with 95 % intervals."""
    show(reports or [Path("reports/main")], by, format)


def show(reports: list[Path], by: By = By.CONTENDER, format: Format = Format.TABLE) -> None:
    """Print the leaderboard of all reports together."""
    from ..records.reader import Report  # pyarrow takes longer to import than `--help` may take in all
    from ..report.leaderboard import build

    board = build([Report.open(path) for path in reports], by.value)
    if format is Format.TABLE:
        from ..report.render import as_rich

        out.print(as_rich(board, out.width))
        return
    from ..report import export

    writers = {Format.CSV: export.as_csv, Format.JSON: export.as_json, Format.MD: export.as_markdown}
    out.file.write(writers[format](board))
