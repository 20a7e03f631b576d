"""Attacks of the Adversarial Robustness Toolbox, by name, under our oracle and judge."""

from __future__ import annotations

from advbench import Access, AttackSpec, Modality, Norm, Paper, Register, hookimpl

SPEC = AttackSpec(
    name="art",
    summary="any evasion attack of the Adversarial Robustness Toolbox: art:deepfool, art:carlinil2method",
    needs=Access.GRADIENTS,
    modalities=frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES}),
    norms=frozenset({Norm.L0, Norm.L1, Norm.L2, Norm.LINF}),
    targeted=True,
    trials=("hopskipjump,max_iter=5,max_eval=200,init_eval=20,init_size=50",),
    paper=Paper(
        title="Adversarial Robustness Toolbox (Nicolae et al.)",
        year=2018,
        url="https://arxiv.org/abs/1807.01069",
        deviations=(
            "one example at a time: results of several of its attacks depend on what stands beside an example",
            "norm, eps and the goal are the threat's; an attack that takes an eps fails without one",
            "its draws, global and unseeded ones, are seeded for each example",
            "points are clipped to the bounds before they are asked; some of its attacks ask a little outside",
            "its success rates are not read: the judge decides",
        ),
    ),
)


@hookimpl
def advbench_register_attacks(register: Register) -> None:
    """Add the family."""
    register.family(SPEC, "advbench_art.family:Art")
