"""Contenders that come back from their state as others, each by one rule."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cheating import COUNT
from honest_contenders import Fair, Nearest, model

from advbench import State


@model
class StateOfTuples(Nearest):
    def state(self):
        return State({"means": self.means}, {"sizes": (1, 2)})


class Shifted(Nearest):
    shift = 0.0

    def scores(self, x, *, noise=None):
        return super().scores(x - self.shift)


@dataclass(frozen=True)
class ForgetsItsShift(Fair):
    contender: ClassVar[Any] = Shifted

    def fit(self, job):
        made = super().fit(job)
        made.shift = 0.5
        return made


@dataclass(frozen=True)
class RoundsItsState(Fair):
    def restore(self, state, job):
        return self.contender(state.arrays["means"] * (1 + 1e-6))


@dataclass(frozen=True)
class DrawsWhenRestored(Fair):
    contender: ClassVar[Any] = Shifted

    def restore(self, state, job):
        made = super().restore(state, job)
        COUNT.append(1)
        made.shift = len(COUNT) * 1e-5
        return made


@dataclass(frozen=True)
class LooksAtItsTrainingAgain(Fair):
    def restore(self, state, job):
        assert job.train.x.dim() > 1
        return super().restore(state, job)
