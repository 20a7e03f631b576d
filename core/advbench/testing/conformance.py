"""The kit as tests: `test_rules = conformance("zoo")` in a plugin's test file, and nothing more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver

from .examination import entries_of, examinations, examine


def conformance(plugin: str, *files: Path) -> Any:
    """A test function, parametrised over every check of every component of a plugin or distribution.

    `files`: one-file plugins to load first. Failures say what broke with numbers, and what to
    do; excused and not applicable checks are skipped with the reason.
    """
    import pytest

    resolver = Resolver(discover(files), read())
    cases = list(examinations(iter(entries_of(resolver, plugin)), resolver))
    names = [f"{subject}-{check.__name__.removeprefix('check_')}" for subject, check in cases]

    @pytest.mark.parametrize(("subject", "check"), cases, ids=names)
    def test_conformance(subject: Any, check: Any) -> None:
        finding = examine(subject, check)
        if finding.outcome == "failed":
            pytest.fail(str(finding), pytrace=False)
        if finding.outcome != "passed":
            pytest.skip(f"{finding.outcome}: {finding.text}")

    return test_conformance
