"""Adversarial training: a network that learns from attacks on itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from advbench import Contender, ContenderFacts, Job, Model, Norm, State, component, param

from .lessons import Batch, recipe_of, teach, trainable, untrained
from .recipe import losses
from .sparring import Sparring, check_attack, check_returns, reach

_NAME = "adversarial-training"
NORMS = Literal["linf", "l2", "l1"]


def mixed(network: nn.Module, batch: Batch, moved: Tensor, share: float, loss: Any) -> Tensor:
    """(B,): share of each example's loss where it was moved to, the rest where it stands.

    Both go through the network together, so that statistics of a batch are of both.
    """
    if share == 1:
        return losses(network(moved), batch.y, loss)
    here, there = losses(network(torch.cat([batch.x, moved])), batch.y.repeat(2), loss).chunk(2)
    return (1 - share) * here + share * there


@dataclass(frozen=True)
class AdversarialTraining:
    """Each batch is attacked as the network stands, and learnt from where it was moved to (Madry et al. 2018, eq. 2.1).

    share=.5 learns each example twice, as it is and attacked: with attack=fgsm eq. of Goodfellow et al. 2015, section
    6, and the ReLU(FGSM), ReLU(I-FGSM), ReLU(PGD) of "Neural networks with structural resistance", section 6.4.
    """

    attack: Any = component(  # noqa: RUF009
        "attack", default="pgd", settings={"steps": "10", "restarts": "1", "returns": "last"},
        help="what is learnt from; Madry et al.: steps=40,step=.01 on MNIST, steps=7 on CIFAR-10",
    )  # fmt: skip
    norm: NORMS = param("linf", help="how the attack's changes are measured")  # noqa: RUF009
    eps: float | None = param(
        None, gt=0, unit="input units", paper=".3 MNIST, 8/255 CIFAR-10",
        help="largest change; none: the data set's reference for the norm",
    )  # fmt: skip
    share: float = param(1.0, gt=0, le=1, help="weight of attacked examples in the loss; the rest is of clean ones")
    epochs: int | None = param(None, ge=1, help="passes over the training split; none: the model's own")

    def __post_init__(self) -> None:
        check_attack(self.attack, self.norm)
        check_returns(self.attack)

    def facts(self, base: ContenderFacts | None) -> ContenderFacts:
        return trainable(_NAME, base)

    def protect(self, base: Model, job: Job) -> Contender:
        norm = Norm(self.norm)
        sparring = Sparring(_NAME, self.attack, norm, reach(_NAME, self.eps, norm, job.facts), job.facts)
        network, recipe = untrained(_NAME, base, job), recipe_of(base, self.epochs)

        def attacked(network: nn.Module, batch: Batch) -> Tensor:
            return mixed(network, batch, sparring.against(network, batch), self.share, recipe.loss)

        teach(network, recipe, job, attacked)
        return base.restore(State(network.state_dict()), job)

    def restore(self, base: Model, state: State, job: Job) -> Contender:
        return base.restore(state, job)
