"""Where a walk on labels begins: the input itself, noise, or a real example; then the boundary before it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from advbench import Examples, State, Streams

from .hunt import Hunt, unit

_EXAMPLES = 50  # kept of each class, at most
_NUMBERS = 1 << 22  # kept of each class, at most: of large inputs that is fewer examples
_NEARER = 0.98  # of the distance: where another direction must succeed to be looked into
_TRIED = 10  # examples that a row starts from at most, the nearest first


def remembered(seeds: Examples) -> State:
    """The first examples of each class, to start from where noise does not do. Asks nothing."""
    assert isinstance(seeds.x, Tensor)
    features = max(1, seeds.x[:1].numel())
    count = max(1, min(_EXAMPLES, _NUMBERS // features))
    chosen = torch.zeros(len(seeds.y), dtype=torch.bool, device=seeds.y.device)
    for label in set(seeds.y.tolist()):
        chosen[(seeds.y == label).nonzero().flatten()[:count]] = True
    return State({"x": seeds.x[chosen].cpu().contiguous(), "y": seeds.y[chosen].cpu().contiguous()})


def find(hunt: Hunt, rng: Streams, tries: int) -> Tensor:
    """A point (N, d) for each row that meets its goal; rows for which none is found are ended.

    The input itself is asked first: a row that it satisfies has distance 0 and is ended too. Then
    up to `tries` uniform noise, and up to ten remembered examples; with a target, these first.
    """
    rows = hunt.rows()
    hunt.end(rows[hunt.met(hunt.x0[rows], rows)])
    start = _Start(hunt)
    ways: list[Callable[[], None]] = [lambda: start.noise(rng, tries), start.examples]
    for way in ways if hunt.oracle.goal.target is None else reversed(ways):
        way()
    hunt.end(start.lacking.nonzero().flatten())
    return start.points


def to_boundary(hunt: Hunt, points: Tensor, rows: Tensor, tolerance: float) -> Tensor:
    """The points (R, d), which meet the goal, moved straight towards their inputs for as long as they meet it.

    tolerance: the share of the way by which the boundary may be missed; each query halves it.
    """
    x0, reached = hunt.x0[rows], points.clone()
    low, high = (torch.full((len(rows), 1), edge, dtype=torch.float64, device=rows.device) for edge in (0.0, 1.0))
    share = 1.0
    while share > tolerance:
        middle, share = (low + high) / 2, share / 2
        tried = hunt.placed(x0 + middle * (points - x0))
        hit = hunt.met(tried, rows).unsqueeze(1)
        reached = torch.where(hit, tried, reached)
        low, high = torch.where(hit, low, middle), torch.where(hit, middle, high)
    return reached


def closer(hunt: Hunt, at: Tensor, rng: Streams, tries: int) -> None:
    """Move rows of `at` (N, d) to the boundary towards other noise, where that is closer than they are.

    A direction costs one query, asked a little nearer than the row is now, and ten more if that succeeds.
    """
    for _ in range(tries):
        rows = hunt.rows()
        if not len(rows):
            return
        x0 = hunt.x0[rows]
        noise = hunt.bounds.low + hunt.width * rng.uniform(rows, (at.shape[1],)).double()
        length = (at[rows] - x0).norm(dim=1, keepdim=True)
        points = hunt.placed(x0 + _NEARER * length * unit(noise - x0))
        hit = hunt.met(points, rows)
        at[rows[hit]] = to_boundary(hunt, points[hit], rows[hit], 1e-3)


class _Start:
    """Points (N, d) found so far, and which rows still lack one."""

    def __init__(self, hunt: Hunt) -> None:
        self.hunt, self.points = hunt, hunt.x0.clone()
        self.lacking = torch.ones(len(self.points), dtype=torch.bool, device=self.points.device)

    def noise(self, rng: Streams, tries: int) -> None:
        bounds, d = self.hunt.bounds, self.points.shape[1]
        for _ in range(tries):
            rows = self.hunt.among(self.lacking)
            if not len(rows):
                return
            self._try(bounds.low + bounds.width * rng.uniform(rows, (d,)).double(), rows)

    def examples(self) -> None:
        """The nearest ones that are labelled as the goal wants it, one after the other."""
        state, goal, rows = self.hunt.oracle.prepared, self.hunt.oracle.goal, self.hunt.among(self.lacking)
        if state is None or "x" not in state.arrays or not len(rows):
            return
        x = state.arrays["x"].to(self.points.device).flatten(1).double()
        y = state.arrays["y"].to(self.points.device)
        order = torch.full((len(self.points), _TRIED), -1, dtype=torch.int64, device=self.points.device)
        for row in rows:
            usable = goal.met(y, row.expand(len(y))).nonzero().flatten()
            near = (x[usable] - self.hunt.x0[row]).norm(dim=1).argsort(stable=True)[:_TRIED]
            order[row, : len(near)] = usable[near]
        for turn in order.unbind(1):
            rows = self.hunt.among(self.lacking & (turn >= 0))
            self._try(x[turn[rows]], rows)

    def _try(self, points: Tensor, rows: Tensor) -> None:
        points = self.hunt.placed(points)
        hit = self.hunt.met(points, rows)
        self.points[rows[hit]], self.lacking[rows[hit]] = points[hit], False
