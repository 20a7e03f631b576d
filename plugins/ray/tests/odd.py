"""A plugin for the tests of the engine: an attack that does something odd, data that some machines lack."""

import ctypes
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from advbench import (
    Access,
    AttackSpec,
    Bounds,
    DataAbsent,
    DatasetFacts,
    DatasetSpec,
    LabelledDataset,
    Modality,
    Norm,
    Perturbed,
    hookimpl,
    param,
)


@dataclass(frozen=True)
class Odd:
    """Shakes four examples at a time; what it does on one whose first number is large depends on `how`."""

    how: str = param("nothing", help="segfault, exit, hang, fork or nothing", positional=True)
    pause: float = param(0.0, ge=0, help="seconds an example")

    def perturb(self, oracle, x, rng):
        time.sleep(self.pause * len(x))
        out = x.clone()
        for _ in range(10):
            rows = oracle.live.nonzero().flatten()
            if not len(rows):
                break
            points = oracle.bounds.clip(x[rows] + 0.2 * rng.normal(rows, x.shape[1:]))
            hit = oracle.goal.met(oracle.labels(points, rows), rows)
            out[rows[hit]] = points[hit]
        if (x.flatten(1)[:, 0] > 0.9).any():
            self.act()
        return Perturbed(out)

    def act(self):
        if self.how == "segfault":
            ctypes.string_at(0)
        if self.how == "exit":
            os._exit(3)
        if self.how == "fork":
            os.fork()
        if self.how == "hang":
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})  # no limit is heard
            time.sleep(1000)


@dataclass(frozen=True)
class Kept(LabelledDataset):
    """Two heaps of points. They lie only where the cache folder has a file `kept`."""

    def all_facts(self):
        return DatasetFacts(modality=Modality.TABULAR, shape=(2,), classes=2, bounds=Bounds(0.0, 1.0), digest="kept",
                            eps={Norm.L2: 0.3}, sizes={"train": 40, "tune": 10, "eval": 20})  # fmt: skip

    def all_labels(self, split):
        return torch.arange(self.all_facts().sizes[split]) % 2

    def read(self, split, positions):
        if not Path(os.environ["ADVBENCH_CACHE_DIR"], "kept").exists():
            raise DataAbsent("data kept: they must be on this machine, got none. Run: advbench data fetch kept")
        noise = torch.rand(len(positions), 2, generator=torch.Generator().manual_seed(0))
        return positions, (positions % 2)[:, None] * 0.5 + 0.5 * noise


@hookimpl
def advbench_register_attacks(register):
    """One."""
    spec = AttackSpec(name="odd", summary="does something odd", needs=Access.LABELS, modalities=frozenset(Modality),
                      norms=frozenset({Norm.L2}), batched=True, shard=4)  # fmt: skip
    register(spec, Odd)


@hookimpl
def advbench_register_datasets(register):
    """One."""
    register(DatasetSpec(name="kept", summary="in heaps", modality=Modality.TABULAR, license="none needed"), Kept)
