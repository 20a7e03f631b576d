"""What an input may suffer without an attacker: noise, blur and faded contrast."""

from __future__ import annotations

from advbench import Access, AttackSpec, Coverage, Modality, Norm, Paper, Register, hookimpl

NUMERIC = frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES})
HERE = "advbench_corruptions"
NORMS = frozenset({Norm.L0, Norm.L1, Norm.L2, Norm.LINF})
CUT = (
    "the paper knows no eps: with one, a corruption is cut to the part of its change that eps allows (--eps inf: whole)"
)
SKIPPED = "inputs that are wrong without it are skipped; the paper's accuracy counts those that it sets right by chance"
BYTES = "the published sets are stored as bytes, cut off; here numbers stay as they are"
OTHERS = "series and tables take the constants of CIFAR-10-C, as shares of their range"


def _hendrycks(*deviations: str) -> Paper:
    return Paper(
        title="Benchmarking neural network robustness to common corruptions and perturbations"
        " (Hendrycks and Dietterich)",
        year=2019,
        url="https://arxiv.org/abs/1903.12261",
        deviations=(CUT, SKIPPED, *deviations),
    )


def _spec(
    name: str, summary: str, paper: Paper, modalities: frozenset[Modality], trials: tuple[str, ...] = ("",)
) -> AttackSpec:  # fmt: skip
    return AttackSpec(
        name=name, summary=summary, needs=Access.NONE, modalities=modalities, norms=NORMS, batched=True,
        coverage=Coverage.NOISE, trials=trials, paper=paper,
    )  # fmt: skip


GAUSSIAN = _spec(
    "gaussian-noise",
    "Gaussian noise at one of five severities, or as large as eps",
    _hendrycks(BYTES, OTHERS, "match=eps: the control of the SCD papers, noise of the size of the adversarial change"),
    NUMERIC,
    ("", "severity=5,constants=imagenet"),
)
IMPULSE = _spec(
    "impulse-noise",
    "salt and pepper at one of five severities",
    _hendrycks(BYTES, OTHERS),
    NUMERIC,
    ("", "severity=5,constants=mnist"),
)
CONTRAST = _spec(
    "contrast",
    "less contrast, at one of five severities",
    _hendrycks(BYTES, "series: each channel keeps its mean over time"),
    frozenset({Modality.IMAGE, Modality.SERIES}),
)
GLASS = _spec(
    "glass-blur",
    "pixels shuffled among neighbours between two blurs, at one of five severities",
    _hendrycks(
        BYTES,
        "paper: pixels are swapped; the released code, through aliased views, copies the neighbour in colour images,"
        " and so does exchange=auto",
        "as released, an offset is drawn from -reach to reach - 1, and the first reach + 1 rows and"
        " columns begin no exchange",
    ),
    frozenset({Modality.IMAGE}),
    ("", "severity=2,constants=mnist,exchange=copy"),
)
BLEND = _spec(
    "blend-noise",
    "fades the input into evenly drawn noise",
    Paper(
        title="Neural networks with structural resistance to adversarial attacks (de Alfaro)",
        year=2018,
        url="https://arxiv.org/abs/1809.09262",
        deviations=(
            "the formula is lost in the text at hand; from its description: (1 - eps) x + eps chi, chi even in the box",
            CUT,
            SKIPPED,
        ),
    ),
    NUMERIC,
    ("amount=.3", "amount=1"),
)


@hookimpl
def advbench_register_attacks(register: Register) -> None:
    """Five."""
    register(GAUSSIAN, f"{HERE}.noises:GaussianNoise")
    register(IMPULSE, f"{HERE}.noises:ImpulseNoise")
    register(CONTRAST, f"{HERE}.pictures:Contrast")
    register(GLASS, f"{HERE}.pictures:GlassBlur")
    register(BLEND, f"{HERE}.noises:BlendNoise")
