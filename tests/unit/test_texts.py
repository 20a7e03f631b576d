"""Text to typed value and back, for every type a parameter may have."""

import math
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advbench.contract.texts import describe_type, format_value, is_supported, parse_value

FLOATS = st.floats(allow_nan=False)
WHOLE = st.integers(-(2**63), 2**63 - 1)
WORDS = st.sampled_from(["auto", "random", "01"])
PATHS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).map(Path)
PARTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1)
TYPES = {
    "float": (float, FLOATS),
    "int": (int, WHOLE),
    "bool": (bool, st.booleans()),
    "str": (str, st.text()),
    "path": (Path, PATHS),
    "literal": (Literal["auto", "random", "01"], WORDS),
    "float or auto": (float | Literal["auto", "random", "01"], FLOATS | WORDS),
    "int or none": (int | None, WHOLE | st.none()),
    "bool or none": (bool | None, st.booleans() | st.none()),
    "path or none": (Path | None, PATHS.filter(lambda path: str(path).strip().lower() != "none") | st.none()),
    "ints": (tuple[int, ...], st.lists(WHOLE).map(tuple)),
    "floats": (tuple[float, ...], st.lists(FLOATS).map(tuple)),
    "texts": (tuple[str, ...], st.lists(PARTS).map(tuple).filter(lambda parts: not parts or "".join(parts).strip())),
    "ints or none": (tuple[int, ...] | None, st.lists(WHOLE).map(tuple) | st.none()),
    "ints or auto": (tuple[int, ...] | Literal["auto", "random", "01"], st.lists(WHOLE, min_size=2).map(tuple) | WORDS),
}


@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
def test_printing_round_trips(name, data):
    annotation, strategy = TYPES[name]
    value = data.draw(strategy)
    again = parse_value(format_value(value), annotation)
    assert again == value
    assert type(again) is type(value)
    assert is_supported(annotation)


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("8/255", float, 8 / 255),
        ("-1/2", float, -0.5),
        ("1e-4", float, 1e-4),
        (".3", float, 0.3),
        ("inf", float, math.inf),
        ("-inf", float, -math.inf),
        (" 3 ", float, 3.0),
        ("1e4", int, 10_000),
        ("10_000", int, 10_000),
        ("-7", int, -7),
        (" 7\n", int, 7),
        ("YES", bool, True),
        (" off ", bool, False),
        ("0", bool, False),
        (" soft ", Literal["soft", "hard"], "soft"),
        ("None", int | None, None),
        ("auto", Literal["auto"] | float, "auto"),
        ("auto", float | Literal["auto"], "auto"),
        ("3", str | int, 3),
        ("64", tuple[int, ...], (64,)),
        ("64/32", tuple[int, ...], (64, 32)),
        ("", tuple[int, ...], ()),
        (" none ", tuple[int, ...] | None, None),
        (" a b ", str, " a b "),
        ("", str, ""),
        ("/tmp/a,b:c", Path, Path("/tmp/a,b:c")),
    ],
)
def test_what_people_type(text, annotation, value):
    found = parse_value(text, annotation)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "annotation"),
    [
        ("nan", float),
        ("inf/inf", float),
        ("1/0", float),
        ("1/2/3", float),
        ("", float),
        ("three", float),
        ("1.5", int),
        ("8/2", int),
        ("nan", int),
        ("inf", int),
        ("", int),
        ("1e300", int),  # no report can hold it
        (str(2**63), int),
        ("2", bool),
        ("", bool),
        ("Soft", Literal["soft"]),
        ("none", int),
        ("64,32", tuple[int, ...]),
        ("64//32", tuple[int, ...]),
        ("auto", tuple[int, ...] | None),
        ("many", float | Literal["auto"] | None),
        ("1", list),
    ],
)
def test_what_spells_nothing_is_refused(text, annotation):
    with pytest.raises(ValueError):  # noqa: PT011 the caller words the message
        parse_value(text, annotation)


def test_minus_zero_is_zero():
    assert math.copysign(1, parse_value("-0", float)) == 1
    assert math.copysign(1, parse_value("-0/3", float)) == 1


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (float, "a number"),
        (int | None, "a whole number or 'none'"),
        (float | Literal["auto"], "a number or 'auto'"),
        (tuple[int, ...], "a list split at '/', each a whole number"),
        (Literal["soft", "hard"], "'soft' or 'hard'"),
        (bool, "true or false"),
        (Path, "a path"),
        (dict, "dict"),
    ],
)
def test_types_are_told_in_words(annotation, words):
    assert describe_type(annotation) == words


@pytest.mark.parametrize(
    "annotation",
    [list[int], dict, tuple[int, int], tuple[tuple[int, ...], ...], tuple[int | None, ...], Literal[1, 2], complex],
)
def test_types_that_no_text_can_spell(annotation):
    assert not is_supported(annotation)
