"""Ensemble adversarial training: a network that learns from attacks on other, finished networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from advbench import Contender, ContenderFacts, Job, Model, Norm, State, component, param

from .adversarial_training import NORMS, mixed
from .lessons import Batch, recipe_of, teach, trainable, untrained
from .phases import phases
from .sparring import Sparring, check_attack, check_returns, reach

_NAME = "ensemble-adversarial-training"


@dataclass(frozen=True)
class EnsembleAdversarialTraining:
    """Each batch is attacked on one of `networks` finished networks or on the network itself, drawn by lot, and learnt
    from as it is and as attacked (Tramer et al. 2018, section 4)."""

    attack: Any = component(  # noqa: RUF009
        "attack", default="fgsm", settings={"returns": "last"}, help="what is learnt from"
    )
    networks: int = param(3, ge=1, paper="1 to 4", help="finished networks, trained first without a defense")
    norm: NORMS = param("linf", help="how the attack's changes are measured")  # noqa: RUF009
    eps: float | None = param(
        None, gt=0, unit="input units", paper=".3 MNIST, 16/255 ImageNet",
        help="largest change; none: the data set's reference for the norm",
    )  # fmt: skip
    share: float = param(0.5, gt=0, le=1, help="weight of attacked examples in the loss; the rest is of clean ones")
    epochs: int | None = param(None, ge=1, help="of the defended network; none: the model's own")

    def __post_init__(self) -> None:
        check_attack(self.attack, self.norm)
        check_returns(self.attack)

    def facts(self, base: ContenderFacts | None) -> ContenderFacts:
        return trainable(_NAME, base)

    def protect(self, base: Model, job: Job) -> Contender:
        norm = Norm(self.norm)
        sparring = Sparring(_NAME, self.attack, norm, reach(_NAME, self.eps, norm, job.facts), job.facts)
        *others, own = phases(job, [*(f"other-{place}" for place in range(self.networks)), "own"])
        network, recipe = untrained(_NAME, base, own), recipe_of(base, self.epochs)
        finished = [base.fit(other) for other in others]

        def attacked(network: nn.Module, batch: Batch) -> Tensor:
            opponents = [network, *finished]
            lot = int(torch.randint(len(opponents), (), generator=batch.seeds.child("opponent").generator()))
            return mixed(network, batch, sparring.against(opponents[lot], batch), self.share, recipe.loss)

        teach(network, recipe, own, attacked)
        return base.restore(State(network.state_dict()), job)

    def restore(self, base: Model, state: State, job: Job) -> Contender:
        return base.restore(state, job)
