"""The rules between the floors of the house, as code."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "core" / "advbench"
# Each imports only those before it.
FLOORS = ["contract", "supply", "catalog", "arena", "records", "bench", "report", "cli"]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
SOURCES = sorted([*CORE.rglob("*.py"), *(file for plugin in PLUGINS for file in plugin.glob("advbench_*/*.py"))])


def imports(path: Path) -> set[str]:
    """Absolute dotted names that a file imports, wherever in the file, but not for type checkers alone."""
    tree = ast.parse(path.read_text())
    package = list(path.relative_to(ROOT / "core").parent.parts) if path.is_relative_to(CORE) else []
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_imports_only_those_below_it(floor):
    allowed = FLOORS[: FLOORS.index(floor) + 1]
    for file in (CORE / floor).rglob("*.py"):
        for name in imports(file):
            parts = name.split(".")
            if parts[0] == "advbench" and parts[1] in FLOORS:
                assert parts[1] in allowed, f"{file.relative_to(ROOT)} imports {name}"


def test_core_never_imports_a_plugin():
    for file in CORE.rglob("*.py"):
        assert not [name for name in imports(file) if name.startswith("advbench_")], file


@pytest.mark.parametrize("plugin", [*PLUGINS, CORE / "builtin"], ids=lambda path: path.name)
def test_a_plugin_imports_only_public_names(plugin):
    public = {"advbench", "advbench.testing"}
    folder = plugin if plugin.name == "builtin" else next(plugin.glob("advbench_*"))
    own = "advbench.builtin" if plugin.name == "builtin" else folder.name
    for file in folder.rglob("*.py"):
        for name in imports(file):
            if name.startswith(("advbench.", "advbench_")) and not name.startswith(own):
                assert name.rpartition(".")[0] in public, f"{file.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize(
    "module",
    ["cli.app", "catalog.pairing", "catalog.registry", "catalog.plugins", "records.writer", "report.render", "builtin"],
)
def test_listing_and_reading_need_no_torch(module):
    heavy = "{'torch', 'pandas', 'scipy', 'sklearn'} & set(sys.modules)"
    code = f"import sys, advbench.{module}; found = {heavy}; assert not found, found"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_only_the_command_line_prints_or_leaves():
    for file in SOURCES:
        if file.is_relative_to(CORE / "cli"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("print", "exit", "sys.exit", "os._exit"), f"{file.relative_to(ROOT)}: {called}"


def test_only_the_command_line_and_the_renderer_know_rich_and_typer():
    allowed = {CORE / "report" / "render.py"}
    for file in SOURCES:
        if not file.is_relative_to(CORE / "cli") and file not in allowed:
            assert not {name for name in imports(file) if name.split(".")[0] in ("rich", "typer")}, file


def test_nothing_is_pickled():
    for file in SOURCES:
        names = imports(file)
        assert not {name for name in names if name.split(".")[0] in ("pickle", "joblib", "dill", "cloudpickle")}, file
        assert "torch.load" not in file.read_text(), file


@pytest.mark.parametrize("file", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(file):
    lines = file.read_text().splitlines()
    assert len(lines) <= 300, f"{len(lines)} lines"
    for node in ast.walk(ast.parse(file.read_text())):
        # The options of a verb are its signature: one line or more for each, and nothing to read past.
        if isinstance(node, ast.FunctionDef) and file != CORE / "cli" / "run.py":
            assert node.end_lineno - node.lineno < 60, f"{node.name} has {node.end_lineno - node.lineno + 1} lines"
            public = not node.name.startswith("_") and file != CORE / "cli" / "console.py"  # its decorator wraps all
            assert node.args.kwarg is None or not public, f"{node.name} takes **kwargs"


def test_no_global_random_state_is_used():
    forbidden = ("torch.manual_seed", "np.random.seed", "random.seed(", "np.random.rand", "np.random.normal")
    for file in SOURCES:
        text = file.read_text()
        assert not [word for word in forbidden if word in text], file
