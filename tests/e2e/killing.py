"""Ending a run with SIGKILL at a chosen moment, and what must be left of it after all."""

import itertools
import json
import time
from dataclasses import dataclass
from pathlib import Path

from advbench.contract.errors import ReportError
from advbench.records.columns import COLUMNS
from advbench.records.reader import Report

LOOK = 0.05  # seconds between two looks at the disk, which cost a share of the machine too
# What may differ: clocks, memory, and which invocation did the work.
ASIDE = {
    "cells": {"run", "train_seconds", "attack_seconds", "peak_rss_mib", "finished_at"},
    "training": {"seconds"},
}


@dataclass(frozen=True)
class Job:
    """One command line with a folder and a cache of its own. `opponents`: its contenders, each with as many cells."""

    place: object
    words: tuple[str, ...]
    opponents: int

    @property
    def out(self) -> Path:
        return self.place.out

    @property
    def contenders(self) -> Path:
        return Path(self.place.env["ADVBENCH_CACHE_DIR"]) / "contenders"

    def start(self):
        return self.place.start("run", "--out", self.out, *self.words)

    def runs(self) -> list[dict]:
        path = self.out / "run.json"
        return json.loads(path.read_bytes()) if path.exists() else []

    def cells(self) -> dict[str, dict]:
        try:
            return {row["cell_id"]: row for row in Report.open(self.out).cells.to_pylist()}
        except ReportError:
            return {}  # nothing was finished yet

    def phase(self, before: int) -> str:
        """What a run that found `before` entries in run.json does, or did last, by what lies on the disk.

        start-up, training, between (neither finds nor makes files), attack, closing (scores and tables), farewell.
        """
        runs = self.runs()
        if len(runs) <= before:
            return "start-up"
        if "ended_at" in runs[-1]:
            return "farewell"
        cells, planned = self.cells(), runs[-1]["cells"]
        undone = [cell_id for cell_id in planned if cells.get(cell_id, {}).get("status") != "ok"]
        if not undone:
            return "closing"
        current = cells.get(undone[0])
        if current is not None and current["run"] == len(runs) - 1:
            return "attack"
        opponent = planned.index(undone[0]) * self.opponents // len(planned)
        return "training" if len(self.trained()) <= opponent else "between"

    def trained(self) -> dict[str, int]:
        """Finished contenders, each with the inode of its file: one that is trained again is another file."""
        found = self.contenders.glob("[!.]*/meta.json")
        return {path.parent.name: path.stat().st_ino for path in found}

    def shards(self) -> dict[str, int]:
        """Finished shards, likewise."""
        return {str(path): path.stat().st_ino for path in self.out.glob("parts/*/shard-?????.parquet")}

    def finished(self) -> dict[str, int]:
        """Finished cells with the invocation that did them."""
        return {cell_id: row["run"] for cell_id, row in self.cells().items() if row["status"] == "ok"}


@dataclass(frozen=True)
class Moment:
    """So many seconds after a run was started, or after it was first seen in that phase (or close to its end)."""

    seconds: float
    after: str | None = None

    def __str__(self) -> str:
        return f"{self.seconds:.3f} s after {f'{self.after} began' if self.after else 'the start'}"


def kill(job: Job, moment: Moment) -> str | None:
    """Start the job, kill it at that moment and name the phase that was hit; None if it had ended before."""
    before = len(job.runs())
    process = job.start()
    try:
        limit = time.monotonic() + 120
        while moment.after is not None and job.phase(before) not in (moment.after, "closing", "farewell"):
            assert time.monotonic() < limit, f"{moment.after} never began"
            if process.poll() is not None:
                break
            time.sleep(LOOK)
        time.sleep(moment.seconds)
    finally:
        process.kill()
        _, err = process.communicate()
    if process.returncode == -9:
        return job.phase(before)
    assert process.returncode == 0, err
    return None


def watch(job: Job) -> dict[str, float]:
    """Run the job undisturbed; seconds spent in each phase, the first stretch of it where there are several."""
    process, seen = job.start(), [(time.monotonic(), "start-up")]
    limit = time.monotonic() + 300
    while process.poll() is None:
        assert time.monotonic() < limit, "it never ended"
        phase = job.phase(0)
        if phase != seen[-1][1]:
            seen.append((time.monotonic(), phase))
        time.sleep(LOOK)
    _, err = process.communicate()
    assert process.returncode == 0, err
    seen.append((time.monotonic(), "end"))
    lasted: dict[str, float] = {"all": seen[-1][0] - seen[0][0]}
    for (began, phase), (ended, _) in itertools.pairwise(seen):
        lasted.setdefault(phase, ended - began)
    return lasted


def differences(out: Path, other: Path) -> list[str]:
    """What the reports in two folders do not share, clocks aside: rows of all tables, in order, and kept points."""
    found = []
    for name in COLUMNS:
        mine, theirs = (_rows(folder, name) for folder in (out, other))
        if len(mine) != len(theirs):
            found.append(f"{name}: {len(mine)} rows and {len(theirs)}")
        for i, (row, twin) in enumerate(zip(mine, theirs, strict=False)):
            unlike = sorted(key for key in row.keys() | twin.keys() if repr(row.get(key)) != repr(twin.get(key)))
            found += [f"{name}[{i}].{key}: {row.get(key)!r} and {twin.get(key)!r}" for key in unlike]
    kept, others = ({path.relative_to(f): path for path in f.glob("adversarials/*/*")} for f in (out, other))
    found += [f"{path}: only in one" for path in sorted(kept.keys() ^ others.keys())]
    found += [
        f"{path}: other bytes"
        for path in sorted(kept.keys() & others.keys())
        if kept[path].read_bytes() != others[path].read_bytes()
    ]
    return found


def _rows(out: Path, name: str) -> list[dict]:
    rows = Report.open(out).table(name).to_pylist()
    return [{key: value for key, value in row.items() if key not in ASIDE.get(name, ())} for row in rows]


def leftovers(out: Path) -> list[str]:
    """Files that a finished report does not hold, among them a lock that somebody still signs for."""
    wanted = {"run.json", *(f"{name}.parquet" for name in COLUMNS)}
    found = [path for path in out.rglob("*") if path.is_file()]
    names = {path.relative_to(out).as_posix() for path in found}
    foreign = {name for name in names - wanted if not name.startswith("adversarials/") or "/.tmp-" in name} - {".lock"}
    lock = out / ".lock"
    signed = {".lock"} if lock.exists() and lock.read_bytes() else set()
    return sorted(foreign | signed | (wanted - names))
