"""From typed texts to a checked instance, and what is said when they do not fit."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advbench.contract.errors import ParamError, PluginError, RequestError
from advbench.contract.params import attach, build, check, component, describe, items, param, spec_of, values
from advbench.contract.specs import Spec


@dataclass(frozen=True)
class Inner:
    steps: int = param(10, ge=1, help="steps taken")
    rate: float = param(0.5, gt=0, lt=1, help="size of a step")


@dataclass(frozen=True)
class Outer:
    source: str = param("all", help="where it comes from.", positional=True)
    h: float | Literal["auto"] = param("auto", gt=0, help="step of the differences")
    share: float = param(0.75, gt=0, le=1, help="share of each class")
    count: int = param(3, ge=-5, lt=9, help="how many")
    sizes: tuple[int, ...] = param((64,), ge=1, help="units per layer")
    limit: int | None = param(None, ge=0, help="most of them")
    fast: bool = param(False, help="hurry")
    mode: Literal["soft", "hard"] = param("soft", help="how votes count")
    folder: Path = param(Path("data"), help="where files lie")  # noqa: RUF009
    pick: str = param("a", choices=("a", "b"), help="which of the two")
    radius: float = param(math.inf, ge=0, help="largest change")
    attack: object = component("attack", default="inner", help="attack inside")
    extra: object = component("attack", help="another one, if any")


attach(Inner, Spec(name="inner", summary="a toy"))
attach(Outer, Spec(name="outer", summary="a toy"))


def resolve(kind, name, raw):
    assert kind == "attack"
    if name not in ("inner", "outer"):
        raise RequestError(f"no attack is called '{name}'.")
    return build(Inner if name == "inner" else Outer, name, raw, resolve)


def make(**raw):
    return build(Outer, "outer", {key.replace("__", "."): text for key, text in raw.items()}, resolve)


def test_nothing_typed_gives_the_defaults():
    made = make()
    assert made == Outer(attack=Inner())
    assert items(made) == {}


def test_every_type_is_parsed():
    made = make(
        source="x,y:z", h="8/255", share="1", count="-5", sizes="8/4", limit="1e3", fast="yes", mode="hard",
        folder="/a,b:c", pick="b", radius="3", attack="none", extra="inner",
    )  # fmt: skip
    assert made == Outer(
        source="x,y:z", h=8 / 255, share=1.0, count=-5, sizes=(8, 4), limit=1000, fast=True, mode="hard",
        folder=Path("/a,b:c"), pick="b", radius=3.0, attack=None, extra=Inner(),
    )  # fmt: skip


def test_dotted_names_reach_the_component_in_a_field():
    assert make(attack__steps="3", attack__rate="1/4").attack == Inner(steps=3, rate=0.25)
    nested = make(attack="outer", attack__attack__steps="7", attack__count="0").attack
    assert (nested.attack, nested.count) == (Inner(steps=7), 0)


@dataclass(frozen=True)
class Starting:
    attack: object = component("attack", default="inner", settings={"steps": "4", "rate": "0.25"}, help="attack inside")


attach(Starting, Spec(name="starting", summary="a toy"))


@pytest.mark.parametrize(("raw", "attack", "printed"), [
    ({}, Inner(steps=4, rate=0.25), {}),
    ({"attack": "inner"}, Inner(steps=4, rate=0.25), {}),
    ({"attack.steps": "7"}, Inner(steps=7, rate=0.25), {"attack.steps": "7"}),
    ({"attack.steps": "10"}, Inner(steps=10, rate=0.25), {"attack.steps": "10"}),
    ({"attack": "outer"}, Outer(attack=Inner()), {"attack": "outer"}),
])  # fmt: skip
def test_settings_are_where_the_default_component_starts(raw, attack, printed):
    made = build(Starting, "starting", raw, resolve)
    assert made.attack == attack
    assert items(made) == printed
    assert build(Starting, "starting", items(made), resolve) == made
    assert build(Starting, "starting", items(made, all=True), resolve) == made


def test_settings_are_of_a_default():
    @dataclass(frozen=True)
    class Lost:
        attack: object = component("attack", settings={"steps": "4"}, help="attack inside")

    with pytest.raises(PluginError, match=r"Lost: field 'attack' must have a default to have settings, got none"):
        describe(Lost)


def test_a_positional_item_fills_its_field():
    assert build(Outer, "outer", {"": "ECG5000"}, resolve).source == "ECG5000"


MESSAGES = {
    "misspelt": ({"cont": "3"}, "outer: it has no parameter 'cont'. Did you mean 'count'?"),
    "unlike any": ({"zzz": "3"}, "outer: it has no parameter 'zzz'. Known: attack, count, extra, fast,"),
    "case counts": ({"Count": "3"}, "outer: it has no parameter 'Count'. Did you mean 'count'?"),
    "below": ({"h": "-1"}, "outer: h must be > 0, got -1. Step of the differences."),
    "at an open end": ({"h": "0"}, "outer: h must be > 0, got 0. Step of the differences."),
    "two limits": ({"share": "1.5"}, "outer: share must be > 0 and <= 1, got 1.5. Share of each class."),
    "negative limit": ({"count": "-6"}, "outer: count must be >= -5 and < 9, got -6. How many."),
    "open upper end": ({"count": "9"}, "outer: count must be >= -5 and < 9, got 9. How many."),
    "no number": ({"share": "lots"}, "outer: share must be a number, got 'lots'. Share of each class."),
    "nan": ({"share": "nan"}, "outer: share must be a number, got 'nan'. Share of each class."),
    "infinite": ({"share": "inf"}, "outer: share must be > 0 and <= 1, got inf. Share of each class."),
    "no whole number": ({"count": "2.5"}, "outer: count must be a whole number, got '2.5'. How many."),
    "neither": ({"h": "some"}, "outer: h must be a number or 'auto', got 'some'. Step of the differences."),
    "in a list": ({"sizes": "64/0"}, "outer: sizes must be >= 1, got 0. Units per layer."),
    "no list": ({"sizes": "64,3"}, "outer: sizes must be a list split at '/', each a whole number, got '64,3'."),
    "optional": ({"limit": "-1"}, "outer: limit must be >= 0, got -1. Most of them."),
    "not optional": ({"count": "none"}, "outer: count must be a whole number, got 'none'. How many."),
    "no switch": ({"fast": "maybe"}, "outer: fast must be true or false, got 'maybe'. Hurry."),
    "no choice": ({"mode": "loud"}, "outer: mode must be 'soft' or 'hard', got 'loud'. How votes count."),
    "not among": ({"pick": "c"}, "outer: pick must be one of 'a', 'b', got c. Which of the two."),
    "inside": ({"attack.steps": "0"}, "inner: steps must be >= 1, got 0. Steps taken."),
    "misspelt inside": ({"attack.step": "1"}, "inner: it has no parameter 'step'. Did you mean 'steps'?"),
    "no component": ({"count.x": "3"}, "outer: count must be a whole number, got 'count.x=3'. Write count=VALUE."),
    "dots into nothing": ({"zzz.x": "3"}, "outer: it has no parameter 'zzz'."),
    "none with parameters": (
        {"attack": "none", "attack.steps": "3"},
        "outer: attack must be an attack to have parameters, got none and 'attack.steps=3'. Name one.",
    ),
    "absent with parameters": ({"extra.steps": "3"}, "outer: extra must be an attack to have parameters, got none"),
    "parameters in the name": (
        {"attack": "inner:steps=3"},
        "outer: attack must be the name of an attack, got 'inner:steps=3'. Its parameters are written attack.key=",
    ),
    "unknown component": ({"attack": "innr"}, "outer: attack: no attack is called 'innr'."),
    "given twice": ({"": "x", "source": "y"}, "outer: source must be given once, got 'x' and 'y'. Remove one."),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_bad_parameter_is_told_with_limit_value_and_help(name):
    raw, told = MESSAGES[name]
    with pytest.raises(RequestError) as caught:
        build(Outer, "outer", raw, resolve)
    assert str(caught.value).startswith(told)
    assert ".." not in str(caught.value)
    assert caught.value.exit_code == 2


def test_no_positional_field_no_positional_item():
    with pytest.raises(ParamError, match=r"inner: a parameter must be written as name=value, got '3'. It has steps, r"):
        build(Inner, "inner", {"": "3"}, resolve)


def test_not_a_number_is_refused_however_it_came():
    with pytest.raises(ParamError, match=r"outer: radius must be >= 0, got nan"):
        check(Outer(radius=math.nan), "outer")

    @dataclass(frozen=True)
    class Boundless:
        shift: float = param(0.0, help="any number")

    with pytest.raises(ParamError, match=r"^boundless: shift must be a number, got nan. Any number.$"):
        check(Boundless(shift=math.nan), "boundless")
    check(Boundless(shift=-math.inf), "boundless")


def test_an_authors_own_check_is_told_like_ours():
    @dataclass(frozen=True)
    class Picky:
        low: int = param(0, help="low end")
        high: int = param(1, help="high end")

        def __post_init__(self):
            if self.low > self.high:
                raise ValueError(f"low must be <= high, got {self.low} and {self.high}. Swap them.")

    with pytest.raises(ParamError, match=r"^picky: low must be <= high, got 5 and 1. Swap them.$"):
        build(Picky, "picky", {"low": "5"}, resolve)


def test_help_lists_what_was_declared():
    infos = {info.name: info for info in describe(Outer)}
    assert list(infos) == list(Outer.__dataclass_fields__)
    assert infos["attack"].type_words == "an attack"
    assert infos["h"].type_words == "a number or 'auto'"
    assert str(infos["share"].limits) == "> 0 and <= 1"
    assert [info.name for info in infos.values() if info.positional] == ["source"]


def outers(inner):
    small = st.floats(0, 1, exclude_min=True)
    text = st.text(st.characters(exclude_categories=["Cs"]))
    return st.builds(
        Outer, source=text, h=small | st.just("auto"), share=small, count=st.integers(-5, 8),
        sizes=st.lists(st.integers(1, 2**40)).map(tuple), limit=st.none() | st.integers(0, 2**62), fast=st.booleans(),
        mode=st.sampled_from(["soft", "hard"]), folder=text.map(Path), pick=st.sampled_from("ab"),
        radius=st.floats(0, math.inf, allow_nan=False), attack=inner, extra=inner,
    )  # fmt: skip


INNERS = st.none() | st.builds(Inner, steps=st.integers(1, 99), rate=st.floats(0.01, 0.99))


@given(made=outers(INNERS | outers(INNERS)), everything=st.booleans())
def test_items_rebuild_an_equal_component(made, everything):
    texts = items(made, all=everything)
    again = build(Outer, "outer", texts, resolve)
    assert again == made
    assert items(again, all=everything) == texts
    assert json.dumps(values(again)) == json.dumps(values(made))


@given(made=outers(INNERS))
def test_values_are_strict_json_and_complete(made):
    found = values(made)
    assert list(found) == list(Outer.__dataclass_fields__)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_values_spell_a_component_out():
    found = values(make(attack__steps="3"))
    assert found["attack"] == {"name": "inner", "params": {"steps": 3, "rate": 0.5}}
    assert found["extra"] is None
    assert found["sizes"] == [64]
    assert found["folder"] == "data"
    assert found["radius"] == "inf"


def test_items_show_only_what_differs():
    made = make(count="4", attack__steps="3", extra="inner")
    assert items(made) == {"count": "4", "attack.steps": "3", "extra": "inner"}
    assert items(make(attack="none")) == {"attack": "none"}


def test_a_default_typed_in_is_the_default_left_out():
    @dataclass(frozen=True)
    class Careless:
        rate: float = param(1, help="declared as a whole number")
        shift: float = param(-0.0, help="minus zero")

    untyped = build(Careless, "careless", {}, resolve)
    typed = build(Careless, "careless", {"rate": "1", "shift": "-0"}, resolve)
    assert json.dumps(values(untyped)) == json.dumps(values(typed)) == '{"rate": 1.0, "shift": 0.0}'


def test_a_class_serves_one_spec():
    attach(Inner, Spec(name="inner", summary="a toy"))
    assert spec_of(Inner()).name == "inner"
    with pytest.raises(PluginError, match=r"must serve one name, but also serves 'inner'"):
        attach(Inner, Spec(name="other", summary="a toy"))
