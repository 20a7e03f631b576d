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
    revision=4,
    trials=(
        "",
        "solver=adam-newton,box=tanh,h=.05,learning_rate=.1,adam_reset=true,trace_loss=50,iterations=150",
        "solver=newton,h=.02,hessian_h=.05,learning_rate=.2,iterations=150",
        "reduce=bilinear,sizes=4/8,grow_at=20,importance=refresh,iterations=150,learning_rate=.1",
    ),
    paper=Paper(
        title="ZOO: zeroth order optimization based black-box attacks to deep neural networks without training"
        " substitute models (Chen et al.)",
        year=2017,
        url="https://arxiv.org/abs/1708.03999",
        deviations=(
            "preset=... gives the paper's numbers for one data set; the defaults differ as follows",
            "paper: h = 1e-4; default: auto, the smallest h that the contender's scores react to, because"
            " piecewise-constant contenders answer 1e-4 with silence and stochastic ones with noise, and would pass for"
            " robust",
            "paper: steps of .01; default .05: ten thousand queries pay for some hundred steps, not for thousands",
            "paper: c starts at .01; default: three times what would do if scores were linear, row by row, by the"
            " slopes that the first step asks for anyhow; a fixed c is too small where scores are flat, and raising it"
            " tenfold eats short budgets",
            "paper: the loss is looked at every 100 steps; default: ten times a search",
            "paper: Newton divides by any positive curvature; default: by at least .1, as the released code does"
            " (hessian_floor=0 is the paper's rule)",
            "paper: second differences of float32 answers at h = 1e-4, which are noise; here contenders that can answer"
            " in float64 are asked so, and for others the step is at least .01 of the range (a preset keeps 1e-4)",
            "paper: probes may leave the box by h; here they are clipped and the real spacing divides; Newton next to"
            " the box takes both probes on its inner side",
            "the squared distance is differentiated exactly in every space; only the score part is estimated",
            "in a reduced space with projection the image is clipped, never the variables",
            "importance=refresh is the paper's; with released, chances change only when the space grows",
            "importance where fewer variables than B have a chance: the others fill up at random",
            "released code ignores kappa with log losses; here it acts in the log domain, as equation (10) has it",
            "released code ends ten or more searches with the upper end of the bracket; here it is bisected",
            "log 0 is cut at a margin of 1e6 (released code: 69)",
            "paper prints ADAM's epsilon inside the root; here it is outside, as in the released code",
            "paper: one image at a time; here all rows step together and never influence each other",
        ),
    ),
)


@hookimpl
def advbench_register_attacks(register: Register) -> None:
    """One attack."""
    register(SPEC, "advbench_zoo.attack:Zoo")
