"""The leaderboard's numbers on cases small enough to count by hand."""

import math
import os

import pytest

from advbench.records.intervals import median_interval, wilson
from advbench.records.reader import Report
from advbench.records.writer import ReportWriter
from advbench.report.leaderboard import build

CELL = {
    "fingerprint": "f", "contender_digest": "d", "dataset": "digits", "dataset_params": '{"classes": [3, 8]}',
    "defense_params": "{}", "attack_params": "{}", "coverage": "Q", "gradient": "none", "norm": "l2", "eps": 1.0,
    "reference_eps": 0.5, "max_queries": 100, "targeted": False, "targets": "random", "seed": 0, "status": "ok",
}  # fmt: skip
KINDS = {
    "h": ("held", "budget"), "b": ("broken", "found"), "s": ("skipped", None), "x": ("held", "blind"),
    "t": ("held", "timeout"), "i": ("invalid", "done"),
}  # fmt: skip


class Desk:
    """Writes cells from strings: one letter per example, as in KINDS."""

    def __init__(self, root):
        self.writer, self.count = ReportWriter.open(root), 0
        self.root = root

    def cell(self, defense, attack, answers, *, n=None, sizes=None, queries=None, ids=None, **fields):
        self.count += 1
        cell_id = fields.pop("cell_id", f"c{self.count}")
        identity = {"fingerprint": "f", "contender_digest": "d"}
        self.writer.write_cell(
            CELL
            | {"cell_id": cell_id, "defense": defense, "attack": attack, "n": len(answers) if n is None else n}
            | fields
        )
        examples = []
        for i, letter in enumerate(answers):
            verdict, stop = KINDS[letter]
            row = {"example_id": ids[i] if ids else i, "label": 1, "clean_label": int(letter != "s")}
            row |= {"verdict": verdict, "stop_reason": stop, "queries": queries[i] if queries else 10}
            examples.append(row | {"l2": (sizes[i] if sizes else 0.5) if letter == "b" else None})
        self.writer.write_shard(cell_id, 0, **identity, examples=examples, trace=[])

    def board(self, by="contender"):
        self.writer.compact()
        self.writer.close()
        return build([Report.open(self.root)], by)

    def lines(self):
        (section,) = self.board().sections
        return {line.contender: line for line in section.lines}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    desk = Desk(tmp_path / "r")
    yield desk
    desk.writer.close()


def test_disjoint_failures_add_up_to_the_worst_case(desk):
    desk.cell("scd", "zoo", "bbbhhhhhss", queries=[5, 6, 7, *[9] * 7])
    desk.cell("scd", "hsj", "hhhbbhhhss")
    line = desk.lines()["scd"]
    assert line.robust.value == 3 / 10
    assert (line.robust.low, line.robust.high) == wilson(3, 10)
    assert line.clean.value == 8 / 10
    assert (line.by, line.queries, line.queries_over, line.n) == ("zoo", 6, "broken", 10)
    assert (line.rank, line.coverage, line.missing, line.marks) == (1, "Q", "GSLTN", {})
    assert {name: score.robust.value for name, score in line.attacks.items()} == {"zoo": 5 / 10, "hsj": 6 / 10}


def test_only_examples_judged_in_every_cell_count(desk):
    desk.cell("scd", "zoo", "bbhhh", ids=[1, 2, 3, 4, 5])
    desk.cell("scd", "hsj", "hbhh", ids=[3, 4, 5, 6])
    line = desk.lines()["scd"]
    assert (line.n, line.robust.value) == (3, pytest.approx(2 / 3))


def test_the_clean_control_gives_clean_accuracy_and_no_robustness(desk):
    desk.cell("scd", "none", "hhhs", coverage="-")
    desk.cell("rbfi", "none", "hhhh", coverage="-")
    desk.cell("rbfi", "zoo", "bhhh")
    lines = desk.lines()
    assert (lines["scd"].state, lines["scd"].clean.value, lines["scd"].robust) == ("not attacked", 0.75, None)
    assert (lines["scd"].rank, lines["scd"].coverage, lines["scd"].attacks) == (None, "", {})
    assert (lines["rbfi"].robust.value, lines["rbfi"].coverage, lines["rbfi"].rank) == (0.75, "Q", 1)


def test_a_contender_with_only_blind_cells_has_no_number(desk):
    desk.cell("scd", "zoo", "xxxs")
    line = desk.lines()["scd"]
    assert (line.state, line.robust, line.rank, line.by) == ("blind", None, None, None)
    assert (line.coverage, line.marks, line.clean.value) == ("", {"blind": 3}, 0.75)
    assert line.attacks["zoo"].state == "blind"


def test_blind_rows_are_no_evidence_unless_another_attack_saw_the_example(desk):
    desk.cell("half", "zoo", "xxbh")
    desk.cell("seen", "zoo", "xxbh")
    desk.cell("seen", "hsj", "hhhh", coverage="L")
    lines = desk.lines()
    assert (lines["half"].robust.value, lines["half"].marks) == (0.75, {"blind": 2})
    assert lines["half"].robust.low == wilson(1, 4)[0]
    assert (lines["seen"].robust.value, lines["seen"].marks, lines["seen"].coverage) == (0.75, {}, "QL")
    assert lines["seen"].robust.low == wilson(3, 4)[0]
    assert lines["seen"].attacks["zoo"].marks == {"blind": 2}


def test_timeouts_are_bounds_and_an_invalid_row_is_held(desk):
    desk.cell("scd", "zoo", "ttib")
    desk.cell("scd", "hsj", "hbhh")
    line = desk.lines()["scd"]
    assert (line.robust.value, line.marks) == (0.5, {"unresolved": 1})
    assert (line.robust.low, line.robust.high) == (wilson(1, 4)[0], wilson(2, 4)[1])


def test_failed_and_unfinished_cells_mark_the_number_but_never_hold(desk):
    desk.cell("failed", "zoo", "bhhh")
    desk.cell("failed", "hsj", "", n=4, status="failed", code="error", reason="it broke")
    desk.cell("begun", "zoo", "bhhh")
    desk.cell("begun", "hsj", "hb", n=4, status="failed", code="interrupted")
    desk.cell("short", "zoo", "hh", n=4)
    desk.cell("alone", "zoo", "hh", n=4, status="failed", code="interrupted")
    lines = desk.lines()
    assert (lines["failed"].robust.value, lines["failed"].marks) == (0.75, {"failed": 1, "incomplete": 1})
    assert (lines["begun"].robust.value, lines["begun"].n) == (0.5, 4)  # what it broke stays broken
    assert lines["begun"].marks == {"incomplete": 1}
    assert lines["begun"].attacks["hsj"].state == "failed"
    for name in ("short", "alone"):
        assert (lines[name].state, lines[name].robust, lines[name].rank) == ("unfinished", None, None)
        assert lines[name].marks == {"incomplete": 1}


def test_refused_cells_are_marked_with_their_reason_and_nothing_else_changes(desk):
    desk.cell("scd", "zoo", "bhhh")
    desk.cell("scd", "pgd", "", n=4, status="refused", code="access", reason="pgd must see gradients. Use hsj.")
    desk.cell("tree", "pgd", "", n=4, status="refused", code="access")
    (section,) = desk.board().sections
    scd, tree = section.lines
    assert (scd.robust.value, scd.marks) == (0.75, {"refused": 1})
    assert (tree.state, tree.rank, tree.clean) == ("refused", None, None)
    assert section.refusals == (
        "refused: pgd on tree: access",
        "refused: pgd on scd: pgd must see gradients. Use hsj.",
    )


def test_without_eps_the_median_worst_case_distance_ranks(desk):
    sizes = {"eps": None}
    desk.cell("far", "zoo", "bbbbs", sizes=[0.2, 0.9, 3, 4, 0], **sizes)
    desk.cell("far", "hsj", "bbbhs", sizes=[0.6, 0.4, 5, 0, 0], **sizes)
    desk.cell("wall", "zoo", "hhhb", sizes=[0, 0, 0, 0.1], **sizes)
    (section,) = desk.board().sections
    wall, far = section.lines
    assert (wall.contender, wall.rank, wall.distance.value) == ("wall", 1, math.inf)
    assert far.distance.value == pytest.approx((0.4 + 3) / 2)  # of .2 .4 3 4
    assert far.distance.high == median_interval([0.2, 0.4, 3, 4])[1] == math.inf
    assert far.distance.low == 0
    assert far.robust.value == 2 / 5  # unbroken at the reference eps of .5
    assert wall.robust.value == 3 / 4
    assert far.by == "zoo"
    assert far.rank == 2


def test_without_a_reference_eps_no_robust_accuracy_is_invented(desk):
    desk.cell("scd", "zoo", "bh", eps=None, reference_eps=None)
    line = desk.lines()["scd"]
    assert line.robust is None
    assert line.distance.value == math.inf


def test_with_all_targets_an_example_falls_when_any_target_does(desk):
    desk.writer.write_cell(
        CELL | {"cell_id": "t", "defense": "scd", "attack": "zoo", "n": 2, "targeted": True, "targets": "all"}
    )
    rows = [
        {"example_id": i, "target": target, "label": 0, "clean_label": 0, "verdict": verdict, "queries": 4, "l2": size}
        for i, target, verdict, size in (
            (1, 1, "held", None), (1, 2, "broken", 0.7), (1, 3, "broken", 0.4), (2, 1, "held", None),
            (2, 2, "held", None), (2, 3, "held", None),
        )
    ]  # fmt: skip
    desk.writer.write_shard("t", 0, fingerprint="f", contender_digest="d", examples=rows, trace=[])
    (section,) = desk.board().sections
    (line,) = section.lines
    assert (line.robust.value, line.n, line.queries, section.targets) == (0.5, 2, 12, "all")


def test_seeds_are_averaged_after_the_worst_case_with_their_spread(desk):
    for seed, (zoo, hsj) in enumerate((("bhhh", "hbhh"), ("bbhh", "bhhh"), ("bbbh", "hhhb"))):
        desk.cell("noise", "zoo", zoo, seed=seed, stochastic=True)
        desk.cell("noise", "hsj", hsj, seed=seed, stochastic=True)
    line = desk.lines()["noise"]
    assert line.robust.value == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert line.robust.high == pytest.approx((2 * wilson(2, 4)[1] + wilson(0, 4)[1]) / 3)
    assert line.spread == pytest.approx(math.sqrt(1 / 12))
    assert (line.seeds, line.n, line.marks) == (3, 4, {"stochastic": 6})


def test_seeds_that_met_different_attacks_are_incomplete(desk):
    desk.cell("noise", "zoo", "bhhh", seed=0)
    desk.cell("noise", "hsj", "bhhh", seed=0)
    desk.cell("noise", "zoo", "bhhh", seed=1)
    assert desk.lines()["noise"].marks == {"incomplete": 1}


def test_nothing_that_differs_in_data_norm_eps_budget_or_goal_shares_a_table(desk):
    desk.cell("scd", "zoo", "bh")
    for change in (
        {"dataset": "mnist"}, {"dataset_params": '{"classes": null}'}, {"norm": "linf"}, {"eps": 2.0}, {"eps": None},
        {"max_queries": 7}, {"max_queries": None}, {"targeted": True}, {"targeted": True, "targets": "all"},
    ):  # fmt: skip
        desk.cell("scd", "zoo", "bh", **change)
    desk.cell("scd", "hsj", "bh", targets="ignored when untargeted")
    board = desk.board()
    assert len(board.sections) == 10
    assert sum(len(section.lines[0].attacks) for section in board.sections) == 11
    assert board.sections[0].dataset == "digits"
    assert board.sections[-1].dataset == "mnist[classes=3/8]"


def test_twins_stand_below_their_defense_and_have_no_rank(desk):
    two, hundred = '{"votes": 2}', '{"votes": 100}'
    desk.cell("scd", "zoo", "bbbh", defense_params=two)
    desk.cell("scd", "zoo", "bhhh", defense_params=hundred)
    desk.cell("none", "zoo", "bbhh", model="mlp", model_params=two, twin_of="scd:votes=2")
    desk.cell("none", "zoo", "bbbb", model="mlp", model_params=hundred, twin_of="scd")
    desk.cell("", "zoo", "hhhh", model="cnn", twin_of="absent")
    (section,) = desk.board().sections
    assert [(line.rank, line.contender, line.twin_of) for line in section.lines] == [
        (1, "cnn", None), (2, "scd[votes=100]", None), (None, "mlp[votes=100]", "scd[votes=100]"),
        (3, "scd[votes=2]", None), (None, "mlp[votes=2]", "scd[votes=2]"),
    ]  # fmt: skip


def test_names_say_only_what_tells_two_apart(desk):
    desk.cell("noise", "zoo", "bh", model="cnn", attack_params='{"h": 0.0001, "c": 1}', defense_params='{"sigma": 0.1}')
    desk.cell("noise", "zoo", "hh", model="mlp", attack_params='{"h": "auto", "c": 1}', defense_params='{"sigma": 0.1}')
    desk.cell("scd", "zoo", "bh", attack_params='{"h": "auto", "c": 1}', defense_params='{"inner": {"name": "pgd"}}')
    desk.cell("scd", "zoo", "hh", attack_params='{"h": "auto", "c": 1}', defense_params='{"inner": null}')
    (section,) = desk.board().sections
    assert {line.contender for line in section.lines} == {
        "noise on cnn", "noise on mlp", "scd[inner=pgd]", "scd[inner=none]",
    }  # fmt: skip
    assert section.attacks == ("zoo[h=1e-4]", "zoo[h=auto]")


def test_equal_numbers_share_a_rank(desk):
    for name, answers in (("a", "bh"), ("b", "hb"), ("c", "hh"), ("d", "bb")):
        desk.cell(name, "zoo", answers)
    assert {name: line.rank for name, line in desk.lines().items()} == {"c": 1, "a": 2, "b": 2, "d": 4}


def test_gradients_of_one_attack_are_one_column_and_marked(desk):
    desk.cell("rbfi", "pgd", "bhhh", gradient="exact", coverage="G")
    desk.cell("rbfi", "pgd", "hbbh", gradient="surrogate/pseudo", coverage="S")
    line = desk.lines()["rbfi"]
    assert (line.robust.value, line.by, line.by_surrogate, line.coverage) == (0.25, "pgd", True, "GS")
    assert line.attacks["pgd"].robust.value == 0.25
    assert line.marks == {"surrogate": 1}


def test_limits_multiplied_for_eot_stay_in_the_table_of_their_budget(desk):
    desk.cell("noise", "hsj", "hbhh", stochastic=True, eot=1)
    desk.cell("noise", "pgd", "bhhh", stochastic=True, eot=20, max_queries=2000)
    desk.cell("typed", "pgd", "bhhh", stochastic=True, eot=20, max_queries=100)
    (section,) = desk.board().sections
    assert section.max_queries == 100
    lines = {line.contender: line for line in section.lines}
    assert lines["noise"].robust.value == 0.5
    assert lines["noise"].marks == {"stochastic": 2, "eot": 20}


def test_a_cell_in_two_reports_counts_once_the_finished_one(desk, tmp_path):
    desk.cell("scd", "zoo", "bbhh", cell_id="same")
    other = Desk(tmp_path / "other")
    other.cell("scd", "zoo", "hh", cell_id="same", n=4, status="failed", code="interrupted")
    other.cell("scd", "hsj", "hhhb", cell_id="more")
    for one in (desk, other):
        one.writer.compact()
        one.writer.close()
    reports = [Report.open(desk.root), Report.open(other.root)]
    for order in (reports, reports[::-1]):
        (line,) = build(order).sections[0].lines
        assert line.robust.value == 0.25


def test_damaged_parts_are_told(desk):
    desk.cell("scd", "zoo", "bh")
    (desk.root / "parts" / "c1" / "shard-00001.parquet").write_bytes(b"")
    board = build([Report.open(desk.root)])
    assert "shard-00001.parquet" in board.damaged[0]
    assert board.sections[0].lines[0].robust.value == 0.5
