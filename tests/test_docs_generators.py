"""The generators of pages: complete, exact, and blind to what else is installed."""

import re
import sys
from pathlib import Path

import pytest
from typer.main import get_command

sys.path.insert(0, str(Path(__file__).resolve().parent))
from generated import command_line, contract, hooks, quotes, repository, stubs

import advbench
from advbench.catalog import hookspecs
from advbench.cli.app import app

ROOT = repository.ROOT


def test_the_page_of_hooks_shows_the_exact_signature_of_each():
    source = Path(hookspecs.__file__).read_text()
    signatures = re.findall(r"^def advbench_.*?:$", source, re.MULTILINE | re.DOTALL)
    assert len(signatures) == len([name for name in vars(hookspecs) if name.startswith("advbench_")]) >= 9
    text = hooks.hooks_page()
    for signature in signatures:
        assert f"```python\n{signature}\n```" in text


def test_every_public_name_has_a_section():
    text = contract.contract_page()
    for name in set(advbench.__all__) - {"__version__"}:
        assert text.count(f"\n### {name}\n") == 1, name


def test_every_option_is_on_the_page_of_the_command_line():
    text = command_line.command_line_page()

    def check(command, path):
        if hasattr(command, "commands"):
            for name, inner in command.commands.items():
                check(inner, f"{path} {name}")
            return
        section = text.split(f"\n## {path}\n")[1].split("\n## ")[0]
        for param in command.params:
            for option in [*param.opts, *param.secondary_opts]:
                assert option in section or option.upper() in section or param.metavar in section, (path, option)

    check(get_command(app), "advbench")


def test_only_plugins_of_the_repository_are_documented(tmp_path, monkeypatch):
    body = (
        "from advbench import *\n@hookimpl\ndef advbench_register_attacks(register):\n"
        "    register(AttackSpec(name='zoo', summary='a pretender', needs=Access.NONE, modalities=frozenset(Modality),"
        " norms=frozenset(Norm)), 'stranger:Stranger')\n"
    )
    (tmp_path / "stranger.py").write_text(body)
    about = (
        '[project]\nname = "advbench-stranger"\nversion = "1.0"\n[project.entry-points.advbench]\nstranger = "stranger"'
    )
    (tmp_path / "pyproject.toml").write_text(about)
    repository.write_metadata(tmp_path, tmp_path)
    before = {(entry.kind, entry.spec.name) for entry in repository.entries(repository.plugin_folders())}
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("ADVBENCH_PLUGINS", "")
    after = {(entry.kind, entry.spec.name) for entry in repository.entries(repository.plugin_folders())}
    assert after == before
    assert ("attack", "zoo") in after


def test_a_plugin_of_the_repository_that_is_broken_breaks_the_page(tmp_path):
    (tmp_path / "ruined.py").write_text("1 / 0")
    about = '[project]\nname = "advbench-ruined"\nversion = "1.0"\n[project.entry-points.advbench]\nruined = "ruined"'
    (tmp_path / "pyproject.toml").write_text(about)
    with pytest.raises(
        RuntimeError, match=r"every plugin of the repository must load, got: ruined .*ZeroDivisionError"
    ):
        repository.entries([tmp_path])


SOURCE = '''
@mark
class Thing(Base):
    """What it is."""

    size: int = 3  # in metres

    @property
    def area(self) -> int:
        """Square metres."""
        return self.size**2

    def bare(self) -> int:
        value = self.size
        return value

    def _hidden(self) -> None:
        pass

    def shown(self) -> None: ...

WORD = "x"  # type: ignore[misc]
'''
STUB = '''
@mark
class Thing(Base):
    """What it is."""

    size: int = 3  # in metres

    @property
    def area(self) -> int:
        """Square metres."""
        ...

    def bare(self) -> int:
        ...

    def shown(self) -> None: ...
'''


def test_a_stub_keeps_what_readers_need_and_no_more():
    assert stubs.stub(SOURCE, stubs.find(SOURCE, "Thing")) == STUB.strip()
    assert stubs.stub(SOURCE, stubs.find(SOURCE, "WORD")) == 'WORD = "x"'
    with pytest.raises(LookupError, match="Nothing must be defined"):
        stubs.find(SOURCE, "Nothing")


def test_a_quotation_that_is_not_what_the_file_says_is_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n\n<!-- quote: LICENSE -->\n```text\nnot the license\n```\n\nb\n")
    text = quotes.pages(tmp_path)[page]()
    assert text == f"a\n\n<!-- quote: LICENSE -->\n```text\n{(ROOT / 'LICENSE').read_text().strip()}\n```\n\nb\n"
