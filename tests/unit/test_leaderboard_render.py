"""The printed forms: readable at 80 and 100 columns, exact for programs."""

import csv
import io
import json
import math

import pytest
from rich.console import Console

from advbench.report.board import AttackScore, Leaderboard, Line, Score, Section
from advbench.report.export import as_csv, as_json, as_markdown
from advbench.report.render import as_rich
from advbench.report.sheets import eps_text

THIRD = Score(1 / 3, 0.1, 0.7)
LINES = (
    Line(
        rank=1, contender="scd[votes=100]", state="scored", n=72, clean=Score(0.972, 0.9, 0.99), robust=THIRD,
        by="zoo[h=auto]", by_surrogate=True, queries=1204.0, queries_over="broken", coverage="SQ", missing="GLTN",
        marks={"surrogate": 1, "unresolved": 3, "refused": 2},
        attacks={
            "zoo[h=auto]": AttackScore(state="scored", robust=THIRD, n=72, marks={"surrogate": 1, "stochastic": 2}),
            "hsj": AttackScore(state="failed"),
        },
    ),
    Line(
        contender="mlp", twin_of="scd[votes=100]", state="scored", n=72, seeds=3, spread=0.021,
        clean=Score(1, 0.9, 1), robust=Score(0, 0, 0.05), by="hsj", queries=9.0, queries_over="attacked",
    ),
    Line(contender="rbfi", state="blind", n=72, clean=Score(0.95, 0.9, 1), marks={"blind": 12}),
    Line(contender="cnn", state="not attacked", n=72, clean=Score(0.95, 0.9, 1)),
)  # fmt: skip
FREE = (
    Line(
        rank=1, contender="rbfi", state="scored", n=9, clean=Score(1, 0.7, 1), robust=Score(0.5, 0.2, 0.8),
        distance=Score(math.inf, 0.123456, math.inf), by="hsj", queries=50.0, queries_over="broken",
        attacks={"hsj": AttackScore(state="scored", distance=Score(math.inf, 0.123456, math.inf), n=9)},
    ),
)  # fmt: skip


def section(lines, eps):
    return Section(
        dataset="digits[classes=3/8]", norm="l2", eps=eps, reference_eps=1.0, max_queries=10_000, targets=None,
        attacks=("hsj", "zoo[h=auto]"), lines=lines, refusals=tuple(f"refused: a{i} on scd: no" for i in range(8)),
    )  # fmt: skip


def board(by="contender"):
    return Leaderboard(by, (section(LINES, 8 / 255), section(FREE, None)), ("parts/c/x.parquet: it must be whole",))


def screen(by="contender", width=100, **options):
    out = io.StringIO()
    Console(file=out, width=width, **options).print(as_rich(board(by), width))
    return out.getvalue()


def words(line):
    return line.split()


def test_a_contender_takes_one_line_at_100_columns():
    text = screen()
    assert "digits[classes=3/8]  ·  l2 ≤ 8/255  ·  10,000 queries  ·  untargeted" in text
    lines = [words(line) for line in text.splitlines()]
    assert words("1 scd[votes=100] 97.2 33.3 [10.0, 70.0] 1 zoo[h=auto]~ 1,204 72 -SQ--- ~ ?3 r2") in lines
    assert words("└ mlp (twin) 100.0 0.0 [ 0.0, 5.0] 3 ±2.1 hsj ≥9 72 ------") in lines
    assert words("— rbfi 95.0 — blind: use hsj 1 — — 72 ------ blind 12") in lines
    assert words("— cnn 95.0 — not attacked 1 — — 72 ------") in lines
    assert words("1 rbfi 100.0 ∞ [0.123, ∞] 50.0 hsj 50 9 ------") in lines
    assert all(len(line) <= 100 for line in text.splitlines())


def test_attacks_stand_across_with_their_marks():
    lines = [words(line) for line in screen("attack").splitlines()]
    assert words("contender clean worst hsj zoo[h=auto]") in lines
    assert words("scd[votes=100] 97.2 33.3 failed 33.3 ~") in lines
    assert words("rbfi 100.0 ∞ ∞") in lines


@pytest.mark.parametrize("by", ["contender", "attack"])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_screen(by, width):
    assert max(map(len, screen(by, width).splitlines())) <= width


def test_a_narrow_screen_leaves_columns_out_and_says_so_but_cuts_no_number():
    text = screen(width=80)
    assert "33.3 [10.0, 70.0]" in text
    assert "too narrow for: seeds, queries (all are in --format csv)" in text
    assert "…" not in text.replace("… and 2 more", "")


def test_many_attacks_go_into_several_tables():
    names = tuple(f"attack-number-{i}" for i in range(12))
    scores = {name: AttackScore(state="scored", robust=THIRD, n=5) for name in names}
    line = Line(contender="scd", state="scored", robust=THIRD, clean=THIRD, n=5, attacks=scores)
    wide = Section(
        dataset="d", norm="l2", eps=1.0, reference_eps=None, max_queries=None, targets="all", attacks=names,
        lines=(line,), refusals=(),
    )  # fmt: skip
    out = io.StringIO()
    Console(file=out, width=80).print(as_rich(Leaderboard("attack", (wide,)), 80))
    assert all(name in out.getvalue() for name in names)
    assert out.getvalue().count("scd") == 4
    assert "no query limit  ·  targeted (all)" in out.getvalue()


def test_the_legend_explains_the_marks_in_use_and_no_other():
    text = screen()
    for told in ("surrogate gradients", "ended by timeout", "cells were refused", "e.g. hsj", "nothing was broken"):
        assert told in text
    for untold in ("stochastic contender", "oracle choice", "inexact", "cells failed"):
        assert untold not in text
    assert "and 2 more" in text
    assert "left out: parts/c/x.parquet" in text


def test_without_colour_nothing_is_lost(monkeypatch):
    coloured = screen(force_terminal=True, color_system="standard")
    assert "\x1b[36m" in coloured or "\x1b[1;36m" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    plain = screen(force_terminal=True)
    assert "36m" not in plain
    assert "-SQ---" in plain


def test_an_empty_leaderboard_says_so():
    out = io.StringIO()
    Console(file=out, width=80).print(as_rich(Leaderboard("contender", ())))
    assert "No cell" in out.getvalue()


def test_csv_keeps_full_precision_and_one_line_per_contender():
    rows = list(csv.DictReader(io.StringIO(as_csv(board()))))
    assert len(rows) == 5
    assert float(rows[0]["robust"]) == 1 / 3
    assert float(rows[0]["eps"]) == 8 / 255
    assert rows[0]["marks"] == "surrogate=1 unresolved=3 refused=2"
    assert rows[1]["twin_of"] == "scd[votes=100]"
    assert (rows[2]["state"], rows[2]["robust"], rows[4]["distance"]) == ("blind", "", "inf")
    rows = list(csv.DictReader(io.StringIO(as_csv(board("attack")))))
    assert [(row["contender"], row["attack"]) for row in rows] == [
        ("scd[votes=100]", "zoo[h=auto]"), ("scd[votes=100]", "hsj"), ("rbfi", "hsj"),
    ]  # fmt: skip
    assert float(rows[0]["robust"]) == 1 / 3


def test_json_keeps_everything():
    told = json.loads(as_json(board()))
    line = told["sections"][0]["lines"][0]
    assert line["robust"] == {"value": 1 / 3, "low": 0.1, "high": 0.7}
    assert line["attacks"]["hsj"]["state"] == "failed"
    assert told["sections"][1]["lines"][0]["distance"]["value"] == "inf"
    assert told["damaged"]


def test_markdown_is_the_same_table():
    text = as_markdown(board())
    assert "| 1 | scd[votes=100] | 97.2 | " in text
    assert "- refused: a0 on scd: no" in text
    assert "- `~` surrogate gradients" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows[:6]} == {11}


@pytest.mark.parametrize(
    ("eps", "text"),
    [
        (8 / 255, "8/255"),
        (0.5, "0.5"),
        (1.0, "1"),
        (1 / 3, "1/3"),
        (0.123456, "0.1235"),
        (4 / 255, "4/255"),
        (0.2, "0.2"),
        (None, "none"),
        (0, "0"),
    ],
)
def test_eps_reads_as_people_write_it(eps, text):
    assert eps_text(eps) == text
