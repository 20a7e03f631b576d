"""What an attack returns is a point of the right kind, inside the rules, and as good as it should be."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from advbench import Examples, Norm

from ..bout import Bout
from ..field import StripesContender, hopeless
from ..findings import Broken, DoesNotApply, require
from ..subject import EASY_EPS, Subject
from ..toys import NoisyContender

LOOSE = 3.0  # times the smallest change that exists
HOPELESS = 1000  # queries where none can help


def check_breaks_the_easy_toy(subject: Subject) -> None:
    """One number decides, and a change of it by less than half of eps suffices, in every norm offered."""
    subject.must_ask()
    for norm in sorted(subject.norms):
        rules = replace(subject.rules, norm=norm, eps=EASY_EPS[norm])
        bout = subject.bout(subject.field.easy(), subject.field.near(1.0, 8), rules)
        _require_half(bout, f"within {norm} {EASY_EPS[norm]:g}, though 0.5 suffices")


def check_uses_the_whole_range(subject: Subject) -> None:
    """Inputs lie in [-1, 3] here: a clip to [0, 1] cannot cross a threshold at 2 or at -0.5."""
    subject.must_ask()
    subject.must_be_numeric()
    for threshold, side in ((2.0, -1), (-0.5, 1)):
        bout = subject.bout(subject.field.easy(threshold), subject.field.near(threshold, 8, side=side))
        _require_half(bout, f"where the first number must cross {threshold:g} (bounds are -1 to 3)")


def check_returns_input_when_hopeless(subject: Subject) -> None:
    """Nothing moves this contender: rows without success are returned as they came."""
    subject.must_ask()
    examples = subject.field.near(1.0, 4, side=-1)
    bout = subject.bout(hopeless(subject.field), examples, replace(subject.rules, budget=HOPELESS))
    changed = sum(_changed(x, answer.x) for x, answer in bout.watched.answers)
    require(
        not changed,
        f"{changed} of {len(examples)} rows came back changed from a contender that always says the same.",
        "Return the example itself where no success was seen.",
    )


def check_returned_points_are_adversarial(subject: Subject) -> None:
    """Whatever it changed meets the goal when asked afresh: success is never only claimed."""
    subject.must_ask()
    contender, examples = subject.field.easy(), subject.field.near(1.0, 8)
    bout, _ = subject.easy_bout
    met = 0
    wrong = []
    for x, answer in bout.watched.answers:
        labels = contender.labels(answer.x)
        before = contender.labels(x)
        for i in range(len(x)):
            if _row_changed(x, answer.x, i):
                met += 1
                if int(labels[i]) == int(before[i]):
                    wrong.append(i)
    require(
        not wrong,
        f"{len(wrong)} of {met} changed rows of {len(examples)} still get their old label.",
        "Return the last point that was seen to succeed, else the example itself.",
    )


def check_output_shape_dtype_and_bounds(subject: Subject) -> None:
    """The answer is like the input: shape, dtype, device, finite, inside the bounds."""
    bout, _ = subject.easy_bout
    for x, answer in bout.watched.answers:
        _require_alike(x, answer.x, subject.field.bounds)
    invalid = [row for row in bout.rows if row["verdict"] == "invalid"]
    if invalid:
        raise Broken(f"The judge calls {len(invalid)} of {len(bout.rows)} rows invalid.", _reason(invalid[0]))


def check_survives_rows_that_are_broken_already(subject: Subject) -> None:
    """Used on one's own network an attack may meet inputs that meet the goal as they are."""
    subject.must_be_numeric()
    subject.must_stand_alone()
    from ..local import local_answer

    examples = subject.field.near(1.0, 4)
    wrong = Examples(examples.ids, examples.x, 1 - examples.y)
    answer = local_answer(subject, subject.field.easy(), wrong)
    _require_alike(wrong.x, answer.x, subject.field.bounds)


def check_targeted_if_declared(subject: Subject) -> None:
    """Three stripes: it must reach the class asked for, not the nearest other one."""
    subject.must_ask()
    subject.must_be_numeric()
    if not subject.spec.targeted:
        raise DoesNotApply("it does not offer targets")
    examples = subject.field.near(1.0, 8, reach=0.125)
    up = examples.x.flatten(1)[:, 0] > 1  # type: ignore[union-attr]
    examples = Examples(examples.ids, examples.x, torch.ones(8, dtype=torch.int64))
    target = torch.where(up, 0, 2)  # the farther of the two
    bout = subject.bout(StripesContender(), examples, replace(subject.rules, classes=3), target)
    _require_half(bout, "of the class asked for, at .375 where another class is at .125")


def check_breaks_a_stochastic_toy_for_real(subject: Subject) -> None:
    """Flips by luck do not count: most fresh draws must agree."""
    subject.must_ask()
    subject.must_be_numeric()
    contender, examples = NoisyContender(scale=0.05), subject.field.near(1.0, 8)
    bout = subject.bout(contender, examples)
    lucky = [row["votes"] for row in bout.rows if row["verdict"] == "held" and row["first_query"]]
    what = f"of a contender with a little noise ({len(lucky)} by luck alone)"
    _require_half(bout, what, "Ask again what you build upon: one answer may be luck.")


def check_distance_is_near_the_known_optimum(subject: Subject) -> None:
    """Without eps the smallest change wins: on a linear toy it has a closed form."""
    subject.must_ask()
    subject.must_be_numeric()
    contender, examples = subject.field.linear(), subject.field.middle(8)
    for norm in sorted(subject.norms & {Norm.L1, Norm.L2, Norm.LINF}):
        bout = subject.bout(contender, examples, replace(subject.rules, norm=norm, eps=None))
        optimum = contender.smallest_change(examples.x, norm)  # type: ignore[arg-type]
        found = torch.tensor([_distance(row, norm) for row in bout.rows], dtype=torch.float64)
        ratio = float((found / optimum).median())
        require(
            ratio <= LOOSE,
            f"Its median {norm} distance is {ratio:.2f} times the smallest change of a linear toy.",
            f"Look for smaller changes until {LOOSE:g} times is undercut, or excuse the check with the reason.",
        )


def _distance(row: dict[str, Any], norm: Norm) -> float:
    return float(row[norm.value]) if row["verdict"] == "broken" else math.inf


_STRONGER = "Try more steps or larger ones by default, or name a trial in the spec that can."


def _require_half(bout: Bout, what: str, advice: str = _STRONGER) -> None:
    n = len(bout.rows)
    require(2 * bout.broken >= n, f"It broke {bout.broken} of {n} rows {what}.", advice)


def _require_alike(x: Any, answer: Any, bounds: Any) -> None:
    if isinstance(x, tuple):
        good = isinstance(answer, tuple) and len(answer) == len(x) and all(isinstance(text, str) for text in answer)
        require(good, f"It returned {type(answer).__name__} for {len(x)} texts.", "Return a tuple of as many str.")
        return
    if not isinstance(answer, Tensor):
        raise Broken(f"It returned {type(answer).__name__} for a tensor.", "Return Perturbed(x=tensor).")
    require(
        answer.shape == x.shape and answer.dtype == x.dtype,
        f"It returned {answer.dtype} {tuple(answer.shape)} for {x.dtype} {tuple(x.shape)}.",
        "Return one point per row, of the input's shape and dtype.",
    )
    require(bool(answer.isfinite().all()), "It returned NaN or infinity.", "Guard divisions and roots of nothing.")
    low, high = float(answer.min()), float(answer.max())
    require(
        bounds.low <= low and high <= bounds.high,
        f"Its points reach from {low:g} to {high:g}; the bounds are {bounds.low:g} to {bounds.high:g}.",
        "Use oracle.bounds.clip, never 0 and 1.",
    )


def _changed(x: Any, answer: Any) -> int:
    return sum(_row_changed(x, answer, i) for i in range(len(x)))


def _row_changed(x: Any, answer: Any, i: int) -> bool:
    return x[i] != answer[i] if isinstance(x, tuple) else not torch.equal(x[i], answer[i])


def _reason(row: dict[str, Any]) -> str:
    return str(row.get("reason") or "Ask `advbench show` for the rules.")
