"""White-box attacks by gradients."""

from __future__ import annotations

from advbench import Access, AttackSpec, Modality, Norm, Paper, Register, hookimpl

NUMERIC = frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES})
HERE = "advbench_gradient"

LOSS = (
    "paper: cross-entropy; default: log-odds, which grow with it and never saturate, of scores multiplied row by row"
    " until the goal is first missed by 10, so that their scale tells nothing (loss=ce is the paper)"
)
GRID = "without eps the smallest of 1000 eps that succeeds, as thesis Table 4; a paper's attack has one eps"
BISECT = "without eps the smallest change is looked for by bisection on eps, every try charged"

ONE_STEP = Paper(
    title="Explaining and harnessing adversarial examples (Goodfellow et al.)",
    year=2015,
    url="https://arxiv.org/abs/1412.6572",
    deviations=(
        LOSS,
        GRID,
        "the grid ends at the longest change inside the bounds; the thesis: at 1 (linf), 10 (l2), 1000 (l1)",
    ),
)


def _spec(
    name: str, summary: str, norms: frozenset[Norm], trials: tuple[str, ...], paper: Paper, revision: int = 1
) -> AttackSpec:
    return AttackSpec(
        name=name, summary=summary, needs=Access.GRADIENTS, modalities=NUMERIC, norms=norms, targeted=True,
        batched=True, trials=trials, paper=paper, revision=revision,
    )  # fmt: skip


FGSM = _spec(
    "fgsm",
    "one step of eps along the gradient's sign",
    frozenset({Norm.LINF}),
    ("", "loss=ce"),
    ONE_STEP,
    revision=3,
)
FGM = _spec(
    "fgm",
    "one step of length eps along the gradient",
    frozenset({Norm.L1, Norm.L2}),
    ("", "loss=ce"),
    ONE_STEP,
    revision=3,
)
IFGSM = _spec(
    "ifgsm",
    "FGSM in small steps",
    frozenset({Norm.L1, Norm.L2, Norm.LINF}),
    ("", "grid=100"),
    Paper(
        title="Adversarial machine learning at scale (Kurakin et al.)",
        year=2017,
        url="https://arxiv.org/abs/1611.01236",
        deviations=(
            LOSS,
            "paper: steps of one grey level; default: 10 of eps / 10, as in the thesis",
            BISECT,
            "points are projected into the ball too, which changes nothing for steps of eps / steps",
        ),
    ),
    revision=3,
)
PGD = _spec(
    "pgd",
    "projected gradient ascent from random starts",
    frozenset({Norm.L1, Norm.L2, Norm.LINF}),
    ("steps=20,restarts=2", "optimizer=adadelta,restarts=2", "random_start=false,restarts=1,loss=ce"),
    Paper(
        title="Towards deep learning models resistant to adversarial attacks (Madry et al.)",
        year=2018,
        url="https://arxiv.org/abs/1706.06083",
        deviations=(
            LOSS,
            "paper: 40 steps of .01 at eps .3 (MNIST); default: 100 of 2.5 eps / 100, and 5 starts",
            BISECT,
            "L2 points are clipped first and shortened then, so that all of eps goes to features that can still move",
            "L1: the exact projection; steps move 5 % of the features (Tramer and Boneh 2019)",
            "rbfi-networks: AdaDelta, 20 restarts; a sign is missing in its released code: legacy_box=true",
            "AdaDelta reckons in units of the range, so that its epsilon means the same for all bounds",
        ),
    ),
    revision=3,
)
MIM = _spec(
    "mim",
    "FGSM in small steps with momentum",
    frozenset({Norm.L2, Norm.LINF}),
    ("",),
    Paper(
        title="Boosting adversarial attacks with momentum (Dong et al.)",
        year=2018,
        url="https://arxiv.org/abs/1710.06081",
        deviations=(
            LOSS,
            BISECT,
            "a row whose gradient is zero stops there, whatever its momentum",
        ),
    ),
    revision=3,
)

APGD = _spec(
    "apgd",
    "projected gradient ascent that chooses its own step size",
    frozenset({Norm.L2, Norm.LINF}),
    ("steps=20,restarts=2", "steps=20,classes=2"),
    Paper(
        title="Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks"
        " (Croce and Hein)",
        year=2020,
        url="https://arxiv.org/abs/2003.01690",
        deviations=(
            "paper: cross-entropy, then the ratio of logits; here one loss per run",
            LOSS,
            "paper: starts at normalised noise; here evenly in the ball",
            "classes=9,restarts=9,loss=dlr is APGD-T with one start per class",
            "with three classes the targeted ratio takes the third largest score for the fourth",
            BISECT,
        ),
    ),
    revision=3,
)
CW = _spec(
    "cw",
    "smallest L2 change by Adam in tanh space, with a search on the score's weight",
    frozenset({Norm.L2}),
    ("steps=60,searches=5", "steps=40,searches=4,box=tanh,rate=.1"),
    Paper(
        title="Towards evaluating the robustness of neural networks (Carlini and Wagner)",
        year=2017,
        url="https://arxiv.org/abs/1608.04644",
        deviations=(
            "paper: box=tanh; default: points are clipped, for tanh hardly moves features that stand at a bound",
            "paper: c starts at .001 and 10,000 steps; default: c from 1 and 200 steps, for budgets of 2,000 gradients",
            "the early end of a search is decided row by row; the released code compares sums over the batch",
            "distance and c count in units of the range",
            "where the first c works already, c goes down tenfold; paper: by halves",
        ),
    ),
    revision=3,
)
DEEPFOOL = _spec(
    "deepfool",
    "walks to the nearest face of the linearised decision region",
    frozenset({Norm.L2, Norm.LINF}),
    ("",),
    Paper(
        title="DeepFool: a simple and accurate method to fool deep neural networks (Moosavi-Dezfooli et al.)",
        year=2016,
        url="https://arxiv.org/abs/1511.04599",
        deviations=(
            "with a target it walks to that class, by the lead over all others; the paper is untargeted only",
            "points are clipped to the bounds after each step; the paper knows no bounds",
            "a row ends where the point with its overshoot succeeds, as in the released code",
            "steps end behind a face by 1e-4 of the first lead; released code: by 1e-4, which is lost in large scores",
        ),
    ),
    revision=2,
)
JSMA = _spec(
    "jsma",
    "pushes the few most telling features to their bound",
    frozenset({Norm.L0}),
    ("", "features=1"),
    Paper(
        title="The limitations of deep learning in adversarial settings (Papernot et al.)",
        year=2016,
        url="https://arxiv.org/abs/1511.07528",
        deviations=(
            "scores are known up to a constant per row only: log-probabilities stand for logits",
            "scores are multiplied row by row until the goal is first missed by .01, where all classes count alike and"
            " fewer features suffice; lead=none takes them as they are, as the paper does",
            "paper: targeted; untargeted aims at the likeliest other class",
            "paper: raises features; default: raises or lowers, whichever tells more (change=up is the paper)",
            "paper: at most 14.5 % of the features; default: all of them, since eps is the threat's",
            "pairs are formed among the 128 likeliest features of each direction",
        ),
    ),
    revision=2,
)
LBFGS = _spec(
    "lbfgs",
    "smallest L2 change by L-BFGS in the box, with a search on the score's weight",
    frozenset({Norm.L2}),
    ("steps=30,searches=5",),
    Paper(
        title="Intriguing properties of neural networks (Szegedy et al.)",
        year=2014,
        url="https://arxiv.org/abs/1312.6199",
        deviations=(
            "untargeted: log(1 - p(y)) stands for the loss towards a chosen class",
            "scores are multiplied row by row until the goal is first missed by 10; lead=none takes them as they are,"
            " as the paper does",
            "projected L-BFGS, with a history and a line search per row; paper: L-BFGS-B, one image at a time",
            "paper: the smallest c by line search; here tenfold and then by bisection",
        ),
    ),
    revision=2,
)


@hookimpl
def advbench_register_attacks(register: Register) -> None:
    """The whole family."""
    register(FGSM, f"{HERE}.single_step:Fgsm")
    register(FGM, f"{HERE}.single_step:Fgm")
    register(IFGSM, f"{HERE}.iterative:Ifgsm")
    register(PGD, f"{HERE}.iterative:Pgd")
    register(MIM, f"{HERE}.iterative:Mim")
    register(APGD, f"{HERE}.apgd:Apgd")
    register(CW, f"{HERE}.cw:CarliniWagner")
    register(DEEPFOOL, f"{HERE}.deepfool:DeepFool")
    register(JSMA, f"{HERE}.jsma:Jsma")
    register(LBFGS, f"{HERE}.lbfgs:Lbfgs")
