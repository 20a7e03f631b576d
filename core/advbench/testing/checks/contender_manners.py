"""A contender leaves everything but its answers as it was, in training and in answering."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..bout import Traces
from ..findings import Broken, require
from ..questions import answers, differing, must_show_gradients, probes
from ..subject import Subject
from ..training import course, digest_of, quiet, repeated


@dataclass
class Questioned:
    """One round of questions after training. wrote: which questions changed their points."""

    first: dict[str, Tensor]
    left: Traces = field(default_factory=Traces)
    wrote: bool = False
    digests: tuple[str, str] = ("", "")


def questioned(subject: Subject) -> Questioned:
    """Ask all that is offered twice; ask for it by `subject.once(questioned)`."""
    taught = subject.once(course)
    x = probes(taught)
    before, digest = x if isinstance(x, tuple) else x.clone(), taught.digest
    with quiet() as left:
        found = answers(taught.contender, x)
    return Questioned(found, left, not _same(before, x), (digest, taught.digest))


def _same(one: Any, other: Any) -> bool:
    return one is other if isinstance(one, tuple) else torch.equal(one, other)


def check_inputs_are_not_modified(subject: Subject) -> None:
    """Points belong to the arena."""
    require(not subject.once(questioned).wrote, "It wrote into the points asked.", "Clone before changing in place.")


def check_answers_carry_no_graph(subject: Subject) -> None:
    """Answers are plain numbers: a graph would keep every query's memory, and give gradients away uncounted."""
    found = [what for what, answer in subject.once(questioned).first.items() if answer.requires_grad]
    require(not found, f"Its {' and '.join(found)} require gradients.", "Detach them, or answer under torch.no_grad().")


def check_gradients_need_no_mode(subject: Subject) -> None:
    """value_and_grad works, and gives the same, where the caller has switched gradients off."""
    taught = subject.once(course)
    must_show_gradients(taught.contender)
    advice = "Use torch.enable_grad() inside."
    try:
        with torch.no_grad():
            without = answers(taught.contender, probes(taught))
    except RuntimeError as error:
        raise Broken(f"Under torch.no_grad() it raises {error}.", advice) from error
    moved = differing(subject.once(questioned).first, without)
    require(not moved, f"Under torch.no_grad() it gives other {', '.join(moved)}.", advice)


def check_answering_teaches_nothing(subject: Subject) -> None:
    """Questions leave no trace in what it has learnt: it is frozen, in evaluation mode."""
    taught, asked = subject.once(course), subject.once(questioned)
    moved = differing(asked.first, answers(taught.contender, probes(taught)))
    same = asked.digests[0] == asked.digests[1] == digest_of(taught.contender)
    parts = [*(["its state"] if not same else []), *moved]
    require(not parts, f"After having been asked, {', '.join(parts)} changed.", "Keep buffers and counts frozen.")


def check_training_data_is_not_modified(subject: Subject) -> None:
    """The same tensors train the next contender."""
    wrote = subject.once(course).wrote
    require(not wrote, f"It wrote into {', '.join(wrote)}.", "Clone before changing in place.")


def check_no_global_state_is_moved(subject: Subject) -> None:
    """Random generators, torch's modes, the folder and the environment are the process's."""
    for when, left in (("Training", subject.once(repeated).left), ("Answering", subject.once(questioned).left)):
        require(
            not left.moved, f"{when}, it moved {', '.join(left.moved)}.",
            "Draw from job.rng and `noise`, and put settings back.",
        )  # fmt: skip


def check_no_output_is_printed(subject: Subject) -> None:
    """Progress goes to job.progress, numbers to job.log; lines would tear the live display."""
    for when, left in (("Training", subject.once(course).left), ("Answering", subject.once(questioned).left)):
        require(
            not left.printed, f"{when}, it printed {len(left.printed)} characters, first {left.printed[:40]!r}.",
            "Call job.progress and job.log instead.",
        )  # fmt: skip


def check_object_is_not_changed(subject: Subject) -> None:
    """Fields are parameters; what is learnt belongs to the contender."""
    subject.once(course)
    extra = sorted(set(vars(subject.instance)) - set(type(subject.instance).__dataclass_fields__))
    require(not extra, f"It put {', '.join(extra)} on itself.", "Keep it on the contender that is returned.")
