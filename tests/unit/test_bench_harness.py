"""The bench's own arithmetic: what it times, counts, judges and compares."""

import itertools
import json
import math
import sys
import time
from pathlib import Path

import pytest
import torch
from scipy.stats import binomtest
from torch import nn

from advbench import Bounds, Examples, Perturbed
from advbench.arena.asking import Asker
from advbench.arena.networks import TorchContender
from advbench.testing import grid_facts

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.bench import harness, records
from tests.bench.arena import CPU, Recording, judged_points, play, queries, replay
from tests.bench.art_zoo import Counter, Setting, attack, best_setting, settings
from tests.bench.fair import distance_if_broken, mcnemar, within
from tests.bench.table import line, table

UNIT = Bounds(0.0, 1.0)


def threshold_contender():
    """Class 1 where the first of two features exceeds one half."""
    network = nn.Linear(2, 2)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
        network.bias.copy_(torch.tensor([0.5, -0.5]))
    return TorchContender(network)


def four_examples():
    x = torch.tensor([[0.1, 0.5], [0.2, 0.5], [0.3, 0.5], [0.4, 0.5]])
    return Examples(torch.arange(4), x, torch.zeros(4, dtype=torch.int64))


class Clock:
    """Time that passes only as works say so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def work(self, log, name, cost):
        def run():
            log.append(name)
            self.now += cost()

        return run


def test_works_take_turns_after_a_round_that_does_not_count():
    clock, log = Clock(), []
    works = clock.work(log, "A", lambda: 3.0), clock.work(log, "B", lambda: 2.0)
    columns = harness.in_turn(2, *works, clock=clock)
    assert log == ["A", "B"] * 3
    assert columns == [[3.0, 3.0], [2.0, 2.0]]


def test_a_ratio_pairs_neighbours_so_that_a_slower_machine_moves_none():
    clock, log = Clock(), []

    def slowness():
        return 10.0 ** ((len(log) - 1) // 2)  # ten times slower every round

    works = clock.work(log, "A", lambda: 3 * slowness()), clock.work(log, "B", lambda: slowness())
    ours, model = harness.in_turn(4, *works, clock=clock)
    assert ours[-1] / ours[0] == pytest.approx(1000)
    assert harness.ratios(ours, model) == pytest.approx([3.0] * 4)


def test_ratios_of_unequal_columns_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        harness.ratios([1.0, 2.0], [1.0])


def test_only_a_slow_step_announces_itself(capsys):
    with harness.step("quick", after=5.0):
        pass
    assert capsys.readouterr().err == ""
    with harness.step("slow", after=0.01):
        time.sleep(0.2)
    assert capsys.readouterr().err.count("slow") == 2  # that it runs, then how long it ran


def test_goals_are_held_against_medians():
    assert harness.figure("x", [1.0, 1.2, 9.0], harness.at_most(1.3)).met is True
    assert harness.figure("x", [1.0, 1.4, 1.5], harness.at_most(1.3)).met is False
    assert harness.figure("x", 0.4, harness.below(0.4)).met is False
    assert harness.figure("x", 257, harness.exactly(257)).met is True
    assert harness.figure("x", 257).met is None


def test_the_table_counts_goals_and_shows_the_spread():
    found = [
        harness.figure("good", 1.0, harness.at_most(2)),
        harness.figure("bad", [3.0, 4.0], harness.at_most(2)),
        harness.figure("no goal", 5.0, note="for scale"),
    ]
    text = table({"subject": found})
    assert "goals met: 1 of 2" in text
    assert "NO" in line(found[1])
    assert "[3, 4]" in line(found[1])
    assert "for scale" in line(found[2])


@pytest.mark.parametrize(("first", "second"), [*itertools.product((0, 1, 4, 15), repeat=2)])
def test_mcnemar_is_the_exact_binomial_test(first, second):
    expected = 1.0 if first + second == 0 else binomtest(first, first + second, 0.5).pvalue
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-12)


def test_mcnemar_of_known_tables():
    assert mcnemar(0, 5) == pytest.approx(2 / 2**5)
    assert mcnemar(1, 9) == pytest.approx(2 * 11 / 2**10)


def test_a_comparison_looks_at_pairs_not_at_totals():
    ours = torch.tensor([0.1, 0.2, math.inf, 0.9], dtype=torch.float64)
    theirs = torch.tensor([0.4, 0.6, 0.3, math.inf], dtype=torch.float64)
    pair = within(ours, theirs, 0.5)
    assert (pair.first, pair.second, pair.only_first, pair.only_second, pair.p) == (0.5, 0.5, 1, 1, 1.0)
    assert within(ours, theirs, 1.0).only_first == 1


def test_a_point_that_is_no_success_has_no_distance_whatever_its_attack_says():
    examples = four_examples()
    points = examples.x.clone()
    points[1, 0] = 0.75  # a real success
    points[2, 0] = 1.5  # would be one, outside the box
    points[3, 1] = math.nan
    size = distance_if_broken(Asker(threshold_contender(), 2, CPU), examples.x, examples.y, points, UNIT)
    assert size.dtype == torch.float64
    assert size.isfinite().tolist() == [False, True, False, False]
    assert size[1] == pytest.approx(0.55)


class HalfTheWay:
    """Asks once, returns points that are no success, and says nothing of it."""

    def perturb(self, oracle, x, rng):
        oracle.scores(x)
        return Perturbed(x + 0.01)


class OverTheLine:
    """Moves the first feature to 0.6 and asks about that alone."""

    def perturb(self, oracle, x, rng):
        moved = x.clone()
        moved[:, 0] = 0.6
        oracle.scores(moved)
        return Perturbed(moved)


@pytest.mark.parametrize(("attack_class", "broken"), [(HalfTheWay, 0), (OverTheLine, 4)])
def test_an_outcome_of_the_arena_is_judged_afresh(attack_class, broken):
    examples, contender = four_examples(), threshold_contender()
    outcome = play(contender, attack_class(), examples, grid_facts(features=2), 10)
    size = distance_if_broken(Asker(contender, 2, CPU), examples.x, examples.y, judged_points(outcome, examples), UNIT)
    assert int(size.isfinite().sum()) == broken
    assert queries(outcome) == [1] * 4


def test_a_replay_asks_the_rows_that_were_recorded_and_no_others():
    examples, contender = four_examples(), threshold_contender()
    recording = Recording(contender)
    play(recording, OverTheLine(), examples, grid_facts(features=2), 10)
    second = Recording(contender)
    replay(second, recording.parts)
    assert [len(part) for part in second.parts] == [len(part) for part in recording.parts]
    moved = examples.x.clone()
    moved[:, 0] = 0.6
    assert any(torch.equal(part[:4], moved) for part in recording.parts)


def test_rows_are_counted_and_clipped_into_the_box():
    recording = Recording(threshold_contender())
    counter = Counter(recording, UNIT)
    counter(torch.full((3, 2), 2.0).numpy())
    counter(torch.zeros(5, 2).numpy())
    assert counter.rows == 8
    assert torch.equal(recording.parts[0], torch.ones(3, 2))


@pytest.mark.parametrize("setting", [*settings(30)])
def test_no_setting_asks_more_than_the_budget_nor_leaves_much_of_it(setting):
    assert 0.9 * 5000 <= setting.queries(5000) <= 5000


def test_the_best_setting_is_the_best_of_those_tried():
    def score(setting):
        return (setting.searches == 9) + (setting.coordinates == 30) + (setting.variable_h == 0.1)

    best = best_setting(30, score)
    assert (best.searches, best.coordinates, best.variable_h) == (9, 30, 0.1)


def test_a_record_survives_its_file_and_tells_what_changed(tmp_path):
    machine = records.machine()
    assert machine["cores"] >= 1
    assert machine["packages"]["torch"]
    found = {
        "zoo": [harness.figure("whole / model (x)", [1.0, 2.0, 3.0], harness.at_most(1.3)), harness.figure("new", 1)]
    }
    record = records.as_record(found, machine, machine)
    path = records.dated(record, tmp_path / "results")
    records.write(record, path)
    earlier = json.loads(path.read_text())
    assert earlier == record
    earlier["figures"][0]["median"] = 4.0
    del earlier["figures"][1]
    earlier["machine"]["cores_usable"] = 1000
    told = "\n".join(records.changes(record, earlier))
    assert "-50 %" in told
    assert "new" in told
    assert "cores_usable differs" in told


def test_figures_that_share_a_name_are_refused():
    twice = [harness.figure("p", 1.0), harness.figure("p", 0.5)]
    with pytest.raises(ValueError, match="must differ in name"):
        records.as_record({"zoo": twice}, records.machine(), records.machine())


@pytest.mark.slow  # imports the toolbox: seconds
def test_the_toolbox_asks_as_many_rows_as_its_setting_says_row_by_row_or_not():
    examples, contender = four_examples(), threshold_contender()
    setting = Setting(searches=2, coordinates=2, initial_const=1.0)
    runs = [attack(contender, examples, UNIT, setting, 200, whole_calls=whole) for whole in (True, False)]
    assert [rows for _, rows in runs] == [4 * (setting.queries(200) + 2)] * 2  # and two each for its log
    torch.testing.assert_close(runs[0][0], runs[1][0])
    size = distance_if_broken(Asker(contender, 2, CPU), examples.x, examples.y, runs[0][0], UNIT)
    assert bool(size.isfinite().all())
