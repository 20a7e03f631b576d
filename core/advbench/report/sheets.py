"""A section as words in rows and columns, the same for the terminal and for Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .board import LETTERS, AttackScore, Leaderboard, Line, Score, Section

NONE = "—"
_SIGNS = {
    "surrogate": "~", "stochastic": "*", "oracle_choice": "†", "inexact": "‡", "eot": "x", "unresolved": "?",
    "blind": "blind ", "refused": "r", "failed": "f", "incomplete": "incomplete",
}  # fmt: skip
_COUNTED = {"eot", "unresolved", "blind", "refused", "failed"}
_MEANINGS = {
    "surrogate": ("~", "surrogate gradients: an attack followed a smooth stand-in for the contender"),
    "stochastic": ("*", "stochastic contender: verdicts by majority over fresh draws of its noise"),
    "oracle_choice": ("†", "oracle choice: the victim's answers picked the best of several submissions"),
    "inexact": ("‡", "inexact: answers depend in their last bits on the other rows of a chunk"),
    "eot": ("xk", "each gradient averages k draws of the noise (EOT); default limits are multiplied by k"),
    "unresolved": ("?k", "k examples ended by timeout or error: the interval's low end counts them as broken"),
    "blind": ("blind k", "k held examples gave no attack a signal: no evidence. Use a label attack, e.g. hsj"),
    "refused": ("rk", "k cells were refused, see below the table"),
    "failed": ("fk", "k cells failed, see below the table"),
    "incomplete": ("incomplete", "cells are missing, failed or unfinished: the number may yet fall"),
}
_WORST = {
    True: "each example at its worst over all attacks [95 % interval]",
    False: "each attack alone, and the worst over all",
}
_HIDDEN_BY_ATTACK = {
    "stochastic",
    "inexact",
    "eot",
    "refused",
    "incomplete",
}  # said once per contender, or by the state


@dataclass(frozen=True)
class Heading:
    """One column. Where space is short a flexible one may be folded, and those of highest `spare` left out."""

    text: str
    right: bool = False
    flexible: bool = False
    spare: int = 0


@dataclass(frozen=True)
class Sheet:
    """A table of words; `quiet` rows are twins, `loud` ones have no number."""

    title: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[str, ...], ...]
    quiet: tuple[bool, ...]
    loud: tuple[bool, ...]


def title(section: Section) -> str:
    """What all numbers of a section have in common."""
    size = "smallest change wins" if section.eps is None else f"{section.norm} ≤ {eps_text(section.eps)}"
    norm = [section.norm] if section.eps is None else []
    limit = "no query limit" if section.max_queries is None else f"{section.max_queries:,} queries"
    goal = "untargeted" if section.targets is None else f"targeted ({section.targets})"
    chosen = [] if section.eligible is None else [section.eligible]
    return "  ·  ".join([section.dataset, *norm, size, limit, goal, *chosen])


def by_contender(section: Section) -> Sheet:
    """Contenders down, their worst case and how it came about across."""
    free, seeds = section.eps is None, any(line.seeds > 1 for line in section.lines)
    number = Heading(f"median {section.norm}" if free else "robust accuracy")
    at = [Heading(f"robust @{eps_text(section.reference_eps)}", right=True)] if _has_reference(section) else []
    headings = [
        Heading("#", right=True),
        Heading("contender", flexible=True),
        Heading("clean", right=True),
        number,
        *at,
    ]
    headings += [Heading("seeds", spare=2)] if seeds else []
    headings += [
        Heading("by", flexible=True, spare=1),
        Heading("queries", right=True, spare=3),
        Heading("n", right=True),
    ]
    headings += [Heading("coverage"), Heading("marks", flexible=True)]
    rows = []
    for line in section.lines:
        score = line.distance if free else line.robust
        row = [_rank(line), _name(line), percent(line.clean), _number(line, score, free)]
        row += [percent(line.robust)] if at else []
        row += [_seeds(line, free)] if seeds else []
        row += [(line.by or NONE) + "~" * line.by_surrogate, _queries(line), str(line.n) if line.n else NONE]
        rows.append((*row, _coverage(line), marks_text(line.marks)))
    return _sheet(section, headings, rows)


def by_attack(section: Section, attacks: Sequence[str]) -> Sheet:
    """Contenders down, the given attacks across; each number is one attack's alone."""
    free = section.eps is None
    headings = [Heading("contender", flexible=True), Heading("clean", right=True), Heading("worst", right=True)]
    headings += [Heading(attack, right=True, flexible=True) for attack in attacks]
    rows = []
    for line in section.lines:
        worst = _plain(line.distance if free else line.robust, free) if line.state == "scored" else NONE
        scores = [_attack(line.attacks.get(attack), free) for attack in attacks]
        rows.append((_name(line), percent(line.clean), worst, *scores))
    return _sheet(section, headings, rows)


def legend(board: Leaderboard) -> list[tuple[str, str]]:
    """What the numbers are, and each sign in use with its meaning."""
    lines = [line for section in board.sections for line in section.lines]
    own = board.by == "contender"
    told = []
    if any(section.eps is not None for section in board.sections):
        told.append(("robust", "% right and unbroken: " + _WORST[own]))
    if any(section.eps is None for section in board.sections):
        told.append(("median", "smallest breaking change, else ∞: " + _WORST[own]))
    if any(section.eligible is not None for section in board.sections):
        told.append(("all-correct", "only the k of N examples that every contender gets right: no clean accuracy"))
    if own:
        letters = ", ".join(f"{letter} {word}" for letter, word in LETTERS.items())
        told.append(("coverage", f"kinds of attack faced ({letters}); a dash reads incomplete"))
        if any(line.queries_over == "attacked" for line in lines):
            told.append(("≥", "nothing was broken: median queries over all that were attacked"))
        used = {mark for line in lines for mark in line.marks}
    else:
        used = {mark for line in lines for score in line.attacks.values() for mark in _of_attack(score)}
    return told + [meaning for mark, meaning in _MEANINGS.items() if mark in used]


def percent(score: Score | None) -> str:
    """A share as a percentage without its sign."""
    return NONE if score is None or math.isnan(score.value) else f"{100 * score.value:.1f}"


def eps_text(eps: float | None) -> str:
    """As people write it: 0.2 and 1.5, but 8/255 and 1/3."""
    if eps is None:
        return "none"
    short = f"{eps:.4g}"
    if float(short) == eps or not math.isfinite(eps):
        return short
    for parts in (3, 255):
        steps = round(eps * parts)
        if steps and abs(eps * parts - steps) < 1e-6:
            return f"{steps}/{parts}"
    return short


def marks_text(marks: Mapping[str, int]) -> str:
    """The signs of all marks, those with a count carrying it."""
    return " ".join(sign + str(marks[mark]) * (mark in _COUNTED) for mark, sign in _SIGNS.items() if mark in marks)


def _sheet(section: Section, headings: Iterable[Heading], rows: Iterable[tuple[str, ...]]) -> Sheet:
    quiet = tuple(line.twin_of is not None for line in section.lines)
    loud = tuple(line.state != "scored" for line in section.lines)
    return Sheet(title(section), tuple(headings), tuple(rows), quiet, loud)


def _has_reference(section: Section) -> bool:
    return section.eps is None and section.reference_eps is not None


def _rank(line: Line) -> str:
    return str(line.rank) if line.rank else "" if line.twin_of else NONE


def _name(line: Line) -> str:
    return f"└ {line.contender} (twin)" if line.twin_of else line.contender


def _number(line: Line, score: Score | None, free: bool) -> str:
    if line.state == "blind":
        return f"{NONE} blind: use hsj"
    if line.state != "scored" or score is None:
        return f"{NONE} {line.state}"
    if free:
        return f"{_size(score.value)} [{_size(score.low)}, {_size(score.high)}]"
    return f"{_four(score.value)} [{_four(score.low)}, {_four(score.high)}]"


def _four(share: float) -> str:
    """A percentage in four characters."""
    return f"{100 * share:4.1f}" if share < 0.9995 else " 100"


def _plain(score: Score | None, free: bool) -> str:
    return percent(score) if score is None or not free else _size(score.value)


def _size(value: float) -> str:
    if math.isnan(value):
        return NONE
    return "∞" if math.isinf(value) else f"{value:.3g}"


def _seeds(line: Line, free: bool) -> str:
    if line.spread is None:
        return str(line.seeds)
    return f"{line.seeds} ±{_size(line.spread) if free else f'{100 * line.spread:.1f}'}"


def _queries(line: Line) -> str:
    if line.queries is None or math.isnan(line.queries):
        return NONE
    return f"{'≥' if line.queries_over == 'attacked' else ''}{line.queries:,.0f}"


def _coverage(line: Line) -> str:
    return "".join(letter if letter in line.coverage else "-" for letter in LETTERS)


def _attack(score: AttackScore | None, free: bool) -> str:
    if score is None:
        return ""
    signs = marks_text(_of_attack(score))
    if score.state != "scored":
        return score.state
    return f"{_plain(score.distance if free else score.robust, free)} {signs}".rstrip()


def _of_attack(score: AttackScore) -> dict[str, int]:
    if score.state != "scored":
        return {}
    return {mark: count for mark, count in score.marks.items() if mark not in _HIDDEN_BY_ATTACK}
