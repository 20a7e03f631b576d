"""A new plugin out of the smallest one: the same code under names of its own."""

from __future__ import annotations

import re
from pathlib import Path

from ..contract.errors import RequestError
from .plugins import KINDS, Installed
from .registry import Registry, locate
from .resolve import Resolver

FILES = (
    "pyproject.toml",
    "README.md",
    "advbench_example/__init__.py",
    "advbench_example/attack.py",
    "tests/test_example.py",
)
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_OURS = re.compile("RandomWalkAttack|random-walk|_example|example")  # every name in those files


def template() -> Path:
    """The folder of the smallest plugin: beside the catalogue in a checkout, in the package of a wheel."""
    home = locate().parent
    checkout = home / "plugins" / "example"
    return checkout if checkout.is_dir() else home / "template"


def make_plugin(name: str, folder: Path, found: Resolver) -> None:
    """Write distribution advbench-`name` with attack `name` into a folder that is absent or empty.

    Raises RequestError if the name is ill-formed or taken, or the folder cannot be used.
    """
    if not _NAME.fullmatch(name):
        raise RequestError(
            f"plugins new: NAME must be lower-case words joined by '-' that begin with a letter, got '{name}'."
            f" {_suggestion(name)}"
        )
    owner = _owner(name, found.installed, found.registry)
    if owner is not None:
        raise RequestError(f"plugins new: NAME must be free, got '{name}': {owner}. Choose another.")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            kind = "a folder with files in it" if folder.is_dir() else "a file"
            raise RequestError(
                f"plugins new: '{folder}' must be a new or empty folder, got {kind}. Choose another by --into."
            )
        texts = {renamed(file, name): (template() / file).read_text(encoding="utf-8") for file in FILES}
        for file, text in texts.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(renamed(text, name), encoding="utf-8")
    except OSError as error:
        place = error.filename or folder
        raise RequestError(
            f"plugins new: '{place}' must be usable, got {error.strerror}. Choose another folder by --into."
        ) from error


def renamed(text: str, name: str) -> str:
    """The text with the names of the smallest plugin replaced, in one pass: the new name may hold an old one."""
    # The suffix keeps class names apart from what the file imports: an attack may be called `tensor`.
    cls = "".join(word.capitalize() for word in name.split("-")) + "Attack"
    own = {"RandomWalkAttack": cls, "random-walk": name, "_example": "_" + name.replace("-", "_"), "example": name}
    return _OURS.sub(lambda match: own[match[0]], text)


def _suggestion(name: str) -> str:
    """The nearest name that would do, if there is one."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    near = "-".join(re.findall("[a-z0-9]+", words)).lstrip("0123456789-")
    return f"Try '{near}'." if _NAME.fullmatch(near) else "Try 'my-attack'."


def _owner(name: str, installed: Installed, registry: Registry) -> str | None:
    """Who has this name, for a component of any kind, a plugin or a distribution."""
    dist = f"advbench-{name}"
    for (kind, known), sources in installed.claims.items():
        if known == name:
            return f"{kind} '{name}' comes with {sources[0]}"
    for source in (*installed.sources, *(broken.source for broken in installed.broken), *installed.left_out):
        if source.plugin == name or source.dist == dist:
            return f"plugin {source} is installed"
    for plugin, table in registry.plugins.items():
        if plugin == name or table["dist"] == dist or any(name in table.get(f"{kind}s", ()) for kind in KINDS):
            return f"the catalogue lists it for {table['dist']}"
    return None
