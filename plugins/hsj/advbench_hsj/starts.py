"""Where walks begin: at images that are answered as wanted, or at noise."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor

from advbench import BudgetSpent, Examples, LabelOracle, State

from .asking import AT_ONCE, Asking
from .walks import Walks

TOGETHER = 64  # most tries of a walk in one call
BLENDS = (1.0, 1.0, 1.0, 0.5, 1.0, 1.0, 1.0, 0.75, 1.0, 1.0, 1.0, 0.25)  # pure noise succeeds most often
CHEAP = 10  # a further start may cost one part in so many of what is left
PROJECTION = 20  # queries that a start's projection takes, about


def collect(oracle: LabelOracle, seeds: Examples, each: int) -> State:
    """The first `each` seeds answered with each class, and those classes; a query per seed, until there are enough."""
    assert isinstance(seeds.x, Tensor)
    found = torch.zeros(oracle.classes, dtype=torch.int64)
    kept: list[int] = []
    labels: list[int] = []
    step = max(1, min(128, AT_ONCE // max(1, seeds.x[0].numel()))) if len(seeds) else 1
    with contextlib.suppress(BudgetSpent):
        for part in torch.split(torch.arange(len(seeds), device=seeds.y.device), step):
            if bool((found >= each).all()):
                break
            answers = oracle.labels(seeds.x[part], part)
            for row, label in zip(part.tolist(), answers.tolist(), strict=True):
                if label >= 0 and found[label] < each:
                    found[label] += 1
                    kept.append(row)
                    labels.append(label)
    return State({"starts": seeds.x[kept], "labels": torch.tensor(labels, dtype=torch.int64)})


def begin(walks: Walks, examples: Tensor) -> None:
    """Begin the walks of these examples: the first of each, then the others."""
    for part in walks.asking.blocks(len(examples), walks.settings.starts):
        _begin_block(walks, examples[part])


def _begin_block(walks: Walks, examples: Tensor) -> None:
    settings, asking = walks.settings, walks.asking
    numbers = asking.walks(examples).flatten()
    far = asking.inputs(numbers)[:, None].repeat(1, settings.starts, 1)
    able = torch.zeros(far.shape[:2], dtype=torch.bool, device=far.device)
    first, left = numbers % asking.each == 0, asking.oracle.left()[examples]
    far[first], able[first] = _find(walks, numbers[first], left)
    started = able[first].any(dim=1)
    # Starts that were not found for want of queries tell nothing of the contender.
    asking.oracle.out_of_budget(examples[~started & (left < settings.tries)])
    left = asking.oracle.left()[examples]
    if settings.race:  # where the first walk could not begin no other will, and a poor one would end at once
        share = left // max(CHEAP, asking.each)
        more = started & (share >= PROJECTION)
    else:  # the papers' runs know nothing of each other
        share, more = left // asking.each, torch.ones_like(started)
    others = ~first & more.repeat_interleave(asking.each)
    far[others], able[others] = _find(walks, numbers[others], share.repeat_interleave(asking.each)[others])
    walks.begin(numbers, far, able)


def _find(walks: Walks, some: Tensor, limit: Tensor) -> tuple[Tensor, Tensor]:
    """Points (M, S, d), and which of them meet the goal, bool (M, S): where `some` of the walks may begin.

    The image of the pool, if there is one for the walk; else noise, at most `limit` (M,) times; several
    where that is cheap.
    """
    settings, asking = walks.settings, walks.asking
    far = asking.inputs(some)[:, None].repeat(1, settings.starts, 1)
    able = torch.zeros(far.shape[:2], dtype=torch.bool, device=far.device)
    pool = asking.oracle.prepared
    if pool is not None and pool.arrays:
        far[:, 0], able[:, 0] = from_images(asking, some, pool)
    spare = torch.minimum(limit, asking.oracle.left()[some // asking.each] // CHEAP)
    cheap = spare >= max(PROJECTION, settings.starts)
    for each, those in ((settings.starts, cheap), (1, ~cheap)):
        at = (those & ~able[:, 0]).nonzero().flatten()
        far[at, :each], able[at, :each] = from_noise(walks, some[at], each, limit[at])
    return far, able


def from_images(asking: Asking, walks: Tensor, pool: State) -> tuple[Tensor, Tensor]:
    """(M, d), and bool (M,): the image of the pool at which each walk begins, if it meets the goal."""
    goal, examples, restart = asking.oracle.goal, walks // asking.each, walks % asking.each
    images = pool.arrays["starts"].to(asking.x0).flatten(1)
    labels = pool.arrays["labels"].to(walks.device)
    points, found = asking.inputs(walks), torch.zeros_like(walks, dtype=torch.bool)
    if not len(labels):
        return points, found
    wanted = torch.stack([goal.met(label.expand(len(walks)), examples) for label in labels], dim=1)
    number = wanted.cumsum(dim=1)  # among those wanted
    at = (number[:, -1] > restart).nonzero().flatten()
    position = (number == restart[:, None] + 1).int().argmax(dim=1)
    points[at] = images[position[at]]
    found[at] = asking.met(points[at], walks[at])
    return points, found


def from_noise(walks: Walks, some: Tensor, each: int, limit: Tensor) -> tuple[Tensor, Tensor]:
    """(M, each, d), and bool (M, each): uniform noises, blended into the inputs, that meet the goal.

    `each` are tried in one call, twice as many in the next and so on, until some succeed: of those the
    first. At most `limit` (M,) of a walk, and all are charged. Try i takes the share BLENDS[i % 12] of noise.
    """
    settings, asking, geometry = walks.settings, walks.asking, walks.asking.geometry
    low = geometry.bounds.low if geometry.bounds else 0.0
    blends = torch.tensor(BLENDS if settings.init == "blended" else [1.0], dtype=torch.float64, device=some.device)
    points = asking.inputs(some)[:, None].repeat(1, each, 1)
    found = torch.zeros(points.shape[:2], dtype=torch.bool, device=some.device)
    done, size, most = 0, each, max(1, AT_ONCE // geometry.d)
    while done < settings.tries:
        count = min(size, settings.tries - done, most)
        left = (~found.any(dim=1) & asking.live(some) & (limit >= done + count)).nonzero().flatten()
        if not len(left):
            break
        share = blends[torch.arange(done, done + count, device=some.device) % len(blends), None]
        for at in torch.split(left, max(1, most // count)):
            noise = walks.rng.uniform(some[at], (count, geometry.d)).double().mul_(geometry.width).add_(low)
            x0 = asking.inputs(some[at])[:, None]
            tried = geometry.clip_(noise.sub_(x0).mul_(share).add_(x0).to(x0.dtype))
            hit = asking.met(tried.flatten(0, 1), some[at].repeat_interleave(count)).reshape(-1, count)
            place = hit.cumsum(dim=1) - 1
            one, which = (hit & (place < each)).nonzero(as_tuple=True)
            points[at[one], place[one, which]] = tried[one, which]
            found[at[one], place[one, which]] = True
        done, size = done + count, min(2 * size, TOGETHER)
    return points, found
