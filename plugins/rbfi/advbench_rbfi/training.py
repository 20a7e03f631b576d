"""Training as in the paper, section 4: squared error, AdaDelta on pseudogradients, weights kept in their ranges."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from advbench import ContestError, Examples, Job

from .adadelta import Adadelta
from .checkpoint import Checkpoint
from .network import Derivatives, Range, RbfiNetwork
from .reach import workers

_TOLD = 10  # times per epoch that progress is told
_AT_ONCE = 256  # examples per call when looking at the tune split


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained; sensitivity is c of c s(N), added to the loss."""

    epochs: int
    batch: int
    learning_rate: float
    sensitivity: float
    by: Derivatives
    span: Range


def train(network: RbfiNetwork, recipe: Recipe, job: Job) -> None:
    """Train in place. Draws depend on (seed, epoch) alone, so a resumed training ends where it would have without.

    Raises ContestError if the loss is no number, or past job.deadline.
    """
    idle = network.crew
    with workers(job.threads) as network.crew:
        optimiser = Adadelta(network.parameters(), recipe.learning_rate, network.crew)
        checkpoint = Checkpoint(job.checkpoints, network, optimiser)
        rows = checkpoint.resume()
        for row in rows:
            job.log(row)
        started = time.monotonic() - (rows[-1]["seconds"] if rows else 0.0)
        for epoch in range(len(rows), recipe.epochs):
            loss = _epoch(network, optimiser, recipe, job, epoch)
            row = {"epoch": epoch, "loss": loss, **_judged(network, job.tune, job.device)}
            row |= {"sensitivity_bound": float(network.sensitivity().detach()), "seconds": time.monotonic() - started}
            rows.append(row)
            job.log(row)
            late = job.deadline is not None and time.monotonic() > job.deadline
            if checkpoint.due or late:
                checkpoint.save(rows)
            if late and epoch + 1 < recipe.epochs:
                raise ContestError(
                    f"rbfi: training must end before its deadline, got {epoch + 1} of {recipe.epochs} epochs. Allow"
                    " more time; what was learnt so far is kept."
                )
    network.crew = idle


def _epoch(network: RbfiNetwork, optimiser: torch.optim.Optimizer, recipe: Recipe, job: Job, epoch: int) -> float:
    """One pass over the training examples; returns the mean loss."""
    x, y = job.train.x, job.train.y
    assert isinstance(x, Tensor)
    order = torch.randperm(len(y), generator=job.rng.child("order", epoch).generator())
    parts = torch.split(order, recipe.batch)
    total = 0.0
    for step, rows in enumerate(parts, 1):
        outputs = network(x[rows].to(job.device), recipe.by)
        loss = square_error(outputs, y[rows].to(job.device))
        if recipe.sensitivity:
            loss = loss + recipe.sensitivity * network.sensitivity()
        value = float(loss.detach())
        _require_finite("loss", value, epoch, recipe)
        total += value * len(rows)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        _keep_in_range(network, recipe.span)
        if step % -(-len(parts) // _TOLD) == 0 or step == len(parts):
            job.progress(epoch * len(parts) + step, recipe.epochs * len(parts))
    # Of whole numbers the kernels make maxima, and those do not show a NaN: the weights are looked at themselves.
    weights = sum(float(part.detach().sum()) for part in network.parameters())
    _require_finite("weights' sum", weights, epoch, recipe)
    return total / len(y)


def square_error(outputs: Tensor, y: Tensor) -> Tensor:
    """The sum over classes of (output - one-hot)^2, meant over the batch."""
    return (outputs - F.one_hot(y, outputs.shape[1])).square().sum(dim=1).mean()


def _require_finite(what: str, value: float, epoch: int, recipe: Recipe) -> None:
    if not math.isfinite(value):
        name = "sensitivity" if recipe.sensitivity else "learning_rate"
        raise ContestError(
            f"rbfi: the {what} must be finite, got {value} in epoch {epoch}. Lower {name}, which is"
            f" {getattr(recipe, name):g}."
        )


def _keep_in_range(network: RbfiNetwork, span: Range) -> None:
    with torch.no_grad():
        for layer in network.layers:
            layer.u.clamp_(span.u_low, span.u_high)  # type: ignore[operator]
            layer.w.clamp_(span.w_low, span.w_high)  # type: ignore[operator]


def _judged(network: RbfiNetwork, tune: Examples, device: torch.device) -> dict[str, float]:
    """Loss and accuracy on the tune split; nothing if that is empty."""
    if not len(tune) or not isinstance(tune.x, Tensor):
        return {}
    loss, right = 0.0, 0
    with torch.no_grad():
        for x, y in zip(torch.split(tune.x, _AT_ONCE), torch.split(tune.y, _AT_ONCE), strict=True):
            outputs = network(x.to(device), Derivatives())
            loss += float(square_error(outputs, y.to(device))) * len(y)
            right += int((outputs.argmax(dim=1).cpu() == y).sum())
    return {"tune_loss": loss / len(tune), "tune_accuracy": right / len(tune)}
