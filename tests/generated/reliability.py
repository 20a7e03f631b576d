"""The tables of docs/reliability.md: `python -m tests.generated.reliability [--quick] [TABLE...]` runs their tests.

Each test is one fault, or several that it counts; what it counts comes from `record_property`. A test that
fails or is skipped is not counted; its line says so. --quick leaves out the slow ones, as `make test` does.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from .repository import ROOT

PAGE = ROOT / "docs" / "reliability.md"
_MARKS = "<!-- measured: {} -->\n", "<!-- end of measured -->"


@dataclass(frozen=True)
class Subject:
    """One line of a table: what is done to a run, and the tests that do it. `counts`: a property that they record."""

    what: str
    tests: tuple[str, ...]  # as pytest takes them
    counts: str | None = None


TABLES = {
    "kills": (
        Subject("kill -9 at random moments, in process", ("tests/e2e/test_kill.py",), "kills"),
        Subject("kill -9 at random moments, two workers at work", ("tests/e2e/test_kill_workers.py",), "kills"),
    ),
    "faults": (
        Subject("a run that dies before any one of its changes to the disk", ("tests/e2e/test_every_step.py",)),
        Subject("SIGTERM, and a second run on the same folder", (
            "tests/e2e/test_kill_workers.py::test_sigterm_ends_a_run_as_control_c_does",
            "tests/e2e/test_kill_workers.py::test_a_second_run_on_a_folder_is_refused_and_disturbs_nobody",
        )),
        Subject("workers that die, hang, fork, or close what they should not", ("tests/unit/test_processes.py",)),
        Subject("attacks and trainings that take their worker with them", ("tests/e2e/test_dying_workers.py",)),
        Subject("attacks and contenders that raise, leave, never end or answer nonsense", (
            "tests/e2e/test_bad_attacks.py", "tests/e2e/test_bad_contenders.py", "tests/e2e/test_bad_endings.py",
            "tests/e2e/test_bad_metrics.py",
        )),
        Subject("a full disk, and one that cannot be written", ("tests/e2e/test_small_disks.py",)),
        Subject("files that are cut short, changed or foreign", ("tests/fuzz",)),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What came of the tests of one subject."""

    passed: int
    failed: int
    skipped: int
    counted: int


def outcome_of(report: ElementTree.Element, counts: str | None = None) -> Outcome:
    """From pytest's JUnit file."""
    cases = list(report.iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = [case for case in cases if case.find("skipped") is not None]
    properties = [one for case in cases if case not in failed for one in case.iter("property")]
    counted = sum(int(one.get("value", "0")) for one in properties if one.get("name") == counts)
    return Outcome(len(cases) - len(failed) - len(skipped), len(failed), len(skipped), counted)


def measured(subject: Subject, quick: bool) -> Outcome:
    """Run its tests, the slow ones too unless it must be `quick`."""
    with TemporaryDirectory() as place:
        path = Path(place) / "junit.xml"
        which = "not slow" if quick else "slow or not slow"
        kind = "junit_family=xunit1"  # the later one holds no properties
        command = [sys.executable, "-m", "pytest", "-q", "-m", which, "-o", kind, f"--junitxml={path}", *subject.tests]
        subprocess.run(command, cwd=ROOT, check=False)
        return outcome_of(ElementTree.parse(path).getroot(), subject.counts)


def table(rows: Iterable[tuple[Subject, Outcome]], quick: bool) -> str:
    """In Markdown, a line for each subject, and how it was made."""
    lines = ["| what is done to a run | survived | failed | skipped |", "|---|---|---|---|"]
    for subject, found in rows:
        survived = f"{found.passed} tests" if subject.counts is None else f"{found.counted} {subject.counts}"
        lines.append(f"| {subject.what} | {survived} | {found.failed} | {found.skipped} |")
    command = f"python -m tests.generated.reliability{' --quick' * quick}"
    return "\n".join([*lines, "", f"By `{command}`{', which leaves out the slow tests' * quick}."])


def with_table(page: str, name: str, text: str) -> str:
    """The page with that table in the place that is marked for it."""
    start, end = _MARKS[0].format(name), _MARKS[1]
    block = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if not block.search(page):
        raise ValueError(f"docs/reliability.md: it must have the mark '{start.strip()}', got none.")
    return block.sub(lambda match: f"{start}\n{text}\n{end}", page, count=1)


def main() -> None:
    """Rewrite the tables that are named, all if none is."""
    quick = "--quick" in sys.argv[1:]
    for name in [word for word in sys.argv[1:] if word != "--quick"] or TABLES:
        rows = [(subject, measured(subject, quick)) for subject in TABLES[name]]
        PAGE.write_text(with_table(PAGE.read_text(), name, table(rows, quick)))


if __name__ == "__main__":
    main()
