"""A contender in an attack's field: named, paired, hashed, and known by what stands inside."""

from dataclasses import dataclass

import pytest
from plan_case import NUMERIC, one, plan
from plan_case import resolver as installed

from advbench import Access, AttackSpec, DefenseSpec, Norm, ParamError, RequestError, component, param
from advbench.bench.freshness import fingerprint


@dataclass(frozen=True)
class Borrow:
    """Looks at another contender before it looks at this one."""

    source: object = component("contender", default="linear", help="whom")
    second: object = component("contender", help="whom else")
    attack: object = component("attack", default="none", help="how")

    def perturb(self, oracle, x, rng):
        raise NotImplementedError


@dataclass(frozen=True)
class Deep:
    attack: object = component("attack", default="borrow", help="how")


@dataclass(frozen=True)
class Far:
    """Only of another norm than the plan's."""


@dataclass(frozen=True)
class Over:
    strength: int = param(1, ge=1, help="of it")

    def facts(self, base):
        return base


BORROW = AttackSpec(name="borrow", summary="s", needs=Access.NONE, modalities=NUMERIC, norms=frozenset(Norm))
DEEP = AttackSpec(name="deep", summary="s", needs=Access.NONE, modalities=NUMERIC, norms=frozenset(Norm))
OVER = DefenseSpec(name="over", summary="s", modalities=NUMERIC, base="architecture")


FAR = AttackSpec(name="far", summary="s", needs=Access.LABELS, modalities=NUMERIC, norms=frozenset({Norm.LINF}))


@pytest.fixture(scope="module")
def resolver():
    toys = [("attack", BORROW, Borrow), ("attack", DEEP, Deep), ("attack", FAR, Far), ("defense", OVER, Over)]
    return installed(*toys)


@pytest.mark.parametrize(
    "text",
    [
        "borrow",
        "borrow:source=mlp",
        "borrow:source=mlp,source.hidden=5",
        "borrow:source=over",
        "borrow:source=over,source.strength=3,source.model=linear",
        "borrow:source=over,source.model.hidden=7",
        "borrow:second=mlp,attack=random-noise",
    ],
)
def test_what_is_printed_can_be_typed(resolver, text):
    found = resolver.one("attack", text)
    assert found.text == text
    assert resolver.one("attack", found.text).params == found.params


def test_a_defense_stands_over_the_model_named_inside(resolver):
    source = resolver.one("attack", "borrow:source=over,source.strength=3,source.model=mlp,source.model.hidden=5")
    named = source.instance.source
    assert named.defense.strength == 3
    assert named.model.hidden == (5,)
    assert '"strength":3' in source.params
    assert '"hidden":[5]' in source.params


def test_no_such_contender_and_no_such_parameter_are_told(resolver):
    with pytest.raises(RequestError, match="no model is called 'mpl'. Did you mean 'mlp'"):
        resolver.one("attack", "borrow:source=mpl")
    with pytest.raises(ParamError, match="it has no parameter 'strenth'. Did you mean 'strength'"):
        resolver.one("attack", "borrow:source=over,source.strenth=3")


def test_an_attack_inside_another_holds_no_contender(resolver):
    with pytest.raises(ParamError, match="attack 'borrow': a contender must be held by an attack named for itself"):
        resolver.one("attack", "deep")


def test_sources_are_part_of_a_cell_and_of_its_identity(resolver):
    plain, other = (one(resolver, attack=(text,)) for text in ("borrow", "borrow:source=mlp"))
    assert [(source.field, source.opponent.text) for source in plain.sources] == [("source", "linear")]
    assert plain.cell_id != other.cell_id
    both = one(resolver, attack=("borrow:second=over",))
    assert [source.opponent.text for source in both.sources] == ["linear", "over over mlp"]
    scd = one(resolver, attack=("borrow:second=scd",))
    assert fingerprint(scd, "cpu") != fingerprint(plain, "cpu")  # the code behind a source counts too


def test_an_attack_that_cannot_be_run_on_its_source_refuses_the_cell(resolver):
    cells = plan(resolver, attack=("borrow", "borrow:attack=random-noise", "borrow:attack=far")).cells
    assert [[refusal.code for refusal in cell.refused] for cell in cells] == [[], [], ["source"]]
    assert cells[2].refused[0].reason == "source linear: far: the norm must be linf, got l2"
