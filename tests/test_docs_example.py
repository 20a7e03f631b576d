"""The defense that the documentation builds, installed and attacked as a reader would."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from generated import replay, repository

from advbench import Access
from advbench.catalog.plugins import discover
from advbench.records.reader import Report
from advbench.testing import BOUNDS, LabelsOnly, LinearContender, SurrogateContender, grid_examples, grid_facts

FOLDER = repository.ROOT / "docs" / "examples" / "bit-depth"
SLOPE = """
from advbench import *
from advbench.testing import SlopeAttack

@hookimpl
def advbench_register_attacks(register):
    register(AttackSpec(name="slope", summary="follows gradients", needs=Access.GRADIENTS,
                        modalities=frozenset(Modality), norms=frozenset({Norm.L2}), batched=True), SlopeAttack)
"""


@pytest.fixture(scope="module")
def module():
    with repository.importable([FOLDER]):
        import advbench_bit_depth.defense

        yield advbench_bit_depth.defense


class Job:
    """All that the defense reads of one."""

    facts = grid_facts()


def test_it_is_found_by_its_entry_point_and_listed_without_its_class():
    with repository.importable([FOLDER]):
        found = discover(only="bit-depth")
    assert found.broken == []
    entry = found.find("defense", "bit-depth")
    assert (entry.source.dist, entry.target) == ("advbench-bit-depth", "advbench_bit_depth.defense:BitDepth")


def test_it_answers_as_its_base_does_at_the_rounded_input(module):
    base, x = LinearContender(), grid_examples(50).x
    contender = module.BitDepth(bits=2).protect(base, Job)
    levels = torch.tensor([-1.0, 1 / 3, 5 / 3, 3.0])  # four between the bounds, which are not 0 and 1
    rounded = levels[(x.unsqueeze(-1) - levels).abs().argmin(dim=-1)]
    assert not torch.equal(base.labels(x), base.labels(rounded))
    torch.testing.assert_close(contender.scores(x), base.scores(rounded))
    assert torch.equal(contender.labels(x), base.labels(rounded))
    assert (BOUNDS.low, BOUNDS.high) == (-1, 3)


def test_its_surrogate_is_the_base_alone(module):
    base, x = SurrogateContender(), grid_examples(20).x
    contender = module.BitDepth(bits=1).protect(base, Job)
    assert contender.facts == replace(base.facts, gradients=("surrogate",))

    def loss(scores):
        return scores[:, 1]

    value, grad = contender.value_and_grad(x, loss, gradient="surrogate")
    expected, slope = base.value_and_grad(x, loss, gradient=base.facts.gradients[0])
    assert torch.equal(value, expected)
    assert torch.equal(grad, slope)
    assert grad.ne(0).any()


def test_a_base_without_gradients_gives_it_none(module):
    contender = module.BitDepth().protect(LabelsOnly(LinearContender()), Job)
    assert contender.facts.gradients == ()
    assert contender.facts.access == Access.LABELS


def test_a_reader_may_run_it(tmp_path):
    """Noise against labels, slopes against the surrogate, its twin beside it."""
    run = replay.runner(tmp_path)
    (tmp_path / "work" / "slope.py").write_text(SLOPE)
    words = "--model linear --defense bit-depth --attack random-noise:draws=30 --attack slope --plugin slope.py -n 12"
    printed = run(f"advbench run {words}")
    cells = Report.open(tmp_path / "work" / "reports" / "main").table("cells").to_pylist()
    assert {row["status"] for row in cells} == {"ok"}
    faced = {(row["defense"], row["attack"]): row["gradient"] for row in cells if row["twin_of"] is None}
    assert faced == {("bit-depth", "random-noise"): "none", ("bit-depth", "slope"): "surrogate"}
    assert {(row["model"], row["twin_of"]) for row in cells} == {("linear", None), ("linear", "bit-depth")}
    assert "~" in printed
    assert "linear (twin)" in printed
