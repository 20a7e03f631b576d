"""Defensive distillation: a network taught by the softened answers of its like."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advbench import Contender, ContenderFacts, Job, Model, State, param

from .lessons import Batch, recipe_of, teach, trainable, untrained
from .phases import phases

_NAME = "distillation"


@dataclass(frozen=True)
class Distillation:
    """Teacher and student learn at temperature T; the student answers at 1 (Papernot et al. 2016, section IV).

    Its scores are the student's logits z as they are, T times as steep as those that it learnt with.
    """

    temperature: float = param(100.0, gt=0, le=1_000_000, paper="1 to 100", help="T: both learn with softmax(z / T)")
    epochs: int | None = param(None, ge=1, help="of each of the two trainings; none: the model's own")

    def facts(self, base: ContenderFacts | None) -> ContenderFacts:
        return trainable(_NAME, base)

    def protect(self, base: Model, job: Job) -> Contender:
        first, second = phases(job, ("teacher", "student"))
        teacher, student = untrained(_NAME, base, first), untrained(_NAME, base, second)
        recipe = recipe_of(base, self.epochs)

        def from_labels(network: nn.Module, batch: Batch) -> Tensor:
            return F.cross_entropy(network(batch.x) / self.temperature, batch.y, reduction="none")

        def from_teacher(network: nn.Module, batch: Batch) -> Tensor:
            with torch.no_grad():
                soft = (teacher(batch.x) / self.temperature).softmax(dim=1)
            return F.cross_entropy(network(batch.x) / self.temperature, soft, reduction="none")

        teach(teacher, recipe, first, from_labels)
        teacher.eval()
        teach(student, recipe, second, from_teacher)
        return base.restore(State(student.state_dict()), job)

    def restore(self, base: Model, state: State, job: Job) -> Contender:
        return base.restore(state, job)
