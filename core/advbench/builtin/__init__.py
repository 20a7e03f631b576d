"""Baselines and bundled data: an ordinary plugin, registered through the same hooks as any other."""

from __future__ import annotations

from advbench import (
    Access,
    AttackSpec,
    Coverage,
    DatasetSpec,
    DistanceSpec,
    EngineSpec,
    Modality,
    ModelSpec,
    Norm,
    Paper,
    Register,
    hookimpl,
)  # fmt: skip

from .metric_specs import METRICS

NUMERIC = frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES})
HERE = "advbench.builtin"


@hookimpl
def advbench_register_datasets(register: Register) -> None:
    """Data that comes with scikit-learn, so that everything runs offline."""
    register(
        DatasetSpec(
            name="digits",
            summary="1,797 handwritten digits, 8x8 grey levels scaled to [0, 1]",
            modality=Modality.IMAGE,
            license="CC BY 4.0 (UCI)",
            trials=("", "classes=8/3"),
            paper=Paper(
                title="Optical recognition of handwritten digits", year=1998, url="https://doi.org/10.24432/C50P49"
            ),
        ),
        f"{HERE}.datasets:Digits",
    )
    register(
        DatasetSpec(
            name="breast-cancer",
            summary="569 tumours, 30 measurements each, min-max scaled on the training split",
            modality=Modality.TABULAR,
            license="CC BY 4.0 (UCI)",
            paper=Paper(title="Breast cancer Wisconsin (diagnostic)", year=1993, url="https://doi.org/10.24432/C5DW2B"),
        ),
        f"{HERE}.datasets:BreastCancer",
    )
    register(
        DatasetSpec(
            name="two-moons",
            summary="two interleaved half circles in the plane; made, not measured",
            modality=Modality.TABULAR,
            license="none needed",
            trials=("", "examples=200,noise=0"),
        ),
        f"{HERE}.datasets:TwoMoons",
    )


@hookimpl
def advbench_register_models(register: Register) -> None:
    """Plain networks."""
    register(
        ModelSpec(name="linear", summary="softmax regression on raw inputs", modalities=NUMERIC, trials=("epochs=20",)),
        f"{HERE}.models:Linear",
    )
    register(
        ModelSpec(
            name="mlp",
            summary="fully connected network, or a vote of many",
            modalities=NUMERIC,
            trials=(
                "epochs=20",
                "hidden=16/8,activation=tanh,votes=3,epochs=20",
                "hidden=8,activation=sigmoid,votes=4,vote=hard,epochs=20",
                "hidden=16,votes=2,epochs=20,loss=square,optimizer=adadelta,learning_rate=1,sensitivity=.0001",
            ),
        ),
        f"{HERE}.models:Mlp",
    )


@hookimpl
def advbench_register_attacks(register: Register) -> None:
    """The two controls that every other attack must beat."""
    register(
        AttackSpec(
            name="none",
            summary="changes nothing: shows clean accuracy",
            needs=Access.NONE,
            modalities=frozenset(Modality),
            norms=frozenset(Norm),
            targeted=True,
            batched=True,
            coverage=Coverage.NOTHING,
        ),
        f"{HERE}.attacks:Nothing",
    )
    register(
        AttackSpec(
            name="random-noise",
            summary="random corners (linf) or points on the sphere (l2) of the allowed region",
            needs=Access.LABELS,
            modalities=NUMERIC,
            norms=frozenset({Norm.L2, Norm.LINF}),
            targeted=True,
            batched=True,
            coverage=Coverage.NOISE,
        ),
        f"{HERE}.attacks:RandomNoise",
    )


@hookimpl
def advbench_register_distances(register: Register) -> None:
    """One distance per norm."""
    distances = {
        Norm.L0: ("L0", "count of numbers changed by more than 1e-6 of the range"),
        Norm.L1: ("L1", "sum of absolute changes"),
        Norm.L2: ("L2", "Euclidean length of the change"),
        Norm.LINF: ("Linf", "largest absolute change"),
    }
    for norm, (cls, summary) in distances.items():
        spec = DistanceSpec(name=norm.value, summary=summary, norm=norm, modalities=NUMERIC)
        register(spec, f"{HERE}.distances:{cls}")
    words = DistanceSpec(
        name="words",
        summary="share of words changed, by word-level edit distance",
        norm=Norm.WORDS,
        modalities=frozenset({Modality.TEXT}),
        unit="share of words",
    )
    register(words, f"{HERE}.distances:Words")


@hookimpl
def advbench_register_metrics(register: Register) -> None:
    """Numbers computed from stored rows."""
    for metric, cls in METRICS:
        register(metric, f"{HERE}.metrics:{cls}")


@hookimpl
def advbench_register_engines(register: Register) -> None:
    """In this process, and in others on this machine."""
    register(EngineSpec(name="local", summary="in this process, one task after the other"), f"{HERE}.engines:Local")
    register(
        EngineSpec(name="process", summary="in worker processes on this machine; a dying one costs its shard only"),
        f"{HERE}.processes:Processes",
    )
