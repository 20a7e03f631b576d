"""What is written must be so: generated pages are current, and printed commands parse."""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import generated

from advbench.contract import errors

ROOT = generated.ROOT
README = (ROOT / "README.md").read_text()
PROSE = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "registry.toml")]


@pytest.mark.parametrize("path", generated.pages(), ids=lambda path: path.name)
def test_generated_pages_are_current(path):
    assert path.read_text() == generated.pages()[path], "run: make docs"


def test_the_readme_is_short():
    assert len(README.splitlines()) < 120


COMMANDS = sorted(set(re.findall(r"^(?:\$ )?(advbench [a-z][^\n#`]*)", README, flags=re.MULTILINE)))


def test_the_readme_shows_commands():
    assert len(COMMANDS) >= 4


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_parses(command):
    words = shlex.split(command)
    extra = ["--dry-run"] if words[1] == "run" else ["--help"]
    done = subprocess.run([sys.executable, "-m", *words, *extra], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_error_is_in_the_tree_that_opens_its_module():
    names = [name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)]
    for name in names:
        assert name in errors.__doc__


def test_every_public_name_is_exported_for_type_checkers_too():
    source = (ROOT / "core" / "advbench" / "__init__.py").read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            parts = [part for part in ast.walk(node) if isinstance(part, ast.ImportFrom)]
            static = {alias.asname for part in parts for alias in part.names}
    import advbench

    assert static == set(advbench.__all__) - {"__version__"}
    for name in advbench.__all__:
        assert getattr(advbench, name) is not None


def test_the_project_speaks_of_itself_alone():
    for path in [*PROSE, *ROOT.glob("plugins/*/README.md"), *ROOT.glob("docs/*.md")]:
        text = path.read_text()
        assert not re.search(r"/(?:work|home|root)/|index-url|find-links|\bissue #?\d+\b", text), path
