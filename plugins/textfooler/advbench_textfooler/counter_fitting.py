"""Counter-fitting (Mrkšić et al. 2016): synonyms are pulled together, antonyms apart, and the rest stays near.

The sum of three hinges over cosine distances d = 1 - cos, each with the weight 0.1:
antonyms max(0, 1 - d), synonyms max(0, d - 0), and for pairs that were nearer than 0.2 before
max(0, d - d before). A pair of antonyms counts as nothing else.
Each epoch moves every word by the mean of its gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
EPOCHS, WEIGHT, APART, TOGETHER, NEAR = 20, 0.1, 1.0, 0.0, 0.2
_BLOCK = 512  # rows compared with all others at once


def counter_fitted(vectors: Numbers, synonyms: Numbers, antonyms: Numbers, epochs: int = EPOCHS) -> Numbers:
    """float32 (words, width), of length 1, from vectors of length 1 and int (pairs, 2)."""
    antonyms = np.unique(np.sort(antonyms, axis=1), axis=0)
    synonyms = _without(np.unique(np.sort(synonyms, axis=1), axis=0), antonyms)
    kept = _without(neighbourhood(vectors, NEAR), antonyms)
    before = _distance(vectors, kept)
    hinges: tuple[tuple[Numbers, float, Callable[[Numbers], Numbers]], ...] = (
        (antonyms, -1.0, lambda distance: distance < APART),
        (synonyms, 1.0, lambda distance: distance > TOGETHER),
        (kept, 1.0, lambda distance: distance > before),
    )
    fitted: Numbers = vectors.astype(np.float32)
    for _ in range(epochs):
        change, counts = np.zeros_like(fitted), np.zeros(len(fitted), np.float32)
        for pairs, sign, wrong in hinges:
            _push(fitted, pairs[wrong(_distance(fitted, pairs))], sign, change, counts)
        fitted = fitted + change / np.maximum(counts, 1)[:, None]
        fitted /= np.linalg.norm(fitted, axis=1, keepdims=True)
    return fitted


def _without(pairs: Numbers, others: Numbers) -> Numbers:
    left = sorted(set(map(tuple, pairs.tolist())) - set(map(tuple, others.tolist())))
    return np.array(left, np.int64).reshape(-1, 2)


def _push(vectors: Numbers, pairs: Numbers, sign: float, change: Numbers, counts: Numbers) -> None:
    """Note how both words of each pair must move: sign 1 brings them together, -1 drives them apart."""
    for own, other in (pairs.T, pairs.T[::-1]):
        cosine = (vectors[own] * vectors[other]).sum(axis=1, keepdims=True)
        np.add.at(change, own, sign * WEIGHT * (vectors[other] - cosine * vectors[own]))  # d cos / d own, length 1
        np.add.at(counts, own, 1)


def neighbourhood(vectors: Numbers, radius: float) -> Numbers:
    """Pairs i < j nearer than `radius`, int64 (pairs, 2)."""
    found = []
    for start in range(0, len(vectors), _BLOCK):
        cosine = vectors[start : start + _BLOCK] @ vectors[start:].T
        own, other = np.nonzero(cosine > 1 - radius)
        found.append(np.stack([own + start, other + start], axis=1)[own < other])
    return np.concatenate(found).astype(np.int64)


def nearest(vectors: Numbers, count: int) -> tuple[Numbers, Numbers]:
    """The nearest others of each word, best first: int32 (words, count) and their cosines, float32."""
    count = min(count, len(vectors) - 1)
    near = np.empty((len(vectors), count), np.int32)
    cosines = np.empty((len(vectors), count), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        cosine = vectors[start : start + _BLOCK] @ vectors.T
        cosine[np.arange(len(cosine)), np.arange(len(cosine)) + start] = -2.0  # not itself
        some = np.argpartition(-cosine, count - 1, axis=1)[:, :count]
        some.sort(axis=1)  # of equals the more frequent word first
        values = np.take_along_axis(cosine, some, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        near[start : start + _BLOCK] = np.take_along_axis(some, order, axis=1)
        cosines[start : start + _BLOCK] = np.clip(np.take_along_axis(values, order, axis=1), -1, 1)
    return near, cosines


def _distance(vectors: Numbers, pairs: Numbers) -> Numbers:
    distance: Numbers = 1 - (vectors[pairs[:, 0]] * vectors[pairs[:, 1]]).sum(axis=1)
    return distance
