"""The checks of the conformance kit, by the kind of component that they are made for.

A check is a function `check_...(subject)`: it returns, raises Broken with numbers and advice, or
raises DoesNotApply. Its name is the specification.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TypeAlias

from ..subject import Subject
from . import (
    attack_answers,
    attack_budget,
    attack_manners,
    attack_rows,
    component,
    contender_answers,
    contender_manners,
    contender_promises,
    contender_state,
    contender_training,
    dataset_examples,
    dataset_splits,
    defense,
    distance,
    encoder,
    every_parameter,
    metric_frames,
    metric_numbers,
    model,
)

Check: TypeAlias = Callable[[Subject], None]

_OF_THE_SPEC: tuple[ModuleType, ...] = (component,)  # the same whatever the parameters: first trial only
_OF_CONTENDERS = (contender_promises, contender_answers, contender_training, contender_state, contender_manners)
_OF_KIND: dict[str, tuple[ModuleType, ...]] = {
    "attack": (attack_manners, attack_answers, attack_rows, attack_budget),
    "model": (*_OF_CONTENDERS, model),
    "defense": (*_OF_CONTENDERS, defense),
    "dataset": (dataset_splits, dataset_examples),
    "metric": (metric_numbers, metric_frames),
    "distance": (distance,),
    "encoder": (encoder,),
}


def checks_for(subject: Subject) -> tuple[Check, ...]:
    """Those that its kind calls for, in the order in which they are made."""
    modules = (every_parameter, *_OF_KIND.get(subject.kind, ()))
    if subject.first:
        modules = (*_OF_THE_SPEC, *modules)
    return tuple(check for module in modules for check in checks_in(module))


def checks_in(module: ModuleType) -> list[Check]:
    """Those that a module makes itself, in their order."""
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    return [value for value in own if value.__name__.startswith("check_")]
