"""An attack on one's own network, uncounted, as its users may run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advbench import BudgetSpent, ClassGoal, Contender, Examples, LocalOracle, Perturbed, Threat
from advbench.arena.draws import ExampleStreams, SeedPath

from .field import CPU

if TYPE_CHECKING:
    from .subject import Subject


def local_answer(subject: Subject, contender: Contender, examples: Examples) -> Perturbed:
    """What it returns there; the examples themselves where it ran out of budget."""
    rules, shape = subject.rules, subject.field.shape
    assert shape is not None
    threat = Threat(access=rules.needs, norm=rules.norm, eps=rules.eps, gradient="exact")
    oracle = LocalOracle(
        contender, ClassGoal(examples.y), threat, shape=shape, classes=rules.classes, bounds=subject.field.bounds
    )
    rng = ExampleStreams(SeedPath(0, "conformance"), examples.ids.tolist(), CPU)
    try:
        answer: Perturbed = subject.instance.perturb(oracle, examples.x, rng)
    except BudgetSpent:
        return Perturbed(examples.x)
    return answer
