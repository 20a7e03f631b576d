"""Attacks that see nothing but labels."""

from __future__ import annotations

from advbench import Access, AttackSpec, Modality, Norm, Paper, Register, hookimpl

NUMERIC = frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES})
HERE = "advbench_decision"

START = (
    "where noise does not do, and first of all for targets, rows start from the nearest of some examples of the tune"
    " split"
)


def _spec(
    name: str, summary: str, norms: frozenset[Norm], trials: tuple[str, ...], paper: Paper, revision: int = 1
) -> AttackSpec:
    return AttackSpec(
        name=name, summary=summary, needs=Access.LABELS, modalities=NUMERIC, norms=norms, targeted=True,
        batched=True, trials=trials, paper=paper, revision=revision,
    )  # fmt: skip


BOUNDARY = _spec(
    "boundary",
    "a random walk along the boundary that drifts towards the input",
    frozenset({Norm.L2}),
    (
        "steps=250,orthogonal=.2,source=.2,window=5",
        "steps=60,straight=false,check_every=3,window=3,orthogonal=.3,source=.3,tries=100",
    ),
    Paper(
        title="Decision-based adversarial attacks: reliable attacks against black-box machine learning models"
        " (Brendel et al.)",
        year=2018,
        url="https://arxiv.org/abs/1712.04248",
        deviations=(
            "paper: walks from the noise it found; default: moves that straight to the boundary first (straight=false)",
            "released code: steps adapt after 100 checks, one in ten proposals; default: after 10, one in two, for"
            " budgets of 10,000 queries",
            START,
        ),
    ),
)
RAYS = _spec(
    "rays",
    "shortest ray along signs, by flipping ever smaller blocks of them",
    frozenset({Norm.LINF, Norm.L2}),
    ("", "preset=paper"),
    Paper(
        title="RayS: a ray searching method for hard-label adversarial attack (Chen and Gu)",
        year=2020,
        url="https://arxiv.org/abs/2006.12792",
        deviations=(
            "paper: radii are exact to an L2 length of 1e-3, too coarse where less than a tenth is needed; default: to"
            " 3e-4 of themselves, and a direction must be shorter by as much (the presets keep the paper's)",
            "the first direction starts from the radius at which every ray ends in a corner, as in the released"
            " batch version",
            "every row goes through the blocks at its own pace; the released batch version waits for all",
            "a row ends when a whole pass over single signs has helped nothing: from there on all repeats",
            "budgets hold for every query; released code: a search that has begun is finished beyond them",
        ),
    ),
    revision=2,
)
CGBA = _spec(
    "cgba",
    "estimates the boundary's normal and walks a half circle to where the boundary is nearest",
    frozenset({Norm.L2}),
    ("iterations=10", "iterations=8,probes=12,probe=.1,frequencies=.25,halvings=6"),
    Paper(
        title="CGBA: curvature-aware geometric black-box attack (Reza et al.)",
        year=2023,
        url="https://arxiv.org/abs/2308.03163",
        deviations=(
            "paper: first success by Gaussian noise that grows around the input; here uniform noise, and 20 more"
            " directions are looked at for a closer one",
            "released code: noise of one size, 2e-4 (ImageNet); here probes as long as a share of the distance",
            "released code: circles are bisected to a length of 1e-4; here a fixed number of times",
            "released code: noise of a quarter of the cosines per side (ImageNet); default: half, and at least eight",
            "normals are estimated from the probes as the bounds cut them, less their mean, as in HopSkipJump",
            "targeted: the same half circle; the paper has CGBA-H for it",
            START,
        ),
    ),
)


@hookimpl
def advbench_register_attacks(register: Register) -> None:
    """Three attacks."""
    register(BOUNDARY, f"{HERE}.boundary:Boundary")
    register(RAYS, f"{HERE}.rays:Rays")
    register(CGBA, f"{HERE}.cgba:Cgba")
