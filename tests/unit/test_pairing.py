"""Every reason not to run a combination, with words that help."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advbench import (
    Access,
    AttackFacts,
    AttackSpec,
    Bounds,
    ContenderFacts,
    DatasetFacts,
    DefenseSpec,
    Modality,
    ModelSpec,
    Norm,
    Threat,
)
from advbench.catalog.pairing import Pairing, facts_of_attack, refusals, told

IMAGES, TABLES = frozenset({Modality.IMAGE}), frozenset({Modality.TABULAR, Modality.SERIES})
GOOD = Pairing(
    data=DatasetFacts(modality=Modality.IMAGE, shape=(1, 8, 8), classes=10, bounds=Bounds(0, 1), digest="d"),
    data_name="digits",
    parts=(ModelSpec(name="mlp", summary="", modalities=IMAGES | TABLES),),
    contender=ContenderFacts(access=Access.GRADIENTS, gradients=("exact",)),
    contender_name="mlp",
    attack=AttackSpec(
        name="zoo", summary="", needs=Access.SCORES, modalities=IMAGES | TABLES, norms=frozenset({Norm.L2})
    ),
    attack_facts=AttackFacts(needs=Access.SCORES, norms=frozenset({Norm.L2})),
    threat=Threat(access=Access.SCORES, norm=Norm.L2),
)
TEXT = frozenset({Modality.TEXT})
WORDY = replace(
    GOOD,
    data=replace(GOOD.data, modality=Modality.TEXT, shape=None, bounds=None),
    parts=(ModelSpec(name="bow", summary="", modalities=TEXT),),
    attack=replace(GOOD.attack, modalities=TEXT, norms=frozenset({Norm.L2, Norm.WORDS})),
    attack_facts=AttackFacts(needs=Access.SCORES, norms=frozenset({Norm.L2, Norm.WORDS})),
    threat=replace(GOOD.threat, norm=Norm.WORDS),
)


def change(pairing, **parts):
    """The pairing with some fields of some of its parts replaced."""
    return replace(pairing, **{
        name: replace(getattr(pairing, name), **new) if isinstance(new, dict) else new for name, new in parts.items()
    })  # fmt: skip


GRADIENT = change(
    GOOD, attack_facts={"needs": Access.GRADIENTS}, threat={"access": Access.GRADIENTS, "gradient": "exact"}
)
REFUSED = {
    "attack whose parameters serve another modality": (
        change(GOOD, attack_facts={"modalities": TABLES}),
        "[modality] zoo with these parameters: data must be series or tabular, got image (digits). Choose",
    ),
    "attack of another modality": (
        change(GOOD, attack={"modalities": TABLES}),
        "[modality] zoo: data must be series or tabular, got image (digits). Choose a data set of series or tabular.",
    ),
    "model of another modality": (
        change(GOOD, parts=(ModelSpec(name="bow", summary="", modalities=TEXT),)),
        "[modality] bow: data must be text, got image (digits). Choose a data set of text.",
    ),
    "defense of another modality": (
        change(GOOD, parts=(*GOOD.parts, DefenseSpec(name="d", summary="", modalities=TEXT, base="trained"))),
        "[modality] d: data must be text, got image (digits).",
    ),
    "contender gives too little": (
        change(GOOD, contender={"access": Access.LABELS}),
        "[access] zoo: the contender must give scores, got only labels from mlp. Choose an attack that needs labels at",
    ),
    "ceiling too low": (
        change(GOOD, threat={"access": Access.LABELS}),
        "[access] zoo: --access must be scores or more, got labels. Leave out --access.",
    ),
    "another norm": (
        change(GOOD, threat={"norm": Norm.LINF}),
        "[norm] zoo: the norm must be l2, got linf. Use --norm l2.",
    ),
    "another norm of several": (
        change(GOOD, threat={"norm": Norm.L0}, attack_facts={"norms": frozenset({Norm.LINF, Norm.L1})}),
        "[norm] zoo: the norm must be l1 or linf, got l0. Use --norm l1 or linf.",
    ),
    "words for numbers": (
        change(GOOD, threat={"norm": Norm.WORDS}, attack_facts={"norms": frozenset(Norm)}),
        "[norm] digits: the norm must be l2 or another numeric one for image inputs, got words. Use --norm l2.",
    ),
    "numbers for words": (
        change(WORDY, threat={"norm": Norm.L2}),
        "[norm] digits: the norm must be words for text inputs, got l2. Use --norm words.",
    ),
    "cannot aim": (
        change(GOOD, threat={"targeted": True}),
        "[goal] zoo: the goal must be any wrong class, got --targeted. Leave out --targeted.",
    ),
    "no such target": (
        change(GOOD, attack={"targeted": True}, threat={"targeted": True, "targets": "10"}),
        "[goal] digits: the target must be a class from 0 to 9, got 10. Use --targets with a number from 0 to 9.",
    ),
    "least likely unknown": (
        change(
            GOOD, attack={"targeted": True}, attack_facts={"needs": Access.LABELS},
            contender={"access": Access.LABELS}, threat={"targeted": True, "targets": "least-likely"},
        ),
        "[goal] --targets least-likely: it must be read from scores, got only labels from mlp. Use --targets random",
    ),
    "too many classes": (
        change(GOOD, contender={"classes": 2}),
        "[classes] mlp: classes must be <= 2, got 10 (digits). Pick classes, as in digits:classes=0/1",
    ),
    "too few classes": (
        change(GOOD, attack_facts={"min_classes": 11}),
        "[classes] zoo: classes must be >= 11 with these parameters, got 10 (digits). Choose another loss.",
    ),
    "one class": (
        change(GOOD, data={"classes": 1}),
        "[classes] a contest: classes must be >= 2, got 1 (digits). Choose more data.",
    ),
    "margin out of reach": (
        change(GOOD, contender={"largest_margin": math.log(17)}, attack_facts={"margin": 20.0}),
        "[margin] zoo: the margin must be <= 2.833, the largest of mlp, got 20. Lower kappa to at most 2.833.",
    ),
    "gradient not offered": (
        change(GRADIENT, contender={"gradients": ("surrogate", "surrogate/tau=.1")}),
        "[gradient] mlp: the gradient must be surrogate or surrogate/tau=.1, got exact."
        " Use --gradient surrogate or surrogate/tau=.1",
    ),
    "no gradient at all": (
        change(GRADIENT, contender={"gradients": ()}),
        "[gradient] mlp: it must offer a gradient, got none. Choose an attack that asks for less.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_one_objection_is_told_with_its_reason_and_a_hint(name):
    pairing, told = REFUSED[name]
    (refusal,) = refusals(pairing)
    assert str(refusal).startswith(told)
    assert refusal.hint


FINE = {
    "the plainest": GOOD,
    "text": WORDY,
    "gradient": GRADIENT,
    "one of several gradients": change(GRADIENT, contender={"gradients": ("surrogate", "exact")}),
    "ceiling above the need": change(GOOD, threat={"access": Access.GRADIENTS}),
    "aim": change(GOOD, attack={"targeted": True}, threat={"targeted": True, "targets": "9"}),
    "least likely": change(GOOD, attack={"targeted": True}, threat={"targeted": True, "targets": "least-likely"}),
    "as many classes as served": change(GOOD, contender={"classes": 10}, attack_facts={"min_classes": 10}),
    "margin just within reach": change(GOOD, contender={"largest_margin": 3.0}, attack_facts={"margin": 3.0}),
    "margin that labels never show": change(
        GOOD, contender={"largest_margin": 3.0}, attack_facts={"margin": 9.0, "needs": Access.LABELS}
    ),
    "no box": change(GOOD, attack_facts={"needs": Access.NONE}, contender={"access": Access.LABELS}),
}


@pytest.mark.parametrize("name", FINE)
def test_a_sensible_pair_meets_no_objection(name):
    assert refusals(FINE[name]) == ()


def test_all_objections_come_together():
    pairing = change(
        GRADIENT,
        attack={"modalities": TEXT},
        contender={"access": Access.LABELS, "classes": 2, "largest_margin": 1.0, "gradients": ()},
        attack_facts={"margin": 5.0},
        threat={"norm": Norm.LINF, "targeted": True},
    )
    found = refusals(pairing)
    assert [one.code for one in found] == ["modality", "access", "norm", "goal", "classes", "margin"]
    assert all(one.reason and one.hint for one in found)


def test_a_gradient_that_scores_cannot_have_is_no_second_objection():
    (refusal,) = refusals(change(GRADIENT, contender={"access": Access.SCORES, "gradients": ()}))
    assert refusal.code == "access"


OTHERS = {
    "the only remedy": (
        change(GOOD, contender={"access": Access.LABELS}, others=("hsj", "rays")),
        "[access] zoo: the contender must give scores, got only labels from mlp. Use --attack hsj or rays.",
    ),
    "one remedy of two": (
        change(GOOD, threat={"norm": Norm.LINF}, others=("square",)),
        "[norm] zoo: the norm must be l2, got linf. Use --norm l2. Or use --attack square.",
    ),
    "the shortest way out of two objections": (
        change(GOOD, threat={"norm": Norm.LINF, "access": Access.LABELS}, others=("hsj",)),
        "[access] zoo: --access must be scores or more, got labels. [norm] zoo: the norm must be l2, got linf."
        " Use --attack hsj.",
    ),
    "none against two objections": (
        change(GOOD, threat={"norm": Norm.LINF, "access": Access.LABELS}),
        "[access] zoo: --access must be scores or more, got labels. Leave out --access."
        " [norm] zoo: the norm must be l2, got linf. Use --norm l2.",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_attacks_to_use_instead_are_named_once(name):
    pairing, words = OTHERS[name]
    assert told(refusals(pairing)) == words


@given(largest=st.floats(1e-6, 1e6))
def test_the_margin_in_the_hint_is_one_that_passes(largest):
    pairing = change(GOOD, contender={"largest_margin": largest}, attack_facts={"margin": 2 * largest})
    (refusal,) = refusals(pairing)
    hinted = float(refusal.hint.split()[-1])
    assert hinted == pytest.approx(largest, rel=2e-3)
    assert refusals(change(pairing, attack_facts={"margin": hinted})) == ()


def test_an_attack_without_facts_is_its_spec():
    class Plain:
        pass

    class Own:
        def facts(self):
            return AttackFacts(needs=Access.NONE, norms=frozenset({Norm.L0}))

    assert facts_of_attack(Plain(), GOOD.attack) == AttackFacts(needs=Access.SCORES, norms=frozenset({Norm.L2}))
    assert facts_of_attack(Own(), GOOD.attack).needs is Access.NONE
