"""SECURITY.md promises nothing that no test holds."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from advbench.supply.clients import command
from advbench.supply.resource import Package

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "SECURITY.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:plugins/\w+/)?tests/[\w/.]+(?:::\w+)?)`", TEXT)))


def defined_in(path):
    tree = ast.parse(path.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize("named", NAMED)
def test_every_test_that_is_named_exists(named):
    file, _, name = named.partition("::")
    path = ROOT / file
    assert path.exists(), named
    assert not name or name in defined_in(path), named


def test_every_guard_names_its_test():
    table = TEXT.partition("## What is not trusted")[2].partition("\n\nBefore")[0]
    rows = [line.strip("|").split(" | ") for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 8
    for what, guard, tests in rows:
        assert guard, what
        assert any(named in tests for named in NAMED), f"no test is named for: {what}"


def test_it_is_short():
    assert len(TEXT.split()) < 900


@pytest.mark.parametrize(
    ("client", "program", "wanted"),
    [
        ("pip", "python", ["download", "--no-deps", "--only-binary", ":all:"]),
        ("npm", "npm", ["pack", "--ignore-scripts"]),
        ("apt", "apt-get", ["download"]),
    ],
)
def test_clients_are_told_to_run_nothing_of_what_they_fetch(client, program, wanted, tmp_path):
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    words = command(Package(client=client, name="x", version="1", sha256="0" * 64, size=1), tmp_path)
    assert set(wanted) <= set(words)
    assert "install" not in words
