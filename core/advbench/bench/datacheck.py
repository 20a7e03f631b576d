"""Meeting damaged data before it does harm."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..contract.errors import DataError
from ..contract.protocols import Examples, Split
from ..contract.texts import kind_of
from ..contract.types import Modality
from .plan import Data


def check_data(data: Data) -> None:
    """Raise DataError unless what is attacked is what the facts promise, and there are classes to learn."""
    dataset, name = data.component.instance, data.component.name
    seen = torch.unique(_whole(f"{name} (train)", "labels", dataset.labels("train")))
    if data.facts.classes < 2 or len(seen) < 2:
        raise DataError(f"{name}: its training split must have at least two classes, got {len(seen)}. Choose others.")
    check_examples(data, "eval", dataset.load("eval", data.positions))


def check_examples(data: Data, split: Split, examples: Examples) -> None:
    """Raise DataError unless these examples of a split are what the facts promise."""
    _check(f"{data.component.name} ({split})", data, examples)


def _check(who: str, data: Data, examples: Examples) -> None:
    if not isinstance(examples, Examples):
        raise DataError(f"{who}: load must return Examples, got {type(examples).__name__}. Return Examples(ids, x, y).")
    x, y, bounds = examples.x, _whole(who, "labels", examples.y), data.facts.bounds
    ids = _whole(who, "ids", examples.ids)
    lengths = (len(ids), len(x), len(y))
    if len(set(lengths)) > 1 or len(torch.unique(ids)) < len(ids):
        raise DataError(f"{who}: each input must have an id of its own and a label, got {lengths} ids, inputs, labels.")
    if len(y) and (int(y.min()) < 0 or int(y.max()) >= data.facts.classes):
        top = data.facts.classes - 1
        raise DataError(f"{who}: labels must be 0 to {top}, got {int(y.min())} to {int(y.max())}. Correct its facts.")
    if data.facts.modality is Modality.TEXT:
        if not isinstance(x, tuple) or not all(isinstance(one, str) for one in x):
            raise DataError(f"{who}: inputs must be a tuple of str, got {type(x).__name__}. Correct its facts.")
        return
    if not isinstance(x, Tensor) or x.dtype != torch.float32 or tuple(x.shape[1:]) != data.facts.shape:
        wanted = f"float32 (N, {', '.join(map(str, data.facts.shape or ()))})"
        raise DataError(f"{who}: inputs must be {wanted}, got {kind_of(x)}. Correct its facts.")
    if not bool(torch.isfinite(x).all()):
        raise DataError(f"{who}: inputs must be finite, got NaN or infinity. Clean the data first.")
    if bounds is not None and len(x) and (float(x.min()) < bounds.low or float(x.max()) > bounds.high):
        raise DataError(
            f"{who}: inputs must lie in [{bounds.low:g}, {bounds.high:g}], got {float(x.min()):g} to"
            f" {float(x.max()):g}. Scale the data or correct its bounds."
        )


def _whole(who: str, what: str, numbers: Any) -> Tensor:
    """Raise DataError unless these are whole numbers in one row."""
    if not isinstance(numbers, Tensor) or numbers.dtype != torch.int64 or numbers.dim() != 1:
        raise DataError(f"{who}: {what} must be torch.int64 (N,), got {kind_of(numbers)}. Convert them.")
    return numbers
