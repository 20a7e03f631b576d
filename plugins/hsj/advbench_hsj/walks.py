"""All walks of all examples, side by side in the same calls."""

from __future__ import annotations

import torch
from torch import Tensor

from .asking import Asking
from .boundary import Nearest, closest, nearest
from .draws import WalkStreams
from .estimate import directions
from .settings import Settings
from .steps import GRID, RESERVE, geometric, grid

LADDER = (1.0, 100.0, 1000.0)  # probes that are tried
TRIALS = 4  # iterations on which they are
RICH = 2000  # queries that a walk must have left for them
FEWEST = 8  # noises: an estimate from fewer is none
START = 0.1  # of the range: the first noise of the paper's probe


class Walks:
    """Where each of W walks is, (W, ...), numbered as `asking` does; `ladder` are the probes in question.

    point, size: the walk's place on the boundary and its distance from the input; before: the size
    before the last projection; going: whether it goes on; probe: an index into the ladder, and how often
    each won. The walks of an example stay together in all that is done block by block: queries of one
    example come in the same order whatever is attacked beside it.
    """

    def __init__(self, settings: Settings, asking: Asking, rng: WalkStreams, ladder: tuple[float, ...]) -> None:
        self.settings, self.asking, self.rng, self.ladder, self.taken = settings, asking, rng, ladder, 0
        self.point = asking.best.clone()
        self.size = torch.full_like(asking.distance, torch.inf)
        self.before = self.size.clone()
        self.going = torch.zeros_like(self.size, dtype=torch.bool)
        self.probe = torch.zeros_like(self.size, dtype=torch.int64)
        self.wins = torch.zeros(len(self.size), len(ladder), dtype=torch.int64, device=self.size.device)

    def begin(self, walks: Tensor, far: Tensor, able: Tensor) -> None:
        """Begin each at one of its points `far` (M, C, d): of those `able` (M, C) at the closest once projected."""
        asking = self.asking
        start = nearest(asking, walks, far, able, closest(asking, walks, far, able, self._here(walks)))
        chosen = far[torch.arange(len(walks), device=walks.device), start.winner]
        self._move(walks, start, asking.geometry.size(chosen - asking.inputs(walks)))
        self.going[walks] = able.any(dim=1)

    def advance(self) -> bool:
        """One iteration of every walk that can still pay for one; False if none can."""
        self._race()
        self.taken += 1
        going = self.going.reshape(-1, self.asking.each)  # a view: it follows
        share = self.asking.oracle.left() // going.sum(dim=1).clamp(min=1)  # queries of a walk
        trial = (share >= RICH) & (len(self.ladder) > 1 and self.taken <= TRIALS)
        for tried in (True, False):
            examples = (going.any(dim=1) & (trial == tried)).nonzero().flatten()
            self._iterate(examples, share[examples], tried)
        begun = self.size.isfinite().reshape(-1, self.asking.each)
        self.asking.oracle.out_of_budget((begun.any(dim=1) & ~going.any(dim=1)).nonzero().flatten())
        return bool(self.going.any())

    def _race(self) -> None:
        """Of each example's walks the farthest end, until the others can be paid."""
        if self.settings.race:
            affordable = (self.asking.oracle.left() // self.settings.race).clamp(min=1)
            size = self.size.masked_fill(~self.going, torch.inf).reshape(-1, self.asking.each)
            rank = size.argsort(dim=1, stable=True).argsort(dim=1)
            self.going &= (rank < affordable[:, None]).flatten()

    def _iterate(self, examples: Tensor, share: Tensor, trial: bool) -> None:
        ways = len(self.ladder) if trial else 1
        planned = min(int(100 * self.taken**0.5), 10_000) // ways
        count = ((share - RESERVE) // ways).clamp(max=planned)
        enough = count >= min(FEWEST, planned)
        self.going[self.asking.walks(examples[~enough])] = False
        examples, count = examples[enough], count[enough]
        for part in self.asking.blocks(len(examples), ways * (len(GRID) if self.settings.step == "grid" else 1)):
            walks = self.asking.walks(examples[part])
            going = self.going[walks]
            self._step(walks[going], planned, count[part, None].expand(walks.shape)[going], trial)

    def _step(self, walks: Tensor, planned: int, count: Tensor, trial: bool) -> None:
        here = self._here(walks)
        lengths = self._lengths(walks, trial)
        ways = directions(self.asking, self.rng, walks, here.point, lengths, planned, count)
        if self.settings.step == "grid":
            there, before = grid(self.asking, walks, here, ways)
        else:
            there, before = geometric(self.asking, walks, here, ways, self.taken)
        self._move(walks, there, before)
        if trial:
            won = there.winner >= 0
            self.wins[walks[won], there.winner[won]] += 1
            self.probe[walks] = self.wins[walks].argmax(dim=1)

    def _here(self, walks: Tensor) -> Nearest:
        return Nearest(self.point[walks], self.size[walks], torch.full_like(walks, -1))

    def _move(self, walks: Tensor, there: Nearest, before: Tensor) -> None:
        self.point[walks], self.size[walks], self.before[walks] = there.point, there.size, before
        self.asking.keep(there.point, walks, there.size)

    def _lengths(self, walks: Tensor, trial: bool) -> Tensor:
        """Of the noise, per walk and probe in question, (M, P): probe x D / d, of which long ones end at D."""
        geometry = self.asking.geometry
        ladder = torch.tensor(self.ladder, dtype=torch.float64, device=walks.device)
        probe = ladder.expand(len(walks), -1) if trial else ladder[self.probe[walks]][:, None]
        length = torch.minimum(probe / geometry.d, probe.clamp(max=1)) * self.before[walks, None]
        if self.taken == 1:
            length = torch.where(probe == 1, START * geometry.width, length)
        return length.clamp(min=geometry.shortest)
