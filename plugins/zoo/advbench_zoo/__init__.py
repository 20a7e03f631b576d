"""ZOO: estimates gradients from score differences, one coordinate at a time."""

from __future__ import annotations

from advbench import Access, AttackSpec, Modality, Norm, Paper, Register, hookimpl

SPEC = AttackSpec(
    name="zoo",
    summary="zeroth-order coordinate descent on scores: smallest L2 change, with a search on c",
    needs=Access.SCORES,
    modalities=frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES}),
    norms=frozenset({Norm.L2}),
    targeted=True,
    batched=True,
    paper=Paper(
        title="ZOO: zeroth order optimization based black-box attacks to deep neural networks without training"
        " substitute models (Chen et al.)",
        year=2017,
        url="https://arxiv.org/abs/1708.03999",
        deviations=(
            "paper: h = 1e-4; default: auto, the smallest h that the contender's scores react to, because"
            " piecewise-constant contenders answer 1e-4 with silence and would pass for robust",
            "paper: c starts at .01; default 1, because short budgets end before tenfold steps reach a c that works",
            "paper: one learning rate; default: eight times longer steps for rows that have no success when half of"
            " their budget is gone (haste=1 switches it off)",
            "paper: probes may leave the box by h; here they are clipped and the real spacing divides",
            "released code ignores kappa with log losses; here it acts in the log domain, as equation (4) has it",
            "paper: one image at a time; here all rows step together and never influence each other",
        ),
    ),
)


@hookimpl
def advbench_register_attacks(register: Register) -> None:
    """One attack."""
    register(SPEC, "advbench_zoo.attack:Zoo")
