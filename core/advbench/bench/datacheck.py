"""Meeting damaged data before it does harm."""

from __future__ import annotations

import torch

from ..contract.errors import DataError
from ..contract.protocols import Examples
from .plan import Data


def check_data(data: Data) -> None:
    """Raise DataError unless what is trained on and attacked is what the facts promise."""
    dataset, name = data.component.instance, data.component.name
    seen = torch.unique(dataset.labels("train"))
    if data.facts.classes < 2 or len(seen) < 2:
        raise DataError(f"{name}: its training split must have at least two classes, got {len(seen)}. Choose others.")
    for split, examples in (("train", dataset.load("train")), ("eval", dataset.load("eval", data.positions))):
        _check(f"{name} ({split})", data, examples)


def _check(who: str, data: Data, examples: Examples) -> None:
    x, y, bounds = examples.x, examples.y, data.facts.bounds
    if len(y) and (int(y.min()) < 0 or int(y.max()) >= data.facts.classes):
        top = data.facts.classes - 1
        raise DataError(f"{who}: labels must be 0 to {top}, got {int(y.min())} to {int(y.max())}. Correct its facts.")
    if isinstance(x, tuple):
        return
    if x.dtype != torch.float32 or tuple(x.shape[1:]) != data.facts.shape:
        wanted = f"float32 (N, {', '.join(map(str, data.facts.shape or ()))})"
        raise DataError(f"{who}: inputs must be {wanted}, got {x.dtype} {tuple(x.shape)}. Correct its facts.")
    if not bool(torch.isfinite(x).all()):
        raise DataError(f"{who}: inputs must be finite, got NaN or infinity. Clean the data first.")
    if bounds is not None and len(x) and (float(x.min()) < bounds.low or float(x.max()) > bounds.high):
        raise DataError(
            f"{who}: inputs must lie in [{bounds.low:g}, {bounds.high:g}], got {float(x.min()):g} to"
            f" {float(x.max()):g}. Scale the data or correct its bounds."
        )
