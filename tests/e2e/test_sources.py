"""Contenders in an attack's fields: trained once for the whole plan, handed over by field, never the victim itself."""

import pytest
from typer.testing import CliRunner

from advbench.cli.app import app
from advbench.records.reader import Report

PLUGIN = """
from dataclasses import dataclass
import torch
from advbench import *

@dataclass(frozen=True)
class Borrow:
    "Returns the inputs unchanged, and how the contender of its field answers them."
    source: object = component("contender", default="linear", help="whose answers")

    def perturb(self, oracle, x, rng):
        source = oracle.contenders["source"]
        assert list(oracle.contenders) == ["source"]
        weights = sum(float(array.double().sum()) for array in source.state().arrays.values())
        return Perturbed(x, notes={"weights": torch.full((len(x),), weights), "said": source.labels(x)})

@dataclass(frozen=True)
class Compare:
    "Returns the inputs unchanged, and how far apart the weights of its fields' contenders are."
    first: object = component("contender", default="linear", settings={"epochs": 2}, help="one")
    other: object = component("contender", default="linear", settings={"epochs": 2}, help="another")

    def perturb(self, oracle, x, rng):
        first, other = (oracle.contenders[name].state().arrays for name in ("first", "other"))
        apart = sum(float((first[name] - other[name]).abs().sum()) for name in first)
        return Perturbed(x, notes={"apart": torch.full((len(x),), apart)})

@hookimpl
def advbench_register_attacks(register):
    modalities = frozenset({Modality.TABULAR})
    register(AttackSpec(name="borrow", summary="s", needs=Access.NONE, modalities=modalities, norms=frozenset(Norm),
                        batched=True), Borrow)
    register(AttackSpec(name="compare", summary="s", needs=Access.NONE, modalities=modalities, norms=frozenset(Norm),
                        batched=True), Compare)
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    (folder / "borrow.py").write_text(PLUGIN)
    fast = "linear:epochs=2", "mlp:hidden=4,epochs=2"
    models = [word for model in fast for word in ("-m", model)]
    sources = "source.epochs=2", "source=mlp,source.hidden=4,source.epochs=2"
    attacks = [word for source in sources for word in ("-a", f"borrow:{source}")]
    command = ["run", "--plugin", str(folder / "borrow.py"), "-D", "two-moons", *models, *attacks, "-n", "20"]
    outcome = CliRunner().invoke(app, [*command, "-o", str(folder / "out")], env={"ADVBENCH_CACHE_DIR": str(folder)})
    assert outcome.exit_code == 0, outcome.output
    return Report.open(folder / "out"), folder


def test_a_source_of_the_plan_is_trained_with_it_and_the_victims_namesake_apart(report):
    _, folder = report
    # Two victims, and for each the same model under another seed.
    assert len([path for path in (folder / "contenders").iterdir() if path.is_dir()]) == 4


def test_the_victim_never_stands_in_its_own_stead(report):
    cells = report[0].cells.to_pylist()
    examples = report[0].examples.to_pylist()
    weights = {}
    for cell in cells:
        rows = [row for row in examples if row["cell_id"] == cell["cell_id"]]
        (one,) = {row["note_weights"] for row in rows} - {None}
        weights[cell["model"], "mlp" if '"mlp"' in cell["attack_params"] else "linear"] = one
    # Against the other model a source is the plan's own; against its namesake it is another one.
    assert len(set(weights.values())) == 4


def test_contenders_of_one_name_in_several_fields_are_trained_apart(report, tmp_path):
    _, folder = report
    command = ["run", "-D", "two-moons", "-m", "linear:epochs=2", "-a", "compare", "-n", "20"]
    places = ["--plugin", str(folder / "borrow.py"), "-o", str(tmp_path / "out")]
    outcome = CliRunner().invoke(app, [*command, *places], env={"ADVBENCH_CACHE_DIR": str(tmp_path)})
    assert outcome.exit_code == 0, outcome.output
    assert len([path for path in (tmp_path / "contenders").iterdir() if path.is_dir()]) == 3  # the victim too
    (apart,) = {row["note_apart"] for row in Report.open(tmp_path / "out").examples.to_pylist()} - {None}
    assert apart > 1e-3
