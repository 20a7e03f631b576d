"""The command line: one small module per verb. Each parses, calls one function, prints."""

from __future__ import annotations


def main() -> None:
    """Entry point of the `advbench` command."""
    from .app import app

    app()
