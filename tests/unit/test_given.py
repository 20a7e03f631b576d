"""An option that was given wins over a suite, even where it says what the default says."""

import pytest
import typer

from advbench.bench.request import Request, merged
from advbench.catalog.registry import Suite
from advbench.cli.app import app
from advbench.cli.config import given

OPTIONS = {
    "seed": ([1, 2], (0,)), "preset": ("quick", "standard"), "targets": ("next", "random"), "twin": (False, True),
    "eps": (0.5, "reference"), "select": ("random", "first"), "out": ("elsewhere", Request().out),
    "device": ("cuda", "cpu"), "targeted": (True, False),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_a_default_that_was_given_stays(name):
    theirs, default = OPTIONS[name]
    suite = Suite("toy", "", {}, {name: theirs})
    assert getattr(merged(Request(), suite), name) != default
    assert getattr(merged(Request(), suite, frozenset({name})), name) == default


def test_a_preset_that_was_given_decides_its_numbers():
    suite = Suite("toy", "", {}, {"n": 7, "max-queries": 9, "preset": "quick"})
    found = merged(Request(), suite, frozenset({"preset"}))
    assert (found.preset, found.n, found.max_queries) == ("standard", None, None)


def context(*words):
    command = typer.main.get_command(app).get_command(None, "run")
    return command.make_context("run", list(words))


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("SEED", "N", "OUT", "CONFIG", "TWIN"):
        monkeypatch.delenv(f"ADVBENCH_{name}", raising=False)


def test_silence_gives_nothing():
    assert given(context()) == frozenset()


def test_the_command_line_the_environment_and_a_file_all_give(tmp_path, monkeypatch):
    assert given(context("--seed", "0", "--twin", "-a", "zoo")) == {"seed", "twin", "attack"}
    monkeypatch.setenv("ADVBENCH_SEED", "0")
    assert given(context()) == {"seed"}
    file = tmp_path / "options.toml"
    file.write_text('n = 5\nout = "there"\n')
    assert given(context("--config", str(file))) == {"seed", "n", "out", "config"}


def test_every_option_is_called_as_in_a_request():
    names = {param.name for param in context().command.params}
    # About this call alone, or renamed.
    here = {"report", "config", "plugin", "dry_run", "jobs", "offline", "trace_example", "help"}
    assert names - here <= set(Request.__dataclass_fields__)


def test_a_seed_typed_stands_above_a_file_and_a_suite(tmp_path):
    file = tmp_path / "options.toml"
    file.write_text("seed = [7]\n")
    typed = context("--config", str(file), "--seed", "0")
    assert typed.params["seed"] == [0]
    request = Request(seed=tuple(typed.params["seed"]))
    assert merged(request, Suite("toy", "", {}, {"seed": [1]}), given(typed)).seed == (0,)
    assert merged(request, Suite("toy", "", {}, {"seed": [1]}), given(context())).seed == (1,)
