"""Gradient-free attacks that read scores: Square, NES and SPSA."""

from __future__ import annotations

from advbench import Access, AttackSpec, Modality, Norm, Paper, Register, hookimpl

NUMERIC = frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES})
HERE = "advbench_score"
NARROWS = "without eps the radius follows the closest success, beginning with the whole range; the paper has one eps"


def _spec(name: str, summary: str, trials: tuple[str, ...], paper: Paper, revision: int = 1) -> AttackSpec:
    return AttackSpec(
        name=name, summary=summary, needs=Access.SCORES, modalities=NUMERIC, norms=frozenset({Norm.L2, Norm.LINF}),
        targeted=True, batched=True, trials=trials, paper=paper, revision=revision,
    )  # fmt: skip


SQUARE = _spec(
    "square",
    "random search with square windows that shrink; needs no gradient and no step size",
    ("iterations=80", "p=.5,iterations=60,loss=ce"),
    Paper(
        title="Square Attack: a query-efficient black-box adversarial attack via random search (Andriushchenko et al.)",
        year=2020,
        url="https://arxiv.org/abs/1912.00049",
        deviations=(
            "paper: 10,000 iterations; here the schedule is stretched to the budget or to iterations=...",
            NARROWS,
            "without eps a row begins anew at a random first point after 100 proposals without a success, then after"
            " 200, 400 and so on",
            "series: windows are intervals; tables: handfuls of features, each with its own sign; paper: images",
            "linf: a window that has its new colours already gets the opposite ones; the released code draws again",
            "windows reach every border; in the released code the last row and column are never drawn",
            "l2: windows of side 3 at least, as in the released code, but even sides too",
            "targeted with two classes: the margin, which is the same question",
            "answers that change by themselves are averaged over 8, and asked anew when built upon",
        ),
    ),
    revision=2,
)

NES = _spec(
    "nes",
    "descent along gradients estimated from pairs of normally drawn points",
    ("iterations=8", "samples=10,sigma=.05,loss=ce,iterations=20"),
    Paper(
        title="Black-box adversarial attacks with limited queries and information (Ilyas et al.)",
        year=2018,
        url="https://arxiv.org/abs/1804.08598",
        deviations=(
            "paper: sigma = .001; default: the least of four that the scores react to, charged, because"
            " piecewise-constant contenders answer .001 with silence",
            "paper: cross-entropy; default: the margin, which does not saturate, where untargeted (loss=ce: the paper)",
            "paper: a step of .01 at eps .05; here the same share of any eps",
            "paper: linf; in l2 steps follow the estimate's direction",
            "points beyond the bounds are clipped, and the real spacing divides",
            NARROWS,
        ),
    ),
)
SPSA = _spec(
    "spsa",
    "Adam along gradients estimated from pairs of points with random signs",
    ("samples=32,iterations=15", "samples=10,delta=.05,loss=ce,iterations=20"),
    Paper(
        title="Adversarial risk and the dangers of evaluating against weak attacks (Uesato et al.)",
        year=2018,
        url="https://arxiv.org/abs/1802.05666",
        deviations=(
            "paper: delta = .01; default: the least of three that the scores react to, charged",
            "paper: Adam's rate is .01 at eps 8/255; here the same share of any eps",
            "paper: linf; in l2 the rate is divided by the root of the number of features",
            "points beyond the bounds are clipped, and the real spacing divides",
            "log-probabilities stand for logits; the margin is the same",
            NARROWS,
        ),
    ),
)


@hookimpl
def advbench_register_attacks(register: Register) -> None:
    """Three."""
    register(SQUARE, f"{HERE}.square:Square")
    register(NES, f"{HERE}.estimates:Nes")
    register(SPSA, f"{HERE}.estimates:Spsa")
