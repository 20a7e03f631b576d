"""Somebody who was never here adds an attack: from `advbench plugins new` to a leaderboard."""

import json
import math
import os
import re
import statistics
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import torch

from advbench import Access, Modality, Norm
from advbench.catalog.plugins import discover
from advbench.catalog.registry import Registry, read
from advbench.catalog.resolve import Resolver
from advbench.catalog.template import FILES, make_plugin, renamed, template
from advbench.contract.errors import RequestError
from advbench.testing.bout import Rules, hold
from advbench.testing.checks import (
    attack_answers,
    attack_budget,
    attack_manners,
    attack_rows,
    component,
    every_parameter,
)
from advbench.testing.field import Field
from advbench_example.attack import RandomWalkAttack

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "add-an-attack.md").read_text()
HERE = Resolver(discover(only="zoo"), read())


def as_good_as_installed(place, folder, name):
    """What pip would leave behind, for processes that the place starts."""
    info = place.root / "site" / f"advbench_{name.replace('-', '_')}-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: advbench-{name}\nVersion: 0.1.0\n")
    points = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["entry-points"]["advbench"]
    (info / "entry_points.txt").write_text("[advbench]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))
    place.env["PYTHONPATH"] = os.pathsep.join([str(info.parent), str(folder)])


@pytest.fixture
def zap(place):
    done = place.call("plugins", "new", "zap")
    assert done.returncode == 0, done.stderr
    as_good_as_installed(place, place.root / "advbench-zap", "zap")
    return place


def test_what_is_made_is_told_with_the_commands_to_type(place):
    done = place.call("plugins", "new", "my-walk", "--into", "a folder/mine")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-3:] == [
        "  pip install -e './a folder/mine'",
        "  advbench plugins check my-walk",
        "  advbench run --model mlp --attack random-noise --attack my-walk",
    ]
    made = {path.relative_to(place.root / "a folder/mine").as_posix() for path in place.root.rglob("*.*")}
    assert made == {
        "pyproject.toml", "README.md", "advbench_my_walk/__init__.py", "advbench_my_walk/attack.py",
        "tests/test_my_walk.py",
    }  # fmt: skip
    for path in place.root.rglob("*.*"):
        assert not re.search("example|random-walk|RandomWalk", path.read_text()), path
    assert "class MyWalkAttack:" in (place.root / "a folder/mine/advbench_my_walk/attack.py").read_text()


def test_the_copy_says_nothing_else_than_the_original(tmp_path):
    make_plugin("random-walk-example", tmp_path, HERE)  # the new name holds the old ones
    for file in FILES:
        text = (tmp_path / renamed(file, "random-walk-example")).read_text()
        back = text.replace("random_walk_example", "example").replace("RandomWalkExampleAttack", "RandomWalkAttack")
        lines = zip(back.splitlines(), (template() / file).read_text().splitlines(), strict=True)
        assert not [(a, b) for a, b in lines if re.sub("random-walk-example|random-walk|example", "NAME", a) != re.sub(
            "random-walk|example", "NAME", b)]  # fmt: skip


def test_every_example_in_the_template_is_a_name():
    """The word itself would be replaced as well, and prose would speak nonsense."""
    names = r'advbench[-_]example|test_example|example = "|"example"|check example'
    for file in FILES:
        assert not re.search("example", re.sub(names, "", (template() / file).read_text())), file


@pytest.mark.parametrize("name", ["tensor", "perturbed", "class", "x2", "a-b-c"])
def test_no_name_clashes_with_what_the_file_imports(tmp_path, name):
    make_plugin(name, tmp_path, HERE)
    for path in tmp_path.rglob("*.py"):
        compile(path.read_text(), path, "exec")
    code = (tmp_path / renamed("advbench_example/attack.py", name)).read_text()
    assert len(re.findall(rf"\b{renamed('RandomWalkAttack', name)}\b", code)) == 1


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("MyWalk", "lower-case words joined by '-' that begin with a letter, got 'MyWalk'. Try 'my-walk'."),
        ("my_walk", "Try 'my-walk'."),
        ("3", "Try 'my-attack'."),
        ("../zap", "Try 'zap'."),
        ("a\n", "Try 'a'."),
        ("zoo", "NAME must be free, got 'zoo': attack 'zoo' comes with zoo (advbench-zoo "),
        ("mlp", "model 'mlp' comes with builtin (advbench "),
        ("builtin", "plugin builtin (advbench "),
        ("scd", "plugin scd (advbench-scd "),  # installed, but left out by ADVBENCH_PLUGINS
        ("far-walk", "got 'far-walk': the catalogue lists it for advbench-far. Choose another."),
        ("far", "the catalogue lists it for advbench-far"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_the_reason(tmp_path, name, told):
    far = Registry(Path(), {"far": {"dist": "advbench-far", "attacks": ["far-walk"]}}, {})
    with pytest.raises(RequestError) as caught:
        make_plugin(name, tmp_path / "new", Resolver(HERE.installed, far))
    assert told in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_nothing_that_exists_is_overwritten(place):
    (place.root / "advbench-zap").mkdir()
    (place.root / "advbench-zap" / "mine.txt").write_text("mine")
    (place.root / "file").write_text("mine")
    for words, told in (
        (["zap"], "'advbench-zap' must be a new or empty folder, got a folder with files in it."),
        (["zap", "--into", "file"], "'file' must be a new or empty folder, got a file."),
        (["zap", "--into", "file/inside"], "'file/inside' must be usable, got Not a directory."),
        (["z" * 300], "must be usable, got File name too long."),
    ):
        done = place.call("plugins", "new", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"error: plugins new: {told}" in done.stderr or told in done.stderr
    assert sorted(path.name for path in place.root.rglob("*")) == ["advbench-zap", "file", "mine.txt"]
    (place.root / "empty").mkdir()
    assert place.call("plugins", "new", "zap", "--into", "empty").returncode == 0


def test_it_runs_in_a_leaderboard_and_beats_noise(zap):
    attacks = ("-a", "random-noise:draws=300", "-a", "zap:steps=300")
    zap.run("-D", "breast-cancer", "-m", "linear", *attacks, "-n", "12", "--eps", "none")
    board = json.loads(zap.call("leaderboard", zap.out, "--format", "json").stdout)
    (line,) = board["sections"][0]["lines"]
    assert line["by"].startswith("zap")
    cells = {row["cell_id"]: row["attack"] for row in zap.rows("cells")}
    size = {"zap": [], "random-noise": []}
    for row in zap.rows():
        if row["verdict"] != "skipped":
            size[cells[row["cell_id"]]].append(row["l2"] if row["verdict"] == "broken" else math.inf)
    assert statistics.median(size["zap"]) < 0.7 * statistics.median(size["random-noise"])


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("modality", [Modality.TABULAR, Modality.SERIES, Modality.IMAGE])
def test_the_walk_ends_near_the_smallest_change_of_any_kind_of_input(modality, batched):
    field = Field(modality)
    rules = Rules(needs=Access.LABELS, batched=batched, norm=Norm.L2, field=field)
    examples = field.middle(4)
    bout = hold(RandomWalkAttack(steps=300), field.linear(), examples, rules)
    assert [row["verdict"] for row in bout.rows] == ["broken"] * 4
    optimum = field.linear().smallest_change(examples.x, Norm.L2)
    ratio = torch.tensor([row["l2"] for row in bout.rows], dtype=torch.float64) / optimum
    assert bool((ratio >= 1 - 1e-6).all())
    assert float(ratio.max()) < 1.5


# --- the page ---------------------------------------------------------------------------------------------------------

_BROKEN = re.compile(
    r"<!-- broken -->\n```diff\n-(?P<good>.*?)\n\+(?P<bad>.*?)\n```.*?```text\n(?P<said>.*?)\n```", re.S
)
FAULTS = list(_BROKEN.finditer(PAGE))


def test_the_page_shows_failures():
    assert len(FAULTS) == 2


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: re.search("check_[a-z_]+", fault["said"])[0])
def test_a_mistake_of_the_page_fails_as_the_page_says(zap, fault):
    path = zap.root / "advbench-zap" / "advbench_zap" / "attack.py"
    good = path.read_text()
    assert good.count(fault["good"]) == 1
    check = re.search("check_[a-z_]+", fault["said"])[0]
    path.write_text(good.replace(fault["good"], fault["bad"]))
    done = zap.call("plugins", "check", "zap", "--only", check)
    assert done.returncode == 1
    assert fault["said"] in done.stdout


def test_the_page_names_every_check_of_an_attack():
    modules = (component, every_parameter, attack_answers, attack_budget, attack_manners, attack_rows)
    known = {name for module in modules for name in vars(module) if name.startswith("check_")}
    table = PAGE[PAGE.index("| what must hold") : PAGE.index("### Reading a failure")]
    assert set(re.findall("check_[a-z_]+", table)) - known == set()
    assert {name for name in known if f"`{name}`" not in table} == set()


# --- as installed -----------------------------------------------------------------------------------------------------


def test_a_wheel_brings_the_template(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(tmp_path / "vendor")
    brought = tmp_path / "vendor" / "advbench" / "template"
    assert {path.relative_to(brought).as_posix() for path in brought.rglob("*") if path.is_file()} == set(FILES)
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "vendor"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "advbench", "plugins", "new", "zap"]
    subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True)
    for file in FILES:
        theirs = tmp_path / "advbench-zap" / renamed(file, "zap")
        assert theirs.read_text() == renamed((ROOT / "plugins" / "example" / file).read_text(), "zap")


@pytest.mark.slow
def test_pip_installs_it_and_its_own_tests_pass(place):
    """In an environment of its own that sees the packages of this one."""
    venv.create(place.root / "venv", with_pip=False)
    python = place.root / "venv" / "bin" / "python"
    (own,) = (place.root / "venv").glob("lib/python*/site-packages")
    (own / "ours.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")

    def call(*words):
        done = subprocess.run([python, *words], cwd=place.root, env=place.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    call("-m", "advbench", "plugins", "new", "zap")
    call("-m", "pip", "install", "-e", "./advbench-zap", "--no-build-isolation", "--no-deps")
    assert "advbench-zap" in call("-m", "advbench", "plugins", "list")
    assert "No rule is broken" in call("-m", "advbench", "plugins", "check", "zap")
    summary = call("-m", "pytest", "-q", "-p", "no:cacheprovider", "advbench-zap").splitlines()[-1]
    assert re.match(r"\d\d passed", summary), summary
    call("-m", "advbench", "run", "-D", "two-moons", "-m", "linear", "-a", "zap", "-n", "20", "--out", place.out)
    assert {row["attack"] for row in place.rows("cells")} == {"zap"}
