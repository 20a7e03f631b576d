"""What it costs to train each contender: seconds, and the largest memory of a process that does nothing else."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from advbench import Bounds, DatasetFacts, Examples, Job, Modality
from advbench.arena.draws import SeedPath
from advbench.builtin.datasets import Digits
from advbench.builtin.models import Mlp
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver

from .harness import Figure, figure, in_turn, ratios, step

ROOT = Path(__file__).resolve().parents[2]
# As published but for the epochs that are written behind: seconds grow with these, and hundreds take hours.
ON_DIGITS = (
    "linear:epochs=10", "mlp:epochs=10", "mlp:hidden=20,activation=sigmoid,epochs=10", "sk-mlp", "bnn:epochs=10",
    "lenet:epochs=10", "noise-cnn:epochs=10", "cw-cnn:epochs=10", "madry-cnn:epochs=10", "random-forest",
    "gradient-boosting", "resnet18:epochs=1", "resnet34:epochs=1", "resnet50:epochs=1", "densenet:epochs=1",
)  # fmt: skip
ON_SERIES = ("cnn1d:epochs=10",)
ON_CIFAR = ("mlp", "sk-mlp", "bnn", "lenet", "noise-cnn", "cw-cnn", "resnet18", "resnet34", "resnet50", "densenet")
PAIR, FEW = "cifar10:classes=0/1", 256
VOTES, EPOCHS = 100, 1
STEPS, BATCH, MEMBERS = 10, 64, 10  # of the votes that are trained side by side and one by one


def figures() -> Iterator[Figure]:
    """Digits for all; CIFAR-10's 0 and 1, one epoch of few examples, where it was fetched."""
    for model in ON_DIGITS:
        yield from costs(model, "digits")
    with tempfile.TemporaryDirectory() as folder:
        series = digits_as_series(Path(folder))
        for model in ON_SERIES:
            yield from costs(model, f"npz-series:{series}", "digits as series of 64")
    if Resolver(discover(), read()).one("dataset", PAIR).instance.is_here():
        for model in ON_CIFAR:
            yield from costs(f"{model}:epochs=1", PAIR, f"{FEW} of {PAIR}", FEW)
    else:
        print(f"  ... no rows of {PAIR}: run advbench data fetch cifar10", file=sys.stderr, flush=True)
    yield from votes_at_once()
    yield from votes_side_by_side()


def costs(model: str, dataset: str, name: str = "", examples: int | None = None) -> Iterator[Figure]:
    """Two lines for one contender."""
    with step(f"{model} on {name or dataset}"):
        found = trained_apart(model, dataset, examples)
    what = f"{model}, {name or dataset}"
    yield figure(f"{what}: training (s)", found["seconds"], note=f"{found['examples']} examples")
    yield figure(f"{what}: peak (MiB)", found["peak"], note=f"{found['before']:.0f} before training")


def trained_apart(model: str, dataset: str, examples: int | None) -> dict[str, Any]:
    """What `one_training` measures, in a new process."""
    request = json.dumps({"model": model, "dataset": dataset, "examples": examples})
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.one_training", request], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"bench: {model} on {dataset} must train, got:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def digits_as_series(folder: Path) -> Path:
    """The digits' training and tune split read pixel after pixel, for contenders of series."""
    path = folder / "digits.npz"
    parts = {split: Digits().load(split) for split in ("train", "tune", "eval")}
    named = {"train": "train", "tune": "tune", "eval": "test"}
    arrays = {}
    for split, part in parts.items():
        arrays[f"x_{named[split]}"] = part.x.reshape(-1, 64).numpy()
        arrays[f"y_{named[split]}"] = part.y.numpy()
    np.savez(path, **arrays)
    return path


def votes_at_once() -> Iterator[Figure]:
    """How much longer a hundred networks take one by one than as one program."""
    data = Digits()
    train, tune, facts = data.load("train"), data.load("tune"), data.facts()

    def job(seed: int) -> Job:
        return Job(train=train, tune=tune, facts=facts, rng=SeedPath(seed, "bench"), device=torch.device("cpu"))

    for hidden in ((20,), (200, 200)):
        one = Mlp(hidden=hidden, activation="sigmoid", epochs=EPOCHS)
        many = Mlp(hidden=hidden, activation="sigmoid", epochs=EPOCHS, votes=VOTES, vote="hard")

        def loop(one: Mlp = one) -> None:
            for seed in range(VOTES):
                one.fit(job(seed))

        shape = "/".join(map(str, hidden))
        with step(f"mlp:hidden={shape},votes={VOTES}"):
            alone, together = in_turn(2, loop, lambda many=many: many.fit(job(0)))
        what = f"mlp:hidden={shape}, digits, {EPOCHS} epoch: {VOTES} one by one / votes={VOTES}"
        yield figure(what, ratios(alone, together), note=f"{together[-1]:.2g} s at once")


def votes_side_by_side() -> Iterator[Figure]:
    """The same of networks that are trained side by side where that is faster: how large may pictures be?"""
    if find_spec("advbench_baselines") is None:
        return
    from advbench_baselines.bnn import Bnn
    from advbench_baselines.lenet import LeNet

    for kind, shapes in ((Bnn, ((1, 8, 8), (3, 32, 32))), (LeNet, ((1, 8, 8), (1, 28, 28), (3, 32, 32)))):
        apart, close = (type(kind.__name__, (kind,), {"side_by_side": most}) for most in (None, 1 << 30))
        for shape in shapes:
            what = f"{kind.__name__.lower()}:votes={MEMBERS}, {'x'.join(map(str, shape))}: one by one / side by side"
            with step(what):
                alone, together = in_turn(
                    3, *(trained_on(c(epochs=1, batch=BATCH, votes=MEMBERS), noisy_job(shape)) for c in (apart, close))
                )
            yield figure(what, ratios(alone, together), note=f"{together[-1] / STEPS * 1e3:.2g} ms a step side by side")


def trained_on(model: Any, job: Job) -> Callable[[], object]:
    """To be called again and again."""
    return lambda: model.fit(job)


def noisy_job(shape: tuple[int, ...]) -> Job:
    """Examples without meaning, enough for the steps of one epoch."""
    x = torch.rand(STEPS * BATCH, *shape, generator=torch.Generator().manual_seed(0))
    examples = Examples(torch.arange(len(x)), x, torch.arange(len(x)) % 10)
    tune = Examples(examples.ids[:BATCH], x[:BATCH], examples.y[:BATCH])
    facts = DatasetFacts(
        modality=Modality.IMAGE, shape=shape, classes=10, bounds=Bounds(0.0, 1.0), digest="noise", eps={}, sizes={}
    )
    return Job(train=examples, tune=tune, facts=facts, rng=SeedPath(0, "bench"), device=torch.device("cpu"))
