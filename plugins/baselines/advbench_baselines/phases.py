"""A training in phases, told as one: one bar, one count of epochs, a folder of checkpoints each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from advbench import Job

_FINE = 1000  # parts of a phase that the common bar shows


def phases(job: Job, names: Sequence[str]) -> list[Job]:
    """One job per phase, to be used in that order; equal in all but draws, bar, log and checkpoints."""
    log = _Epochs(job.log)
    return [
        replace(
            job,
            rng=job.rng.child(name),
            progress=_bar(job, place, len(names)),
            log=log,
            checkpoints=job.checkpoints / name if job.checkpoints is not None else None,
        )
        for place, name in enumerate(names)
    ]


def _bar(job: Job, place: int, of: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        job.progress(place * _FINE + done * _FINE // total, of * _FINE)

    return progress


class _Epochs:
    """Numbers rows as they come: phases count their epochs from 0 each."""

    def __init__(self, log: Callable[[Mapping[str, float]], None]) -> None:
        self.log, self.seen = log, 0

    def __call__(self, row: Mapping[str, float]) -> None:
        self.log({**row, "epoch": self.seen})
        self.seen += 1
