"""The leaderboard for the terminal. Nothing is printed here: the caller owns the console."""

from __future__ import annotations

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .board import Leaderboard, Section
from .sheets import Sheet, by_attack, by_contender, legend

_SHOWN = 6  # refusals per section; all are in cells.parquet and in --format json
_NARROW = 10  # no column is squeezed below this
_GAP = 2  # between columns
_STYLES = {
    "#": "dim",
    "contender": "bold cyan",
    "robust accuracy": "bold",
    "worst": "bold",
    "n": "dim",
    "marks": "yellow",
}


def as_rich(board: Leaderboard, width: int = 100) -> RenderableType:
    """Return the whole leaderboard as one renderable, laid out for `width` columns."""
    parts: list[RenderableType] = []
    for section in board.sections:
        parts += [Text(), *_section(section, board.by, width)]
    if not board.sections:
        parts.append(Text("No cell is in these reports yet.", style="yellow"))
    parts.append(Text())
    parts += [_legend(board)] if board.sections else []
    parts += [Text(f"left out: {text}", style="red") for text in board.damaged]
    return Group(*parts)


def _section(section: Section, by: str, width: int) -> list[RenderableType]:
    sheets = [by_contender(section)] if by == "contender" else _by_attack(section, width)
    parts: list[RenderableType] = [Text(sheets[0].title, style="bold")]
    parts += [_table(sheet, width) for sheet in sheets]
    parts += [Text(f"  {refusal}", style="dim") for refusal in section.refusals[:_SHOWN]]
    if len(section.refusals) > _SHOWN:
        parts.append(Text(f"  … and {len(section.refusals) - _SHOWN} more: see --format json", style="dim"))
    return parts


def _by_attack(section: Section, width: int) -> list[Sheet]:
    """As many sheets, one below the other, as it takes to fold no heading."""
    chunks: list[list[str]] = [[]]
    for attack in section.attacks:
        wider = by_attack(section, [*chunks[-1], attack])
        if chunks[-1] and sum(_needs(wider)) + _GAP * (len(wider.headings) - 1) > width:
            chunks.append([attack])
        else:
            chunks[-1].append(attack)
    return [by_attack(section, chunk) for chunk in chunks]


def _table(sheet: Sheet, width: int) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    limits = _limits(sheet, width)
    for i, limit in limits.items():
        heading = sheet.headings[i]
        table.add_column(
            Text(heading.text), justify="right" if heading.right else "left", style=_STYLES.get(heading.text, ""),
            width=limit, no_wrap=not heading.flexible, overflow="fold" if heading.flexible else "ellipsis",
        )  # fmt: skip
    for row, quiet, loud in zip(sheet.rows, sheet.quiet, sheet.loud, strict=True):
        style = "dim" if quiet else "yellow" if loud else ""
        table.add_row(*(Text(row[i]) for i in limits), style=style)
    left_out = [heading.text for i, heading in enumerate(sheet.headings) if i not in limits]
    if not left_out:
        return table
    return Group(table, Text(f"  too narrow for: {', '.join(left_out)} (all are in --format csv)", style="dim"))


def _legend(board: Leaderboard) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for sign, meaning in legend(board):
        grid.add_row(Text(sign, style="dim"), Text(meaning, style="dim"))
    return grid


def _limits(sheet: Sheet, width: int) -> dict[int, int]:
    """The columns to show and their widths.

    Where space is short, spare columns go until the rest fits folded; then marks give way first,
    after them the widest names.
    """
    limits = dict(enumerate(_needs(sheet)))
    floors = {
        i: min(need, max(_NARROW, need // 2)) if sheet.headings[i].flexible else need for i, need in limits.items()
    }
    for i in sorted(limits, key=lambda i: -sheet.headings[i].spare):
        if sheet.headings[i].spare and sum(floors[k] + _GAP for k in limits) - _GAP > width:
            del limits[i]
    excess = sum(limits.values()) + _GAP * (len(limits) - 1) - width
    for i in sorted(limits, key=lambda i: (sheet.headings[i].text != "marks", -limits[i])):
        cut = max(0, min(excess, limits[i] - floors[i]))
        limits[i] -= cut
        excess -= cut
    return limits


def _needs(sheet: Sheet) -> list[int]:
    """The width at which nothing is folded."""
    columns = zip(*sheet.rows, strict=True) if sheet.rows else [()] * len(sheet.headings)
    words = [[heading.text, *column] for heading, column in zip(sheet.headings, columns, strict=True)]
    return [max(cell_len(word) for word in column) for column in words]
