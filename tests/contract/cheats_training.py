"""Contenders that are trained as they must not be, each by one rule."""

import time
from dataclasses import dataclass, replace

from cheating import COUNT
from honest_contenders import Fair
from torch import nn


@dataclass(frozen=True)
class SeedsItself(Fair):
    def step(self, means, generator):
        COUNT.append(1)
        return means + len(COUNT) / 64


@dataclass(frozen=True)
class StopsBeforeTheEnd(Fair):
    def learn(self, job):
        return super().learn(replace(job, progress=lambda done, total: job.progress(done, total + 1)))


@dataclass(frozen=True)
class CountsEachPhase(Fair):
    def learn(self, job):
        super().learn(job)
        return super().learn(job)


@dataclass(frozen=True)
class Silent(Fair):
    def learn(self, job):
        time.sleep(0.1)
        return super().learn(replace(job, progress=lambda done, total: None))


@dataclass(frozen=True)
class LogsItsMood(Fair):
    def learn(self, job):
        job.log({"mood": 1.0})
        return super().learn(job)


@dataclass(frozen=True)
class ReturnsEarly(Fair):
    def step(self, means, generator):
        return means if COUNT else super().step(means, generator)

    def learn(self, job):
        COUNT.clear()
        if job.deadline is not None and time.monotonic() >= job.deadline:
            COUNT.append(1)
        return super().learn(job)


@dataclass(frozen=True)
class HearsNoInterruption(Fair):
    def learn(self, job):
        def progress(done, total):
            try:
                job.progress(done, total)
            except Exception:
                return

        return super().learn(replace(job, progress=progress))


@dataclass(frozen=True)
class StoresHalf(Fair):
    """Its checkpoint says that it has begun, not how far it came."""

    def learn(self, job):
        place = job.checkpoints / "begun" if job.checkpoints else None
        begun = place is not None and place.exists()
        if place is not None:
            place.touch()
        means = super().learn(job)
        return means / 2 if begun else means


@dataclass(frozen=True)
class BuildsFrozen(Fair):
    def build(self, job):
        return super().build(job).requires_grad_(False)


@dataclass(frozen=True)
class BuildsTooWide(Fair):
    def build(self, job):
        return nn.Sequential(nn.Flatten(), nn.Linear(job.facts.features, job.facts.classes + 1))


@dataclass(frozen=True)
class BuildsFromTorchsSeed(Fair):
    def build(self, job):
        return nn.Sequential(nn.Flatten(), nn.Linear(job.facts.features, job.facts.classes))
