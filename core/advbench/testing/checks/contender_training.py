"""Training: it learns, equal seeds learn equal things, and it tells truly how far it is."""

from __future__ import annotations

import itertools
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from advbench import AdvbenchError, ReportError, wilson
from advbench.contract.errors import OutOfTime
from advbench.records.tables import make_table

from ..findings import Broken, DoesNotApply, require
from ..questions import labels
from ..subject import Subject
from ..training import Lesson, course, job_for, modalities, quiet, repeated, train

SILENT = 1.0  # seconds of training after which a bar is missed


def check_clean_accuracy_is_above_chance(subject: Subject) -> None:
    """On real digits of every kind of input served, of two classes and of more, it is right more often than luck."""
    taught = subject.once(course)
    lessons = {Lesson(modality, taught.lesson.classes) for modality in modalities(subject)}
    for lesson in sorted(lessons | {replace(taught.lesson, classes=2)}, key=str):
        one = taught if lesson == taught.lesson else train(subject, lesson)
        with quiet():
            right = int((labels(one.contender, one.x) == one.examples.y).sum())
        n, most = len(one.x), int(one.examples.y.bincount().max())
        require(
            wilson(right, n)[0] > most / n,
            f"Trained on {lesson} it is right in {right} of {n}; always saying one class, {most}.",
            "Scale by the bounds in job.facts (here -1 to 3); if a trial is too short to learn, lengthen it.",
        )


def check_same_seed_same_contender(subject: Subject) -> None:
    """A second training with an equal job gives the same state, bit for bit: whoever resumes elsewhere relies on it."""
    taught = subject.once(course)
    again = subject.once(repeated)
    require(
        again.digest == taught.digest,
        f"Trained twice with the same seed its states have the digests {taught.digest} and {again.digest}.",
        "Draw from job.rng alone; keep no state on the object, in modules or on disk.",
    )


def check_progress_is_honest(subject: Subject) -> None:
    """job.progress(done, total) never goes back, and ends at its total."""
    taught = subject.once(course)
    bars = taught.bars
    if not bars:
        require(
            taught.seconds < SILENT,
            f"It trained for {taught.seconds:.1f} s and never called job.progress.",
            "Call job.progress(done, total) about ten times a second, or once an epoch.",
        )
        raise DoesNotApply("it is ready at once")
    advice = "Count one total for the whole training, all phases together, and end at it."
    for (done, total), (then, later) in itertools.pairwise(bars):
        require(
            then >= done and later == total,
            f"Its progress went from {done} of {total} to {then} of {later}.", advice,
        )  # fmt: skip
    done, total = bars[-1]
    require(done == total, f"Its progress ended at {done} of {total}.", advice)


def check_training_log_fits_its_table(subject: Subject) -> None:
    """What job.log gets are columns of training.parquet."""
    rows = subject.once(course).rows
    if not rows:
        raise DoesNotApply("it logs nothing")
    try:
        make_table("training", [{"contender_digest": "digest", **row} for row in rows])
    except ReportError as error:
        raise Broken(
            f"One of {len(rows)} rows of its log does not fit: {error}", "Log declared columns only."
        ) from None


def check_deadline_cuts_nothing(subject: Subject) -> None:
    """Past job.deadline a training fails or finishes; half-trained contenders would pass for weak defenses."""
    taught = subject.once(course)
    job = job_for(subject, taught.lesson)
    try:
        hurried = train(subject, taught.lesson, replace(job, deadline=time.monotonic()))
    except (AdvbenchError, OutOfTime, TimeoutError):
        return
    require(
        hurried.digest == taught.digest,
        f"With a deadline that is over it returned another contender after {hurried.seconds:.2f} s instead of"
        f" {taught.seconds:.2f} s.",
        "Store a checkpoint and raise, or go on to the end.",
    )


def check_interrupted_training_goes_on(subject: Subject) -> None:
    """Stopped half-way and started anew with its checkpoints, it ends where it would have without."""
    taught = subject.once(course)
    if len(taught.bars) < 2:
        raise DoesNotApply("it is not seen half-way")
    middle = taught.bars[len(taught.bars) // 2]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        job = replace(job_for(subject, taught.lesson), checkpoints=place)
        try:
            train(subject, taught.lesson, replace(job, progress=_Stop(middle)))
        except _Stopped:
            pass
        else:
            raise Broken(
                f"It went on after job.progress had raised at {middle[0]} of {middle[1]}.",
                "Let exceptions of job.progress pass: Ctrl-C comes that way.",
            )
        stored = sum(1 for path in place.rglob("*") if path.is_file())
        again = train(subject, taught.lesson, job)
    require(
        again.digest == taught.digest,
        f"Stopped at {middle[0]} of {middle[1]}, with {stored} files stored, and started anew it ends with another"
        " state.",
        "Store random generators and optimisers too, or nothing.",
    )


class _Stopped(Exception):
    """As if the process had been stopped."""


class _Stop:
    """A bar at which the training is interrupted."""

    def __init__(self, at: tuple[int, int]) -> None:
        self.at = at

    def __call__(self, done: int, total: int) -> None:
        if (done, total) == self.at:
            raise _Stopped
