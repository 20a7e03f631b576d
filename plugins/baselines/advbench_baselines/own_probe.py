"""Sixteen points that a model from elsewhere must answer before anybody else may ask it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import Access, ContenderFacts, DataError, DatasetFacts

from .own_contenders import Reader

POINTS = 16
_ALONE = 1e-3  # how much of the largest answer a row may move when it is asked in other company


@dataclass(frozen=True)
class Expectation:
    """What the user and the data set say of the model."""

    who: str
    outputs: str
    data: DatasetFacts
    classes: int | None
    bounds: tuple[float, ...] | None

    def check_bounds(self) -> None:
        """Raises DataError unless the model was trained on inputs of the data set's range."""
        own = self.data.bounds
        if self.bounds is None or own is None or self.bounds == (own.low, own.high):
            return
        low, high = self.bounds
        raise DataError(
            f"{self.who}: bounds must be those of the data set, {own.low:g} to {own.high:g}, got {low:g} to {high:g}."
            " Say bounds=none and map the inputs by mean= and std=: (x - mean) / std."
        )

    def must(self, what: str, got: str, advice: str) -> DataError:
        """The error for an answer that does not fit."""
        return DataError(f"{self.who}: {what}, got {got}. {advice}")


def probe(data: DatasetFacts) -> Tensor:
    """float32 (16, *shape): spread over the bounds, with both extremes; always the same ones."""
    low, width = (data.bounds.low, data.bounds.width) if data.bounds is not None else (0.0, 1.0)
    points = torch.rand(POINTS, *(data.shape or ()), generator=torch.Generator().manual_seed(0)) * width + low
    points[0], points[1] = low, low + width
    return points


def require_fit(expected: Expectation, reader: Reader, facts: ContenderFacts, device: torch.device) -> Tensor:
    """Ask and look at the answers; return them, (16, ...). Raises DataError that says what was expected and got."""
    points = probe(expected.data).to(device)
    answers = _asked(expected, reader, points, facts.pad)
    _check_shape(expected, answers)
    _check_values(expected, answers)
    again = torch.cat([_asked(expected, reader, points[i : i + 1], facts.pad) for i in range(4)])
    moved = float((again.double() - answers[:4].double()).abs().max())
    if moved > _ALONE * max(1.0, float(answers.double().abs().max())):
        raise expected.must(
            "it must answer a point always alike, whatever stands beside it", f"answers that move by {moved:.3g}",
            "Call .eval() before it is stored, so that dropout and batch statistics are off.",
        )  # fmt: skip
    if facts.access >= Access.GRADIENTS:
        _check_gradient(expected, reader, points)
    return answers.double()


def _asked(expected: Expectation, reader: Reader, points: Tensor, size: int) -> Tensor:
    """In calls of `size`, the last filled up."""
    answers = []
    for start in range(0, len(points), size):
        part = points[start : start + size]
        whole = torch.cat([part, part[-1:].expand(size - len(part), *part.shape[1:])])
        shape = " x ".join(map(str, whole.shape))
        try:
            with torch.no_grad():
                answer = reader.raw(whole)
        except Exception as error:
            told = f"{type(error).__name__}: {_gist(str(error))}"
            raise expected.must(
                f"it must answer inputs of shape {shape}", told, "Check its input's shape, layout= and fixed_batch=."
            ) from error
        if not answer.dim() or len(answer) != len(whole):
            raise expected.must(
                f"it must give one answer per point of {shape}", f"shape {_shape(answer)}",
                "If it was stored for one batch size only, name it: fixed_batch=1.",
            )  # fmt: skip
        answers.append(answer[: len(part)])
    return torch.cat(answers)


def _gist(text: str) -> str:
    """All of it in a line; of a long one, such as a traceback of TorchScript's, its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    whole = " ".join(lines)
    return whole if len(whole) <= 240 else lines[-1][-240:]


def _check_shape(expected: Expectation, answers: Tensor) -> None:
    classes, data = expected.classes, expected.data.classes
    if classes is not None and classes != data:
        raise expected.must(f"it must tell apart the data set's {data} classes", f"classes={classes}", "Choose others.")
    wanted: tuple[int, ...] = (POINTS,) if expected.outputs == "labels" else (POINTS, data)
    if tuple(answers.shape) != wanted:
        told = f"its {expected.outputs} for {POINTS} points and {data} classes must have shape"
        raise expected.must(
            f"{told} {' x '.join(map(str, wanted))}", _shape(answers),
            "Pick classes of the data set by classes=, or correct outputs=.",
        )  # fmt: skip
    if expected.outputs == "labels":
        if answers.is_floating_point():
            raise expected.must("its labels must be whole numbers", str(answers.dtype), "Correct outputs=.")
    elif not answers.is_floating_point():
        raise expected.must(f"its {expected.outputs} must be floats", str(answers.dtype), "Say outputs=labels?")


def _check_values(expected: Expectation, answers: Tensor) -> None:
    if expected.outputs == "labels":
        low, high = int(answers.min()), int(answers.max())
        if low < -1 or high >= expected.data.classes:
            raise expected.must(
                f"its labels must be from 0 to {expected.data.classes - 1}, or -1 to abstain", f"{low} to {high}",
                "Number classes from 0.",
            )  # fmt: skip
        return
    if not bool(answers.isfinite().all()):
        bad = int((~answers.isfinite()).any(dim=1).sum())
        raise expected.must(
            "it must give finite numbers all over the data set's bounds", f"{bad} of {POINTS} points without",
            "Check mean= and std=, and logarithms of nothing inside.",
        )  # fmt: skip
    shares = bool(((answers >= 0) & (answers <= 1)).all()) and bool(((answers.sum(dim=1) - 1).abs() < 1e-3).all())
    if expected.outputs == "logits" and shares:
        raise expected.must(
            "its logits must be log-space", "numbers from 0 to 1 that sum to 1", "Say outputs=probabilities."
        )
    if expected.outputs == "probabilities" and not shares:
        least, most = float(answers.min()), float(answers.max())
        raise expected.must(
            "its probabilities must be from 0 to 1 and sum to 1", f"{least:.3g} to {most:.3g}", "Say outputs=logits."
        )


def _check_gradient(expected: Expectation, reader: Reader, points: Tensor) -> None:
    x = points.clone().requires_grad_(True)
    with torch.enable_grad():
        scores = reader.scores(x)
        given = torch.autograd.grad(scores.sum(), x, allow_unused=True)[0] if scores.requires_grad else None
    if given is None or not math.isfinite(float(given.abs().sum())):
        got = "none" if given is None else "one that is not finite"
        raise expected.must(
            "it must be differentiable by torch with respect to its input", f"{got}", "Say gradients=false."
        )


def _shape(answers: Tensor) -> str:
    return " x ".join(map(str, answers.shape)) or "no shape"
