"""Which class a targeted attack must reach, decided without the attack and, if possible, the contender."""

from __future__ import annotations

import torch
from torch import Tensor

from ..arena.asking import Asker
from ..arena.draws import NoiseSource, SeedPath
from ..arena.judge import DRAWS
from ..contract.errors import RequestError
from ..contract.protocols import Contender, Examples
from ..contract.types import Access, Threat

WORDS = ("random", "next", "least-likely", "all")


def check_targets(how: str, targeted: bool) -> None:
    """Raises RequestError unless `how` is a known word or a label, and there is an aim at all."""
    if how not in WORDS and not how.isdecimal():
        raise RequestError(f"run: --targets must be one of {', '.join(WORDS)} or a label, got '{how}'.")
    if how != "random" and not targeted:
        raise RequestError(f"run: --targets {how} must come with --targeted, got none. Add --targeted.")


def with_targets(
    examples: Examples, threat: Threat, classes: int, seed: int, contender: Contender, device: torch.device
) -> tuple[Examples, Tensor | None]:
    """Return the examples, repeated once per target for `all`, and their targets int64 (N,).

    A fixed label leaves out the examples that already have it.
    """
    if not threat.targeted:
        return examples, None
    y, how = examples.y, threat.targets
    if how == "all":
        others = torch.arange(1, classes).repeat(len(y))
        wide = _take(examples, torch.arange(len(y)).repeat_interleave(classes - 1))
        return wide, (wide.y + others) % classes
    if how == "next":
        return examples, (y + 1) % classes
    if how == "random":
        branch = SeedPath(seed, "targets")
        shifts = [1 + branch.child(int(i)).seed() % (classes - 1) for i in examples.ids]
        return examples, (y + torch.tensor(shifts)) % classes
    if how == "least-likely":
        return examples, _least_likely(examples, classes, SeedPath(seed, "targets", "noise"), contender, device)
    label = int(how)
    if label >= classes:
        raise RequestError(f"run: --targets must be a label from 0 to {classes - 1}, got {label}.")
    kept = _take(examples, (y != label).nonzero().flatten())
    return kept, torch.full_like(kept.y, label)


def _least_likely(
    examples: Examples, classes: int, seeds: SeedPath, contender: Contender, device: torch.device
) -> Tensor:
    """int64 (N,): the wrong class of the lowest score; of a stochastic contender, of the lowest mean probability."""
    if contender.facts.access < Access.SCORES:
        raise RequestError("run: --targets least-likely must have a contender that gives scores, got labels only.")
    x = examples.x if isinstance(examples.x, tuple) else examples.x.to(device)
    asker = Asker(contender, classes, device)
    if contender.facts.stochastic:
        noise, rows = NoiseSource(seeds, examples.ids.tolist()), range(len(examples))
        scores = torch.full((len(examples), classes), -torch.inf, dtype=torch.float64, device=device)
        for draw in range(DRAWS):
            once = asker.scores(x, noise.seeds(rows, [draw] * len(examples)))
            scores = torch.logaddexp(scores, once.double().log_softmax(dim=1))
    else:
        scores = asker.scores(x)
    return scores.cpu().scatter(1, examples.y.unsqueeze(1), torch.inf).argmin(dim=1)


def _take(examples: Examples, index: Tensor) -> Examples:
    x = examples.x
    picked = tuple(x[i] for i in index.tolist()) if isinstance(x, tuple) else x[index]
    return Examples(examples.ids[index], picked, examples.y[index])
