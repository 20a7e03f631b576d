"""Turning an opponent of the plan into a contender: from the cache, or by training it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from ..arena.draws import SeedPath
from ..contract.protocols import Contender, Job, State
from .cache import ContenderCache
from .freshness import training_key
from .plan import Cell, Opponent

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Trained:
    """A contender ready to be attacked. `log`: rows of training.parquet, without the digest."""

    contender: Contender
    digest: str
    seconds: float
    cached: bool
    log: tuple[dict[str, float], ...]


def obtain(cell: Cell, cache: ContenderCache, device: str, threads: int, progress: Progress) -> Trained:
    """Return the cell's contender, trained at most once per cache."""
    key = training_key(cell, device)
    started = time.monotonic()
    stored = cache.load(key)
    rows: list[dict[str, float]] = []
    job = _job(cell, device, threads, progress, lambda row: rows.append(dict(row)))
    if stored is not None:
        arrays, meta = stored
        contender = _restore(cell.opponent, State(arrays, meta["state"]), job)
        return Trained(contender, meta["digest"], time.monotonic() - started, True, tuple(meta["log"]))
    torch.set_num_threads(1)  # a trainer that gains from more takes job.threads; small ones lose by them
    contender = _train(cell.opponent, replace(job, checkpoints=cache.checkpoints(key)))
    state = contender.state()
    digest = state_digest(state)
    about = f"{cell.opponent.text} on {cell.data.component.text}, seed {cell.seed}"
    meta = {"state": dict(state.meta), "digest": digest, "log": rows, "about": about}
    cache.store(key, dict(state.arrays), meta)
    cache.clear_checkpoints(key)
    return Trained(contender, digest, time.monotonic() - started, False, tuple(rows))


def state_digest(state: State) -> str:
    """Hash of all that a contender's answers depend on."""
    digest = hashlib.sha256(json.dumps(dict(state.meta), sort_keys=True).encode())
    for name, tensor in sorted(state.arrays.items()):
        array = tensor.detach().cpu().contiguous()
        digest.update(f"{name}{array.dtype}{tuple(array.shape)}".encode())
        digest.update(array.reshape(-1).view(torch.uint8).numpy().tobytes() if array.numel() else b"")
    return digest.hexdigest()[:16]


def _job(cell: Cell, device: str, threads: int, progress: Progress, log: Callable[[Mapping[str, float]], None]) -> Job:
    dataset = cell.data.component.instance
    # The branch names the contender: two defenses trained in one run share no draw.
    rng = SeedPath(cell.seed, "training", cell.data.facts.digest, cell.opponent.text)
    return Job(
        train=dataset.load("train"),
        tune=dataset.load("tune"),
        facts=cell.data.facts,
        rng=rng,
        device=torch.device(device),
        threads=threads,
        progress=progress,
        log=log,
    )


def _train(opponent: Opponent, job: Job) -> Contender:
    if opponent.defense is None:
        contender: Contender = _model(opponent).fit(job)
        return contender
    base: Any = None
    if opponent.defense.spec.base == "architecture":
        base = _model(opponent)
    elif opponent.defense.spec.base == "trained":
        base = _model(opponent).fit(replace(job, checkpoints=None))
    protected: Contender = opponent.defense.instance.protect(base, job)
    return protected


def _restore(opponent: Opponent, state: State, job: Job) -> Contender:
    if opponent.defense is None:
        contender: Contender = _model(opponent).restore(state, job)
        return contender
    base = opponent.model.instance if opponent.model is not None else None
    protected: Contender = opponent.defense.instance.restore(base, state, job)
    return protected


def _model(opponent: Opponent) -> Any:
    assert opponent.model is not None
    return opponent.model.instance
