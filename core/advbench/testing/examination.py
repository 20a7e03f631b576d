"""Makes the checks: each alone, under a time limit, with whatever it raises turned into a finding."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from advbench.arena.limits import time_limit
from advbench.catalog.plugins import Entry
from advbench.catalog.resolve import Resolver
from advbench.contract.errors import DataAbsent, OutOfTime, RequestError, did_you_mean

from .bout import where
from .checks import Check, checks_for
from .findings import Broken, DoesNotApply, Finding, Outcome
from .subject import Subject, subjects

SECONDS = 120.0  # for one check; enough for slow trainings, and no loop is endless
STALE = "It is excused, but passes. Remove the excuse from its spec."


def examine(subject: Subject, check: Callable[[Subject], None], seconds: float = SECONDS) -> Finding:
    """Make one check of one component under one of its trials."""
    started = time.monotonic()
    excuse = subject.spec.excused.get(check.__name__)
    outcome, text = _outcome(subject, check, seconds)
    if excuse is not None and outcome == "failed":
        outcome, text = "excused", excuse
    elif excuse is not None and outcome == "passed" and len(subject.spec.trials) == 1:
        outcome, text = "failed", STALE
    return Finding(str(subject), check.__name__, outcome, text, time.monotonic() - started)


def _outcome(subject: Subject, check: Callable[[Subject], None], seconds: float) -> tuple[Outcome, str]:
    try:
        with time_limit(seconds, "it", "Look for a loop that does not end when the budget or `live` does."):
            check(subject)
    except (DoesNotApply, DataAbsent) as reason:
        return "not applicable", str(reason)
    except (Broken, OutOfTime) as broken:
        return "failed", str(broken)
    except (Exception, SystemExit) as error:
        return "failed", f"It raised {type(error).__name__} at {where(error)}: {error}."
    return "passed", ""


def examinations(entries: Iterator[Entry], resolver: Resolver) -> Iterator[tuple[Subject, Check]]:
    """Every check that is due for those components, one component after the other."""
    for subject in subjects(entries, resolver):
        for check in checks_for(subject):
            yield subject, check


def entries_of(resolver: Resolver, name: str) -> list[Entry]:
    """What a plugin or a distribution of that name registers.

    Raises RequestError with the nearest name, or why it is broken.
    """
    installed = resolver.installed
    for broken in installed.broken:
        if name in (broken.source.plugin, broken.source.dist):
            raise RequestError(f"plugin {broken.source} is broken: {broken.reason}")
    known = {word for source in installed.sources for word in (source.plugin, source.dist)}
    found = [
        entry
        for kind in installed.entries.values()
        for entry in kind.values()
        if name in (entry.source.plugin, entry.source.dist)
    ]
    if name not in known:
        raise RequestError(f"no plugin or distribution '{name}' is installed. {did_you_mean(name, known)}")
    if not found:
        raise RequestError(f"plugin '{name}' registers nothing. Call register(SPEC, 'module:Class') in a hook.")
    return found
