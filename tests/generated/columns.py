"""The columns of a report, for its folder and for the site."""

from __future__ import annotations

from advbench.records.tables import columns_markdown

from .markdown import page

ABOUT = """\
A report is a folder that `advbench run` writes and grows; `advbench leaderboard FOLDER` reads it, and so does
anything that reads Parquet. `run.json` says how each invocation was asked for and what was installed; `tracebacks/`
holds why cells failed; `parts/` is work that is not yet folded into the tables. This page is generated from the
declared schemas."""


def for_reports() -> str:
    """reports/README.md."""
    return page("Reports", ABOUT, columns_markdown())


def for_site() -> str:
    """The same on the site; its tables are sections of their own there."""
    return page("Columns", ABOUT, columns_markdown().replace("### ", "## "))
