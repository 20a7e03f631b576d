"""All walks of all rows, side by side: one for each example and restart."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from advbench import Streams

from .asking import Asking
from .boundary import Nearest, nearest
from .estimate import AT_ONCE, directions
from .settings import Settings
from .steps import GRID, RESERVE, geometric, grid

LADDER = (1.0, 100.0, 1000.0)  # probes that are tried
TRIALS = 4  # iterations on which they are
RICH = 2000  # queries that a walk must have left for them
FEWEST = 8  # noises: an estimate from fewer is none
START = 0.1  # of the range: the first noise of the paper's probe


@dataclass
class Walk:
    """One restart of every example, (N,): where it is, its size before the last projection, and whether it goes on."""

    here: Nearest
    before: Tensor
    going: Tensor
    probe: Tensor  # index into the ladder
    wins: Tensor  # of each probe, (N, P)


@dataclass
class Walks:
    """`settings` for `asking`'s rows; `ladder` are the probes in question."""

    settings: Settings
    asking: Asking
    rng: Streams
    ladder: tuple[float, ...]
    walks: list[Walk] = field(default_factory=list)
    taken: int = 0

    def add(self, points: Tensor, found: Tensor) -> None:
        """Begin one walk per row at `points` (N, d), where `found`."""
        here, size = self._projected(points, found)
        wins = torch.zeros(len(found), len(self.ladder), dtype=torch.int64, device=points.device)
        self.walks.append(Walk(here, size, found.clone(), torch.zeros_like(wins[:, 0]), wins))

    def rival(self, points: Tensor, found: Tensor) -> None:
        """Begin the walk that was added last at `points` (N, d) instead, where `found` and closer once projected."""
        walk, (here, size) = self.walks[-1], self._projected(points, found)
        rows = (found & (here.size < walk.here.size)).nonzero().flatten()
        _put(walk.here, rows, _pick(here, rows))
        walk.before[rows] = size[rows]

    def _projected(self, points: Tensor, found: Tensor) -> tuple[Nearest, Tensor]:
        """The `points` (N, d), pulled back to the boundary where `found`; also their sizes before, (N,)."""
        asking = self.asking
        rows = found.nonzero().flatten()
        size = asking.geometry.size(points - asking.x0)
        here = Nearest(points.clone(), size.clone(), torch.full((len(found),), -1, device=points.device))
        known = _pick(here, rows)
        asking.keep(known.point, rows, known.size)
        start = nearest(
            asking, rows, known.point[:, None].clone(), torch.ones_like(rows, dtype=torch.bool)[:, None], known
        )
        _put(here, rows, start)
        asking.keep(start.point, rows, start.size)
        return here, size

    def advance(self) -> bool:
        """One iteration of every walk that can still pay for one; False if none can."""
        self._race()
        self.taken += 1
        any_went = False
        for walk in self.walks:
            rows = (walk.going & self.asking.oracle.live).nonzero().flatten()
            share = self._share(rows)
            trial = share >= RICH
            if len(self.ladder) == 1 or self.taken > TRIALS:
                trial = torch.zeros_like(trial)
            for some, tried in ((rows[trial], True), (rows[~trial], False)):
                any_went |= self._iterate(walk, some, share[trial == tried], tried)
        self.asking.oracle.out_of_budget(self._ended())
        return any_went

    def _iterate(self, walk: Walk, rows: Tensor, share: Tensor, trial: bool) -> bool:
        ways = len(self.ladder) if trial else 1
        planned = min(int(100 * self.taken**0.5), 10_000) // ways
        count = ((share - RESERVE) // ways).clamp(max=planned)
        enough = count >= min(FEWEST, planned)
        walk.going[rows[~enough]] = False
        rows, count = rows[enough], count[enough]
        if len(rows):
            self._step(walk, rows, planned, count, trial)
        return len(rows) > 0

    def _ended(self) -> Tensor:
        """Rows that had walks, none of which can pay for more."""
        going, had = (torch.zeros_like(self.walks[0].going) for _ in range(2))
        for walk in self.walks:
            going, had = going | walk.going, had | walk.here.size.ne(0)
        return (had & ~going).nonzero().flatten()

    def _share(self, rows: Tensor) -> Tensor:
        """Queries that each walk of these rows may still ask, if all of a row's walks get the same."""
        going = torch.stack([walk.going for walk in self.walks]).sum(dim=0)
        return self.asking.oracle.left()[rows] // going[rows].clamp(min=1)

    def _race(self) -> None:
        """Of each row's walks the farthest end, until the others can be paid."""
        least = self.settings.race
        if not least:
            return
        going = torch.stack([walk.going for walk in self.walks])
        size = torch.stack([walk.here.size for walk in self.walks]).masked_fill(~going, torch.inf)
        affordable = (self.asking.oracle.left() // least).clamp(min=1)
        rank = size.argsort(dim=0, stable=True).argsort(dim=0)
        for walk, place in zip(self.walks, rank, strict=True):
            walk.going &= place < affordable

    def _step(self, walk: Walk, rows: Tensor, planned: int, count: Tensor, trial: bool) -> None:
        asking, here = self.asking, _pick(walk.here, rows)
        lengths = self._lengths(walk, rows, trial)
        ways = directions(asking, self.rng, rows, here.point, lengths, planned, count)
        size = ways.shape[1] * (len(GRID) if self.settings.step == "grid" else 1) * asking.geometry.d
        for at in torch.split(torch.arange(len(rows), device=rows.device), max(1, AT_ONCE // size)):
            one, before = self._choose(rows[at], _pick(here, at), ways[at])
            asking.keep(one.point, rows[at], one.size)
            _put(walk.here, rows[at], one)
            walk.before[rows[at]] = before
        if trial:
            winner = walk.here.winner[rows]
            won = winner >= 0
            walk.wins[rows[won], winner[won]] += 1
            walk.probe[rows] = walk.wins[rows].argmax(dim=1)

    def _choose(self, rows: Tensor, here: Nearest, ways: Tensor) -> tuple[Nearest, Tensor]:
        here.winner.fill_(-1)
        if self.settings.step == "grid":
            return grid(self.asking, rows, here, ways)
        return geometric(self.asking, rows, here, ways, self.taken)

    def _lengths(self, walk: Walk, rows: Tensor, trial: bool) -> Tensor:
        """Of the noise, per row and probe in question, (R, P): probe x D / d, of which long ones end at D."""
        geometry = self.asking.geometry
        ladder = torch.tensor(self.ladder, dtype=torch.float64, device=rows.device)
        distance = walk.before[rows, None]
        probe = ladder.expand(len(rows), -1) if trial else ladder[walk.probe[rows]][:, None]
        length = torch.minimum(probe / geometry.d, probe.clamp(max=1)) * distance
        if self.taken == 1:
            length = torch.where(probe == 1, START * geometry.width, length)
        return length.clamp(min=geometry.shortest)


def _pick(here: Nearest, rows: Tensor) -> Nearest:
    return Nearest(here.point[rows], here.size[rows], here.winner[rows])


def _put(here: Nearest, rows: Tensor, new: Nearest) -> None:
    here.point[rows], here.size[rows], here.winner[rows] = new.point, new.size, new.winner
