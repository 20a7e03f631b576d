"""What `run --dry-run` shows: every cell, what it may cost, and what the whole may."""

from __future__ import annotations

import math
import os

from ..bench.cache import ContenderCache
from ..bench.estimate import Estimate, estimate
from ..bench.plan import Cell, Plan
from ..bench.request import Eligible, Request
from ..bench.rows import peak_rss_mib
from ..catalog.pairing import told
from .console import escape, out
from .progress import duration

_SHOWN = 200  # cells, one line each; a longer plan is summed up


def show_plan(plan: Plan, request: Request) -> None:
    """One line a cell, then the sums. Nothing is trained or written."""
    cache = ContenderCache()
    found = [(cell, None if cell.refused else estimate(cell, request.device, cache)) for cell in plan.cells]
    for cell, guess in found[:_SHOWN]:
        out.print(_line(cell, guess), soft_wrap=True)
    if len(found) > _SHOWN:
        out.print(f"… and {len(found) - _SHOWN:,} more cells")
    guesses = [guess for _, guess in found if guess is not None]
    out.print(f"{len(guesses):,} cells to run or find done, {len(found) - len(guesses):,} refused")
    if request.eligible == Eligible.ALL_CORRECT:
        out.print("--eligible all-correct: which examples are attacked is decided once every contender is trained")
    if guesses:
        _sums(guesses, plan)


def _line(cell: Cell, guess: Estimate | None) -> str:
    if guess is None:
        return escape(f"{cell.text}  refused {told(cell.refused)}")
    parts = [f"{guess.examples:,} examples"]
    parts += [f"<= {_count(guess.queries)} queries"] if guess.queries else []
    parts += [f"<= {_count(guess.gradients)} gradients"] if guess.gradients else []
    parts += ["contender to be trained"] if guess.training is None else []
    parts += [f"<= {duration(guess.seconds)} of the model"] if guess.seconds and math.isfinite(guess.seconds) else []
    gradient = "" if cell.threat.gradient == "none" else f" ({cell.threat.gradient} gradient)"
    return f"{escape(cell.text + gradient)}  [dim]{', '.join(parts)}[/]"


def _sums(guesses: list[Estimate], plan: Plan) -> None:
    jobs = getattr(plan.engine.instance, "jobs", 1) or os.cpu_count() or 1
    queries, gradients = sum(one.queries for one in guesses), sum(one.gradients for one in guesses)
    counts = f"at most {_count(queries)} queries" + (f" and {_count(gradients)} gradients" if gradients else "")
    out.print(f"{counts}, over {sum(one.examples for one in guesses):,} attacked examples")
    known = [one.seconds for one in guesses if one.seconds is not None]
    if known and math.isfinite(sum(known)):
        left = f"; {len(guesses) - len(known):,} cells are unknown until trained" if len(known) < len(guesses) else ""
        shared = f" by {jobs} workers" if jobs > 1 else ""
        told = f"at most {duration(sum(known) / jobs)}{shared} for answering them, attacks' own time apart{left}"
        out.print(told)
    memory = peak_rss_mib()
    out.print(f"memory: each worker about {memory:,.0f} MiB and its contender" + (f", {jobs} workers" * (jobs > 1)))


def _count(number: float) -> str:
    return "any number of" if math.isinf(number) else f"{number:,.0f}"
