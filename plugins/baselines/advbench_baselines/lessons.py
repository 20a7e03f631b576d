"""The training loop of defenses: any network, and a loss that may look at the network first."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advbench import ContenderFacts, ContestError, Job, Model, RequestError, Seeds

from .checkpoint import Checkpoint
from .fitting import batches, numbers, shuffled
from .layers import Dropout, learn_scales
from .recipe import Recipe, augmented, check_loss

_TOLD = 10  # times per epoch that progress is told
_CHUNK = 256  # examples per call when looking at the tune split
_DEFAULTS = Recipe(epochs=100, batch=64, learning_rate=1e-3, schedule="cosine")
_OWN = ("epochs", "batch", "learning_rate", "weight_decay", "optimizer", "schedule", "loss")


@dataclass(frozen=True)
class Batch:
    """x: (B, *shape) and y: int64 (B,), on the job's device. seeds: of this step of this training."""

    x: Tensor
    y: Tensor
    seeds: Seeds


Lesson: TypeAlias = Callable[[nn.Module, Batch], Tensor]
"""(the network, in training mode; a batch) -> losses (B,), differentiable in its parameters."""


def recipe_of(model: Model, epochs: int | None) -> Recipe:
    """The model's own training, so that its twin differs in nothing but the defense.

    From its method `recipe`, as models here have it, or from parameters of the usual names; what it does not name is
    Adam 1e-3 along a cosine, 100 epochs of batch 64. epochs: instead of the model's.
    """
    own = getattr(model, "recipe", None)
    recipe = own() if own is not None else replace(_DEFAULTS, **_named(model))
    return recipe if epochs is None else replace(recipe, epochs=epochs)


def _named(model: Model) -> dict[str, Any]:
    return {name: getattr(model, name) for name in _OWN if hasattr(model, name)}


def trainable(defense: str, facts: ContenderFacts | None) -> ContenderFacts:
    """The facts of a network trained another way: the model's own. Raises RequestError if it is none."""
    assert facts is not None  # the specs say base="architecture"
    if not facts.gradients:
        raise RequestError(f"{defense}: its model must be a network with gradients, got one without. Choose another.")
    return facts


def untrained(defense: str, model: Model, job: Job) -> nn.Module:
    """The model's network on the job's device. Raises RequestError if it has none."""
    network = model.build(job)
    if not isinstance(network, nn.Module):
        got = f"{type(model).__name__}, which builds {type(network).__name__}"
        raise RequestError(f"{defense}: its model must build an untrained network, got {got}. Choose another.")
    return network.to(job.device)


def teach(network: nn.Module, recipe: Recipe, job: Job, lesson: Lesson) -> None:
    """Train in place, and go on from a checkpoint in the job's folder.

    Draws depend on (seed, epoch, step) alone, so that an interrupted training ends where it would have without.
    Raises ContestError past job.deadline, and on a loss that is no number.
    """
    learn_scales([network], numbers(job.train))
    optimiser = recipe.optimiser(list(network.parameters()))
    checkpoint = Checkpoint(job.checkpoints, "network")
    first, rows = _resume(checkpoint, network, optimiser)
    for row in rows:
        job.log(row)
    started = time.monotonic() - (rows[-1]["seconds"] if rows else 0.0)
    for epoch in range(first, recipe.epochs):
        for settings in optimiser.param_groups:
            settings["lr"] = recipe.learning_rate * recipe.rate(epoch)
        loss = _epoch(network, recipe, job, lesson, optimiser, epoch)
        check_loss(loss, epoch, recipe)
        row = {"epoch": epoch, "loss": loss, **_judged(network, job), "seconds": time.monotonic() - started}
        rows.append(row)
        job.log(row)
        if checkpoint.due or epoch + 1 == recipe.epochs:
            _keep(checkpoint, network, optimiser, epoch + 1, rows)


def _epoch(
    network: nn.Module, recipe: Recipe, job: Job, lesson: Lesson, optimiser: torch.optim.Optimizer, epoch: int
) -> float:
    """Return the mean loss, each batch's before its step."""
    x, y, total = numbers(job.train), job.train.y, 0.0
    parts, order = batches(len(y), recipe.batch), shuffled(len(y), job.rng, epoch)
    draws = job.rng.child("augment", epoch).generator()
    for place, layer in enumerate(layer for layer in network.modules() if isinstance(layer, Dropout)):
        layer.reseed(job.rng.child("dropout", place, epoch).seed())
    network.train()
    for step, part in enumerate(parts):
        if job.deadline is not None and time.monotonic() > job.deadline:
            raise ContestError(
                f"training: it must end before its deadline, got {epoch} of {recipe.epochs} epochs. Allow more time;"
                " most of what was learnt so far is kept."
            )
        index = order[part]
        points = augmented(x[index], recipe.augment, draws).to(job.device)
        batch = Batch(points, y[index].to(job.device), job.rng.child("step", epoch, step))
        losses = lesson(network, batch)
        optimiser.zero_grad()
        torch.autograd.backward(losses.mean())
        optimiser.step()
        with torch.no_grad():
            recipe.after_step(dict(network.named_parameters()))
        total += float(losses.detach().sum())
        if (step + 1) % -(-len(parts) // _TOLD) == 0 or step + 1 == len(parts):
            job.progress(epoch * len(parts) + step + 1, recipe.epochs * len(parts))
    return total / len(y)


def _judged(network: nn.Module, job: Job) -> dict[str, float]:
    """Mean cross-entropy and accuracy on the unchanged tune split; nothing if that is empty."""
    if not len(job.tune):
        return {}
    network.eval()
    with torch.no_grad():
        parts = torch.split(numbers(job.tune), _CHUNK)
        scores = torch.cat([network(part.to(job.device)).cpu() for part in parts])
    right = float((scores.argmax(dim=1) == job.tune.y).double().mean())
    return {"tune_loss": float(F.cross_entropy(scores, job.tune.y)), "tune_accuracy": right}


def _keep(
    checkpoint: Checkpoint,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    epochs: int,
    rows: list[dict[str, float]],
) -> None:
    arrays = {f"network/{name}": value for name, value in network.state_dict().items()}
    for place, state in optimiser.state_dict()["state"].items():
        arrays |= {f"optimiser/{place}/{key}": torch.as_tensor(value) for key, value in state.items()}
    checkpoint.save(arrays, {"epochs": epochs, "rows": rows})


def _resume(
    checkpoint: Checkpoint, network: nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[int, list[dict[str, float]]]:
    """Return (epochs done, rows logged so far), and stand where the checkpoint was kept."""
    found = checkpoint.load()
    if found is None:
        return 0, []
    arrays, meta = found
    network.load_state_dict(
        {name.removeprefix("network/"): value for name, value in arrays.items() if name.startswith("network/")}
    )
    whole = optimiser.state_dict()
    for name, value in arrays.items():
        kind, _, rest = name.partition("/")
        if kind == "optimiser":
            place, _, key = rest.partition("/")
            whole["state"].setdefault(int(place), {})[key] = value
    optimiser.load_state_dict(whole)
    return meta["epochs"], meta["rows"]
