"""Every public name, as its source declares it."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType

import advbench

from .markdown import block, page
from .stubs import find, stub, unexported_bases

ABOUT = """\
All that a plugin may import from `advbench`. Fields and their comments, signatures and docstrings are those of
the source; what functions do inside is left out. A class that others build on, such as `Spec`, stands before them; it
is not to be imported. Names are imported when first used, so that importing `advbench` does not wait for torch."""
TESTING = """\
All that a plugin's tests may import from `advbench.testing`."""


def contract_page() -> str:
    """The names of `advbench`, by the module that defines them, each class after its base."""
    exported = {name for names in advbench._HOMES.values() for name in names.split()}
    parts = []
    for home, names in advbench._HOMES.items():
        module = importlib.import_module(f"advbench.{home}")
        parts.append(f"## {home}\n\n{inspect.cleandoc(module.__doc__ or '')}")
        told: dict[str, str] = {}
        for name in names.split():
            source = _source(module, name)
            for base in unexported_bases(source, find(source, name), exported):
                told.setdefault(base, source)
            told[name] = source
        parts += [_section(name, source) for name, source in told.items()]
    return page("Contract", ABOUT, *parts)


def _source(module: ModuleType, name: str) -> str:
    """The text of the module that defines a name, which may be one that this module imports it from."""
    source = inspect.getsource(module)
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and name in {alias.asname or alias.name for alias in node.names}:
            inner = importlib.import_module("." * node.level + (node.module or ""), module.__package__)
            return _source(inner, name)
    return source


def testing_page() -> str:
    """The names of `advbench.testing`, in the order of their modules."""
    testing = importlib.import_module("advbench.testing")
    homes: dict[str, list[str]] = {}
    folder = Path(inspect.getfile(testing)).parent
    sources = [path.read_text() for path in sorted(folder.rglob("*.py")) if path.name != "__init__.py"]
    for name in testing.__all__:
        source = next(text for text in sources if _defines(text, name))
        homes.setdefault(source, []).append(name)
    ordered = sorted(homes.items(), key=lambda item: sources.index(item[0]))
    return page("Testing", TESTING, *(_section(name, source) for source, names in ordered for name in names))


def _defines(source: str, name: str) -> bool:
    try:
        find(source, name)
    except LookupError:
        return False
    return True


def _section(name: str, source: str) -> str:
    return f"### {name}\n\n{block(stub(source, find(source, name)))}"
