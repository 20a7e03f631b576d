"""What a working plugin may be: a package, an object, one file, one of those that were asked for."""

import inspect
import os
import sys
from textwrap import dedent

import pytest
from discovery_case import GOOD, HEAD

from advbench.catalog.plugins import BUILTIN, Installed, Source, discover


def test_a_working_plugin_keeps_its_provenance(place):
    place.install("fine", GOOD.format(name="fine"), version="2.5")
    found = discover()
    assert found.broken == []
    entry = found.find("attack", "fine")
    assert entry.source == Source("fine", "advbench-fine", "2.5")
    assert str(entry.source) == "fine (advbench-fine 2.5)"
    assert entry.source in found.sources
    assert entry.load()().steps == 3
    assert found.find("attack", "zoo").source.dist == "advbench-zoo"
    assert found.find("attack", "none").source.plugin == BUILTIN


def test_names_that_are_no_hooks_are_let_be(place):
    body = """
        import advbench_zoo
        import advbench_zoo.attack
        advbench_version_wanted = 1
        class advbench_helper: pass
    """
    place.install("fine", body + dedent(GOOD.format(name="fine")).replace("\n", "\n" + " " * 8))
    found = discover()
    assert found.broken == []
    assert "fine" in found.entries["attack"]


def test_a_plugin_may_be_an_object_with_methods(place):
    body = """
        class Plugin:
            @hookimpl
            def advbench_register_attacks(self, register): register(spec("fine"), Toy)
        plugin = Plugin()
    """
    package = place.install("ignored", body, dist="advbench-x")
    place.offer("advbench-fine", f"fine = {package}:plugin")
    assert discover(only="fine").find("attack", "fine").source.dist == "advbench-fine"


def test_the_environment_narrows_what_is_loaded(place, monkeypatch):
    package = place.install("bad", "1 / 0")
    place.install("fine", GOOD.format(name="fine"))
    monkeypatch.setenv("ADVBENCH_PLUGINS", "fine, scd,scdd")
    found = discover()
    assert package not in sys.modules
    assert [source.plugin for source in found.sources] == [BUILTIN, "fine", "scd"]
    assert {"bad", "zoo"} <= {source.plugin for source in found.left_out}
    (absent,) = found.broken
    assert absent.reason == "ADVBENCH_PLUGINS must name installed plugins, got 'scdd'. Did you mean 'scd'?"
    assert str(absent.source) == "scdd"
    monkeypatch.setenv("ADVBENCH_PLUGINS", "")
    assert [source.plugin for source in discover().sources] == [BUILTIN]
    assert "fine" in discover(only="fine,builtin").entries["attack"]


def test_one_file_is_a_plugin_too(place):
    path = place.root / "mine.py"
    path.write_text(HEAD + GOOD.format(name="mine"))
    found = discover(files=[path, path])
    assert found.broken == []
    entry = found.find("attack", "mine")
    assert entry.source == Source("mine", str(path), "file")
    assert inspect.getfile(entry.load()) == str(path)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("absent.py", None, "got FileNotFoundError: no file"),
        ("bad.py", "def", "got SyntaxError: invalid syntax (bad.py, line 1)"),
        ("bad.py", "1 / 0", "got ZeroDivisionError: division by zero."),
        ("bad.txt", "", "is not a Python file."),
        ("folder.py/x", "", "got FileNotFoundError: no file"),
    ],
)
def test_a_file_that_is_no_plugin(place, name, text, told):
    path = place.root / name
    path.parent.mkdir(exist_ok=True)
    if text is not None:
        path.write_text(text)
    found = discover(files=[path.parent if name.endswith("/x") else path])
    (broken,) = found.broken
    assert told in broken.reason
    assert "advbench_file_bad" not in sys.modules
    assert "zoo" in found.entries["attack"]


def test_files_of_one_name_do_not_pass_for_each_other(place):
    paths = [place.root / folder / "mine.py" for folder in "ab"]
    for path in paths:
        path.parent.mkdir()
        path.write_text(HEAD + GOOD.format(name=f"from-{path.parent.name}"))
    for _ in range(2):
        found = discover(files=paths, only="")
        assert found.broken == []
        for path in paths:
            cls = found.find("attack", f"from-{path.parent.name}").load()
            assert sys.modules[cls.__module__].__file__ == str(path)


def test_a_fresh_look_around_starts_from_nothing():
    assert Installed().entries == {kind: {} for kind in Installed().entries}
    assert os.environ.get("ADVBENCH_PLUGINS") is None
