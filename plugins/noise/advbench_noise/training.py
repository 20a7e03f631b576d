"""The training loop: weights by the model's optimiser, sigma by its own Adam, both from one backward pass."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advbench import ContestError, DataError, Examples, Job

from .checkpoint import Checkpoint
from .draws import Draw, from_seed
from .network import NoisyNetwork
from .recipe import Recipe, augmented, losses
from .sensitivity import sensitivity_bound
from .sigma import Epsilon, SigmaAdam, Watch

_TOLD = 10  # times per epoch that progress is told and the loss looked at
_CHUNK = 256  # examples per call when looking at the tune split


@dataclass(frozen=True)
class Learning:
    """How sigma is learnt; learn=False leaves it where it starts."""

    learn: bool = True
    rate: float = 1e-3
    decay: float = 0.0
    epsilon: Epsilon = "outside"


class Training:
    """One training of one network. Draws depend on (seed, epoch) alone, so that it may be broken off and resumed."""

    def __init__(self, network: NoisyNetwork, recipe: Recipe, learning: Learning, job: Job) -> None:
        self.network, self.recipe, self.learning, self.job = network, recipe, learning, job
        network.sigma.requires_grad_(learning.learn)
        weights = [p for name, p in network.named_parameters() if name != "sigma"]
        self.optimiser = recipe.optimiser(weights)
        self.sigma = SigmaAdam(
            network.sigma, learning.rate, decay=learning.decay,
            reflect=network.layout.sign == "reflect", epsilon=learning.epsilon,
        )  # fmt: skip
        self.rows: list[dict[str, float]] = []

    def run(self) -> None:
        """Train in place. Raises ContestError on a loss that is no number, and past job.deadline."""
        job, recipe = self.job, self.recipe
        if recipe.augment != "none" and numbers(job.train).dim() != 4:
            got = tuple(numbers(job.train).shape[1:])
            raise DataError(f"noise: augment={recipe.augment} must be of pictures, got inputs {got}. Drop it.")
        names = [place.told(number) for number, place in enumerate(self.network.places, 1)]
        watch = Watch(names, self.network.levels(), self.learning.rate, self.job.note)
        checkpoint = Checkpoint(job.checkpoints, repr((self.network.layout, recipe, self.learning)))
        first = self._resume(checkpoint)
        for row in self.rows:
            job.log(row)
        started = time.monotonic() - (self.rows[-1]["seconds"] if self.rows else 0.0)
        for epoch in range(first, recipe.epochs):
            self._check_deadline(epoch)
            for settings in self.optimiser.param_groups:
                settings["lr"] = recipe.learning_rate * recipe.rate(epoch)
            row = {"epoch": epoch, "loss": self.epoch(epoch), **self._judged(epoch)}
            bound = sensitivity_bound(self.network)
            row |= {"sensitivity_bound": bound} if bound is not None else {}
            row["seconds"] = time.monotonic() - started
            self.rows.append(row)
            job.log(row)
            if self.learning.learn:
                watch.look(self.network.levels(), epoch + 1)
            if checkpoint.due or epoch + 1 == recipe.epochs:
                self._keep(checkpoint, epoch + 1)

    def epoch(self, epoch: int) -> float:
        """One pass over the training split; returns the mean loss, each batch's before its step."""
        network, recipe, job = self.network, self.recipe, self.job
        x, y = numbers(job.train), job.train.y
        order = torch.randperm(len(y), generator=job.rng.child("order", epoch).generator())
        cuts = job.rng.child("augment", epoch).generator()
        _reseed(network, job, epoch)
        network.train()
        parts = _batches(order, recipe.batch)
        total = torch.zeros((), device=job.device)
        draw = from_seed(job.rng.child("noise", epoch).seed(), job.device)
        for step, index in enumerate(parts):
            points = augmented(x[index], recipe.augment, cuts).to(job.device)
            total += self._step(points, y[index].to(job.device), draw)
            if (step + 1) % -(-len(parts) // _TOLD) == 0 or step + 1 == len(parts):
                self._check_loss(float(total), epoch, step)
                job.progress(epoch * len(parts) + step + 1, recipe.epochs * len(parts))
        network.eval()
        return float(total) / len(y)

    def _step(self, x: Tensor, y: Tensor, draw: Draw) -> Tensor:
        """Move weights and sigma once; returns the sum of the losses before."""
        loss = losses(self.network.once(x, draw if self.network.places else None), y, self.recipe.loss)
        self.optimiser.zero_grad()
        torch.autograd.backward(loss.mean())
        self.optimiser.step()
        if self.learning.learn:
            self.sigma.step()
        return loss.detach().sum()

    def _judged(self, epoch: int) -> dict[str, float]:
        """Mean cross-entropy and accuracy on the tune split, answered as in the contest; nothing if that is empty."""
        if not len(self.job.tune):
            return {}
        draw = from_seed(self.job.rng.child("tune", epoch).seed(), self.job.device)
        with torch.no_grad():
            parts = torch.split(numbers(self.job.tune), _CHUNK)
            scores = torch.cat([self.network.scores(part.to(self.job.device), draw).cpu() for part in parts])
        right = float((scores.argmax(dim=1) == self.job.tune.y).double().mean())
        return {"tune_loss": float(F.cross_entropy(scores, self.job.tune.y)), "tune_accuracy": right}

    def _check_loss(self, total: float, epoch: int, step: int) -> None:
        if not math.isfinite(total):
            rates = f"{self.recipe.learning_rate:g}) or noise's sigma_rate (now {self.learning.rate:g})"
            raise ContestError(
                f"noise: the loss must be finite, got {total} by step {step + 1} of epoch {epoch + 1}. Lower the"
                f" model's learning_rate (now {rates}, or sigma."
            )

    def _check_deadline(self, epoch: int) -> None:
        if self.job.deadline is not None and time.monotonic() > self.job.deadline:
            raise ContestError(
                f"noise: training must end before its deadline, got {epoch} of {self.recipe.epochs} epochs. Allow more"
                " time; most of what was learnt so far is kept."
            )

    def _keep(self, checkpoint: Checkpoint, epochs: int) -> None:
        arrays = {f"network/{name}": value for name, value in self.network.state_dict().items()}
        arrays |= {f"sigma/{name}": value for name, value in self.sigma.state().items()}
        for place, state in self.optimiser.state_dict()["state"].items():
            arrays |= {f"optimiser/{place}/{key}": torch.as_tensor(value) for key, value in state.items()}
        checkpoint.save(arrays, {"epochs": epochs, "rows": self.rows})

    def _resume(self, checkpoint: Checkpoint) -> int:
        """Stand where the checkpoint was kept; returns the epochs done."""
        found = checkpoint.load()
        if found is None:
            return 0
        arrays, meta = found
        self.network.load_state_dict(_under(arrays, "network/"))
        self.sigma.resume(_under(arrays, "sigma/"))
        whole = self.optimiser.state_dict()
        for name, value in _under(arrays, "optimiser/").items():
            place, _, key = name.partition("/")
            whole["state"].setdefault(int(place), {})[key] = value
        self.optimiser.load_state_dict(whole)
        self.rows = meta["rows"]
        epochs: int = meta["epochs"]
        return epochs


def numbers(examples: Examples) -> Tensor:
    """The inputs, which must be numbers. Raises DataError on text."""
    if isinstance(examples.x, tuple):
        raise DataError("noise: inputs must be numbers, got text. Give an encoder.")
    return examples.x


def _batches(order: Tensor, batch: int) -> list[Tensor]:
    """Parts of an epoch. One example left over joins those before it: alone it has no batch statistics."""
    parts = list(torch.split(order, batch))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def _reseed(network: nn.Module, job: Job, epoch: int) -> None:
    """Layers with draws of their own (dropout with `reseed(seed)`) start each epoch anew."""
    resettable: list[Any] = [layer for layer in network.modules() if hasattr(layer, "reseed")]
    for place, layer in enumerate(resettable):
        layer.reseed(job.rng.child("layer", place, epoch).seed())


def _under(arrays: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
