"""SCD: votes of sign-activation networks trained without gradients."""

from __future__ import annotations

from advbench import DefenseSpec, Modality, Paper, Register, hookimpl

SPEC = DefenseSpec(
    name="scd",
    revision=3,
    summary="votes of small sign-activation networks trained by stochastic coordinate descent, without gradients",
    modalities=frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES}),
    base="none",
    twin="mlp:hidden={hidden},activation=sigmoid,votes={votes},vote=hard",
    trials=(
        "votes=4,hidden=4,iterations=100",
        "variant=ce,mode=released,votes=3,hidden=4,iterations=80,scores=margin",
        "variant=01-bnn,mode=paper,votes=2,hidden=4,iterations=60,features=16",
        "variant=ce-bnn,votes=3,member=1,hidden=4,iterations=100,initial_bias=median",
    ),
    paper=Paper(
        title="Defending against black-box adversarial attacks with gradient-free trained sign activation"
        " neural networks",
        year=2021,
        url="https://openreview.net/forum?id=N07ebsD-lHp",
        deviations=(
            "paper: a change is kept if the loss on all data falls, else undone (mode=paper); supplement, released code"
            " and default: kept if it gains on the batch, nothing is undone, and the best iterate is returned",
            "paper: no threshold is adopted but with a step; released code and default: the refitted threshold always"
            " is, a step only if it gains strictly more",
            "paper: batches hold as many rows of each class (mode=paper); released code and default: the same share of"
            " each class",
            "paper: loss alone; released code and default: the best iterate is the one of best accuracy, in the ce"
            " variants too, balanced in the first fifth of the iterations, then plain plus balanced",
            "paper: biases start at minus the median projection (mode=paper, initial_bias=median); released code and"
            " default: at plus the mean",
            "released code: a first sweep refits each bias or sets it to 0 (mode=released); paper and default: none",
            "paper: all thresholds are tried (mode=paper, window=all); supplement: 10 ranks on each side; released code"
            " and default: 20 on each side for steps, all for the refit",
            "paper: steps of a random set of coordinates in both nodes; released code and here: of all in the final"
            " node, which has fewer than the set",
            "paper: ties are not mentioned; supplement: at random; released code and here: the first of randomly"
            " ordered coordinates, + before -, lower rank first",
            "released code tries midpoints of equal projections, which no threshold can realise, in all variants; here"
            " only midpoints of distinct neighbours are, in every mode",
            "final node with cross-entropy: released code tries all midpoints; here bisection finds the same best one,"
            " for the loss is convex in the bias; logits beyond 80 count as 80, released: logarithms end at -100",
            "final node of signs: released code tries 20 ranks on each side; here every distinct value, of at most 41",
            "weights of the ce variants are scaled to unit norm at the start alone, as in the released code; the paper"
            " does not say",
            "SCDCEBNN and SCD01BNN: 10000 iterations as released; the paper says so of SCDCEBNN and has no SCD01BNN",
            "50 iterations for each hidden unit, 500 with binary weights, as the released scripts have it",
            "GTSRB: paper .75 of the data in a batch, released script and preset=gtsrb .25",
            "released code averages hard votes, as here, and can average probabilities, which is not offered",
            "released code cannot be seeded; here every vote has its own seed",
            "paper: two classes; released code and here: one ensemble per class against the rest (not in mode=paper)",
            "the twin votes hard; the released baseline of sigmoid networks averages probabilities",
        ),
    ),
)


@hookimpl
def advbench_register_defenses(register: Register) -> None:
    """One defense."""
    register(SPEC, "advbench_scd.defense:Scd")
