"""Pages written from the code. `make docs` rewrites them; a test compares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import columns, command_line, components, contract, errors, hooks, quotes
from .repository import ROOT

DOCS = ROOT / "docs"


def pages() -> dict[Path, Callable[[], str]]:
    """Every page that is generated, whole or in its quoted parts, with what writes its text."""
    reference = DOCS / "reference"
    return {
        ROOT / "reports" / "README.md": columns.for_reports,
        reference / "columns.md": columns.for_site,
        reference / "hooks.md": hooks.hooks_page,
        reference / "components.md": components.components_page,
        reference / "errors.md": errors.errors_page,
        reference / "cli.md": command_line.command_line_page,
        reference / "contract.md": contract.contract_page,
        reference / "testing.md": contract.testing_page,
        **quotes.pages(DOCS),
    }
