"""Only what every contender of a data set and seed gets right: who is asked, what is chosen, and how it is told."""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from advbench.bench.eligible import asked_for, restricted
from advbench.bench.plan import with_suite
from advbench.bench.request import Request
from advbench.catalog.registry import Suite
from advbench.catalog.resolve import Resolver
from advbench.contract.errors import EmptySelection, ReportError, RequestError
from advbench.records.reader import Report
from advbench.records.tables import conform, make_table
from advbench.records.writer import ReportWriter
from advbench.report.leaderboard import build
from advbench.report.rescore import rescore
from advbench.report.sheets import by_contender, legend

sys.path.insert(0, str(Path(__file__).resolve().parent))
from plan_case import FOUND, plan
from test_rescore import METRICS, SAME, rows, table

REQUEST = Request(attack=("zoo",), dataset=("two-moons",), n=5)
TWO = {"model": ("linear", "mlp")}


class Asked:
    """Contenders that are wrong where the position leaves a remainder; counts who is asked for what."""

    def __init__(self, wrong):
        self.wrong, self.told, self.cells = wrong, [], []

    def __call__(self, cell):
        self.cells.append(cell)
        wrong = self.wrong[cell.opponent.text]
        if wrong is None:
            return None
        return {position: 7 * position for position in cell.data.positions if not wrong(position)}

    def restrict(self, made, request=REQUEST):
        return restricted(made, request, [self(cell) for _, cell in asked_for(made)], self.told.append)


def thirds_and_halves():
    return Asked({"linear": lambda i: i % 3 == 0, "mlp": lambda i: i % 2 == 0})


def record(cell):
    return json.loads(cell.eligible)


def test_only_what_all_contenders_get_right_is_left():
    asked = thirds_and_halves()
    made = plan(attack=("zoo", "random-noise"), n=1_000, **TWO)
    cells = asked.restrict(made, replace(REQUEST, n=1_000)).cells
    of = len(made.cells[0].data.positions)
    both = [i for i in range(of) if i % 3 and i % 2]
    assert [cell.opponent.text for cell in asked.cells] == ["linear", "mlp"], "each once, whatever the attacks"
    assert all(list(cell.data.positions) == list(range(of)) for cell in asked.cells), "the whole split, whatever n"
    assert len(cells) == 4
    for cell in cells:
        assert sorted(cell.data.positions) == both
        assert (record(cell)["n"], record(cell)["of"], record(cell)["rule"]) == (len(both), of, "all-correct")
    (told,) = asked.told
    assert told.startswith(f"two-moons, seed 0: {len(both)} of {of} examples are eligible, those that every contender")


@pytest.mark.parametrize("select", ["first", "random"])
def test_fewer_are_the_beginning_of_more_in_the_same_cell(select):
    def restrict(n):
        made = plan(n=n, select=select, **TWO)
        return thirds_and_halves().restrict(made, replace(REQUEST, n=n, select=select)).cells[0]

    few, many = restrict(6), restrict(30)
    assert len(few.data.positions) == 6
    assert many.data.positions[:6] == few.data.positions
    assert few.cell_id == many.cell_id


def test_every_beginning_holds_the_classes_of_the_eligible_in_proportion():
    dataset = plan().cells[0].data.component.instance
    labels = dataset.labels("eval").tolist()
    ones = [i for i, label in enumerate(labels) if label == 1]
    scarce = set(ones[: len(ones) // 3])  # of one class only a third is eligible
    asked = Asked({"linear": lambda i: labels[i] == 1 and i not in scarce, "mlp": lambda i: False})
    positions = asked.restrict(plan(**TWO), replace(REQUEST, n=1_000)).cells[0].data.positions
    share = sum(labels[i] for i in positions) / len(positions)
    for n in range(1, len(positions) + 1):
        assert abs(sum(labels[i] for i in positions[:n]) - n * share) < 1


def test_named_ids_are_attacked_if_they_are_eligible():
    made = plan(**TWO)
    ids = made.cells[0].data.component.instance.load("eval").ids.tolist()
    wanted = "/".join(str(ids[i]) for i in (5, 0, 1, 3))
    request = replace(REQUEST, select=f"ids={wanted}")
    assert thirds_and_halves().restrict(made, request).cells[0].data.positions == (5, 1)


def test_ids_and_contenders_count_in_the_identity():
    ordinary = plan(attack=("random-noise",), **TWO)
    cell = thirds_and_halves().restrict(ordinary).cells[0]
    others = Asked({"linear": lambda i: i % 3 == 0, "mlp": lambda i: i % 2 == 1}).restrict(ordinary).cells[0]
    # `alone` is right everywhere, so that the ids stay and the contenders do not.
    more = Asked({**thirds_and_halves().wrong, "alone": lambda i: False})
    larger = more.restrict(plan(attack=("random-noise",), defense=("none", "alone"), **TWO)).cells
    same = next(one for one in larger if one.opponent.text == "linear")
    assert record(same)["ids"] == record(cell)["ids"]
    assert len({ordinary.cells[0].cell_id, cell.cell_id, others.cell_id, same.cell_id}) == 4
    again = thirds_and_halves().restrict(plan(attack=("random-noise",), model=("mlp", "linear"))).cells[1]
    assert again.cell_id == cell.cell_id, "the order of typing does not"


def test_twins_are_asked_and_refused_contenders_are_not():
    asked = Asked({"noise over mlp": lambda i: False, "mlp": lambda i: i % 2 == 0})
    # `climb` wants gradients, of which `alone` has none.
    made = plan(attack=("climb",), defense=("alone", "noise"), model=("mlp",))
    assert {cell.opponent.text for cell in made.cells if cell.refused} == {"alone"}
    cells = asked.restrict(made).cells
    assert sorted(cell.opponent.text for cell in asked.cells) == ["mlp", "noise over mlp"]
    assert all({i % 2 for i in cell.data.positions} == {1} for cell in cells)
    assert len({cell.eligible for cell in cells}) == 1, "a refusal stands in the table of the others"


def test_each_seed_and_data_set_is_a_group_of_its_own():
    class BySeed(Asked):
        def __call__(self, cell):
            self.cells.append(cell)
            return {i: i for i in cell.data.positions if i % 5 != cell.seed}

    asked = BySeed({})
    made = plan(dataset=("two-moons", "digits:classes=3/8"), seed=(0, 1), **TWO)
    cells = asked.restrict(made, replace(REQUEST, seed=(0, 1), n=1_000)).cells
    assert len(asked.cells) == 8
    assert len(asked.told) == 4
    for cell in cells:
        assert {i % 5 for i in cell.data.positions} == set(range(5)) - {cell.seed}


def test_who_cannot_be_asked_has_no_say():
    asked = Asked({"linear": None, "mlp": lambda i: i % 2 == 0})
    cells = asked.restrict(plan(**TWO), replace(REQUEST, n=1_000)).cells
    assert all({i % 2 for i in cell.data.positions} == {1} for cell in cells)
    alone = Asked({"mlp": lambda i: i % 2 == 0}).restrict(plan(model=("mlp",))).cells[0]
    assert record(cells[0]) == record(alone)
    nobody = Asked({"linear": None, "mlp": None}).restrict(plan(**TWO)).cells
    ordinary = {cell.cell_id for cell in plan(**TWO).cells}
    assert not ordinary & {cell.cell_id for cell in nobody}, "a failure must not replace an ordinary cell's rows"


def test_none_left_is_an_empty_selection():
    asked = Asked({"linear": lambda i: i % 2 == 0, "mlp": lambda i: i % 2 == 1})
    with pytest.raises(EmptySelection, match=r"two-moons: no example is selected.*of which 0 are eligible") as caught:
        asked.restrict(plan(**TWO))
    assert caught.value.exit_code == 5


def test_a_suite_takes_the_key_and_refuses_other_words():
    suite = Suite("s", "", {}, {"eligible": "all-correct"})

    def found(value):
        registry = replace(FOUND.registry, suites={"s": replace(suite, options={"eligible": value})})
        return with_suite(Request(suite="s"), Resolver(FOUND.installed, registry))

    assert found("all-correct").eligible == "all-correct"
    with pytest.raises(RequestError, match="suite s: eligible must be a value that run takes, got 'most'"):
        found("most")


# What is stored and shown

LIST = {"rule": "all-correct", "n": 3, "of": 4, "ids": "a", "contenders": "c"}


def stored(cell_id, answers, minute=0, seed=0, model="one", **changes):
    cell = {
        "cell_id": cell_id, "dataset": "digits", "model": model, "attack": "zoo", "coverage": "Q", "status": "ok",
        "norm": "l2", "eps": 1.0, "seed": seed, "n": len(answers), "eligible": json.dumps({**LIST, **changes}),
        "finished_at": datetime(2026, 1, 1, 0, minute, tzinfo=UTC), **SAME,
    }  # fmt: skip
    return cell, rows(answers)


def report_of(folder, *cells):
    with ReportWriter.open(folder) as writer:
        for cell, examples in cells:
            writer.write_cell(cell)
            writer.write_shard(cell["cell_id"], 0, **SAME, examples=examples, trace=[])
        writer.compact()
    return Report.open(folder)


def sections(report):
    return {section.eligible: section for section in build([report]).sections}


def test_they_make_a_table_of_their_own_that_tells_no_clean_accuracy(tmp_path):
    plain = {**stored("p", "bhhs")[0], "eligible": None}, rows("bhhs")
    board = build([report_of(tmp_path, plain, stored("e", "bhh"))])
    found = {section.eligible: section.lines for section in board.sections}
    assert set(found) == {None, "all-correct (3 of 4)"}
    assert found[None][0].clean.value == 0.75
    (line,) = found["all-correct (3 of 4)"]
    assert (line.clean, line.robust.value, line.n) == (None, pytest.approx(2 / 3), 3)
    assert line.marks["all_correct"] == 3
    titles = [by_contender(section).title for section in board.sections]
    assert [title.endswith("all-correct (3 of 4)") for title in titles] == [False, True]
    assert "all-correct" in dict(legend(board))


def test_tables_differ_by_contenders_and_not_by_seed(tmp_path):
    found = sections(
        report_of(
            tmp_path, stored("a", "bhh"), stored("b", "bh", seed=1, n=2, ids="b"), stored("x", "h", n=1, contenders="d")
        )
    )
    assert set(found) == {"all-correct (2/3 of 4)", "all-correct (1 of 4)"}
    (line,) = found["all-correct (2/3 of 4)"].lines
    assert (line.seeds, line.marks["all_correct"]) == (2, 2)


def test_examples_on_which_the_same_contenders_no_longer_agree_are_left_out(tmp_path):
    old, new = stored("old", "bbb", minute=1), stored("new", "hh", minute=2, ids="b", n=2)
    (section,) = build([report_of(tmp_path, new, old)]).sections
    (line,) = section.lines
    assert (line.robust.value, line.n) == (1.0, 2)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "all-correct", '{"rule": 1, "n": "x"}'])
def test_a_record_that_cannot_be_read_is_told(tmp_path, text):
    cell, examples = stored("e", "b")
    report = report_of(tmp_path, ({**cell, "eligible": text}, examples))
    with pytest.raises(ReportError, match="cell e: eligible must be null or a record as written by run, got"):
        build([report])


def test_scores_of_such_cells_say_so(tmp_path):
    plain = {**stored("p", "shhb")[0], "eligible": None}, rows("shhb")
    report = report_of(tmp_path, plain, stored("e", "bhh"))
    assert set(table(rescore(report, METRICS)[0])) == {
        ("p", "clean-accuracy"), ("p", "robust-accuracy"),
        ("e", "clean-accuracy@all-correct"), ("e", "robust-accuracy@all-correct"),
    }  # fmt: skip
    found = table(rescore(report, METRICS, eligible="all-correct")[0])
    assert found[("p", "robust-accuracy@all-correct")] == (pytest.approx(2 / 3), 3), "not cut by the other cell"
    assert found[("e", "robust-accuracy@all-correct")] == (pytest.approx(2 / 3), 3)


def test_rescoring_compares_contenders_of_one_seed(tmp_path):
    one, other = ({**stored(name, "h", seed=seed)[0], "eligible": None} for name, seed in (("a", 0), ("b", 1)))
    found = table(rescore(report_of(tmp_path, (one, rows("shh")), (other, rows("hhs"))), METRICS, "all-correct")[0])
    assert {n for _, n in found.values()} == {2}


def test_reports_from_before_have_ordinary_cells(tmp_path):
    before = make_table("cells", [{**stored("e", "b")[0]}]).drop_columns(["eligible"])
    assert conform("cells", before)["eligible"].to_pylist() == [None]
    assert conform("cells", before, ["eligible"])["eligible"].type == pa.string()
