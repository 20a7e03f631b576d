"""Decides what happened to each example. The attack's word is never taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..contract.errors import ContestError
from ..contract.facts import DatasetFacts
from ..contract.protocols import Contender, Examples, Goal, Perturbed
from ..contract.types import Access, Modality, Norm, StopReason, Threat, Verdict
from .asking import Asker
from .certificates import certified, hold_to
from .draws import NoiseSource, SeedPath
from .goal import ABSTAINED
from .ledger import Ledger, within_eps
from .roughness import roughness

CONFIRMATIONS = 10  # fresh draws that a stochastic contender's flip must survive to be kept
DRAWS = 100  # fresh draws by which a stochastic contender's verdict is decided


@dataclass(frozen=True)
class Judged:
    """Records of some rows, and the points that were judged, in the same order."""

    rows: list[dict[str, Any]]
    points: Any


@dataclass(frozen=True)
class Opinion:
    """What a contender says of some points: label (N,), share of draws meeting the goal (N,),
    share of draws that are right (N,), score margin of the true class (N,) or None.

    If anything is random, the label is the most frequent one; among those that meet the goal,
    if most draws do.
    """

    labels: Tensor
    votes: Tensor
    right: Tensor
    margin: Tensor | None


class Judge:
    """Asks the contender afresh, outside all counts, with noise of its own branch."""

    def __init__(
        self,
        contender: Contender,
        facts: DatasetFacts,
        threat: Threat,
        distances: Mapping[Norm, Callable[[Any, Any], Tensor]],
        examples: Examples,
        goal: Goal,
        seeds: SeedPath,
        exact: bool = True,
    ) -> None:
        self._asker = Asker(contender, facts.classes, goal.y.device, exact)
        self._facts, self._threat, self._distances = facts, threat, distances
        self._examples, self._goal = examples, goal
        self._noise = NoiseSource(seeds, examples.ids.tolist()) if contender.facts.stochastic else None
        self._asked = [0] * len(examples)  # draws so far, row by row: none repeats, and rows never mix

    def clean(self) -> Opinion:
        """The contender's opinion of the unchanged examples; a label without a majority is none."""
        said = self.opinion(self._examples.x, torch.arange(len(self._examples), device=self._goal.y.device))
        doubtful = (said.labels == self._goal.y) & ~(said.right > 0.5)
        return replace(said, labels=said.labels.masked_fill(doubtful, ABSTAINED))

    def confirm(self, points: Any, rows: Tensor) -> Tensor:
        """bool (M,): do most of a few fresh draws meet the goal? `rows` without repeats."""
        return self._met(self._answers(points, rows, CONFIRMATIONS), rows).mean(dim=0) > 0.5

    def opinion(self, x: Any, rows: Tensor, draws: int = DRAWS) -> Opinion:
        """Over that many draws, or one if nothing is random; x: one point per row of `rows`."""
        answers = self._answers(x, rows, draws)
        met = self._met(answers, rows)
        right = (answers == self._goal.y[rows]).double().mean(dim=0)
        margin = self._margin(x, rows) if self._noise is None else None
        return Opinion(_leading(answers, met, self._facts.classes), met.mean(dim=0), right, margin)

    def _met(self, answers: Tensor, rows: Tensor) -> Tensor:
        """1.0 where an answer meets its row's goal, float64 (draws, N)."""
        return torch.stack([self._goal.met(labels, rows) for labels in answers]).double()

    def _answers(self, x: Any, rows: Tensor, draws: int) -> Tensor:
        """Labels of that many fresh draws, or of one if nothing is random, int64 (draws, N)."""
        if self._noise is None:
            return self._checked(self._asker.labels(x)).unsqueeze(0)
        where = rows.tolist()
        at_once = max(1, self._asker.facts.chunk // max(1, len(where)))
        answers = []
        for start in range(0, draws, at_once):
            count = min(at_once, draws - start)
            points = x * count if isinstance(x, tuple) else x.repeat(count, *[1] * (x.dim() - 1))
            numbers = [self._asked[row] + start + draw for draw in range(count) for row in where]
            labels = self._asker.labels(points, self._noise.seeds(where * count, numbers))
            answers.append(self._checked(labels).reshape(count, len(where)))
        for row in where:
            self._asked[row] += draws
        return torch.cat(answers)

    def _checked(self, labels: Tensor) -> Tensor:
        if bool(((labels < ABSTAINED) | (labels >= self._facts.classes)).any()):
            got = f"{int(labels.min())} to {int(labels.max())}"
            raise ContestError(f"contender: labels must lie in {ABSTAINED}..{self._facts.classes - 1}, got {got}.")
        return labels

    def _margin(self, x: Any, rows: Tensor) -> Tensor | None:
        if self._asker.facts.access < Access.SCORES:
            return None
        scores = self._asker.scores(x).double()
        true = self._goal.y[rows].unsqueeze(1)
        own = scores.gather(1, true).squeeze(1)
        return own - scores.scatter(1, true, -torch.inf).amax(dim=1)

    def _identity(self, clean: Opinion, i: int) -> dict[str, Any]:
        target = self._goal.target
        return {
            "example_id": int(self._examples.ids[i]),
            "label": int(self._goal.y[i]),
            "target": None if target is None else int(target[i]),
            "clean_label": int(clean.labels[i]),
            "clean_margin": None if clean.margin is None else float(clean.margin[i]),
        }

    def skipped(self, clean: Opinion, i: int) -> dict[str, Any]:
        """The record of an example on which the contender was wrong from the start."""
        same = {"adv_label": int(clean.labels[i]), "verdict": Verdict.SKIPPED.value, "queries": 0, "gradients": 0}
        return self._identity(clean, i) | same

    def judge(self, clean: Opinion, attacked: Tensor, ledger: Ledger, answer: Perturbed) -> Judged:
        """The records of those rows of the shard, int64 (M,), that ledger and answer are over."""
        x = pick(self._examples.x, attacked)
        candidate = answer.x.detach() if isinstance(answer.x, Tensor) else answer.x
        flaws = self._flaws(x, candidate)
        returned = _replace(candidate, x, [flaw is not None for flaw in flaws])
        chosen, opinion, distance = self._choose(x, attacked, returned, ledger)
        met = (opinion.votes > 0.5).cpu()
        inside = within_eps(distance[self._threat.norm], self._threat, self._facts.bounds)
        eight_bit = self._survives_8bit(chosen, attacked, met & inside)
        radii = certified(self._asker.contender, x, self._threat, self._facts)
        hold_to(radii, distance[self._threat.norm], met, self._examples.ids[attacked.cpu()].tolist())
        notes = self._notes(x, chosen, answer)
        rows = []
        for m, i in enumerate(attacked.tolist()):
            verdict, reason = self._verdict(bool(met[m]), bool(inside[m]), flaws[m], distance, m)
            rows.append(
                self._identity(clean, i)
                | {norm.value: float(size[m]) for norm, size in distance.items()}
                | {
                    "adv_label": int(opinion.labels[m]),
                    "verdict": verdict.value,
                    "reason": reason or ledger.failed.get(m),
                    "queries": int(ledger.queries[m]),
                    "gradients": int(ledger.gradients[m]),
                    "first_query": int(ledger.first_query[m]) or None,
                    "best_query": int(ledger.best_query[m]) or None,
                    "adv_margin": None if opinion.margin is None else float(opinion.margin[m]),
                    "survives_8bit": eight_bit[m],
                    "certified": radii[m],
                    "votes": float(opinion.votes[m]) if self._noise is not None else None,
                    "stop_reason": self._stop_reason(verdict, ledger, answer, m).value,
                }
                | {f"note_{name}": float(column[m]) for name, column in notes.items()}
            )
        return Judged(rows, chosen)

    def _notes(self, x: Any, chosen: Any, answer: Perturbed) -> Mapping[str, Tensor]:
        """The attack's, and for series how rough the judged change is."""
        if self._facts.modality is not Modality.SERIES:
            return answer.notes
        return {**answer.notes, "roughness": roughness(x, chosen)}

    def _flaws(self, x: Any, returned: Any) -> list[str | None]:
        """Per row the rule that the returned point breaks, or None."""
        n = len(x)
        if isinstance(x, tuple):
            right = isinstance(returned, tuple) and len(returned) == n and all(isinstance(r, str) for r in returned)
            return [None if right else f"the attack must return a tuple of {n} str"] * n
        if not isinstance(returned, Tensor) or returned.shape != x.shape or returned.dtype != x.dtype:
            tensor = isinstance(returned, Tensor)
            got = f"{returned.dtype} {tuple(returned.shape)}" if tensor else type(returned).__name__
            return [f"the attack must return {x.dtype} {tuple(x.shape)}, got {got}"] * n
        flat = returned.reshape(n, -1)
        finite = flat.isfinite().all(dim=1)
        bounds = self._facts.bounds
        inside = finite
        if bounds is not None:
            low, high = torch.tensor([bounds.low, bounds.high], dtype=x.dtype).tolist()
            inside = (flat >= low).all(dim=1) & (flat <= high).all(dim=1)
        return [
            None if i else "the returned point leaves the bounds" if f else "the returned point holds NaN or infinity"
            for f, i in zip(finite.tolist(), inside.tolist(), strict=True)
        ]

    def _choose(
        self, x: Any, attacked: Tensor, returned: Any, ledger: Ledger
    ) -> tuple[Any, Opinion, dict[Norm, Tensor]]:
        """The returned point or the ledger's best: whichever is broken at the smaller distance."""
        best = tuple(ledger.best) if isinstance(ledger.best, list) else ledger.best
        ours = self.opinion(best, attacked)
        cost_ours = self._cost(x, best, ours)
        if self._noise is None and isinstance(best, tuple) and best == returned:  # nothing new to be said
            theirs, cost_theirs = ours, cost_ours
        else:
            theirs = self.opinion(returned, attacked)
            cost_theirs = self._cost(x, returned, theirs)
        # Of equals the ledger's: an attack stopped by its budget returns nothing, in company or alone.
        take_ours = (cost_ours <= cost_theirs) & cost_ours.isfinite()
        chosen = _replace(returned, best, take_ours.tolist())
        margin = None
        if ours.margin is not None and theirs.margin is not None:
            margin = torch.where(take_ours, ours.margin, theirs.margin)
        opinion = Opinion(
            torch.where(take_ours, ours.labels, theirs.labels),
            torch.where(take_ours, ours.votes, theirs.votes),
            torch.where(take_ours, ours.right, theirs.right),
            margin,
        )
        return chosen, opinion, {norm: of(x, chosen).cpu() for norm, of in self._distances.items()}

    def _cost(self, x: Any, points: Any, opinion: Opinion) -> Tensor:
        """How far points that meet the goal are from x, float64 (N,); infinity for the others."""
        distance = self._distances[self._threat.norm](x, points).to(opinion.votes.device)
        return distance.masked_fill(~(opinion.votes > 0.5), torch.inf)

    def _verdict(
        self, met: bool, inside: bool, flaw: str | None, distance: Mapping[Norm, Tensor], m: int
    ) -> tuple[Verdict, str | None]:
        if met and inside:
            return Verdict.BROKEN, flaw
        if flaw is not None:
            return Verdict.INVALID, flaw
        if met:
            norm = self._threat.norm
            return Verdict.HELD, f"the closest success has {norm} {float(distance[norm][m]):.6g}, beyond eps"
        return Verdict.HELD, None

    def _stop_reason(self, verdict: Verdict, ledger: Ledger, answer: Perturbed, m: int) -> StopReason:
        if verdict is Verdict.INVALID or m in ledger.failed:
            return StopReason.ERROR
        if verdict is not Verdict.BROKEN:
            told = answer.blind is not None and bool(answer.blind[m])
            silent = bool(ledger.gradients[m]) and not bool(ledger.signal[m])
            if told or silent:
                return StopReason.BLIND
        return ledger.stopped.get(m, StopReason.DONE)

    def _survives_8bit(self, chosen: Any, attacked: Tensor, broken: Tensor) -> list[bool | None]:
        """Whether a broken image stays broken when stored with 256 levels."""
        bounds = self._facts.bounds
        if self._facts.modality is not Modality.IMAGE or bounds is None:
            return [None] * len(attacked)
        at = broken.nonzero().flatten()
        levels = ((chosen[at] - bounds.low) / bounds.width * 255).round() / 255 * bounds.width + bounds.low
        met = self.opinion(bounds.clip(levels), attacked[at.to(attacked.device)]).votes > 0.5
        survives = dict(zip(at.tolist(), met.tolist(), strict=True))
        return [survives.get(m) for m in range(len(attacked))]


def right(clean: Opinion, goal: Goal) -> Tensor:
    """int64 (M,): rows whose clean label is the true one; the others are skipped."""
    return ((clean.labels == goal.y) & (clean.labels != ABSTAINED)).nonzero().flatten()


def _leading(answers: Tensor, met: Tensor, classes: int) -> Tensor:
    """The most frequent label of each row, int64 (N,), from (draws, N); ties go to the lowest class."""
    columns = answers.t().remainder(classes + 1)  # an abstention is counted last
    weights = torch.where(met.mean(dim=0) > 0.5, met, torch.ones_like(met)).t()
    counts = weights.new_zeros(len(columns), classes + 1).scatter_add_(1, columns, weights)
    leading = counts.argmax(dim=1)
    return torch.where(leading == classes, ABSTAINED, leading)


def pick(x: Any, rows: Tensor) -> Any:
    """Those rows of a tensor or a tuple of str."""
    return tuple(x[i] for i in rows.tolist()) if isinstance(x, tuple) else x[rows]


def _replace(x: Any, other: Any, where: list[bool]) -> Any:
    """`x` with the rows marked taken from `other`."""
    if not any(where):
        return x
    if isinstance(other, tuple) or not isinstance(x, Tensor) or x.shape != other.shape or x.dtype != other.dtype:
        if all(where):
            return other
        return tuple(o if w else own for own, o, w in zip(x, other, where, strict=True))
    mask = torch.tensor(where, device=x.device).reshape(-1, *[1] * (x.dim() - 1))
    return torch.where(mask, other, x)
