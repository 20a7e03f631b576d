"""Which contenders a request means: defenses over models, their twins, and plain models."""

import sys
from pathlib import Path

import pytest

from advbench import ModelSpec
from advbench.contract.errors import PluginError, RequestError

sys.path.insert(0, str(Path(__file__).resolve().parent))
from plan_case import NUMERIC, Own, Thin, contenders, defense, plan, resolver


def test_the_plain_model_is_the_default_contender():
    assert contenders() == [("mlp", None)]
    assert contenders(model=("linear", "mlp:votes=3")) == [("linear", None), ("mlp:votes=3", None)]


TWIN = "mlp:hidden=5,activation=sigmoid,votes=3,vote=hard"


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"defense": ("scd:hidden=5,votes=3",)}, [("scd:votes=3,hidden=5", None), (TWIN, "scd:votes=3,hidden=5")]),
        ({"defense": ("scd:hidden=5,votes=3",), "twin": False}, [("scd:votes=3,hidden=5", None)]),
        ({"defense": ("none",)}, [("mlp", None)]),
        ({"defense": ("scd", "none")}, [("scd", None), ("mlp", None)]),
        ({"defense": (" None ", "scd"), "model": ("linear",)}, [("scd", None), ("linear", None)]),
        ({"defense": ("noise",)}, [("noise over mlp", None), ("mlp", "noise")]),
        ({"defense": ("noise",), "twin": False}, [("noise over mlp", None)]),
        ({"defense": ("noise", "none")}, [("noise over mlp", None), ("mlp", None)]),
        ({"defense": ("alone",)}, [("alone", None)]),
        (
            {"defense": ("noise:sigma=[.1/.2]",), "model": ("mlp", "linear")},
            [
                ("noise over mlp", None), ("mlp", "noise"), ("noise over linear", None), ("linear", "noise"),
                ("noise:sigma=0.2 over mlp", None), ("noise:sigma=0.2 over linear", None),
            ],
        ),
    ],
)  # fmt: skip
def test_contenders_and_their_twins(options, wanted):
    assert contenders(**options) == wanted


def test_a_twin_takes_lists_switches_and_fractions_of_its_defense():
    spec = defense("none", "mlp:hidden={sizes},learning_rate={rate}")
    found = resolver(("defense", spec, Own))
    assert contenders(found, defense=("toy:sizes=8/4,rate=1/4",))[1][0] == "mlp:hidden=8/4,learning_rate=0.25"


@pytest.mark.parametrize(
    ("twin", "error", "told"),
    [
        ("mlp:hidden={width}", PluginError, "toys (advbench-toys 1.0): the twin of toy must name its own parameters"),
        ("mlp:hidden={sizes", PluginError, "toys (advbench-toys 1.0): the twin of toy must name its own parameters"),
        ("mlpp", RequestError, "twin of toy: no model is called 'mlpp'. Did you mean 'mlp'? With --no-twin it is left"),
        ("mlp:votes={fast}", RequestError, "twin of toy: mlp: votes must be a whole number, got 'true'."),
    ],
)
def test_a_twin_that_cannot_be(twin, error, told):
    found = resolver(("defense", defense("none", twin), Own))
    with pytest.raises(error) as caught:
        plan(found, defense=("toy",))
    assert str(caught.value).startswith(told)
    assert contenders(found, defense=("toy",), twin=False) == [("toy", None)]


def test_a_model_and_a_defense_of_one_name_are_two_contenders():
    found = resolver(
        ("defense", defense("none", "same", name="same"), Own),
        ("model", ModelSpec(name="same", summary="", modalities=NUMERIC), Thin),
    )
    cells = plan(found, defense=("same",), attack=("random-noise",)).cells
    assert [(cell.opponent.defense is None, cell.opponent.twin_of) for cell in cells] == [(False, None), (True, "same")]


def test_a_model_that_nobody_uses_is_told():
    assert "model" in dict(plan(defense=("alone",), model=("linear",)).settled)
    assert "model" in dict(plan(defense=("scd",), model=("linear",)).settled)  # its twin is another model
    for options in ({"defense": ("alone", "none")}, {"defense": ("noise",)}, {}):
        assert "model" not in dict(plan(model=("linear",), **options).settled)
