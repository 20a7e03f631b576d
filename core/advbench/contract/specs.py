"""What is always true of a component, whatever its parameters. Read when listing; nothing is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .types import Access, Coverage, Modality, Norm


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Where a component comes from, and where this code leaves it."""

    title: str
    year: int
    url: str
    deviations: tuple[str, ...] = ()  # "paper: h = 1e-4; default here: auto, because ..."


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Common to all kinds.

    `revision` is raised whenever results change for equal parameters; it is part of cell_id.
    trials: parameters, as one types them, under which the conformance kit tries the component:
    quick ones that reach all of its code.  excused: checks of the kit that cannot apply, by
    name, and why; shown wherever the kit's outcome is.
    """

    name: str  # kebab-case, unique within its kind over all installed plugins
    summary: str  # one line, says what it does
    paper: Paper | None = None
    revision: int = 1
    trials: tuple[str, ...] = ("",)
    excused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AttackSpec(Spec):
    """An attack. `batched=True` promises that rows never influence each other."""

    needs: Access
    modalities: frozenset[Modality]
    norms: frozenset[Norm]
    targeted: bool = False  # can aim at a chosen class too
    batched: bool = False
    coverage: Coverage | None = None  # None: follows from `needs` and the gradient's kind
    shard: int = 64  # examples attacked together; fewer for attacks that are slow or hungry


@dataclass(frozen=True, kw_only=True)
class ModelSpec(Spec):
    """A family of undefended models."""

    modalities: frozenset[Modality]


@dataclass(frozen=True, kw_only=True)
class DefenseSpec(Spec):
    """A defense.

    base: `none` brings its own network (the model axis collapses), `architecture` builds and
    trains the model's network itself, `trained` wraps a trained contender.
    twin: the undefended model to stand beside it, as one types it; `{field}` takes the
    defense's own parameter, e.g. `mlp:hidden={hidden},votes={votes}`.
    """

    modalities: frozenset[Modality]
    base: Literal["none", "architecture", "trained"]
    twin: str | None = None


@dataclass(frozen=True, kw_only=True)
class EncoderSpec(Spec):
    """Turns text into the vectors that a tabular contender reads."""


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(Spec):
    """A data set. Shape, classes and digest depend on parameters: see its facts.

    modality: what it is unless a parameter says otherwise (`csv` with `text`); its facts decide.
    """

    modality: Modality
    license: str


@dataclass(frozen=True, kw_only=True)
class DistanceSpec(Spec):
    """A way to measure change, one per norm; measured by the judge alone."""

    norm: Norm
    modalities: frozenset[Modality]
    unit: str = "input units"


@dataclass(frozen=True, kw_only=True)
class MetricSpec(Spec):
    """A number computed from one cell's stored rows."""

    unit: str  # "share", "input units", "queries"
    higher_is_better: bool  # from the defender's side, always
    columns: frozenset[str]  # columns of examples.parquet that it reads


@dataclass(frozen=True, kw_only=True)
class EngineSpec(Spec):
    """A way to execute shards: in process, in worker processes, on a cluster."""
