"""What a run of the bench leaves behind: its figures, and the machine they belong to."""

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from .harness import Figure

FOLDER = Path(__file__).resolve().parent / "results"
KEPT = FOLDER / "kept"  # the part of it that git does not ignore
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "numba", "adversarial-robustness-toolbox")


def machine() -> dict[str, Any]:
    """Facts without which seconds mean little."""
    return {
        "cores": os.cpu_count(),
        "cores_usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit measured; "+" behind it if files differ from it."""
    command = ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, cwd=FOLDER.parent)
    except FileNotFoundError:
        return None
    return said.stdout.strip() or None


def as_record(figures: dict[str, list[Figure]], before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Everything as JSON holds it; figures by subject, the machine before and after.

    ValueError if two figures of a subject share a name: a comparison could not tell them apart.
    """
    for subject, found in figures.items():
        names = [one.what for one in found]
        if len(set(names)) < len(names):
            raise ValueError(f"bench: figures of {subject} must differ in name, got {sorted(names)}.")
    return {
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": before,
        "load_average_after": after["load_average"],
        "figures": [
            {
                "subject": subject,
                "what": one.what,
                "median": one.median,
                "values": list(one.values),
                "goal": one.goal.text if one.goal else None,
                "met": one.met,
                "note": one.note,
            }
            for subject, found in figures.items()
            for one in found
        ],
    }


def write(record: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n")


def dated(record: dict[str, Any], folder: Path) -> Path:
    """A file name by the time of the run."""
    return folder / (record["when"][:19].replace(":", "") + ".json")


def changes(record: dict[str, Any], earlier: dict[str, Any]) -> list[str]:
    """Lines that say how each median moved since an earlier record."""
    old = {(one["subject"], one["what"]): one["median"] for one in earlier["figures"]}
    lines = [f"Change since {earlier['when']}, commit {earlier['machine'].get('commit')}:"]
    for name in ("processor", "cores_usable", "python", "packages"):
        before, now = earlier["machine"].get(name), record["machine"].get(name)
        if before != now:
            lines.append(f"  ! {name} differs: {before} -> {now}")
    for one in record["figures"]:
        before, now = old.get((one["subject"], one["what"])), one["median"]
        if before is None:
            told = f"{'new':>9} -> {now:9.4g}"
        else:
            moved = f"{(now / before - 1) * 100:+.0f} %" if before else f"{now - before:+.3g}"
            told = f"{before:9.4g} -> {now:9.4g}  {moved}"
        lines.append(f"  {one['what']:<64} {told}")
    return lines
