"""Attacks by way of another network: one trained on the victim's answers, or one that knows nothing of it."""

from __future__ import annotations

from advbench import Access, AttackSpec, Modality, Norm, Paper, Register, hookimpl

NUMERIC = frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES})
NORMS = frozenset({Norm.L0, Norm.L1, Norm.L2, Norm.LINF})
_QUICK = "seeds=32,rounds=4,epochs=20,network.hidden=16,learning_rate=0.02"
_INNER = "attack=ifgsm,attack.steps=5,attack.searches=8"

SUBSTITUTE = AttackSpec(
    name="substitute",
    summary="trains a network on the victim's labels, attacks that, and tries the results on the victim",
    needs=Access.LABELS,
    modalities=NUMERIC,
    norms=NORMS,
    targeted=True,
    batched=True,
    trials=(
        f"{_QUICK},{_INNER}",
        f"preset=scd,{_QUICK},keep=64,{_INNER}",
    ),
    revision=2,
    paper=Paper(
        title="Practical black-box attacks against machine learning (Papernot et al.)",
        year=2017,
        url="https://arxiv.org/abs/1602.02697",
        deviations=(
            "paper: the seeds' labels are asked; CleverHans takes their true labels: preset=cleverhans",
            "paper: reservoir sampling keeps the later rounds small; here keep= replaces what was learnt before, as the"
            " sign-network papers do",
            "paper: points are clipped; the sign-network papers' released code does not: here always, for an oracle"
            " answers only points inside the bounds",
            "the sign-network papers' text: SGD .01, momentum .9, batch 200, which preset=scd takes; their released"
            " code: Adam 1e-4, batch 128",
            "the sign-network papers' released code steps along the label that the substitute predicts, which"
            " preset=scd takes; Papernot et al.: along the label that the victim gave",
            "paper: FGSM or JSMA on the substitute, one submission; default here: PGD, and the victim is asked at each"
            " overshoot until it falls, every query counted",
            "thesis: the substitute has the victim's architecture: name it in network=; FGSM eps .4 is --norm linf"
            " --eps .4 with attack=fgsm, C&W is attack=cw,attack.kappa=20",
            "epochs are repeated until 20 steps are made: few points would otherwise hardly be learnt",
        ),
    ),
)
TRANSFER = AttackSpec(
    name="transfer",
    summary="attacks other contenders and submits what breaks them, without asking the victim anything",
    needs=Access.NONE,
    modalities=NUMERIC,
    norms=NORMS,
    targeted=True,
    batched=True,
    trials=(_INNER, f"overshoot=1.5,second=linear,{_INNER}"),
    paper=Paper(
        title="Delving into transferable adversarial examples and black-box attacks (Liu et al.)",
        year=2017,
        url="https://arxiv.org/abs/1611.02770",
        deviations=(
            "paper: weights of an ensemble's members are free; here equal, on the mean of their log-probabilities",
            "a source that would be the victim itself, or another source, is trained anew under another seed: no two"
            " share their weights",
        ),
    ),
)


@hookimpl
def advbench_register_attacks(register: Register) -> None:
    """Add both."""
    register(SUBSTITUTE, "advbench_substitute.substitute:Substitute")
    register(TRANSFER, "advbench_substitute.transfer:Transfer")
