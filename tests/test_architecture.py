"""The rules between the floors of the house, as code."""

import ast
import subprocess
import sys
import tomllib
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


# What runs code that lies in a file, or makes objects of its choosing.
RUNS_CODE = {
    "eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec", "os.system", "os.popen", "torch.load",
    "torch.hub.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "read_pickle", "runpy.run_path",
    "torch.serialization.load", "np.fromregex", "pa.deserialize", "pa.ipc.deserialize_pandas",
}  # fmt: skip
PICKLERS = {"pickle", "cPickle", "_pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle"}
# Promises that a call must make by name.
PROMISES = {
    "np.load": {"allow_pickle": "False"},
    "from_pretrained": {"local_files_only": "True", "trust_remote_code": "False"},
}
# `python:module.attr` names code to run, and TorchScript files hold some: both are the user's own choice.
LOADS_CODE = {
    "import_module": {"plugins.py", "entry.py", "python_model.py", "__init__.py"},
    "jit.load": {"torchscript.py"},
}


def unsafe_calls(text: str, name: str) -> list[str]:
    """Calls and imports in a source by which a file could run code. `name`: of the source's file."""
    tree = ast.parse(text)
    found = [module for module in _modules(tree) if module.split(".")[0] in PICKLERS]
    given = _dictionaries(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        short = "" if called.startswith("safetensors.") else ".".join(called.split(".")[-2:])
        said = {word.arg: ast.unparse(word.value) for word in node.keywords if word.arg}
        for word in node.keywords:
            said |= given.get(ast.unparse(word.value), {}) if word.arg is None else {}
        if called in RUNS_CODE or short in RUNS_CODE or called.rpartition(".")[2] == "read_pickle":
            found.append(called)
        for asked, promises in PROMISES.items():
            if called == asked or called.endswith(f".{asked}"):
                found += [
                    f"{called} without {key}={value}" for key, value in promises.items() if said.get(key) != value
                ]
        if said.get("shell") == "True":
            found.append(f"{called} with shell=True")
        for loads, allowed in LOADS_CODE.items():
            if called.endswith(loads) and name not in allowed:
                found.append(called)
    return found


def _modules(tree: ast.AST) -> list[str]:
    imported = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    plain = [alias.name for node in imported if isinstance(node, ast.Import) for alias in node.names]
    return [*plain, *(node.module or "" for node in imported if isinstance(node, ast.ImportFrom) and not node.level)]


def _dictionaries(tree: ast.AST) -> dict[str, dict[str, str]]:
    """What is in dictionaries written out and bound to a name, as `local = {...}` for `**local`."""
    found = {}
    for node in ast.walk(tree):
        target = (
            node.target
            if isinstance(node, ast.AnnAssign)
            else node.targets[0]
            if isinstance(node, ast.Assign)
            else None
        )
        if target is not None and isinstance(node.value, ast.Dict):
            pairs = zip(node.value.keys, node.value.values, strict=True)
            found[ast.unparse(target)] = {
                key.value: ast.unparse(value) for key, value in pairs if isinstance(key, ast.Constant)
            }
    return found


def test_no_file_can_run_code():
    found = {str(file.relative_to(ROOT)): unsafe_calls(file.read_text(), file.name) for file in SOURCES}
    assert {name: calls for name, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    "text",
    [
        "import pickle", "from pickle import loads", "def f():\n    import joblib", "import torch\ntorch.load(f)",
        "torch.load(f, weights_only=True)", "np.load(f)", "np.load(f, allow_pickle=True)", "numpy.lib.np.load(f)",
        "eval(text)", "exec(text)", "yaml.load(f)", "pd.read_pickle(f)", "os.system('ls')",
        "subprocess.run('ls', shell=True)", "torch.jit.load(f)", "importlib.import_module(name)",
        "AutoModel.from_pretrained(f)", "AutoModel.from_pretrained(f, local_files_only=True, trust_remote_code=True)",
        "much = {'local_files_only': True}\nAutoModel.from_pretrained(f, **much)", "import marshal",
    ],
)  # fmt: skip
def test_code_that_could_run_code_is_found(text):
    assert unsafe_calls(text, "bad.py")


@pytest.mark.parametrize(
    "text",
    [
        "network.eval()", "re.compile(x)", "np.load(f, allow_pickle=False)", "safetensors.torch.load(data)",
        "local = {'local_files_only': True, 'trust_remote_code': False}\nAutoModel.from_pretrained(f, **local)",
        "import pickletools", "json.loads(text)", "subprocess.run(['ls'])",
    ],
)  # fmt: skip
def test_harmless_code_is_not(text):
    assert not unsafe_calls(text, "good.py")


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


def test_every_plugin_is_checked_for_types():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    packages = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("plugins/*/advbench_*/__init__.py")}
    assert packages <= set(settings["files"])
    assert {path.rpartition("/")[0] for path in packages} <= set(settings["mypy_path"])
