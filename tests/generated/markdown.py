"""The few things of Markdown that every page needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def plain(text: str) -> str:
    """Text that Markdown shows as it is: no tags, no column ends, no stars."""
    for sign, shown in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("*", "\\*")):
        text = text.replace(sign, shown)
    return " ".join(text.split())


def code(text: str) -> str:
    """A code span; nothing for nothing."""
    return f"`{text}`".replace("|", "\\|") if text else ""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, without the columns that no row fills."""
    kept = list(rows)
    used = [i for i in range(len(headings)) if any(row[i] for row in kept)]
    lines = [[headings[i] for i in used], ["---"] * len(used), *([row[i] for i in used] for row in kept)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def block(text: str, language: str = "python") -> str:
    """A fenced block."""
    return f"```{language}\n{text.strip()}\n```"


def page(title: str, *parts: str) -> str:
    """A whole page, ending in one newline."""
    return "\n\n".join([f"# {title}", *(part.strip() for part in parts if part.strip())]) + "\n"
