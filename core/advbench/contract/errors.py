"""Every error a user can meet.

AdvbenchError                      exit code 2 unless said otherwise; shown without a traceback
├── RequestError                   what was asked for cannot be: unknown name, impossible pair
│   └── ParamError                 a parameter's name or value
├── DataError                      a data set is damaged or outside its own bounds
│   └── DataAbsent                 its data are not on this machine; the message says how to get them
├── PluginError                    a plugin is broken, or two claim one name
├── ReportError                    a folder is no report, is locked, damaged or too new
├── EmptySelection                 nothing was selected, or everything was refused (exit code 5)
└── ContestError                   the rules of the contest were broken; fails one cell, not the run
    ├── InputError                 a point with wrong shape, dtype, NaN, or outside the bounds
    ├── JudgeMismatch              ledger and meter disagree about what was asked
    └── OutOfTime                  plugin code did not end within its time limit
BudgetSpent                        not an error of the user's: no row of the call may be asked again

Messages read `<who>: <what> must be <limit>, got <value>. <what to do>`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from .texts import harmless

LONGEST_MESSAGE = 600  # characters of any error that are shown and stored; tracebacks hold more


class AdvbenchError(Exception):
    """Bad request or broken surroundings; the message is the whole story."""

    exit_code = 2


class RequestError(AdvbenchError):
    """A name, option or combination that cannot be served."""


class ParamError(RequestError):
    """A parameter that does not exist or whose value is outside its limits."""


class DataError(AdvbenchError):
    """A data set that is absent, damaged, or breaks its own facts."""


class DataAbsent(DataError):
    """Data that are not on this machine; the message holds the command that fetches them."""


class PluginError(AdvbenchError):
    """A plugin that cannot be used; other plugins are unaffected."""


class ReportError(AdvbenchError):
    """A report folder that cannot be read or written."""


class EmptySelection(AdvbenchError):
    """Nothing to do: no example was selected or every cell was refused."""

    exit_code = 5


class ContestError(AdvbenchError):
    """A rule of the contest was broken inside one cell."""

    exit_code = 1


class InputError(ContestError):
    """A point that no model may be asked about."""


class JudgeMismatch(ContestError):
    """The oracle's ledger and the meter on the contender counted differently."""


class OutOfTime(ContestError):
    """Something ran longer than it may; what it had found by then proves nothing."""


class BudgetSpent(Exception):
    """No row of the call is live. An attack may let it escape: its best point is kept."""


def told(error: BaseException) -> str:
    """What went wrong, as shown and stored: our own messages as they are, others after their type.

    Bounded and harmless whatever the author of the error put into it.
    """
    try:
        text = str(error)
    except Exception:
        text = "its message cannot be read"
    if not isinstance(error, AdvbenchError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return harmless(text, LONGEST_MESSAGE)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the nearest known name, or with all of them when none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{near[0]}'?"
    return f"Known: {', '.join(names)}." if names else "None is known."
