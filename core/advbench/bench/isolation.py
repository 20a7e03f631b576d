"""What is told and stored when a plugin fails: who it was, what it did, and what to do. Always bounded."""

from __future__ import annotations

import traceback
from typing import Any

from ..catalog.resolve import Component
from ..contract.engines import Trouble
from ..contract.errors import AdvbenchError, ContestError, OutOfTime, PluginError, told
from ..contract.facts import ContenderFacts
from ..contract.fitting import misfit
from ..contract.protocols import Contender, State
from ..contract.texts import harmless, kind_of
from .plan import Cell

_LONGEST_TRACEBACK = 100_000  # characters
TRAINING_HINT = "Raise --cell-timeout, or leave this contender out."
CELL_HINT = "Raise --cell-timeout: what is judged is kept, and the same command goes on from there."


def check_contender(answer: Any, who: str) -> Contender:
    """Raise PluginError unless this can be asked and stored. `who`: whose code made it."""
    facts = getattr(answer, "facts", None)
    if not isinstance(facts, ContenderFacts):
        raise PluginError(f"{who}: it must give a contender with ContenderFacts, got {kind_of(answer)}.")
    if flaw := misfit(facts):
        raise PluginError(f"{who}: {flaw}. Correct the facts of its contender.")
    for name in ("labels", "state"):
        if not callable(getattr(answer, name, None)):
            raise PluginError(f"{who}: its contender must have {name}(), got {kind_of(answer)} without it.")
    contender: Contender = answer
    return contender


def state_of(contender: Contender, who: str) -> State:
    """Raise PluginError unless the contender can be stored."""
    state = contender.state()
    if not isinstance(state, State):
        raise PluginError(f"{who}: state() must return a State, got {kind_of(state)}.")
    return state


def trouble(cell: Cell, error: BaseException) -> Trouble:
    """Describe whatever ended a cell, naming the plugin at fault."""
    lines = traceback.format_exception(error)
    trace = harmless("".join(lines), _LONGEST_TRACEBACK)
    if isinstance(error, AdvbenchError):
        code = "timeout" if isinstance(error, OutOfTime) else type(error).__name__
        return Trouble(code=code, reason=_named(cell, error), trace=trace, ours=True)
    culprit = _culprit(cell, error)
    who = f"{culprit.kind} {culprit.name} of {culprit.entry.source}" if culprit else "advbench"
    reason = f"{who}: it must end without an error, got {told(error)}."
    return Trouble(code=type(error).__name__, reason=reason, trace=trace)


def suspects(cell: Cell, training: bool) -> str:
    """Whose code was at work, for messages about what left no traceback."""
    contender = f"{cell.opponent.text} of {cell.opponent.parts[-1].entry.source}"
    return contender if training else f"attack {cell.attack.text} of {cell.attack.entry.source} on {contender}"


def _named(cell: Cell, error: AdvbenchError) -> str:
    """The rules of the contest speak of `attack` and `contender`: say which, and from where."""
    text = told(error)
    role, colon, rest = text.partition(": ")
    # What the oracle refuses is the attack's fault.
    parts = cell.opponent.parts if role == "contender" else (cell.attack,) if role in ("attack", "oracle") else ()
    if not isinstance(error, ContestError) or not colon or not parts:
        return text
    names = " over ".join(f"{part.text} of {part.entry.source}" for part in reversed(parts))
    return f"{'attack' if role == 'oracle' else role} {names}: {rest}"


def _culprit(cell: Cell, error: BaseException) -> Component | None:
    """The component in whose code the error arose: the innermost one, if calls went through several."""
    parts = (cell.attack, *cell.opponent.parts, cell.data.component)
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = frame.f_globals.get("__name__", "")
        here = [part for part in parts if _home(type(part.instance).__module__) == _home(module)]
        # Several may live in one file: the one whose method it is, else any of them.
        own = [part for part in here if frame.f_code.co_qualname.startswith(type(part.instance).__qualname__ + ".")]
        if here:
            return (own or here)[0]
    return None


def _home(module: str) -> str:
    """The plugin that a module belongs to; advbench's own components live one level down."""
    depth = 2 if module.startswith("advbench.") else 1
    return ".".join(module.split(".")[:depth])
