"""Discovery with fabricated distributions: whatever one plugin does, the others go on."""

import inspect
import os
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from advbench.catalog.plugins import BUILTIN, Entry, Installed, Source, discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.contract.errors import ParamError, PluginError, RequestError
from advbench.contract.specs import AttackSpec

HEAD = """
from dataclasses import dataclass
from advbench import *

@dataclass(frozen=True)
class Toy:
    steps: int = param(3, ge=1, help="steps")

    def perturb(self, oracle, x, rng):
        return Perturbed(x)

def spec(name, kind=AttackSpec):
    return kind(name=name, summary="a toy", needs=Access.NONE, modalities=frozenset(Modality), norms=frozenset(Norm))
"""
GOOD = """
@hookimpl
def advbench_register_attacks(register):
    register(spec("{name}"), Toy)
"""


class Place:
    """A folder on sys.path where distributions are made up."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def install(self, plugin, body, *, dist=None, version="1.0", head=HEAD):
        """Write package toy_<plugin> and a distribution that offers it as `plugin`."""
        dist = dist or f"advbench-{plugin}"
        package = f"toy_{dist}_{plugin}".replace("-", "_")
        (self.root / package).mkdir()
        (self.root / package / "__init__.py").write_text(head + dedent(body))
        self.offer(dist, f"{plugin} = {package}", version=version)
        return package

    def offer(self, dist, line, version="1.0"):
        info = self.root / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[advbench]\n{line}\n")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("ADVBENCH_PLUGINS", raising=False)
    before = set(sys.modules)
    yield Place(tmp_path)
    for name in set(sys.modules) - before:
        if name.startswith(("toy_", "advbench_file_")):
            del sys.modules[name]


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


def test_two_owners_break_the_name_and_nothing_else(place):
    both = GOOD + "    register(spec('{own}'), Toy)"
    place.install("one", both.format(name="shared", own="first"), version="1.1")
    place.install("two", both.format(name="shared", own="second"), version="2.2")
    found = discover()
    assert {"first", "second", "zoo"} <= found.entries["attack"].keys()
    assert "shared" not in found.entries["attack"]
    with pytest.raises(PluginError) as caught:
        found.find("attack", "shared")
    told = "attack 'shared' must have one owner, got one (advbench-one 1.1) and two (advbench-two 2.2)."
    assert str(caught.value) == f"{told} Uninstall one of them."
    assert caught.value.exit_code == 2
    assert {"one", "two"} <= {source.plugin for source in found.sources}


def test_the_name_of_a_claimant_is_not_itself_broken(place):
    place.install("one", GOOD.format(name="shared"))
    place.install("two", GOOD.format(name="shared"))
    with pytest.raises(RequestError, match="no attack is called 'two'"):
        discover().find("attack", "two")


def test_three_owners_are_all_named(place):
    for plugin in ("one", "three", "two"):
        place.install(plugin, GOOD.format(name="shared"))
    found = discover()
    (broken,) = found.broken
    assert "got one (advbench-one 1.0), three (advbench-three 1.0) and two (advbench-two 1.0)." in broken.reason
    assert broken.reason.endswith("Uninstall all but one.")
    assert broken.names == (("attack", "shared"),)


def test_claiming_a_bundled_name_breaks_it_for_both(place):
    place.install("one", GOOD.format(name="none"))
    with pytest.raises(PluginError, match=r"got builtin \(advbench .*\) and one \(advbench-one 1.0\)"):
        discover().find("attack", "none")


def test_one_name_in_two_kinds_is_no_clash(place):
    body = """
        @hookimpl
        def advbench_register_metrics(register):
            rest = {"unit": "share", "higher_is_better": True, "columns": frozenset()}
            register(MetricSpec(name="zoo", summary="a toy", **rest), Toy)
    """
    place.install("one", body)
    found = discover()
    assert found.broken == []
    assert found.find("metric", "zoo").kind == "metric"


def test_a_name_registered_twice_by_one_plugin(place):
    place.install("one", GOOD.format(name="shared") + "    register(spec('shared'), Toy)\n    register(spec('x'), Toy)")
    found = discover()
    (broken,) = found.broken
    told = "attack 'shared' must be registered once, got 2 times from one (advbench-one 1.0). Correct that plugin."
    assert broken.reason == told
    assert "x" in found.entries["attack"]


def test_two_distributions_with_one_plugin_name(place):
    place.install("same", GOOD.format(name="first"), dist="advbench-aaa")
    place.install("same", GOOD.format(name="second"), dist="advbench-bbb")
    found = discover()
    assert found.find("attack", "first").source.dist == "advbench-aaa"
    assert found.find("attack", "second").source.dist == "advbench-bbb"


def test_two_distributions_of_one_module(place):
    package = place.install("one", GOOD.format(name="first"))
    place.offer("advbench-old", f"zzz = {package}")
    found = discover()
    assert "first" in found.entries["attack"]
    (broken,) = found.broken
    assert broken.source.plugin == "zzz"
    assert "a module must belong to one plugin, got one that is loaded already" in broken.reason


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


def test_unknown_names_get_the_nearest():
    found = discover(only="zoo")
    with pytest.raises(RequestError, match=r"^no attack is called 'zooo'. Did you mean 'zoo'\?$"):
        found.find("attack", "zooo")
    with pytest.raises(RequestError, match=r"^no engine is called 'x'. None is known.$"):
        found.find("engine", "x")
    with pytest.raises(PluginError, match=r"a kind must be one of attack, .*, got 'atack'. Did you mean 'attack'\?"):
        found.find("atack", "zoo")


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


def test_a_fresh_look_around_starts_from_nothing():
    assert Installed().entries == {kind: {} for kind in Installed().entries}
    assert isinstance(ENTRY.spec, AttackSpec)
    assert os.environ.get("ADVBENCH_PLUGINS") is None


FAMILY = """
from dataclasses import field, make_dataclass

@dataclass(frozen=True)
class Foreign:
    name: str | None = param(None, positional=True, help="which")

    def perturb(self, oracle, x, rng):
        return Perturbed(x)

    @staticmethod
    def member(name):
        if name == "odd":
            return dict
        if name not in ("one", "two"):
            raise ValueError(f"name must be one or two, got '{name}'.")
        own = [(f"{name}s", int, param(1, ge=1, help="its own"))]
        return make_dataclass(name.title(), own, bases=(Foreign,), frozen=True)

@hookimpl
def advbench_register_attacks(register):
    register.family(spec("foreign"), Foreign)
"""


def test_a_family_makes_a_class_for_each_member(place):
    place.install("family", FAMILY)
    resolver = Resolver(discover(only="family"), read())
    one = resolver.one("attack", "foreign:one,ones=3")
    assert (one.text, one.name) == ("foreign:name=one,ones=3", "foreign")
    assert resolver.one("attack", one.text).params == one.params
    assert resolver.one("attack", "foreign:name=two").instance.twos == 1
    with pytest.raises(ParamError, match="foreign: it has no parameter 'twos'"):
        resolver.one("attack", "foreign:one,twos=3")
    with pytest.raises(ParamError, match="foreign: name must be one or two, got 'three'"):
        resolver.one("attack", "foreign:three")
    with pytest.raises(PluginError, match=r"member\('odd'\) must be a subclass of its class, got"):
        resolver.one("attack", "foreign:odd")
