"""What answers from trees: one ensemble of them, or several in a vote."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from advbench import ContenderFacts, Draws, State

from .trees import Trees
from .votes import counted


class Ensemble:
    """Trees whose leaves are read together.

    kind `mean`: log((sum of class probabilities + 1/2) / (T + K/2)); `sum`: raw scores, start + rate x sum
    over the trees of each class, for two classes (0, f).
    """

    def __init__(self, trees: Trees, meta: Mapping[str, Any]) -> None:
        self.trees, self.meta = trees, dict(meta)

    @classmethod
    def of(cls, arrays: Mapping[str, Tensor], meta: Mapping[str, Any]) -> Ensemble:
        """From stored arrays."""
        nodes, outputs = arrays["value"].shape
        trees = Trees(arrays["roots"], nodes, outputs, meta["depth"])
        trees.load_state_dict(dict(arrays))
        return cls(trees, meta)

    def to(self, device: torch.device) -> Ensemble:
        """The same, there."""
        return Ensemble(self.trees.to(device), self.meta)

    def scores(self, x: Tensor) -> Tensor:
        """float32 (N, K)."""
        values, classes = self.trees(x.flatten(1)), self.meta["present"]
        if self.meta["kind"] == "mean":
            found = values.sum(dim=1) + 0.5
            scores = torch.full((len(x), self.meta["classes"]), 0.5, dtype=torch.float64, device=x.device)
            scores[:, classes] = found
            shares: Tensor = scores / (values.shape[1] + self.meta["classes"] / 2)
            return shares.log().float()
        start = torch.tensor(self.meta["start"], dtype=torch.float64, device=x.device)
        raw = start + self.meta["rate"] * values.reshape(len(x), -1, len(start)).sum(dim=1)
        if len(start) == 1:
            raw = torch.cat([torch.zeros_like(raw), raw], dim=1)
        scores = torch.full((len(x), self.meta["classes"]), -1e4, dtype=torch.float64, device=x.device)
        scores[:, classes] = raw
        return scores.float()


class TreeContender:
    """Scores without gradients: piecewise constant in every input.

    Several ensembles answer by counting whom each prefers (hard), or by the mean of their probabilities.
    """

    def __init__(self, members: Sequence[Ensemble], facts: ContenderFacts, *, hard: bool) -> None:
        self.members, self.facts, self.hard = list(members), facts, hard

    @classmethod
    def of(cls, state: State, facts: ContenderFacts, hard: bool, device: torch.device) -> TreeContender:
        """What `state()` gave."""
        parts: list[dict[str, Tensor]] = [{} for _ in state.meta["members"]]
        for name, array in state.arrays.items():
            place, _, own = name.partition("/")
            parts[int(place)][own] = array
        members = [
            Ensemble.of(arrays, meta).to(device) for arrays, meta in zip(parts, state.meta["members"], strict=True)
        ]
        return cls(members, facts, hard=hard)

    def labels(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """int64 (N,); ties go to the lowest class."""
        labels: Tensor = self.scores(x).argmax(dim=1)
        return labels

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """float32 (N, K)."""
        if len(self.members) == 1:
            return self.members[0].scores(x)
        each = torch.stack([member.scores(x) for member in self.members], dim=1)
        if self.hard:
            return counted(each)
        return each.log_softmax(dim=2).logsumexp(dim=1) - math.log(len(self.members))

    def state(self) -> State:
        """The trees, and how their leaves are read."""
        arrays = {
            f"{place}/{name}": tensor.cpu()
            for place, member in enumerate(self.members)
            for name, tensor in member.trees.state_dict().items()
        }
        return State(arrays, {"members": [member.meta for member in self.members]})
