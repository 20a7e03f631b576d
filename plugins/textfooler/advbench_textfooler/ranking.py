"""How much a contender's answer depends on each word: asked with the word gone, or unknown."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal

import numpy as np

from advbench import Wording

from .conversation import Ask, Compare, Reply
from .drafts import blanked, deletions, portions

UNKNOWN = "<oov>"  # the released code's word that no vocabulary holds


def importances(
    draft: Wording, clean: Reply, label: int, how: Literal["deletion", "unknown"], score: Literal["both", "true"]
) -> Generator[Ask | Compare, Any, list[float] | None]:
    """One number per word, larger = more important; None if the budget ended on the way. Asks one query per word.

    "both" is equation 2 of the paper: p_y(X) - p_y(X without w), and if the label becomes another one, also
    p_other(X without w) - p_other(X).
    """
    found: list[float] = []
    before = clean.probabilities[0]
    for texts in portions(deletions(draft) if how == "deletion" else blanked(draft, UNKNOWN)):
        reply: Reply = yield Ask(texts)
        after, others = reply.probabilities, np.array(reply.label, np.int64)
        values = before[label] - after[:, label]
        if score == "both":
            gains = after[np.arange(len(others)), others] - before[others]
            values = np.where(others != label, values + gains, values)
        found += values.tolist()
        if len(reply) < len(texts):
            return None
    return found


def ranked(values: list[float]) -> list[int]:
    """Places from the most to the least important; of equals the earlier one first."""
    return [int(at) for at in np.argsort(-np.array(values), kind="stable")]
