"""What is written must be so: pages are current, commands parse, snippets run, links lead somewhere."""

import ast
import contextlib
import inspect
import io
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).resolve().parent))
import generated
from generated import replay, repository

import advbench
from advbench.cli.app import app
from advbench.contract import errors

ROOT = repository.ROOT
README = (ROOT / "README.md").read_text()
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PROSE = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "registry.toml")]
WRITTEN = [path for path in DOCS if path.parent.name != "reference"]  # by hand, at least in part


def of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", generated.pages(), ids=of)
def test_generated_pages_are_current(path):
    assert path.read_text() == generated.pages()[path](), "run: make docs"


def test_the_readme_is_short():
    assert len(README.splitlines()) < 120


# --- commands ---------------------------------------------------------------------------------------------------------

_COMMAND = re.compile(r"^(?:\$ )?(advbench [a-z][^\n#`]*)", re.MULTILINE)
COMMANDS = sorted(
    {one.strip() for path in (ROOT / "README.md", *WRITTEN) for one in _COMMAND.findall(path.read_text())}
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The distributions in docs/examples, and those that a page makes, as good as installed."""
    place = tmp_path_factory.mktemp("made")
    for command in [command for command in COMMANDS if command.startswith("advbench plugins new")]:
        with contextlib.chdir(place):
            done = CliRunner().invoke(app, shlex.split(command)[1:])
        assert done.exit_code == 0, done.output
    with repository.importable([*replay.EXAMPLES, *(path.parent for path in place.glob("*/pyproject.toml"))]):
        yield


def parsed(command):
    """The context of the verb, with every option checked; raises or leaves if one is wrong."""
    verb, (_, *words) = get_command(app), shlex.split(command)
    while hasattr(verb, "commands"):
        name, *words = words
        verb = verb.commands[name]
    return verb.make_context(name, words)


def test_there_are_commands_to_check():
    assert len(COMMANDS) >= 15


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_is_shown_parses(command):
    assert parsed(command) is not None


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("advbench run")])
def test_every_run_that_is_shown_can_be_planned(command, installed):
    done = CliRunner().invoke(app, [*shlex.split(command)[1:], "--dry-run"])
    assert done.exit_code == 0, done.output
    assert ", 0 refused" in done.output


@pytest.mark.parametrize("command", ["advbench run --atack zoo", "advbench leaderboard --by magic"])
def test_a_command_that_does_not_parse_is_noticed(command):
    with pytest.raises(Exception, match=r"atack|magic"):
        parsed(command)


# --- snippets and what they print -------------------------------------------------------------------------------------

_PYTHON = re.compile(r"(?P<tested><!-- tested -->\n)?^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
SNIPPETS = [(of(path), match) for path in DOCS for match in _PYTHON.finditer(path.read_text())]


def test_every_python_snippet_compiles():
    assert len(SNIPPETS) > 50
    for page, match in SNIPPETS:
        code = match["code"]
        compile(f"{code}    ..." if code.rstrip().endswith(":") else code, page, "exec")  # hooks are bare signatures


@pytest.mark.parametrize("code", [match["code"] for _, match in SNIPPETS if match["tested"]], ids=str.splitlines)
def test_every_tested_snippet_runs(code, installed, tmp_path, monkeypatch):
    shutil.copytree(ROOT / "reports" / "sample", tmp_path / "reports" / "main")
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(code, {})
    assert said.getvalue().strip()


@pytest.mark.parametrize("page", replay.PAGES, ids=of)
def test_figures_in_the_text_stand_in_what_was_printed(page):
    """So that a replay which changes a figure shows where the text must change."""
    blocks = re.findall(r"^```.*?^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    text = re.sub(r"^```.*?^```$|`[^`]*`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for figure in re.findall(r"\d+\.\d+|\d+,\d+", text):
        assert any(figure in block for block in blocks), figure


@pytest.mark.slow
@pytest.mark.parametrize("page", replay.PAGES, ids=of)
def test_replayed_pages_print_the_same_words(page):
    """Digits may differ from machine to machine; run `make replay` to bring them up to date."""

    def words(text):
        return re.sub(r"\s+", " ", re.sub(r"[\d.,]*\d|∞|─+", "#", text))

    assert words(replay.replayed(page.read_text())) == words(page.read_text()), "run: make replay"


def test_a_replay_fills_in_what_is_printed():
    session = "```console\n$ echo one\nold\n\n$ echo two\n```\n"
    page = f"x\n{session}\n<!-- tested -->\n```python\nprint(3)\n```\n\n```text\n```\n"
    again = replay.replayed(page)
    assert "$ echo one\none\n\n$ echo two\ntwo\n```" in again
    assert "print(3)\n```\n\n```text\n3\n```" in again
    assert replay.replayed(again) == again


def test_a_replay_of_a_command_that_fails_is_an_error():
    with pytest.raises(RuntimeError, match="must succeed, got exit code 3"):
        replay.replayed("```console\n$ exit 3\n```\n")


# --- the site ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_builds_and_every_link_in_it_leads_somewhere(site):
    assert (site / "index.html").is_file()
    assert {path.relative_to(ROOT / "docs").with_suffix(".html") for path in DOCS} <= {
        path.relative_to(site) for path in site.rglob("*.html")
    }


def test_the_site_needs_no_network_to_be_read(site):
    for page in site.rglob("*.html"):
        assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"(?:https?:)?//(?!\")[^>]*", page.read_text()), (
            page
        )


# --- the house --------------------------------------------------------------------------------------------------------


def test_every_error_is_in_the_tree_that_opens_its_module():
    names = [name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)]
    for name in names:
        assert name in errors.__doc__


def test_every_public_name_is_exported_for_type_checkers_too():
    source = (ROOT / "core" / "advbench" / "__init__.py").read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            parts = [part for part in ast.walk(node) if isinstance(part, ast.ImportFrom)]
            static = {alias.asname for part in parts for alias in part.names}
    assert static == set(advbench.__all__) - {"__version__"}
    for name in advbench.__all__:
        assert getattr(advbench, name) is not None


def test_the_project_speaks_of_itself_alone():
    for path in [*PROSE, *ROOT.glob("plugins/*/README.md"), *DOCS]:
        text = path.read_text()
        assert not re.search(r"/(?:work|home|root)/|index-url|find-links|\bissue #?\d+\b", text), path


def test_examples_in_the_docs_are_distributions_as_any():
    for folder in replay.EXAMPLES:
        about = tomllib.loads((folder / "pyproject.toml").read_text())
        assert about["project"]["name"] == f"advbench-{folder.name}"
        assert about["project"]["entry-points"]["advbench"]
