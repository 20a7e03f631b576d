"""SCD: votes of sign-activation networks trained without gradients."""

from __future__ import annotations

from advbench import DefenseSpec, Modality, Paper, Register, hookimpl

SPEC = DefenseSpec(
    name="scd",
    summary="votes of small sign-activation networks trained by stochastic coordinate descent on 01 loss",
    modalities=frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES}),
    base="none",
    twin="mlp:hidden={hidden},activation=sigmoid,votes={votes},vote=hard",
    trials=("votes=4,hidden=4,iterations=100", "votes=3,hidden=4,iterations=100,initial_bias=median"),
    paper=Paper(
        title="Defending against black-box adversarial attacks with gradient-free trained sign activation"
        " neural networks",
        year=2021,
        url="https://openreview.net/forum?id=N07ebsD-lHp",
        deviations=(
            "paper: a change is kept if the loss on all data improves; supplement, released code and here: kept if it"
            " improves on the batch, and the best iterate on all data is returned",
            "released code tries midpoints of equal projections, which no threshold can realise; here they are not",
            "paper: biases start at minus the median projection; released code and here: at plus the mean",
            "released code cannot be seeded; here every vote has its own seed",
            "the paper is binary; for more classes one ensemble per class is trained against the rest",
        ),
    ),
)


@hookimpl
def advbench_register_defenses(register: Register) -> None:
    """One defense."""
    register(SPEC, "advbench_scd.defense:Scd")
