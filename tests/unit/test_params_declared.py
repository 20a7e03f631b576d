"""What a component class must be before anybody may use it."""

from dataclasses import dataclass, field
from typing import Literal

import pytest

from advbench.contract.errors import PluginError
from advbench.contract.params import component, describe, param


def frozen(**fields):
    """A frozen dataclass with those (annotation, default) fields."""
    names = {name: annotation for name, (annotation, _) in fields.items()}
    body = {name: default for name, (_, default) in fields.items()}
    return dataclass(frozen=True)(type("Toy", (), {"__annotations__": names, **body}))


BAD = {
    "undeclared field": (frozen(x=(int, 3)), "field 'x' must be declared by param"),
    "foreign field": (frozen(x=(int, field(default=3))), "field 'x' must be declared by param"),
    "empty help": (frozen(x=(int, param(3, help=" "))), "field 'x' must be declared by param(default, help=...)"),
    "two positional": (
        frozen(x=(int, param(3, help="x", positional=True)), y=(int, param(3, help="y", positional=True))),
        "at most one field may be positional",
    ),
    "type nobody can type": (frozen(x=(bytes, param(b"", help="x"))), "field 'x' must be float, int, bool, str, Path,"),
    "pair": (frozen(x=(tuple[int, int], param((1, 2), help="x"))), "field 'x' must be float, int, bool, str, Path,"),
    "default of another type": (frozen(x=(int, param("ten", help="x"))), "must have a default that can be typed as a"),
    "default not a number": (frozen(x=(float, param(float("nan"), help="x"))), "can be typed as a number, got nan"),
    "default not a choice": (
        frozen(x=(Literal["a", "b"], param("c", help="x"))),
        "must have a default that can be typed as 'a' or 'b', got 'c'",
    ),
    "default beyond its limit": (
        frozen(x=(float, param(0.0, gt=0, help="x"))),
        "Toy: field 'x' must have a default that is > 0, got 0.",
    ),
    "element beyond its limit": (frozen(x=(tuple[int, ...], param((3, 0), ge=1, help="x"))), "a default that is >= 1"),
    "component with parameters": (
        frozen(x=(object, component("attack", default="pgd:steps=3", help="x"))),
        "must have the name of an attack or None as default, got 'pgd:steps=3'",
    ),
    "unknown type": (frozen(x=("Nowhere", param(1, help="x"))), "types of fields must be importable, got name 'Nowhe"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_declaration_breaks_its_class(name):
    cls, told = BAD[name]
    with pytest.raises(PluginError) as caught:
        describe(cls)
    assert str(caught.value).startswith("Toy: ")
    assert told in str(caught.value)


def test_only_frozen_dataclasses_are_components():
    class Plain:
        x = param(1, help="x")

    @dataclass
    class Loose:
        x: int = param(1, help="x")

    for cls in (Plain, Loose):
        with pytest.raises(PluginError, match=r"must be a frozen dataclass. Add @dataclass\(frozen=True\)."):
            describe(cls)


def test_a_subclass_without_its_decorator_would_lose_its_fields():
    @dataclass(frozen=True)
    class Base:
        x: int = param(1, help="x")

    class Forgotten(Base):
        y: int = param(2, help="y")

    with pytest.raises(PluginError, match=r"Forgotten: a component must be a frozen dataclass"):
        describe(Forgotten)
    names = [info.name for info in describe(dataclass(frozen=True)(Forgotten))]
    assert names == ["x", "y"]


def test_none_as_the_name_of_a_component_means_no_component():
    (info,) = describe(frozen(x=(object, component("attack", default="none", help="x"))))
    assert info.default is None


def test_equal_classes_with_equal_names_are_described_apart():
    (one,), (two,) = describe(frozen(x=(int, param(1, help="x")))), describe(frozen(x=(int, param(2, help="x"))))
    assert (one.default, two.default) == (1, 2)
