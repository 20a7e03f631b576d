"""Discovery with fabricated distributions: whatever one plugin does, the others go on."""

import sys
from dataclasses import replace

import pytest
from discovery_case import GOOD

from advbench.catalog.plugins import Entry, Source, discover
from advbench.contract.errors import PluginError

BROKEN = {
    "raises at import": ("1 / 0", "importing it must succeed, got ZeroDivisionError: division by zero."),
    "lacks a module": ("import nowhere_to_be_found", "got ModuleNotFoundError: No module named 'nowhere_to_be_found'."),
    "leaves at import": ("raise SystemExit(3)", "importing it must succeed, got SystemExit: 3."),
    "is no Python": ("def", "importing it must succeed, got SyntaxError"),
    "misspells, decorated": (
        "@hookimpl\ndef advbench_register_atacks(register): pass",
        "a hook must be one of advbench's, got 'advbench_register_atacks'. Did you mean 'advbench_register_attacks'?",
    ),
    "misspells, bare": (
        "def advbench_register_atacks(register): pass",
        "a hook must be one of advbench's, got 'advbench_register_atacks'. Did you mean 'advbench_register_attacks'?",
    ),
    "decorates something else": (
        "@hookimpl\ndef register_attacks(register): pass",
        "a hook must be one of advbench's, got 'register_attacks'. Did you mean",
    ),
    "forgets the decorator": (
        "def advbench_register_attacks(register): register(spec('bad'), Toy)",
        "hook 'advbench_register_attacks' must be marked with @hookimpl, got it bare. Add the decorator.",
    ),
    "takes strange arguments": (
        "@hookimpl\ndef advbench_register_attacks(registrar): pass",
        "its hooks must fit advbench's, got:",
    ),
    "other API": ("ADVBENCH_API = 99", "it must be written for plugin API 1 of advbench, but says 99."),
    "wrong spec": (
        "@hookimpl\ndef advbench_register_models(register): register(spec('bad'), Toy)",
        "registering a model must use ModelSpec, got AttackSpec for 'bad'.",
    ),
    "spec of another making": (
        "@hookimpl\ndef advbench_register_attacks(register): register({'name': 'bad'}, Toy)",
        "registering an attack must use AttackSpec, got dict for {'name': 'bad'}.",
    ),
    "bad name": (
        "@hookimpl\ndef advbench_register_attacks(register): register(spec('Bad Name'), Toy)",
        "a name must be lower-case words joined by '-', got 'Bad Name'. Rename it.",
    ),
    "name that paints the terminal": (
        "@hookimpl\ndef advbench_register_attacks(register): register(spec('\\x1b[31mred\\n'), Toy)",
        "a name must be lower-case words joined by '-', got '\\x1b[31mred\\n'. Rename it.",
    ),
    "no name": (
        "@hookimpl\ndef advbench_register_attacks(register): register(spec(None), Toy)",
        "a name must be lower-case words joined by '-', got None.",
    ),
    "no target": (
        "@hookimpl\ndef advbench_register_attacks(register): register(spec('bad'), 'somewhere')",
        "attack 'bad' must be a class or 'module:Class', got 'somewhere'.",
    ),
    "raises while registering": (
        "@hookimpl\ndef advbench_register_attacks(register):\n  register(spec('bad'), Toy)\n  {}['x']",
        "registering must succeed, got KeyError: 'x'.",
    ),
    "leaves while registering": (
        "@hookimpl\ndef advbench_register_attacks(register): raise SystemExit('bye')",
        "registering must succeed, got SystemExit: bye.",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_told_and_the_others_go_on(place, fault):
    body, told = BROKEN[fault]
    package = place.install("bad", body)
    place.install("abc", GOOD.format(name="before"))
    place.install("xyz", GOOD.format(name="after"))
    found = discover()
    (broken,) = found.broken
    assert told in broken.reason
    assert broken.source == Source("bad", "advbench-bad", "1.0")
    assert "\x1b" not in broken.reason
    assert {"before", "after", "zoo", "none"} <= found.entries["attack"].keys()
    assert broken.source not in found.sources
    with pytest.raises(PluginError, match=r"attack 'bad' cannot be used: bad \(advbench-bad 1.0\): ") as caught:
        found.find("attack", "bad")
    assert caught.value.exit_code == 2
    assert package not in {getattr(plugin, "__name__", "") for plugin in found.manager.get_plugins()}


def test_a_traceback_is_kept_for_authors(place):
    place.install("bad", "1 / 0")
    (broken,) = discover().broken
    assert "Traceback" in broken.detail
    assert "1 / 0" in broken.detail


def test_no_hook_of_a_broken_plugin_is_ever_called(place):
    body = """
        seen = []
        @hookimpl
        def advbench_cell_finished(cell): seen.append(cell)
        @hookimpl
        def advbench_register_attacks(register): raise ValueError("no")
    """
    package = place.install("bad", body)
    found = discover()
    found.manager.hook.advbench_cell_finished(cell={"cell_id": "x"})
    assert sys.modules[package].seen == []


@pytest.mark.parametrize(
    "line", ["bad = not valid!", "bad = nowhere.to.be.found", "bad = toy_advbench_fine_fine:absent"]
)
def test_entry_points_that_point_nowhere(place, line):
    place.install("fine", GOOD.format(name="fine"))
    place.offer("advbench-bad", line)
    found = discover()
    assert [broken.source.plugin for broken in found.broken] == ["bad"]
    assert "fine" in found.entries["attack"]


def test_an_installation_with_damaged_metadata(place):
    place.install("fine", GOOD.format(name="fine"))
    (place.root / "advbench_fine-1.0.dist-info" / "METADATA").unlink()
    found = discover()
    assert "fine" in found.entries["attack"]


ENTRY = Entry("attack", replace(discover(only="zoo").find("attack", "zoo").spec, name="toy"), "", Source("p", "d", "1"))


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("toy_nowhere:X", "p (d 1): 'toy_nowhere:X' must be importable for attack 'toy', got ModuleNotFoundError"),
        ("os:Absent", "must be importable for attack 'toy', got AttributeError"),
        ("os:path", "p (d 1): 'os:path' must be a class, got module."),
        ("pathlib:Path", "Path: a component must be a frozen dataclass."),
        ("toy_leaves:X", "must be importable for attack 'toy', got SystemExit: 3."),
        ("toy_raises:X", "must be importable for attack 'toy', got ValueError: why not."),
    ],
)
def test_a_class_that_cannot_be_had(tmp_path, monkeypatch, target, told):
    (tmp_path / "toy_leaves.py").write_text("raise SystemExit(3)")
    (tmp_path / "toy_raises.py").write_text("raise ValueError('why not')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError) as caught:
        replace(ENTRY, target=target).load()
    assert told in str(caught.value)
