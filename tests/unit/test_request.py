"""What one invocation asks for: limits that hold wherever it comes from, and suites under it."""

import json
import math
from pathlib import Path

import pytest

from advbench.bench.request import PRESETS, Request, merged
from advbench.catalog.registry import Suite
from advbench.contract.errors import RequestError
from advbench.contract.types import Access, Norm

BAD = {
    "n zero": ({"n": 0}, "run: --n must be > 0, got 0."),
    "n negative": ({"n": -1}, "run: --n must be > 0, got -1."),
    "eps zero": ({"eps": 0.0}, "run: --eps must be > 0, got 0. Use 'none' for the smallest change."),
    "eps negative": ({"eps": -0.5}, "run: --eps must be > 0, got -0.5. Use 'none' for the smallest change."),
    "eps nan": ({"eps": math.nan}, "run: --eps must be > 0, got nan."),
    "eps a word": ({"eps": "big"}, "run: --eps must be a number, none or reference, got 'big'."),
    "queries zero": ({"max_queries": 0}, "run: --max-queries must be > 0, got 0. Use 'none' for no limit."),
    "queries far below": ({"max_queries": -12345678}, "run: --max-queries must be > 0, got -12345678."),
    "queries a word": ({"max_queries": "reference"}, "run: --max-queries must be a number or none, got 'reference'."),
    "gradients": ({"max_gradients": -1}, "run: --max-gradients must be > 0, got -1. Use 'none' for no limit."),
    "prepare": ({"max_prepare_queries": 0}, "run: --max-prepare-queries must be > 0, got 0."),
    "eot": ({"eot": 0}, "run: --eot must be > 0, got 0."),
    "timeout": ({"timeout": 0.0}, "run: --timeout must be > 0, got 0."),
    "seed": ({"seed": (0, -3)}, "run: --seed must be >= 0 and < 2^63, got -3."),
    "seed beyond a report": ({"seed": (2**63,)}, "run: --seed must be >= 0 and < 2^63, got 9223372036854775808."),
    "no seed": ({"seed": ()}, "run: --seed must be given at least once, got none."),
    "preset": ({"preset": "fast"}, "run: --preset must be one of quick, standard, thorough, got 'fast'."),
}


@pytest.mark.parametrize("name", BAD)
def test_impossible_values_are_told(name):
    options, told = BAD[name]
    with pytest.raises(RequestError) as caught:
        Request(**options)
    assert str(caught.value).startswith(told)
    assert caught.value.exit_code == 2


def test_the_printed_presets():
    assert {name: (one.n, one.max_queries) for name, one in PRESETS.items()} == {
        "quick": (50, 2_000), "standard": (200, None), "thorough": (1_000, 100_000),
    }  # fmt: skip


def test_a_request_is_stored_as_strict_json():
    request = Request(
        attack=("zoo:c=3",), access=Access.LABELS, norm=Norm.LINF, eps=math.inf, seed=(0, 7), max_queries="none"
    )
    text = json.dumps(request.described(), allow_nan=False)
    told = json.loads(text)
    assert told["attack"] == ["zoo:c=3"]
    assert (told["access"], told["norm"], told["eps"]) == ("labels", "linf", "inf")
    assert (told["seed"], told["max_queries"], told["n"]) == ([0, 7], "none", None)
    assert told["out"] == "reports/main"
    assert set(told) == set(Request.__dataclass_fields__)


SUITE = Suite(
    "toy",
    "a toy",
    {"dataset": ("digits",), "attack": ("zoo", "none"), "defense": ("scd",)},
    {"n": 50, "max-queries": 1000, "norm": "linf", "access": "scores", "eps": "8/255", "seed": [1, 2], "twin": False},
)


def suite(**options):
    return Suite("toy", "", {}, {key.replace("_", "-"): value for key, value in options.items()})


def test_a_suite_fills_what_was_left_open():
    found = merged(Request(suite="toy"), SUITE)
    assert found == Request(
        suite="toy", dataset=("digits",), attack=("zoo", "none"), defense=("scd",), n=50, max_queries=1000,
        norm=Norm.LINF, access=Access.SCORES, eps=8 / 255, seed=(1, 2), twin=False,
    )  # fmt: skip
    assert isinstance(found.norm, Norm)
    assert isinstance(found.access, Access)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ({"attack": ("none",)}, {"attack": ("none",)}),
        ({"defense": ("none",)}, {"defense": ("none",)}),
        ({"n": 7}, {"n": 7, "max_queries": 1000}),
        ({"norm": Norm.L2}, {"norm": Norm.L2}),
        ({"access": Access.NONE}, {"access": Access.NONE}),
        ({"eps": "none"}, {"eps": "none"}),
        ({"eps": 0.5}, {"eps": 0.5}),
        ({"max_queries": "none"}, {"max_queries": "none"}),
        ({"seed": (5,)}, {"seed": (5,)}),
        ({"preset": "thorough"}, {"preset": "thorough", "n": None, "max_queries": None}),
        ({"preset": "quick", "n": 9}, {"n": 9, "max_queries": None}),
    ],
)
def test_what_was_typed_is_above_the_suite(typed, kept):
    found = merged(Request(**typed), SUITE)
    assert {name: getattr(found, name) for name in kept} == kept


def test_every_option_of_a_suite_is_read_as_on_the_command_line():
    found = merged(
        Request(),
        suite(
            eps=1, n=5, timeout=2, eot="1e1", max_gradients="none", max_prepare_queries="1e3", seed=3, gradient="exact",
            metric=["robust-accuracy"], select="random", targeted=True, targets="next", preset="quick", out="x",
            device="cuda",
        ),
    )  # fmt: skip
    assert (found.eps, found.n, found.timeout, found.eot) == (1.0, 5, 2.0, 10)
    assert (found.max_gradients, found.max_prepare_queries) == ("none", 1000)
    assert (found.seed, found.gradient, found.metric) == ((3,), ("exact",), ("robust-accuracy",))
    assert (found.select, found.targeted, found.targets, found.preset) == ("random", True, "next", "quick")
    assert (found.out, found.device) == (Path("x"), "cuda")
    assert merged(Request(), suite(eps="none")).eps == "none"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"max_querries": 3}, "suite toy: 'max-querries' must be an option of run. Did you mean 'max-queries'?"),
        ({"described": 3}, "suite toy: 'described' must be an option of run."),
        ({"suite": "toy"}, "suite toy: 'suite' must be an option of run."),
        ({"norm": "l3"}, "suite toy: norm must be a value that run takes, got 'l3'."),
        ({"access": "all"}, "suite toy: access must be a value that run takes, got 'all'."),
        ({"access": 3}, "suite toy: access must be a value that run takes, got 3."),
        ({"eps": "big"}, "suite toy: eps must be a value that run takes, got 'big'."),
        ({"n": 2.5}, "suite toy: n must be a value that run takes, got 2.5."),
        ({"n": True}, "suite toy: n must be a value that run takes, got True."),
        ({"n": [5]}, "suite toy: n must be a value that run takes, got [5]."),
        ({"twin": "no"}, "suite toy: twin must be a value that run takes, got 'no'."),
        ({"seed": ["x"]}, "suite toy: seed must be a value that run takes, got ['x']."),
        ({"max_queries": "reference"}, "suite toy: max-queries must be a value that run takes, got 'reference'."),
        ({"n": 0}, "run: --n must be > 0, got 0."),
        ({"preset": "fast"}, "run: --preset must be one of"),
    ],
)
def test_a_suite_that_asks_for_what_is_not_is_told(options, told):
    with pytest.raises(RequestError) as caught:
        merged(Request(), suite(**options))
    assert str(caught.value).startswith(told)
