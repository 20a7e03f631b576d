"""ART's attack classes by name, and which of their arguments can be typed."""

from __future__ import annotations

import functools
import inspect
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from advbench import Access, Norm

_NORMS: Mapping[Any, Norm] = MappingProxyType({1: Norm.L1, 2: Norm.L2, np.inf: Norm.LINF})
# What we decide ourselves, or what says nothing here.
_OURS = frozenset(
    {"self", "classifier", "estimator", "norm", "eps", "targeted", "verbose", "batch_size", "summary_writer"}
)
_WANTED = frozenset(
    {"BaseEstimator", "ClassifierMixin", "NeuralNetworkMixin", "LossGradientsMixin", "ClassGradientsMixin"}
)
_BY_LABELS = frozenset({"BoundaryAttack", "GeoDA", "HopSkipJump", "SignOPTAttack"})
_BY_SCORES = frozenset({"PixelAttack", "SimBA", "SquareAttack", "ThresholdAttack", "ZooAttack"})
# Attacks of one norm that their arguments do not name.
_OF_ONE_NORM: Mapping[str, Norm] = MappingProxyType(
    {
        "BasicIterativeMethod": Norm.LINF, "BoundaryAttack": Norm.L2, "CarliniL0Method": Norm.L0,
        "CarliniL2Method": Norm.L2, "CarliniLInfMethod": Norm.LINF, "DeepFool": Norm.L2, "NewtonFool": Norm.L2,
        "PixelAttack": Norm.L0, "SaliencyMapMethod": Norm.L0, "SignOPTAttack": Norm.L2, "SimBA": Norm.L2,
        "ThresholdAttack": Norm.LINF, "VirtualAdversarialMethod": Norm.L2, "ZooAttack": Norm.L2,
    }
)  # fmt: skip
_OTHER_NORMS = MappingProxyType({"ElasticNet": frozenset({Norm.L1, Norm.L2})})
# Patches, universal changes, and attacks on parts of a network: they break no single example within a norm.
_ELSEWHERE = re.compile(
    "AutoAttack|Patch|PyTorch|TensorFlow|Universal|FeatureAdversaries|GRAPHITE|OverTheAir|Composite|Spatial|Wasserstein|FrameSal"
)


@dataclass(frozen=True)
class Signature:
    """One attack class: what it needs, which norms it knows, and its arguments with their defaults."""

    name: str
    target: type
    needs: Access
    norms: frozenset[Norm]
    arguments: Mapping[str, Any]
    takes: frozenset[str]  # of ours: norm, eps, targeted, verbose, batch_size, ...


@functools.cache
def signatures() -> Mapping[str, Signature]:
    """Every attack that can be run here, by its name in small letters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from art.attacks import EvasionAttack, evasion
    found = {}
    for cls in vars(evasion).values():
        if inspect.isclass(cls) and issubclass(cls, EvasionAttack) and (one := _read(cls)) is not None:
            found[one.name] = one
    return MappingProxyType(dict(sorted(found.items())))


def _read(cls: type) -> Signature | None:
    requirements = {getattr(part, "__name__", "") for part in getattr(cls, "_estimator_requirements", ())}
    if not requirements or not requirements <= _WANTED or _ELSEWHERE.search(cls.__name__):
        return None
    parameters = dict(inspect.signature(cls.__init__).parameters)  # type: ignore[misc]
    own = {name: one.default for name, one in parameters.items() if name not in _OURS}
    if any(default is inspect.Parameter.empty for default in own.values()):
        return None
    typed = {name: default for name, default in own.items() if type(default) in (bool, int, float, str)}
    return Signature(
        _plain(cls.__name__), cls, _needs(cls.__name__), _norms(cls, parameters), typed, _OURS & parameters.keys()
    )


def _plain(name: str) -> str:
    """HopSkipJump -> hopskipjump; the word attack at its end says nothing."""
    return re.sub(r"Attack$", "", name).lower()


def _needs(name: str) -> Access:
    if name in _BY_LABELS:
        return Access.LABELS
    return Access.SCORES if name in _BY_SCORES else Access.GRADIENTS


def _norms(cls: type, parameters: Mapping[str, Any]) -> frozenset[Norm]:
    if cls.__name__ in _OTHER_NORMS:
        return _OTHER_NORMS[cls.__name__]
    if cls.__name__ in _OF_ONE_NORM:
        return frozenset({_OF_ONE_NORM[cls.__name__]})
    if "norm" not in parameters:
        return frozenset({Norm.L2, Norm.LINF})
    if cls.__name__ in ("HopSkipJump",):
        return frozenset({Norm.L2, Norm.LINF})
    return frozenset(_NORMS.values())


def norm_argument(norm: Norm) -> Any:
    """As ART spells it."""
    return next(theirs for theirs, ours in _NORMS.items() if ours is norm)
