"""The defense: the model's network with noise of learnt strength, and what answers in the contest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from advbench import ContenderFacts, Job, Model, RequestError, State, TorchContender, param

from .network import Layout, NoisyNetwork, begin
from .pictures import look
from .recipe import Preset, recipe_of
from .training import Learning, Training, numbers


@dataclass(frozen=True)
class Noise:
    """Gaussian noise on the neurons of the model's network, its levels learnt with the weights (Xiao et al. 2021).

    `where=fc` is the paper's MLPN, CNN-MLPN and ResNet-MLPN, `where=all` CNN-AN and ResNet-AN; with `learn=no` these
    are MLP+, CNN-MLP+, CNN-A+. `where=none` trains the same network by the same loop without noise.
    """

    where: Literal["none", "fc", "all"] = param(
        "fc", help="layers with noise: fully connected, all (after each convolution too; in residual blocks the last),"
        " or none",
    )  # fmt: skip
    learn: bool = param(True, help="learn sigma; no: it stays where it starts, the paper's '+'")
    sigma: float | None = param(
        None, ge=0, le=1000, paper="not given", help="noise level at the start; none: as released, |N(0,1)| per neuron"
        " and Xavier's in convolutions, or 1 with learn=no",
    )  # fmt: skip
    logits: bool = param(True, help="noise on the last layer too; the released '+' ResNets have none there")
    sign: Literal["reflect", "released"] = param(
        "reflect", help="reflect: sigma <- |sigma| after each step; released: |sigma| forwards, backwards as if it were"
        " sigma",
    )  # fmt: skip
    test: str = param(
        "one", paper="not given",
        help="noise when answering: one draw, off, mean:M (log mean probability of M draws), or fixed (one draw for"
        " all, made before training)",
    )  # fmt: skip
    shift: bool = param(False, help="a trainable mean per element of a convolution, as released")
    sigma_rate: float = param(1e-3, gt=0, le=1000, help="Adam's step for sigma")
    sigma_decay: float = param(
        0.0, ge=0, le=1000, paper="not given", help="L2 penalty on sigma; released: that of the weights"
    )
    epsilon: Literal["outside", "printed"] = param(
        "outside", paper="printed", help="sigma's Adam divides by sqrt(v) + 1e-8, or as printed by sqrt(v + 1e-8)"
    )
    preset: Literal["none", "mnist", "cifar10", "tiny-imagenet"] = param(
        "none", help="training of the paper's table 1 instead of the model's own"
    )
    epochs: int | None = param(None, ge=1, help="passes over the training split; none: the preset's or the model's own")
    pictures: Path | None = param(  # noqa: RUF009
        None,
        help="folder for a picture of what the network looks at (SmoothGrad) in eight pictures of the tune split,"
        " e.g. reports/main/saliency",
    )

    def __post_init__(self) -> None:
        if self._draws() is None:
            raise ValueError(f"test must be one, off, fixed or mean:M with M >= 1, got {self.test}. Try test=mean:10.")

    def facts(self, base: ContenderFacts | None) -> ContenderFacts:
        assert base is not None  # the spec says base="architecture"
        if "exact" not in base.gradients:
            got = ", ".join(base.gradients) or "none"
            raise RequestError(
                f"noise: its model must be one network with exact gradients, got gradients {got}. Choose another model."
            )
        silent = self.where == "none" or self.test in ("off", "fixed") or (not self.learn and self.sigma == 0)
        return replace(base, stochastic=not silent)

    def protect(self, base: Model, job: Job) -> TorchContender:
        training = self.training(base, job)
        training.run()
        return self._contender(training.network, base)

    def training(self, base: Model, job: Job) -> Training:
        """The training of a fresh network, not begun."""
        numbers(job.train)  # said before anything is built
        network = self._network(base, job)
        begin(network, self._start(), job.rng.child("sigma").generator())
        learning = Learning(
            learn=self.learn and bool(network.places), rate=self.sigma_rate, decay=self.sigma_decay,
            epsilon=self.epsilon,
        )  # fmt: skip
        preset: Preset = self.preset
        return Training(network, recipe_of(base, preset, self.epochs), learning, job)

    def restore(self, base: Model, state: State, job: Job) -> TorchContender:
        network = self._network(base, job)
        network.load_state_dict(dict(state.arrays))
        contender = self._contender(network, base)
        if self.pictures is not None:
            look(self.pictures, network, job)
        return contender

    def _network(self, base: Model, job: Job) -> NoisyNetwork:
        network = base.build(job)
        if not isinstance(network, nn.Module):
            got = f"{type(base).__name__}, which builds {type(network).__name__}"
            raise RequestError(f"noise: its model must build an untrained network, got {got}. Choose another.")
        votes = getattr(base, "votes", 1)
        if votes != 1:
            raise RequestError(f"noise: its model must be one network, got votes={votes}. Leave votes out.")
        assert job.facts.shape is not None
        layout = Layout(
            where=self.where, logits=self.logits, sign=self.sign, shift=self.shift, draws=self._draws() or 0,
            fixed=self.test == "fixed",
        )  # fmt: skip
        example = torch.zeros(2, *job.facts.shape, device=job.device)
        noisy = NoisyNetwork(network.to(job.device), example, layout)
        if self.where != "none" and not noisy.places:
            wanted = "fully connected layers" if self.where == "fc" else "fully connected layers or convolutions"
            got = f"{type(base).__name__} with none"
            raise RequestError(f"noise: its model must have {wanted}, got {got}. Choose another.")
        return noisy

    def _contender(self, network: NoisyNetwork, base: Model) -> TorchContender:
        return TorchContender(network, self.facts(base.facts()))

    def _start(self) -> float | None:
        return 1.0 if self.sigma is None and not self.learn else self.sigma

    def _draws(self) -> int | None:
        """Draws per answer, 0 = none; None if `test` does not say."""
        kind, _, count = self.test.partition(":")
        if kind == "mean" and count.isdecimal() and int(count) >= 1:
            return int(count)
        return {"off": 0, "one": 1, "fixed": 1}.get(self.test)
