"""From a request to cells: defaults, contenders and their twins, and what cannot be planned."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from advbench import (
    Access,
    AttackFacts,
    Bounds,
    Coverage,
    EncoderFacts,
    EncoderSpec,
    Modality,
    ModelSpec,
    Norm,
    Paper,
    param,
)
from advbench.bench.plan import make_plan, with_suite
from advbench.bench.request import Request
from advbench.catalog.registry import Suite, read
from advbench.catalog.resolve import Resolver
from advbench.contract.errors import DataError, EmptySelection, ParamError, PluginError, RequestError

sys.path.insert(0, str(Path(__file__).resolve().parent))
from plan_case import ATTACK, FOUND, METRIC, NUMERIC, Thin, one, plan, resolver


def test_defaults_are_those_that_are_printed():
    made = make_plan(Request(attack=("zoo",)), FOUND)
    (cell,) = made.cells
    assert cell.data.component.text == "digits:classes=3/8"
    assert len(cell.data.positions) == 72  # all of a split smaller than 200
    assert cell.opponent.text == "mlp"
    threat = cell.threat
    assert (threat.access, threat.norm, threat.eps) == (Access.SCORES, Norm.L2, 1.0)
    assert (threat.max_queries, threat.max_gradients, threat.max_prepare_queries) == (10_000, 2_000, 10_000)
    assert (threat.targeted, threat.targets, threat.gradient, threat.eot) == (False, "none", "none", 1)
    assert (cell.seed, cell.select, cell.refused) == (0, "first", ())
    assert [metric.name for metric in made.metrics] == list(FOUND.installed.entries["metric"])
    assert dict(made.settled) == {
        "dataset": "digits:classes=3/8 (real, small, offline; choose with --dataset)",
        "examples": "72 of the eval split, stratified",
        "change": "l2, eps 1",
        "budget": "10,000 queries an example",
        "goal": "untargeted, seed 0",
    }


def test_standard_is_two_hundred_examples():
    assert len(one(dataset=("digits",)).data.positions) == 200


@pytest.mark.parametrize(("preset", "n", "queries"), [("quick", 50, 2_000), ("thorough", 200, 100_000)])
def test_presets(preset, n, queries):
    cell = one(preset=preset)
    assert (len(cell.data.positions), cell.threat.max_queries) == (n, queries)
    cell = one(preset=preset, n=3, max_queries=7)
    assert (len(cell.data.positions), cell.threat.max_queries) == (3, 7)


def test_larger_inputs_get_larger_budgets():
    found = resolver()
    entry = found.installed.entries["dataset"]["digits"]

    @dataclass(frozen=True)
    class Wide(entry.load()):
        def all_facts(self):
            return replace(super().all_facts(), shape=(1, 8, 126))

    found.installed.entries["dataset"]["digits"] = replace(entry, target=Wide)
    assert one(found, dataset=("digits",)).threat.max_queries == 25_000
    assert one(found, dataset=("digits",), preset="quick").threat.max_queries == 2_000


def test_the_size_of_a_change():
    assert one().threat.eps == 0.3
    assert one(eps="none").threat.eps is None
    assert one(eps=8 / 255).threat.eps == 8 / 255
    assert one(attack=("random-noise",), norm=Norm.LINF).threat.eps == 0.1
    cell = one(attack=("none",), norm=Norm.L0)  # no reference: the smallest change, and the run says so
    assert cell.threat.eps is None
    assert dict(plan(attack=("none",), norm=Norm.L0).settled)["change"] == "l0, eps none: the smallest change wins"


def test_no_limit_is_none():
    threat = one(max_queries="none", max_gradients="none", max_prepare_queries="none").threat
    assert (threat.max_queries, threat.max_gradients, threat.max_prepare_queries) == (None, None, None)
    assert dict(plan(max_queries="none").settled)["budget"] == "unlimited queries an example"


def test_access_is_the_attacks_need_unless_a_ceiling_is_given():
    cells = plan(attack=("zoo", "random-noise", "none", "climb")).cells
    assert [cell.threat.access for cell in cells] == [Access.SCORES, Access.LABELS, Access.NONE, Access.GRADIENTS]
    cell = one(access=Access.LABELS)
    assert cell.threat.access is Access.LABELS
    assert [refusal.code for refusal in cell.refused] == ["access"]
    assert plan(access=Access.LABELS).runnable == []
    assert one(access=Access.NONE, attack=("none",)).refused == ()


def test_the_cross_product_in_order_each_cell_once():
    made = plan(
        dataset=("two-moons", "two-moons:noise=.15", "breast-cancer"), model=("linear", "mlp", "linear"),
        attack=("zoo", "none", "zoo:kappa=0"), seed=(1, 0, 1),
    )  # fmt: skip
    found = [(c.data.component.name, c.opponent.text, c.attack.text, c.seed) for c in made.cells]
    assert found == [
        (data, model, attack, seed)
        for data in ("two-moons", "breast-cancer") for model in ("linear", "mlp")
        for attack in ("zoo", "none") for seed in (1, 0)
    ]  # fmt: skip
    assert len({cell.cell_id for cell in made.cells}) == len(found)


def test_every_offered_gradient_is_a_cell_of_its_own():
    cells = plan(attack=("climb",), defense=("noise",), twin=False).cells
    assert [(c.threat.gradient, c.coverage) for c in cells] == [
        ("exact", Coverage.GRADIENT), ("surrogate/tau=.1", Coverage.SURROGATE),
    ]  # fmt: skip
    assert one(attack=("climb",), defense=("noise",), twin=False, gradient=("exact",)).threat.gradient == "exact"
    assert [refusal.code for refusal in one(attack=("climb",), gradient=("surrogate",)).refused] == ["gradient"]
    assert one(gradient=("exact",)).threat.gradient == "none"  # zoo asks for none
    refused = one(attack=("climb",), defense=("alone",), twin=False).refused
    assert [refusal.code for refusal in refused] == ["access"]


def test_only_gradients_of_noisy_contenders_are_averaged_and_paid_for():
    noisy = {"defense": ("noise",), "twin": False, "gradient": ("exact",)}
    threat = one(attack=("climb",), **noisy).threat
    assert (threat.eot, threat.max_queries, threat.max_gradients) == (20, 200_000, 40_000)
    threat = one(attack=("climb",), eot=5, **noisy).threat
    assert (threat.eot, threat.max_queries, threat.max_gradients) == (5, 50_000, 10_000)
    assert one(attack=("climb",), eot=5, max_queries=7, **noisy).threat.max_queries == 7
    for attack, options in (("climb", {}), ("zoo", {}), ("zoo", noisy)):
        threat = one(attack=(attack,), eot=5, **options).threat
        assert (threat.eot, threat.max_queries, threat.max_gradients) == (1, 10_000, 2_000)


def test_kinds_of_attack():
    cells = plan(attack=("zoo", "random-noise", "none")).cells
    assert [cell.coverage for cell in cells] == [Coverage.SCORE, Coverage.NOISE, Coverage.NOTHING]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"attack": ("climb",), "targeted": True, "targets": "2"}, "goal"),
        ({"attack": ("blunt",), "targeted": True}, "goal"),
        ({"norm": Norm.LINF}, "norm"),
        ({"defense": ("scd:votes=8",), "twin": False, "attack": ("zoo:kappa=20",)}, "margin"),
    ],
)
def test_what_makes_no_sense_is_a_refused_cell_and_not_an_error(options, code):
    cell = one(**options)
    assert [refusal.code for refusal in cell.refused] == [code]


class Plain:
    pass


class Scarce:
    """Needs two classes more than there are with its usual parameters."""

    def facts(self):
        return AttackFacts(needs=Access.LABELS, norms=frozenset(Norm), min_classes=4)


class Unhappy:
    def facts(self):
        raise RuntimeError("no facts today")


def test_a_refusal_names_the_best_attacks_that_could_be_run_instead():
    paper = Paper(title="", year=2020, url="https://example.org")
    toys = resolver(
        ("model", ModelSpec(name="thin", summary="", modalities=NUMERIC), Thin),
        *(
            ("attack", replace(ATTACK, needs=needs, name=name, **{"paper": paper, "targeted": True} | more), cls)
            for name, needs, cls, more in (
                ("newer", Access.LABELS, Plain, {"paper": replace(paper, year=2021)}),
                ("older", Access.LABELS, Plain, {}),
                ("other-norm", Access.LABELS, Plain, {"norms": frozenset({Norm.L0})}),
                ("other-data", Access.LABELS, Plain, {"modalities": frozenset({Modality.IMAGE})}),
                ("scarce", Access.LABELS, Scarce, {}),
                ("unhappy", Access.LABELS, Unhappy, {}),
                ("blind", Access.NONE, Plain, {}),
                ("richer", Access.SCORES, Plain, {"targeted": False}),
            )
        ),
    )

    def named(**options):
        (refusal,) = one(toys, **{"attack": ("climb",)} | options).refused
        return refusal.others

    labels_only = {"defense": ("alone",), "twin": False}
    assert named(**labels_only) == ("newer", "older")
    assert named(model=("thin",)) == ("richer", "zoo")  # scores are used where they are given
    assert named(model=("thin",), targeted=True) == ("zoo", "newer")
    assert named(access=Access.NONE) == ("blind", "none")
    assert named(attack=("blunt",), targeted=True, targets="2") == ()  # nothing aims at a class that there is not


def test_targets_are_part_of_the_goal():
    cell = one(attack=("none",), targeted=True, targets="1")
    assert (cell.threat.targeted, cell.threat.targets, cell.refused) == (True, "1", ())
    settled = plan(attack=("none",), targeted=True, targets="next", seed=(0, 1)).settled
    assert dict(settled)["goal"] == "targeted (next), seed 0/1"


WRONG = {
    "no attack": ({"attack": ()}, RequestError, "run: --attack must be given at least once, got none."),
    "dataset": ({"dataset": ("two-moon",)}, RequestError, "no dataset is called 'two-moon'. Did you mean 'two-moons'?"),
    "model": ({"model": ("mpl",)}, RequestError, "no model is called 'mpl'. Did you mean 'mlp'?"),
    "model unused": ({"model": ("mpl",), "defense": ("scd",)}, RequestError, "no model is called 'mpl'."),
    "defense": ({"defense": ("scdd",)}, RequestError, "no defense is called 'scdd'. Did you mean 'scd'?"),
    "attack": ({"attack": ("zooo",)}, RequestError, "no attack is called 'zooo'. Did you mean 'zoo'?"),
    "metric": ({"metric": ("clean",)}, RequestError, "no metric is called 'clean'."),
    "none with parameters": ({"defense": ("none:x=1",)}, RequestError, "no defense is called 'none'."),
    "parameter": ({"attack": ("zoo:kapa=1",)}, ParamError, "zoo: it has no parameter 'kapa'. Did you mean 'kappa'?"),
    "one class left": (
        {"dataset": ("digits:classes=3/3",)},
        ParamError,
        "digits: classes must be at least two different numbers from 0 to 9, got 3/3.",
    ),
    "odd moons": ({"dataset": ("two-moons:examples=21",)}, DataError, "two-moons: examples must be even, got 21."),
    "unknown id": ({"select": "ids=-1"}, RequestError, "run: --select ids=-1: two-moons's eval split has no such"),
    "ids of no kind": ({"select": "ids=x"}, RequestError, "run: --select ids= must be whole numbers"),
    "no ids": ({"select": "ids="}, EmptySelection, "two-moons: no example is selected."),
    "strange choice": ({"select": "best"}, RequestError, "run: --select must be first, random or ids=1/2/3"),
    "target": ({"targeted": True, "targets": "worst"}, RequestError, "run: --targets must be one of random, next,"),
    "target without aim": ({"targets": "next"}, RequestError, "run: --targets next must come with --targeted"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_understood_is_told(name):
    options, error, told = WRONG[name]
    with pytest.raises(error) as caught:
        plan(**options)
    assert str(caught.value).startswith(told)
    assert caught.value.exit_code == (5 if error is EmptySelection else 2)


def test_a_metric_that_is_broken_is_left_out_unless_asked_for():
    found = resolver(("metric", METRIC, "toy_nowhere:Gone"))
    made = plan(found)
    assert "gone" not in [metric.name for metric in made.metrics]
    assert dict(made.settled)["left out"].startswith(
        "metric gone: toys (advbench-toys 1.0): 'toy_nowhere:Gone' must be"
    )
    assert [metric.name for metric in plan(found, metric=("clean-accuracy",)).metrics] == ["clean-accuracy"]
    with pytest.raises(PluginError, match="must be importable"):
        plan(found, metric=("gone",))


def test_suites_lie_under_what_is_typed():
    registry = replace(
        read(), suites={"toy": Suite("toy", "", {"attack": ("none",), "dataset": ("digits",)}, {"n": 3})}
    )
    found = Resolver(FOUND.installed, registry)
    cell = one(found, **vars(with_suite(Request(suite="toy"), found)))
    assert (cell.attack.name, cell.data.component.name, len(cell.data.positions)) == ("none", "digits", 3)
    cell = one(found, **vars(with_suite(Request(suite="toy", dataset=("two-moons",), n=4), found)))
    assert (cell.attack.name, cell.data.component.name, len(cell.data.positions)) == ("none", "two-moons", 4)
    untouched = Request(attack=("zoo",))
    assert with_suite(untouched, found) is untouched
    with pytest.raises(RequestError, match=r"no suite is called 'tooy'. Did you mean 'toy'\?"):
        with_suite(Request(suite="tooy"), found)


@dataclass(frozen=True)
class Means:
    def facts(self):
        return EncoderFacts(width=3, bounds=Bounds(0, 1), digest="means")


def test_the_facts_of_a_data_set_decide_whether_its_contenders_need_an_encoder():
    found = resolver(("encoder", EncoderSpec(name="mean-embedding", summary=""), Means))
    entry = found.installed.entries["dataset"]["two-moons"]

    @dataclass(frozen=True)
    class Either(entry.load()):
        words: bool = param(False, help="texts instead of numbers")

        def all_facts(self):
            known = super().all_facts()
            return replace(known, modality=Modality.TEXT, shape=None, bounds=None) if self.words else known

    found.installed.entries["dataset"]["two-moons"] = replace(entry, target=Either)
    for words, encoder in (("no", None), ("yes", "mean-embedding")):
        given = one(found, dataset=(f"two-moons:words={words}",), attack=("none",)).opponent.encoder
        assert (given and given.name) == encoder
