"""registry.toml: true to what registers, found wherever advbench stands, and never in a caller's folder."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from advbench.bench.plan import make_plan, with_suite
from advbench.bench.request import Request
from advbench.catalog.plugins import KINDS, discover
from advbench.catalog.registry import AXES, Registry, locate, read
from advbench.catalog.resolve import Resolver
from advbench.contract.errors import PluginError, RequestError

ROOT = Path(__file__).resolve().parents[2]
FOUND = Resolver(discover(only="scd,zoo"), read())
DECOY = '[suite.decoy]\nsummary = "not ours"\n'


def test_the_catalogue_is_what_registers():
    assert FOUND.installed.broken == []
    registered: dict[str, dict[str, set[str]]] = {}
    for kind, entries in FOUND.installed.entries.items():
        for name, entry in entries.items():
            registered.setdefault(entry.source.plugin, {}).setdefault(f"{kind}s", set()).add(name)
    written = {
        plugin: {key: set(table[key]) for key in table if key.removesuffix("s") in KINDS}
        for plugin, table in FOUND.registry.plugins.items()
        if plugin in registered
    }
    assert written == registered
    for source in FOUND.installed.sources:
        assert FOUND.registry.plugins[source.plugin]["dist"] == source.dist


def test_every_plugin_in_the_house_is_catalogued_under_its_entry_point():
    for path in (*ROOT.glob("plugins/*/pyproject.toml"),):
        project = tomllib.loads(path.read_text())["project"]
        (name,) = project["entry-points"]["advbench"]
        assert FOUND.registry.plugins[name]["dist"] == project["name"], path


def test_every_entry_is_complete_and_no_name_is_listed_twice():
    known = {*(f"{kind}s" for kind in KINDS), "dist", "paper", "status", "summary"}
    seen = set()
    for plugin, table in FOUND.registry.plugins.items():
        assert set(table) <= known, plugin
        assert {"dist", "status"} <= set(table), plugin
        for key in set(table) & {f"{kind}s" for kind in KINDS}:
            for name in table[key]:
                assert (key, name) not in seen, f"{key} {name}"
                seen.add((key, name))


@pytest.mark.parametrize("name", FOUND.registry.suites)
def test_every_suite_can_be_run_as_written(name):
    suite = FOUND.registry.suites[name]
    assert suite.summary
    request = with_suite(Request(suite=name), FOUND)
    if uses_only_what_is_here(suite):
        plan = make_plan(request, FOUND)
        assert plan.runnable
        assert not [cell.refused for cell in plan.cells if cell.refused]


def uses_only_what_is_here(suite):
    return all(
        re.split("[:,]", text)[0] in {*FOUND.installed.entries[axis], "none"} for axis in AXES for text in
        suite.axes.get(axis, ())
    )  # fmt: skip


def test_the_suites_of_the_core_are_among_those_planned():
    assert uses_only_what_is_here(FOUND.registry.suite("smoke"))
    assert uses_only_what_is_here(FOUND.registry.suite("first-light"))


def test_an_unknown_suite_gets_the_nearest():
    with pytest.raises(RequestError, match=r"no suite is called 'smoky'. Did you mean 'smoke'\?"):
        FOUND.registry.suite("smoky")


def test_the_catalogue_names_who_offers_what():
    assert FOUND.registry.offering("attack", "zoo") == "advbench-zoo"
    assert FOUND.registry.offering("defense", "zoo") is None


def test_what_is_absent_left_out_or_broken_is_told_apart(tmp_path):
    registry = Registry(Path(), {"x": {"dist": "advbench-x", "attacks": ["far"]}, **FOUND.registry.plugins}, {})
    with pytest.raises(RequestError, match=r"^attack 'far' is not installed. Run: pip install advbench-x$"):
        Resolver(discover(only=""), registry).find("attack", "far")
    with pytest.raises(RequestError, match=r"^attack 'zoo' is installed, but .* Add zoo to ADVBENCH_PLUGINS.$"):
        Resolver(discover(only="scd"), registry).find("attack", "zoo")
    (tmp_path / "x.py").write_text("1 / 0")
    broken = discover(files=[tmp_path / "x.py"], only="")
    registry = Registry(Path(), {"x": {"dist": str(tmp_path / "x.py"), "attacks": ["far"]}}, {})
    with pytest.raises(PluginError, match=r"^attack 'far' cannot be used: x .*importing it must succeed"):
        Resolver(broken, registry).find("attack", "far")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[suite", "must be readable TOML, got"),
        ("\udcff", "must be readable TOML, got"),
        (None, "must be readable TOML, got"),
        ('[suite.x]\nattack = "zoo"', "suite x: attack must be a list of texts, got 'zoo'."),
        ("[suite.x]\nattack = [3]", "suite x: attack must be a list of texts, got [3]."),
    ],
)
def test_a_damaged_catalogue_is_told(tmp_path, text, told):
    path = tmp_path / "registry.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(RequestError) as caught:
        read(path)
    assert told in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_checkout_reads_the_file_beside_its_pyproject(tmp_path, monkeypatch):
    (tmp_path / "registry.toml").write_text(DECOY)
    monkeypatch.chdir(tmp_path)
    assert locate() == ROOT / "registry.toml"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The unpacked wheel, built from this checkout without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    env = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    # Where `pip install --target vendor` puts it: inside a project of somebody else's.
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "project" / "vendor")
    return folder / "project" / "vendor"


def test_the_wheel_brings_its_catalogue_and_reads_no_other(wheel):
    project = wheel.parent
    caller = project / "work"
    caller.mkdir(exist_ok=True)
    for folder in (caller, project, project.parent):
        (folder / "registry.toml").write_text(DECOY)
        (folder / "pyproject.toml").write_text('[project]\nname = "somebody-elses"\n')
    code = "from advbench.catalog.registry import read; r = read(); print(r.path); print(*r.suites)"
    env = {**os.environ, "PYTHONPATH": str(wheel)}
    done = subprocess.run([sys.executable, "-c", code], cwd=caller, env=env, check=True, capture_output=True, text=True)
    path, suites = done.stdout.splitlines()
    assert Path(path) == wheel / "advbench" / "registry.toml"
    assert suites.split() == list(FOUND.registry.suites)
    assert Path(path).read_bytes() == (ROOT / "registry.toml").read_bytes()


def test_the_wheel_holds_the_whole_package(wheel):
    ours = {path.relative_to(ROOT / "core") for path in (ROOT / "core").rglob("*.py")}
    template = wheel / "advbench" / "template"  # what `plugins new` copies
    theirs = {path.relative_to(wheel) for path in wheel.rglob("*.py") if not path.is_relative_to(template)}
    assert ours == theirs
    assert distribution("advbench").version in next(wheel.glob("*.dist-info")).name


def test_looking_around_needs_no_torch():
    code = (
        "import sys; from advbench.catalog.plugins import discover; from advbench.catalog.registry import read;"
        "found = discover(); read(); names = [e.spec.name for es in found.entries.values() for e in es.values()];"
        "assert 'zoo' in names and not found.broken;"
        "heavy = {'torch', 'pandas', 'scipy', 'sklearn', 'pyarrow'} & set(sys.modules); assert not heavy, heavy"
    )
    env = {key: value for key, value in os.environ.items() if key != "ADVBENCH_PLUGINS"}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
