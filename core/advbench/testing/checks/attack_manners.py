"""An attack leaves everything but its answer as it was, and draws only what it was handed."""

from __future__ import annotations

from dataclasses import replace

import torch

from advbench.contract.errors import JudgeMismatch

from ..bout import METHODS, Bout, hold
from ..findings import Broken, DoesNotApply, require
from ..subject import Subject


def check_inputs_are_not_modified(subject: Subject) -> None:
    """x and the goal's labels are the arena's."""
    bout, _ = subject.easy_bout
    wrote = sorted(set(bout.watched.scribbles))
    require(not wrote, f"It wrote into {' and '.join(wrote)}.", "Clone before the first change in place.")


def check_no_global_state_is_moved(subject: Subject) -> None:
    """Random generators, torch's modes, the folder and the environment are the process's."""
    _, left = subject.easy_bout
    require(
        not left.moved, f"It moved {', '.join(left.moved)}.", "Draw from the `rng` handed in, and put settings back."
    )


def check_no_output_is_printed(subject: Subject) -> None:
    """Progress comes from the ledger; a plugin's lines would tear the live display."""
    _, left = subject.easy_bout
    start = left.printed[:40]
    require(not start, f"It printed {len(left.printed)} characters, first {start!r}.", "Return notes instead.")


def check_same_seed_same_bytes(subject: Subject) -> None:
    """A second time gives the same answers, bit for bit, for the same queries."""
    first, _ = subject.easy_bout
    again = subject.bout(subject.field.easy(), subject.field.near(1.0, 8))
    asked, asked_again = _asked(first), _asked(again)
    common = sum(1 for a, b in zip(asked, asked_again, strict=False) if a == b)
    same = asked == asked_again and repr(first.rows) == repr(again.rows)
    require(
        same,
        f"Of {len(asked)} calls of the oracle, {common} asked the same points when it was run again with the same"
        " seed.",
        "Draw only from the `rng` handed in; keep no state on the object, in modules or on disk.",
    )


def check_other_seed_differs(subject: Subject) -> None:
    """What is drawn must matter, or repeating with other seeds would tell nothing."""
    first, _ = subject.easy_bout
    if not first.watched.draws:
        raise DoesNotApply("it draws no random numbers")
    other = subject.bout(subject.field.easy(), subject.field.near(1.0, 8), replace(subject.rules, seed=1))
    same = _asked(first) == _asked(other) and repr(first.rows) == repr(other.rows)
    require(not same, "Seeds 0 and 1 gave the same points.", "Use the numbers that are drawn from `rng`.")


def check_needs_is_honest(subject: Subject) -> None:
    """It asks for what it declares: no more, or it could not run; no less, or it would count as stronger."""
    needs = subject.asks_for.needs
    try:
        bout, _ = subject.easy_bout
    except AttributeError as error:
        if any(f"'{name}'" in str(error) for name in METHODS):
            require(False, f"It declares {needs.word}, but {error}.", "Raise `needs` of its spec and facts.")
        raise
    used = {METHODS[ask.method] for ask in bout.watched.asks}
    most = max(used, default=None)
    if most is None:
        require(needs == 0, f"It declares {needs.word}, but asked nothing.", "Set `needs` to Access.NONE.")
    else:
        require(
            most == needs,
            f"It declares {needs.word}, but asked for {most.word} at most.",
            f"Set `needs` to Access.{most.name}, so that its numbers count as that kind of attack.",
        )


def check_asks_nothing_after_its_end(subject: Subject) -> None:
    """An oracle kept beyond the end of `perturb` may not be asked again."""
    try:
        subject.bout(subject.field.easy(), subject.field.near(1.0, 3), group=1)
    except JudgeMismatch as error:
        raise Broken(f"It asked after perturb had returned: {error}", "Forget the oracle; keep no state.") from None


def check_asks_nothing_about_finished_rows(subject: Subject) -> None:
    """Rows that `oracle.live` calls over are answered neutrally: asking about them is wasted time."""
    if not subject.spec.batched:
        raise DoesNotApply("it is given one example at a time")
    bout, _ = subject.easy_bout
    dead, points = sum(ask.dead for ask in bout.watched.asks), sum(ask.points for ask in bout.watched.asks)
    require(not dead, f"{dead} of {points} points were asked for rows that were over.", "Ask only where `oracle.live`.")


def check_object_is_not_changed(subject: Subject) -> None:
    """Fields are parameters; what an attack learns on the way belongs to local variables."""
    _ = subject.easy_bout
    fields = set(type(subject.instance).__dataclass_fields__)
    extra = sorted(set(vars(subject.instance)) - fields)
    require(not extra, f"It put {', '.join(extra)} on itself.", "Use local variables, or an object made in perturb.")


def check_telling_changes_nothing(subject: Subject) -> None:
    """`explain` takes the very course of `perturb`, one example at a time, and says something of it."""
    if not hasattr(subject.instance, "explain"):
        raise DoesNotApply("it says nothing of its own: its queries are told")
    examples, lines = subject.field.near(1.0, 3), list[str]()
    quiet = subject.bout(subject.field.easy(), examples, group=1)
    told = hold(subject.instance, subject.field.easy(), examples, subject.rules, group=1, say=lines.append)
    asked, asked_told = _asked(quiet), _asked(told)
    common = sum(1 for a, b in zip(asked, asked_told, strict=False) if a == b)
    require(
        asked == asked_told and repr(quiet.rows) == repr(told.rows),
        f"Of {len(asked)} calls and answers of perturb, {common} were the same when it explained itself.",
        "Let both run the same code, with a log that may be left out.",
    )
    require(bool(lines), "It explained 3 examples without a word.", "Call `say` with a line, or leave explain out.")


def _asked(bout: Bout) -> list[str]:
    returned = [
        str(answer.x) if isinstance(answer.x, tuple) else str(torch.as_tensor(answer.x).detach().numpy().tobytes())
        for _, answer in bout.watched.answers
    ]
    return [ask.digest for ask in bout.watched.asks] + returned
