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
from advbench.catalog.pairing import Pairing, facts_of_attack, refusals

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
        "[modality] zoo with these parameters serves series, tabular; digits is image. Choose a data set of series",
    ),
    "attack of another modality": (
        change(GOOD, attack={"modalities": TABLES}),
        "[modality] zoo serves series, tabular; digits is image. Choose a data set of series, tabular",
    ),
    "model of another modality": (
        change(GOOD, parts=(ModelSpec(name="bow", summary="", modalities=TEXT),)),
        "[modality] bow serves text; digits is image. Choose a data set of text",
    ),
    "defense of another modality": (
        change(GOOD, parts=(*GOOD.parts, DefenseSpec(name="d", summary="", modalities=TEXT, base="trained"))),
        "[modality] d serves text; digits is image.",
    ),
    "contender gives too little": (
        change(GOOD, contender={"access": Access.LABELS}),
        "[access] zoo needs scores; mlp gives only labels. Use an attack that needs labels at most",
    ),
    "ceiling too low": (
        change(GOOD, threat={"access": Access.LABELS}),
        "[access] zoo needs scores; --access allows only labels. Raise --access to scores or leave it out",
    ),
    "another norm": (
        change(GOOD, threat={"norm": Norm.LINF}),
        "[norm] zoo measures change in l2, not linf. Use --norm l2",
    ),
    "another norm of several": (
        change(GOOD, threat={"norm": Norm.L0}, attack_facts={"norms": frozenset({Norm.LINF, Norm.L1})}),
        "[norm] zoo measures change in l1 or linf, not l0. Use --norm l1 or linf",
    ),
    "words for numbers": (
        change(GOOD, threat={"norm": Norm.WORDS}, attack_facts={"norms": frozenset(Norm)}),
        "[norm] words does not fit image inputs. Use --norm l2 or another numeric norm",
    ),
    "numbers for words": (
        change(WORDY, threat={"norm": Norm.L2}),
        "[norm] l2 does not fit text inputs. Use --norm words",
    ),
    "cannot aim": (change(GOOD, threat={"targeted": True}), "[goal] zoo cannot aim at a chosen class. Leave out --t"),
    "no such target": (
        change(GOOD, attack={"targeted": True}, threat={"targeted": True, "targets": "10"}),
        "[goal] digits has classes 0 to 9, not 10. Use a label from 0 to 9",
    ),
    "least likely unknown": (
        change(
            GOOD, attack={"targeted": True}, attack_facts={"needs": Access.LABELS},
            contender={"access": Access.LABELS}, threat={"targeted": True, "targets": "least-likely"},
        ),
        "[goal] the least likely class is read from scores; mlp gives only labels. Use --targets random or next",
    ),
    "too many classes": (
        change(GOOD, contender={"classes": 2}),
        "[classes] mlp serves 2 classes; digits has 10. Pick classes, as in digits:classes=0/1",
    ),
    "too few classes": (
        change(GOOD, attack_facts={"min_classes": 11}),
        "[classes] zoo with these parameters needs 11 classes; digits has 10. Choose another loss",
    ),
    "one class": (
        change(GOOD, data={"classes": 1}),
        "[classes] a contest needs two classes; digits has 1. Choose more data",
    ),
    "margin out of reach": (
        change(GOOD, contender={"largest_margin": math.log(17)}, attack_facts={"margin": 20.0}),
        "[margin] zoo asks for a margin of 20; mlp never exceeds 2.833. Lower kappa to at most 2.833",
    ),
    "gradient not offered": (
        change(GRADIENT, contender={"gradients": ("surrogate", "surrogate/tau=.1")}),
        "[gradient] mlp offers the gradient surrogate or surrogate/tau=.1, not exact."
        " Use --gradient surrogate or surrogate/tau=.1",
    ),
    "no gradient at all": (
        change(GRADIENT, contender={"gradients": ()}),
        "[gradient] mlp offers no gradient. Use an attack that asks for less",
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
    assert [one.code for one in found] == ["modality", "access", "norm", "goal", "classes", "margin", "gradient"]
    assert all(one.reason and one.hint for one in found)


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
