"""The one training loop of all networks here: alone, or several of equal layout side by side."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from advbench import ContestError, DataError, Examples, Job, Seeds

from .checkpoint import Checkpoint
from .layers import Dropout, learn_scales
from .recipe import Recipe, augmented, check_loss, losses

_TOLD = 10  # times per epoch that progress is told
_CHUNK = 256  # examples per call when looking at the tune split


def train(networks: Sequence[nn.Module], recipe: Recipe, job: Job, seeds: Sequence[Seeds], part: int, of: int) -> None:
    """Train in place; each network sees the examples in an order of its own.

    seeds: one per network.  part, of: this is the part-th of `of` such trainings, for progress,
    epoch numbers and the names of checkpoints. Draws depend on (seed, epoch) alone, so a training that
    goes on from a checkpoint ends where it would have without. Raises ContestError past job.deadline, and on a
    loss that is no number.
    """
    x, y = numbers(job.train), job.train.y
    learn_scales(networks, x)
    group = _Group(networks, recipe, job.device)
    checkpoint = Checkpoint(job.checkpoints, f"part-{part}")
    first, rows = group.resume(checkpoint)
    for row in rows:
        job.log(row)
    parts = batches(len(y), recipe.batch)
    steps = len(parts)
    if recipe.augment != "none" and x.dim() != 4:
        raise DataError(
            f"model: augment={recipe.augment} must be of pictures, got inputs {tuple(x.shape[1:])}. Drop it."
        )
    started = time.monotonic() - (rows[-1]["seconds"] if rows else 0.0)
    for epoch in range(first, recipe.epochs):
        total = 0.0
        group.prepare(epoch, seeds)
        orders = torch.stack([shuffled(len(y), seed, epoch) for seed in seeds])
        draws = seeds[0].child("augment", epoch).generator()
        for step, part_of_order in enumerate(parts):
            index = orders[:, part_of_order]
            batch = x[index.flatten()]
            batch = augmented(batch, recipe.augment, draws).reshape(*index.shape, *batch.shape[1:])
            total += group.step(batch.to(job.device), y[index].to(job.device)) * index.shape[1]
            if (step + 1) % -(-steps // _TOLD) == 0 or step + 1 == steps:
                job.progress((part * recipe.epochs + epoch) * steps + step + 1, of * recipe.epochs * steps)
        check_loss(total, epoch, recipe)
        row = {"epoch": part * recipe.epochs + epoch, "loss": total / len(y), **group.judged(job.tune)}
        row["seconds"] = time.monotonic() - started
        rows.append(row)
        job.log(row)
        late = job.deadline is not None and time.monotonic() > job.deadline
        if checkpoint.due or late or (epoch + 1 == recipe.epochs and of > 1):
            group.keep(checkpoint, epoch + 1, rows)
        if late and (part + 1, epoch + 1) != (of, recipe.epochs):
            raise ContestError(
                f"training: it must end before its deadline, got {part * recipe.epochs + epoch + 1} of"
                f" {of * recipe.epochs} epochs. Allow more time; what was learnt so far is kept."
            )
    group.finish()


def numbers(examples: Examples) -> Tensor:
    """The inputs, which must be numbers. Raises DataError on text."""
    if isinstance(examples.x, tuple):
        raise DataError("model: inputs must be numbers, got text. Give an encoder.")
    return examples.x


def batches(count: int, batch: int) -> list[slice]:
    """Batches of an epoch. One example left over joins those before it: alone it has no batch statistics."""
    starts = list(range(0, count, batch))
    if len(starts) > 1 and count - starts[-1] == 1 < batch:
        starts.pop()
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], count], strict=True)]


def shuffled(count: int, seed: Seeds, epoch: int) -> Tensor:
    """The examples of an epoch in their order, int64 (count,)."""
    return torch.randperm(count, generator=seed.child("order", epoch).generator())


class _Group:
    """Networks of equal layout as one: their parameters are stacked, and one program moves them all."""

    def __init__(self, networks: Sequence[nn.Module], recipe: Recipe, device: torch.device) -> None:
        self.networks, self.recipe = [network.to(device).train() for network in networks], recipe
        self.layout = copy.deepcopy(self.networks[0])
        stacked, buffers = stack_module_state(list(self.networks))
        self.parameters = {name: value.detach().requires_grad_() for name, value in stacked.items()}
        self.buffers = dict(buffers)
        self.optimiser = recipe.optimiser(list(self.parameters.values()))

    def prepare(self, epoch: int, seeds: Sequence[Seeds]) -> None:
        """Set what depends on the epoch: the learning rate, and the streams of dropout."""
        for settings in self.optimiser.param_groups:
            settings["lr"] = self.recipe.learning_rate * self.recipe.rate(epoch)
        for place, layer in enumerate(layer for layer in self.layout.modules() if isinstance(layer, Dropout)):
            layer.reseed(seeds[0].child("dropout", place, epoch).seed())

    def step(self, x: Tensor, y: Tensor) -> float:
        """One step of all on (V, B, *shape) and (V, B); returns the mean loss before it."""
        scores = self.scores(x)
        per_example = losses(scores.flatten(0, 1), y.flatten(), self.recipe.loss)
        loss = per_example.sum() / y.shape[1]  # networks share nothing, so the sum's gradient is each one's own
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.optimiser.step()
        with torch.no_grad():
            self.recipe.after_step(self.parameters)
        return float(loss.detach()) / len(y)

    def scores(self, x: Tensor) -> Tensor:
        """(V, B, *shape) -> (V, B, K)."""
        if len(x) == 1:
            state = {name: value[0] for name, value in (self.parameters | self.buffers).items()}
            return functional_call(self.layout, state, (x[0],))[None]  # type: ignore[no-any-return]

        def one(parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor], points: Tensor) -> Any:
            return functional_call(self.layout, (dict(parameters), dict(buffers)), (points,))

        return vmap(one)(self.parameters, self.buffers, x)  # type: ignore[no-any-return]

    def judged(self, tune: Examples) -> dict[str, float]:
        """Mean loss and accuracy of the networks on the tune split; nothing if that is empty."""
        if not len(tune):
            return {}
        x, loss, right = numbers(tune), 0.0, 0
        self.layout.eval()
        with torch.no_grad():
            for start in range(0, len(tune), _CHUNK):
                points, y = (part[start : start + _CHUNK].to(self._device) for part in (x, tune.y))
                scores = self.scores(points.expand(len(self.networks), *points.shape)).flatten(0, 1)
                y = y.repeat(len(self.networks))
                loss += float(losses(scores, y, self.recipe.loss).sum())
                right += int((scores.argmax(dim=1) == y).sum())
        self.layout.train()
        seen = len(tune) * len(self.networks)
        return {"tune_loss": loss / seen, "tune_accuracy": right / seen}

    def keep(self, checkpoint: Checkpoint, epochs: int, rows: list[dict[str, float]]) -> None:
        """Store all that the next epoch starts from."""
        arrays = {f"network/{name}": value for name, value in (self.parameters | self.buffers).items()}
        for place, state in self.optimiser.state_dict()["state"].items():
            arrays |= {f"optimiser/{place}/{key}": torch.as_tensor(value) for key, value in state.items()}
        checkpoint.save(arrays, {"epochs": epochs, "rows": rows})

    def resume(self, checkpoint: Checkpoint) -> tuple[int, list[dict[str, float]]]:
        """Return (epochs done, rows logged so far), and stand where the checkpoint was kept."""
        found = checkpoint.load()
        if found is None:
            return 0, []
        arrays, meta = found
        with torch.no_grad():
            for name, value in (self.parameters | self.buffers).items():
                value.copy_(arrays[f"network/{name}"])
        whole = self.optimiser.state_dict()
        whole["state"] = {}
        for name, value in arrays.items():
            kind, _, rest = name.partition("/")
            if kind == "optimiser":
                place, _, key = rest.partition("/")
                whole["state"].setdefault(int(place), {})[key] = value
        self.optimiser.load_state_dict(whole)
        return meta["epochs"], meta["rows"]

    def finish(self) -> None:
        """Write what was learnt back into the networks."""
        for place, network in enumerate(self.networks):
            state = self.parameters | self.buffers
            network.load_state_dict({name: value[place].detach() for name, value in state.items()})

    @property
    def _device(self) -> torch.device:
        device: torch.device = next(iter(self.parameters.values())).device
        return device
