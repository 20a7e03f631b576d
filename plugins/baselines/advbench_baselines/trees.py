"""Decision trees as arrays, and their answers for many points at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class Trees(nn.Module):
    """T trees over flattened inputs -> the value of the leaf that each point reaches.

    All nodes stand in one row, tree after tree. An inner node sends points with x[feature] <= threshold to
    `left`, others to `right`; leaves lead to themselves. Thresholds are the largest float32 not above
    scikit-learn's float64 ones, which divides float32 points alike.
    """

    def __init__(self, roots: Tensor, nodes: int, outputs: int, depth: int) -> None:
        super().__init__()
        for name in ("feature", "left", "right"):
            self.register_buffer(name, torch.zeros(nodes, dtype=torch.int64))
        self.register_buffer("threshold", torch.zeros(nodes))
        self.register_buffer("value", torch.zeros(nodes, outputs, dtype=torch.float64))
        self.register_buffer("roots", roots)
        self.feature: Tensor
        self.left: Tensor
        self.right: Tensor
        self.threshold: Tensor
        self.value: Tensor
        self.roots: Tensor
        self.depth = depth

    @classmethod
    def of(cls, trees: Sequence[Any]) -> Trees:
        """From scikit-learn's `tree_` objects."""
        counts = [tree.node_count for tree in trees]
        roots = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
        made = cls(
            torch.from_numpy(roots), sum(counts), trees[0].value.reshape(counts[0], -1).shape[1],
            max(tree.max_depth for tree in trees),
        )  # fmt: skip
        own = np.concatenate([np.arange(count) for count in counts])
        shift = np.repeat(roots, counts)
        leaf = np.concatenate([tree.children_left for tree in trees]) < 0
        for name, children in (("left", "children_left"), ("right", "children_right")):
            child = np.concatenate([getattr(tree, children) for tree in trees])
            getattr(made, name).copy_(torch.from_numpy(np.where(leaf, own, child) + shift))
        feature = np.concatenate([tree.feature for tree in trees])
        made.feature.copy_(torch.from_numpy(np.where(leaf, 0, feature)))
        made.threshold.copy_(torch.from_numpy(_floor32(np.concatenate([tree.threshold for tree in trees]))))
        made.value.copy_(torch.from_numpy(np.concatenate([tree.value.reshape(tree.node_count, -1) for tree in trees])))
        return made

    def forward(self, x: Tensor) -> Tensor:
        """(N, D) float32 -> float64 (N, T, outputs)."""
        node = self.roots.expand(len(x), -1)
        for _ in range(self.depth):
            inside = x.gather(1, self.feature[node]) <= self.threshold[node]
            node = torch.where(inside, self.left[node], self.right[node])
        return self.value[node]


def _floor32(numbers: Any) -> Any:
    rounded = numbers.astype(np.float32)
    return np.where(rounded > numbers, np.nextafter(rounded, np.float32(-np.inf)), rounded)
