"""Files quoted in pages: `<!-- quote: PATH -->` before a fenced block fills it with that file."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path

from .repository import ROOT

_QUOTE = re.compile(r"<!-- quote: (?P<path>\S+) -->\n+```(?P<language>\w*)\n.*?^```$", re.MULTILINE | re.DOTALL)


def pages(docs: Path) -> dict[Path, Callable[[], str]]:
    """Every page that quotes, with what brings its quotations up to date."""
    quoting = [path for path in sorted(docs.rglob("*.md")) if _QUOTE.search(path.read_text())]
    return {path: functools.partial(requoted, path) for path in quoting}


def requoted(page: Path) -> str:
    """The page with every quotation replaced by the file it names."""
    return _QUOTE.sub(lambda match: _block(match["path"], match["language"]), page.read_text())


def _block(path: str, language: str) -> str:
    return f"<!-- quote: {path} -->\n```{language}\n{(ROOT / path).read_text().strip()}\n```"
