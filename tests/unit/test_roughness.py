"""The judge tells of every change of a series how bumpy it is."""

import math
import sys
from pathlib import Path

import pytest
import torch

from advbench import Bounds, DatasetFacts, Examples, Modality, Perturbed
from advbench.arena.roughness import roughness
from advbench.testing import ThresholdContender

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import play
from judge_case import NONE

STEPS, HEIGHT = 10, 0.5
SERIES = DatasetFacts(modality=Modality.SERIES, shape=(STEPS, 1), classes=2, bounds=Bounds(-1.0, 3.0), digest="series")


def bump(at):
    change = torch.zeros(1, STEPS, 1)
    change[0, at] = HEIGHT
    return change


def test_a_straight_line_is_smooth_wherever_the_series_itself_goes():
    x = torch.rand(2, STEPS, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    line = torch.linspace(-1, 2, STEPS, dtype=torch.float64).reshape(1, STEPS, 1)
    assert roughness(x, x + line).tolist() == pytest.approx([0, 0], abs=1e-15)
    assert roughness(x, x).tolist() == [0, 0]


def test_one_bump_has_its_closed_form_and_a_wider_one_is_smoother():
    x = torch.zeros(1, STEPS, 1)
    known = math.sqrt((1 + 4 + 1) * HEIGHT**2 / (STEPS - 2))
    assert float(roughness(x, bump(4))) == pytest.approx(known)
    assert 0 < float(roughness(x, bump(4) + bump(5) + bump(6))) < known


def test_every_channel_counts_and_rows_do_not_mix():
    x = torch.zeros(2, STEPS, 2)
    changed = x.clone()
    changed[1, 4, 0] = HEIGHT
    one = math.sqrt((1 + 4 + 1) * HEIGHT**2 / (2 * (STEPS - 2)))
    assert roughness(x, changed).tolist() == pytest.approx([0, one])


def test_two_steps_have_no_second_difference():
    assert roughness(torch.zeros(3, 2, 1), torch.ones(3, 2, 1)).isnan().all()


class Bumps:
    """Raises the first number over the threshold, and nothing else; notes something of its own."""

    def perturb(self, oracle, x, rng):
        out = x.clone()
        out[:, 0] += 1.5
        return Perturbed(out, notes={"own": torch.full((len(x),), 7.0)})


def test_the_judge_notes_it_beside_the_attacks_own_notes_for_series_alone():
    x = torch.zeros(2, STEPS, 1)
    examples = Examples(torch.arange(2), x, torch.zeros(2, dtype=torch.int64))
    rows = play(ThresholdContender(), Bumps(), examples, facts=SERIES, needs=NONE, eps=9.0)
    assert [row["verdict"] for row in rows] == ["broken"] * 2
    assert [row["note_own"] for row in rows] == [7.0] * 2
    assert [row["note_roughness"] for row in rows] == pytest.approx([1.5 / math.sqrt(STEPS - 2)] * 2)  # one end only
    table = Examples(examples.ids, x[:, :4, 0], examples.y)
    (row, _) = play(ThresholdContender(), Bumps(), table, needs=NONE, eps=9.0)
    assert "note_roughness" not in row
