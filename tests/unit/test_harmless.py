"""Text that others wrote: nothing in it acts, everything in it can be seen, and it ends somewhere."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advbench.contract.errors import LONGEST_MESSAGE, PluginError, told
from advbench.contract.texts import harmless, kind_of, one_line
from advbench.report.board import AttackScore, Leaderboard, Line, Section, shown

ACTING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, direction marks, halves of characters, unknown ones
ANYTHING = st.text(st.characters())


@given(ANYTHING)
def test_nothing_that_acts_is_left(text):
    shown = harmless(text)
    assert not [c for c in shown if unicodedata.category(c) in ACTING and c != "\n"]
    shown.encode()  # half a surrogate pair would fail here


@given(ANYTHING)
def test_what_is_harmless_stays_as_it_is(text):
    once = harmless(text)
    assert harmless(once) == once


@given(ANYTHING, st.integers(0, 20))
def test_a_limit_holds_for_what_is_kept(text, limit):
    said = harmless(text, limit)
    assert said == harmless(text[:limit]) + (f"… ({len(text) - limit:,} more characters)" * (len(text) > limit))


@given(ANYTHING)
def test_one_line_is_one_line(text):
    assert len(one_line(text).splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("a\rb\x08c", r"a\rb\x08c"),
        ("line\nline", "line\nline"),
        ("half \ud800", r"half \ud800"),
        ("naïve × 8 ≤ ∞, 日本", "naïve × 8 ≤ ∞, 日本"),
    ],
)
def test_examples(text, seen):
    assert harmless(text) == seen


class Mute(Exception):
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PluginError("as it is"), "as it is"),
        (ValueError("why"), "ValueError: why"),
        (KeyError(), "KeyError"),
        (SystemExit(3), "SystemExit: 3"),
        (Mute(), "Mute: its message cannot be read"),
        (ValueError("\x1b[2J"), r"ValueError: \x1b[2J"),
    ],
)
def test_errors_are_told(error, said):
    assert told(error) == said


def test_long_errors_are_cut():
    said = told(ValueError("x" * 10_000_000))
    assert len(said) < LONGEST_MESSAGE + 60
    assert said.endswith("more characters)")


def test_what_somebody_gave_instead():
    import numpy as np
    import torch

    assert kind_of(torch.zeros(3, 2).double()) == "torch.float64 (3, 2)"
    assert kind_of(np.zeros(3, np.int8)) == "int8 (3,)"
    assert kind_of(None) == "NoneType"


def test_every_text_of_a_leaderboard_is_made_harmless():
    bad = "\x1b[31m"
    line = Line(contender=bad, state=bad, twin_of=bad, by=bad, marks={bad: 1}, attacks={bad: AttackScore(state=bad)})
    section = Section(
        dataset=bad, norm=bad, eps=1.0, reference_eps=None, max_queries=None, targets=bad, attacks=(bad,),
        lines=(line,), refusals=(f"{bad}\n{bad}",),
    )  # fmt: skip
    board = shown(Leaderboard("contender", (section,), (bad,)))
    assert "\x1b" not in repr(board).replace(r"\\x1b", "").replace(r"\x1b", "\x1b")
    assert board.sections[0].lines[0].attacks.keys() == {r"\x1b[31m"}
    assert board.sections[0].eps == 1.0
