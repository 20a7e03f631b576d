"""The tables of docs/reliability.md hold what pytest says of the tests, failures and skipped ones too."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from generated import reliability
from generated.repository import ROOT

REPORT = """<testsuites><testsuite>
<testcase name="a"><properties>
<property name="kills" value="7"/><property name="other" value="3"/></properties></testcase>
<testcase name="b"><properties><property name="kills" value="3"/></properties></testcase>
<testcase name="c"><properties><property name="kills" value="50"/></properties><failure/></testcase>
<testcase name="d"><skipped/></testcase>
</testsuite></testsuites>"""


def test_only_what_passed_is_counted():
    found = reliability.outcome_of(ElementTree.fromstring(REPORT), "kills")
    assert found == reliability.Outcome(passed=2, failed=1, skipped=1, counted=10)
    told = reliability.table([(reliability.Subject("kill", ("x",), "kills"), found)], quick=False)
    assert "| kill | 10 kills | 1 | 1 |" in told


def test_a_table_replaces_the_one_before_and_nothing_else():
    page = reliability.PAGE.read_text()
    once = reliability.with_table(page, "kills", "new")
    assert reliability.with_table(once, "kills", "new") == once
    assert once.count("<!-- end of measured -->") == page.count("<!-- end of measured -->") == 2
    with pytest.raises(ValueError, match="must have the mark"):
        reliability.with_table(page, "other", "new")


def test_every_test_that_is_told_of_exists():
    for subject in [one for table in reliability.TABLES.values() for one in table]:
        for test in subject.tests:
            file, _, name = test.partition("::")
            path = ROOT / file
            assert path.exists(), test
            assert f"def {name}(" in path.read_text() if name else True
