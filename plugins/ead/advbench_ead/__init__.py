"""EAD: elastic-net attacks, whose changes are sparse."""

from __future__ import annotations

from advbench import Access, AttackSpec, Modality, Norm, Paper, Register, hookimpl

SPEC = AttackSpec(
    name="ead",
    summary="smallest elastic-net change by shrinking and thresholding, with a search on the score's weight",
    needs=Access.GRADIENTS,
    modalities=frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES}),
    norms=frozenset({Norm.L1, Norm.L2}),
    targeted=True,
    batched=True,
    revision=2,
    trials=(
        "steps=20,searches=4,c=.1",
        "solver=ista,threshold=prox,steps=20,searches=3,c=1,kappa=.01,abort=true,pull=unmet",
        "solver=cov,steps=15,searches=3,c=1,rate=.1,rule=en",
    ),
    paper=Paper(
        title="EAD: elastic-net attacks to deep neural networks via adversarial examples (Chen et al.)",
        year=2018,
        url="https://arxiv.org/abs/1709.04114",
        deviations=(
            "paper: beta = .001; default in l1: .01, which ended nearer to the exact optimum of linear victims and to"
            " the input on networks; beta=.001 is the paper",
            "paper: 1000 steps; default: 200, so that nine searches fit into 2,000 gradients",
            "threshold=paper is equation 17 to the letter: a step shrinks by beta whatever its rate, which amounts to a"
            " weight of beta / rate and so to sparser changes than equation 16 asks for; threshold=prox is its optimum",
            "pull=unmet is the toolbox's: the squared distance pulls back only where the goal is not met, and so weighs"
            " less; equation 15 and the released code pull always, as the default does",
            "points lie in the bounds whenever the contender is asked; the released code asks outside after momentum",
            "momentum counts as Algorithm 4 does, k / (k + 3), and uses the point before; the released code counts one"
            " more and may read either point",
            "reports hold the smallest success in the threat's norm, points between the iterates included; what each"
            " rule chose from the iterates stands in note_en_l1, note_l1_l1, note_l2_l1 and so on",
            "an iterate that could change neither the search on c nor any rule's choice is not asked about",
            "a walk that stands still at the input ends: the paper's later, shorter steps would not leave it either",
            "abort=true looks row by row; the released code compares sums over the batch",
            "released code ends ten or more searches with the upper end of the bracket; here it is bisected",
            "distance, beta, rate and c count in units of the range",
        ),
    ),
)  # fmt: skip


@hookimpl
def advbench_register_attacks(register: Register) -> None:
    """One attack."""
    register(SPEC, "advbench_ead.attack:Ead")
