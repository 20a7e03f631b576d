"""HopSkipJump: walks along the boundary by labels alone."""

from __future__ import annotations

from advbench import Access, AttackSpec, Modality, Norm, Paper, Register, hookimpl

SPEC = AttackSpec(
    name="hsj",
    summary="walks along the decision boundary towards the input, its slope estimated from labels",
    needs=Access.LABELS,
    modalities=frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES}),
    norms=frozenset({Norm.L2, Norm.LINF}),
    targeted=True,
    batched=True,
    revision=3,
    trials=("iterations=8", "preset=paper,iterations=6", "init=fixed,restarts=3,race=0,iterations=4"),
    paper=Paper(
        title="HopSkipJumpAttack: a query-efficient decision-based attack (Chen et al.)",
        year=2020,
        url="https://arxiv.org/abs/1904.02144",
        deviations=(
            "preset=paper is Algorithm 2; preset=scd and scd-fixed are what the sign-network papers ran; the defaults"
            " differ as follows",
            "paper: noise of length D / d around a boundary point at distance D; default: also 100 and 1000 times as"
            " long, but at most D, on the first iterations; kept is what brings the point closer, because the paper's"
            " noise sees single facets of piecewise-constant contenders",
            "paper: a step of D / sqrt(t), halved until adversarial; default: several steps from one estimate compete,"
            " and the closest to the input wins (the released code projects each of its 20 steps)",
            "paper: one walk; default: two, of which the worse one ends as soon as the budget cannot pay for both",
            "paper: a walk begins at the first noise that succeeds; default: of 24 noises those that succeed compete,"
            " all asked at one distance, and the closest to the input wins",
            "the closest point ever seen is returned; the paper returns the last one",
            "the start is projected once, not first to .001 of the way and then again",
            "projections step down from the far end before they bisect: equal precision, fewer questions far from it",
            "noise is never so short that numbers of the input's type cannot hold it",
            "loops are capped: 60 halvings of a step or of an interval",
            "paper: targeted walks start from a given image; here from the first images of the tune split that are"
            " answered with the target (asked in preparation, charged to the cell), else from noise",
            "untargeted means other than the true label, not other than the label predicted",
        ),
    ),
)


@hookimpl
def advbench_register_attacks(register: Register) -> None:
    """One attack."""
    register(SPEC, "advbench_hsj.attack:HopSkipJump")
