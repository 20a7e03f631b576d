"""Attacks that each break one rule, next to an honest one."""

import os
import random
import time
from dataclasses import dataclass, replace

import numpy as np
import torch

from advbench import Norm, Perturbed, param


@dataclass(frozen=True)
class Honest:
    """Random directions of shrinking size from labels alone; returns the closest success."""

    draws: int = param(300, ge=1, help="points tried per example")

    def perturb(self, oracle, x, rng):
        out, size = x.clone(), self.start(oracle, x)
        for _ in range(self.draws):
            rows = self.able(oracle)
            if not len(rows):
                break
            points = self.points(oracle, x[rows], size[rows], rows, rng)
            hit = self.hit(oracle, points, rows)
            out[rows[hit]] = self.kept(points[hit], x[rows[hit]])
            size[rows[hit]] = (points[hit] - x[rows[hit]]).flatten(1).norm(dim=1)
        return Perturbed(self.answer(out))

    def explain(self, oracle, x, rng, say):
        say(f"at most {self.draws} points")
        return self.perturb(oracle, x, rng)

    def start(self, oracle, x):
        widest = oracle.threat.eps or oracle.bounds.width * x[0].numel() ** 0.5
        return torch.full((len(x),), widest)

    def able(self, oracle):
        return oracle.live.nonzero().flatten()

    def points(self, oracle, x, size, rows, rng):
        size = size if oracle.threat.eps else size * rng.uniform(rows, ())
        return self.clip(oracle, x + (size * 0.999).reshape(-1, *[1] * (x.dim() - 1)) * self.unit(x, rows, rng))

    def unit(self, x, rows, rng):
        direction = rng.normal(rows, x.shape[1:])
        return direction / direction.flatten(1).norm(dim=1).reshape(-1, *[1] * (x.dim() - 1))

    def clip(self, oracle, points):
        return oracle.bounds.clip(points)

    def hit(self, oracle, points, rows):
        return oracle.goal.met(oracle.labels(points, rows), rows)

    def kept(self, points, x):
        return points

    def answer(self, out):
        return out


def cheat(cls):
    return dataclass(frozen=True)(cls)


# What it leaves behind


@cheat
class ClipsItsInput(Honest):
    def perturb(self, oracle, x, rng):
        x.clamp_(0, 1)
        return super().perturb(oracle, x, rng)


@cheat
class RewritesTheLabels(Honest):
    def perturb(self, oracle, x, rng):
        answer = super().perturb(oracle, x, rng)
        oracle.goal.y.zero_()
        return answer


@cheat
class DrawsFromTorch(Honest):
    def unit(self, x, rows, rng):
        return torch.randn_like(x)


@cheat
class DrawsFromNumpy(Honest):
    def perturb(self, oracle, x, rng):
        np.random.random()
        random.random()
        return super().perturb(oracle, x, rng)


@cheat
class SwitchesGradientsOff(Honest):
    def perturb(self, oracle, x, rng):
        torch.set_grad_enabled(False)
        os.environ["ADVBENCH_CHEAT"] = "1"
        return super().perturb(oracle, x, rng)


@cheat
class Prints(Honest):
    def able(self, oracle):
        print("one more step")
        return super().able(oracle)


@cheat
class SeedsItself(Honest):
    def unit(self, x, rows, rng):
        generator = torch.Generator()
        generator.manual_seed(time.perf_counter_ns())
        direction = torch.randn(x.shape, generator=generator)
        return direction / direction.flatten(1).norm(dim=1).reshape(-1, *[1] * (x.dim() - 1))


@cheat
class IgnoresItsDraws(Honest):
    def points(self, oracle, x, size, rows, rng):
        rng.normal(rows, x.shape[1:])
        out = x.clone()
        out.flatten(1)[:, 0] += 0.9 if float(x.flatten(1)[0, 0]) < 1 else -0.9
        return self.clip(oracle, out)


KEPT = []


@cheat
class KeepsTheOracle(Honest):
    def perturb(self, oracle, x, rng):
        for old, points in KEPT:
            if bool(old.live.any()):
                old.labels(points)
        KEPT.append((oracle, x))
        return Perturbed(x)


@cheat
class AsksForTheDead(Honest):
    def able(self, oracle):
        live = oracle.live
        return torch.arange(len(live)) if bool(live.any()) else live.nonzero().flatten()


@cheat
class Remembers(Honest):
    def perturb(self, oracle, x, rng):
        object.__setattr__(self, "memory", x)
        return super().perturb(oracle, x, rng)


# What it asks for and what it says of that


@cheat
class AsksForScores(Honest):
    def hit(self, oracle, points, rows):
        return oracle.goal.met(oracle.scores(points, rows).argmax(dim=1), rows)


@cheat
class ExplainsAnotherCourse(Honest):
    def explain(self, oracle, x, rng, say):
        say("it asks once more than it would")
        oracle.labels(x)
        return self.perturb(oracle, x, rng)


@cheat
class ExplainsWithoutAWord(Honest):
    def explain(self, oracle, x, rng, say):
        return self.perturb(oracle, x, rng)


# What it returns


@cheat
class Timid(Honest):
    def points(self, oracle, x, size, rows, rng):
        return super().points(oracle, x, size * 0 + 1e-3, rows, rng)


@cheat
class ClipsToTheUnitRange(Honest):
    def clip(self, oracle, points):
        return points.clamp(0, 1)


@cheat
class ReturnsItsLastPoint(Honest):
    def perturb(self, oracle, x, rng):
        out = super().perturb(oracle, x, rng).x
        same = (out == x).flatten(1).all(dim=1)
        return Perturbed(torch.where(same.reshape(-1, *[1] * (x.dim() - 1)), oracle.bounds.clip(x + 0.1), out))


@cheat
class ReturnsTheWrongEnd(Honest):
    def kept(self, points, x):
        return x + 0.01 * (points - x)


@cheat
class ReturnsDoubles(Honest):
    def answer(self, out):
        return out.double()


@cheat
class ReturnsNaN(Honest):
    def answer(self, out):
        return out * torch.nan


@cheat
class ReturnsTooMuch(Honest):
    def answer(self, out):
        return out + 10


@cheat
class ReturnsAList(Honest):
    def answer(self, out):
        return out.tolist()


@cheat
class DividesByNothing(Honest):
    def perturb(self, oracle, x, rng):
        """Starts at once where a row is adversarial, and scales by the distance to there: 0 / 0."""
        rows = oracle.live.nonzero().flatten()
        if not len(rows):
            return Perturbed(x)
        met = oracle.goal.met(oracle.labels(x[rows], rows), rows)
        answer = super().perturb(oracle, x, rng)
        answer.x[rows[met]] *= torch.zeros(()) / torch.zeros(())
        return answer


@cheat
class IgnoresTheTarget(Honest):
    def points(self, oracle, x, size, rows, rng):
        out = x.clone()
        first = out.flatten(1)[:, 0]
        out.flatten(1)[:, 0] = torch.where(first > 1, 1.375, 0.625)  # into the nearest other stripe
        return out

    def hit(self, oracle, points, rows):
        return oracle.labels(points, rows) != oracle.goal.y[rows]


@cheat
class StopsAtAnyFlip(Honest):
    def points(self, oracle, x, size, rows, rng):
        return super().points(oracle, x, size * 0 + 1e-3, rows, rng)


@cheat
class TakesTheFirst(Honest):
    def perturb(self, oracle, x, rng):
        """Goes to the far corner that flips, and no nearer."""
        rows = oracle.live.nonzero().flatten()
        out = x.clone()
        for edge in (oracle.bounds.low, oracle.bounds.high):
            for part in range(x[0].numel()):
                points = x[rows].clone()
                points.flatten(1)[:, part:] = edge
                hit = oracle.goal.met(oracle.labels(points, rows), rows)
                out[rows[hit]] = points[hit]
        return Perturbed(out)


# Rows that influence each other


@cheat
class NormOverTheBatch(Honest):
    def unit(self, x, rows, rng):
        direction = rng.normal(rows, x.shape[1:])
        return direction / direction.norm() * len(x) ** 0.5


@cheat
class OneEndsAll(Honest):
    def able(self, oracle):
        live = oracle.live
        return live.nonzero().flatten() if bool(live.all()) else live.nonzero().flatten()[:0]


@cheat
class SharesTheBudget(Honest):
    def perturb(self, oracle, x, rng):
        steps = max(1, int(oracle.left().sum()) // 20)
        return replace(self, draws=min(self.draws, steps))._honest(oracle, x, rng)

    def _honest(self, oracle, x, rng):
        return Honest.perturb(self, oracle, x, rng)


LAST = []


@cheat
class LearnsFromOneForTheNext(Honest):
    def start(self, oracle, x):
        scale = 0.5 ** len(LAST)
        LAST.append(None)
        return super().start(oracle, x) * max(scale, 0.1)


# Budgets


@cheat
class RaisesItsOwnBudget(Honest):
    def perturb(self, oracle, x, rng):
        oracle._ledger.threat = replace(oracle._ledger.threat, max_queries=10**6)
        return super().perturb(oracle, x, rng)


@cheat
class AsksPastTheOracle(Honest):
    def hit(self, oracle, points, rows):
        return oracle.goal.met(oracle._asker.contender.labels(points), rows)

    def perturb(self, oracle, x, rng):
        oracle.labels(x)
        return super().perturb(oracle, x, rng)


@cheat
class NeverEnds(Honest):
    def perturb(self, oracle, x, rng):
        while bool(oracle.live.any()):
            super().perturb(oracle, x, rng)
        return Perturbed(x)


L2 = frozenset({Norm.L2})
