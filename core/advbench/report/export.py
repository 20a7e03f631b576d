"""The leaderboard for programs and papers: JSON, CSV, Markdown."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from .board import Leaderboard, Line, Section
from .sheets import Sheet, by_attack, by_contender, legend

_SECTION = ("dataset", "norm", "eps", "reference_eps", "max_queries", "targets")
_LINE = (
    "rank", "contender", "twin_of", "state", "seeds", "n", "clean", "clean_low", "clean_high", "robust", "robust_low",
    "robust_high", "distance", "distance_low", "distance_high", "spread", "by", "by_surrogate", "queries",
    "queries_over", "coverage", "missing", "marks",
)  # fmt: skip
_ATTACK = (
    "contender", "twin_of", "attack", "state", "n", "robust", "robust_low", "robust_high", "distance", "distance_low",
    "distance_high", "marks",
)  # fmt: skip


def as_json(board: Leaderboard) -> str:
    """Everything, in full precision; infinity is "inf", not-a-number null."""
    return json.dumps(board.as_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(board: Leaderboard) -> str:
    """One line per contender (or per contender and attack), in full precision."""
    columns = _LINE if board.by == "contender" else _ATTACK
    text = io.StringIO()
    writer = csv.DictWriter(text, [*_SECTION, *columns], lineterminator="\n")
    writer.writeheader()
    for section in board.sections:
        shared = {name: getattr(section, name) for name in _SECTION}
        for line in section.lines:
            for flat in _flat(line, board.by):
                writer.writerow(shared | {name: flat.get(name) for name in columns})
    return text.getvalue()


def as_markdown(board: Leaderboard) -> str:
    """The tables of the terminal, with their legend."""
    parts = []
    for section in board.sections:
        sheet = by_contender(section) if board.by == "contender" else by_attack(section, section.attacks)
        parts.append(_markdown(sheet, section))
    parts.append("\n".join(f"- `{sign}` {meaning}" for sign, meaning in legend(board)))
    return "\n\n".join(parts) + "\n"


def _flat(line: Line, by: str) -> list[dict[str, Any]]:
    if by == "contender":
        return [_spread_out(vars(line))]
    return [
        _spread_out({"contender": line.contender, "twin_of": line.twin_of, "attack": attack, **vars(score)})
        for attack, score in line.attacks.items()
    ]


def _spread_out(fields: dict[str, Any]) -> dict[str, Any]:
    """Each score as three columns, the marks as one text."""
    flat = dict(fields)
    for name in ("clean", "robust", "distance"):
        score = fields.get(name)
        if score is not None:
            flat |= {name: score.value, f"{name}_low": score.low, f"{name}_high": score.high}
    flat["marks"] = " ".join(f"{mark}={count}" for mark, count in fields["marks"].items())
    return flat


def _markdown(sheet: Sheet, section: Section) -> str:
    head = [heading.text for heading in sheet.headings]
    rule = ["---:" if heading.right else "---" for heading in sheet.headings]
    rows = [head, rule, *(list(row) for row in sheet.rows)]
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    notes = "".join(f"\n- {refusal}" for refusal in section.refusals)
    return f"### {sheet.title}\n\n{table}" + (f"\n{notes}" if notes else "")
