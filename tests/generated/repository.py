"""What this repository offers, whatever else is installed beside it."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from advbench.catalog.plugins import Entry, discover

ROOT = Path(__file__).resolve().parent.parent.parent


def plugin_folders() -> list[Path]:
    """The folders of this repository's plugins, by name."""
    return sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))


def project(folder: Path) -> dict[str, Any]:
    """The [project] table of a distribution."""
    table: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return table


def write_metadata(folder: Path, into: Path) -> None:
    """Put into `into` what pip would leave there, so that the entry points of `folder` are found."""
    about = project(folder)
    info = into / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n")
    points = [f"{name} = {target}\n" for name, target in about["entry-points"]["advbench"].items()]
    (info / "entry_points.txt").write_text("[advbench]\n" + "".join(points))


@contextmanager
def importable(folders: list[Path]) -> Iterator[None]:
    """As if pip had installed these distributions, and before all others."""
    with TemporaryDirectory() as place:
        for folder in folders:
            write_metadata(folder, Path(place))
        added = [place, *map(str, folders)]
        sys.path[:0] = added
        try:
            yield
        finally:
            for path in added:
                sys.path.remove(path)


def entries(folders: list[Path]) -> list[Entry]:
    """Everything that the built-in plugin and the plugins in these folders register."""
    names = {name for folder in folders for name in project(folder)["entry-points"]["advbench"]}
    owners = {"advbench", *(project(folder)["name"] for folder in folders)}
    with importable(folders):
        found = discover(only=",".join(sorted(names)))
        broken = [f"{one.source}: {one.reason}" for one in found.broken if one.source.dist in owners]
        if broken:
            raise RuntimeError("every plugin of the repository must load, got: " + "; ".join(broken))
        own = [entry for kind in found.entries.values() for entry in kind.values() if entry.source.dist in owners]
        for entry in own:
            entry.load()
    return own
