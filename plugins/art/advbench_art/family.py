"""A component for each of ART's attacks, made from its signature."""

from __future__ import annotations

import difflib
import functools
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, make_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advbench import Access, AttackFacts, ContestError, Oracle, Perturbed, Streams, param

from .estimator import OracleEstimator
from .signatures import Signature, norm_argument, signatures

_SEEDS = 1 << 32


@dataclass(frozen=True)
class Art:
    """One of ART's evasion attacks; its further parameters are those of ART's own class.

    Norm, eps and target come from the threat. One example is attacked at a time.
    """

    attack: str = param("deepfool", positional=True, help="its name there, in small letters: hopskipjump, deepfool")

    def __post_init__(self) -> None:
        if self.attack not in signatures():
            raise ValueError(_unknown(self.attack))

    @staticmethod
    def member(name: str) -> type[Art]:
        """The class with that attack's own parameters. Raises ValueError for a name that is none of ART's."""
        if name not in signatures():
            raise ValueError(_unknown(name))
        return _member(name)

    def facts(self) -> AttackFacts:
        own = self._signature
        margin = float(getattr(self, "confidence", 0.0))
        return AttackFacts(needs=own.needs, norms=own.norms, margin=margin if own.needs is Access.GRADIENTS else 0.0)

    @property
    def _signature(self) -> Signature:
        return signatures()[self.attack]

    def perturb(self, oracle: Oracle, x: Tensor, rng: Streams) -> Perturbed:
        """x holds one example."""
        seed = int(rng.integers(torch.tensor([0], device=x.device), (1,), _SEEDS)[0, 0])
        estimator = OracleEstimator(oracle, tuple(x.shape[1:]))
        with _drawing_from(seed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            attack = self._signature.target(estimator, **self._arguments(oracle))
            found = attack.generate(x=estimator.scaled(x), y=self._goal(oracle))
        return Perturbed(estimator.unscaled(found).reshape(x.shape))

    def _arguments(self, oracle: Oracle) -> dict[str, Any]:
        own, threat = self._signature, oracle.threat
        chosen = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "attack"}
        if "eps" in own.takes:
            if threat.eps is None:
                hint = "Give --eps, or use an attack that looks for the smallest change."
                raise ContestError(f"attack: {self.attack} must have an eps, got none. {hint}")
            chosen["eps"] = threat.eps / (oracle.bounds.width if oracle.bounds is not None else 1.0)
            if "eps_step" in chosen:
                chosen["eps_step"] = min(chosen["eps_step"], chosen["eps"])
        if "norm" in own.takes:
            chosen["norm"] = norm_argument(threat.norm)
        if "targeted" in own.takes:
            chosen["targeted"] = oracle.goal.target is not None
        elif oracle.goal.target is not None and own.target.__name__ != "SaliencyMapMethod":
            raise ContestError(f"attack: {self.attack} must be untargeted, got a target. Leave out --targeted.")
        for name, value in (("verbose", False), ("batch_size", 1), ("summary_writer", False)):
            if name in own.takes:
                chosen[name] = value
        return chosen

    def _goal(self, oracle: Oracle) -> Any:
        wanted = oracle.goal.y if oracle.goal.target is None else oracle.goal.target
        return np.eye(oracle.classes, dtype=np.float32)[wanted.cpu().numpy()]


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, signatures(), n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(signatures())}."
    return f"attack must be one of ART's, got {name}. {hint}"


@functools.cache
def _member(name: str) -> type[Art]:
    own = signatures()[name]
    more = [(key, type(default), param(default, help="as ART has it")) for key, default in own.arguments.items()]
    return make_dataclass(own.target.__name__, more, bases=(Art,), frozen=True, namespace={"__module__": __name__})


@contextmanager
def _drawing_from(seed: int) -> Iterator[None]:
    """ART draws from the global generators of numpy and Python, and from new ones without a seed.

    All are seeded here, and put back as they were.
    """
    before = random.getstate(), np.random.get_state(), np.random.RandomState
    seeds = iter(range(seed + 1, seed + _SEEDS))

    def seeded(given: Any = None) -> Any:
        return before[2](next(seeds) % _SEEDS if given is None else given)

    random.setstate(random.Random(seed).getstate())
    np.random.set_state(before[2](seed).get_state())
    np.random.RandomState = seeded  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        np.random.RandomState = before[2]  # type: ignore[misc]
