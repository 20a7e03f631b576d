"""Where the kit trains contenders: on real digits, as pictures, numbers or steps in time, or on notes; and watched."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from advbench import Contender, ContenderFacts, DatasetFacts, Examples, Job, Modality, Model, Split
from advbench.arena.draws import SeedPath
from advbench.bench.packing import pack_state, unpack_state
from advbench.bench.trained import state_digest

from .bout import Traces, traces
from .field import CPU
from .findings import DoesNotApply
from .notes import notes
from .toys import BOUNDS

if TYPE_CHECKING:
    from .subject import Subject

SHAPES: Mapping[Modality, tuple[int, ...]] = {
    Modality.TABULAR: (64,),
    Modality.SERIES: (8, 8),
    Modality.IMAGE: (1, 8, 8),
}
CLASSES = 3  # more than two where the component allows it
BASE = "mlp:hidden=16,epochs=15"  # what defenses of other models are put upon


@dataclass(frozen=True)
class Lesson:
    """What is learnt from: the first digits, in [-1, 3], so that a clip written for [0, 1] shows; or notes."""

    modality: Modality
    classes: int

    def examples(self, subject: Subject, split: Split) -> Examples:
        """Fresh tensors, so that whoever writes into them harms nobody."""
        if self.modality is Modality.TEXT:
            return notes(split, self.classes)
        chosen = "/".join(str(digit) for digit in range(self.classes))
        found: Examples = subject.resolver.one("dataset", f"digits:classes={chosen}").instance.load(split)
        assert isinstance(found.x, Tensor)
        x = (found.x * BOUNDS.width + BOUNDS.low).reshape(len(found), *SHAPES[self.modality])
        return Examples(found.ids.clone(), x, found.y.clone())

    def facts(self) -> DatasetFacts:
        """Those of a data set of such examples."""
        shape = SHAPES.get(self.modality)
        return DatasetFacts(
            modality=self.modality, shape=shape, classes=self.classes, bounds=BOUNDS if shape else None,
            digest="conformance",
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.classes} classes of {self.modality} inputs"


@dataclass
class Course:
    """One training, and what was seen of it.

    base: what a defense was given.  bars, rows: calls of job.progress and job.log.  left: traces in
    the process.  wrote: which of the job's tensors were changed.  base_digests: before and after.
    """

    lesson: Lesson
    base: Any
    examples: Examples  # of the eval split
    contender: Contender = field(init=False)
    bars: list[tuple[int, int]] = field(default_factory=list)
    rows: list[dict[str, float]] = field(default_factory=list)
    left: Traces = field(default_factory=Traces)
    wrote: list[str] = field(default_factory=list)
    base_digests: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def x(self) -> Any:
        """Inputs of the eval split, float32 (N, *shape) or a tuple of N texts."""
        return self.examples.x

    @property
    def digest(self) -> str:
        """Of all that the contender's answers depend on, as it goes to disk."""
        return digest_of(self.contender)


def modalities(subject: Subject) -> list[Modality]:
    """Those served that the kit has data of. Raises DoesNotApply if there is none."""
    kinds = (*SHAPES, Modality.TEXT) if subject.kind == "model" else SHAPES
    found = [modality for modality in kinds if modality in subject.spec.modalities]
    if not found:
        raise DoesNotApply("it works on text, over models that the kit has none of")
    return found


def promised(subject: Subject) -> ContenderFacts:
    """What the component says of its contender before it is trained."""
    if subject.kind == "model":
        facts: ContenderFacts = subject.instance.facts()
    else:
        facts = subject.instance.facts(None if subject.spec.base == "none" else _model(subject).facts())
    return facts


def course(subject: Subject) -> Course:
    """The training that most checks look at; ask for it by `subject.once(course)`."""
    most = promised(subject).classes
    return train(subject, Lesson(modalities(subject)[0], min(CLASSES, most or CLASSES)))


def repeated(subject: Subject) -> Course:
    """The same training once more, when all that libraries do at their first use is done."""
    lesson = subject.once(course).lesson
    with elsewhere():
        return train(subject, lesson)


def train(subject: Subject, lesson: Lesson, job: Job | None = None) -> Course:
    """Train on that; `job`: another than the usual one."""
    notes = Course(lesson, _base(subject, lesson), lesson.examples(subject, "eval"))
    job = _noted(job or job_for(subject, lesson), notes)
    before = _tensors(job)
    trained = subject.kind == "defense" and subject.spec.base == "trained"
    if trained:
        notes.base_digests.append(digest_of(notes.base))
    started = time.monotonic()
    with quiet() as notes.left:
        if subject.kind == "model":
            notes.contender = subject.instance.fit(job)
        else:
            notes.contender = subject.instance.protect(notes.base, job)
    notes.seconds = time.monotonic() - started
    notes.wrote = [name for name, tensor in _tensors(job).items() if not torch.equal(tensor, before[name])]
    if trained:
        notes.base_digests.append(digest_of(notes.base))
    return notes


def restored(subject: Subject, packed: bytes, job: Job) -> Contender:
    """What comes back from stored bytes, as in a resumed run."""
    state = unpack_state(packed)
    if subject.kind == "model":
        contender: Contender = subject.instance.restore(state, job)
    else:
        base = None if subject.spec.base == "none" else _model(subject)
        contender = subject.instance.restore(base, state, job)
    return contender


def job_for(subject: Subject, lesson: Lesson) -> Job:
    """A job that nobody watches."""
    return Job(
        train=lesson.examples(subject, "train"), tune=lesson.examples(subject, "tune"), facts=lesson.facts(),
        rng=SeedPath(0, "conformance", "training"), device=CPU,
    )  # fmt: skip


def _noted(job: Job, notes: Course) -> Job:
    """The same job; what it is told is noted first."""

    def progress(done: int, total: int) -> None:
        notes.bars.append((done, total))
        job.progress(done, total)

    def log(row: Mapping[str, float]) -> None:
        notes.rows.append(dict(row))
        job.log(row)

    return replace(job, progress=progress, log=log)


def digest_of(contender: Contender) -> str:
    """Hash of a contender's state after its way through bytes."""
    return state_digest(unpack_state(pack_state(contender.state(), "it")))


@contextlib.contextmanager
def quiet() -> Iterator[Traces]:
    """Run plugin code as a run does, on one thread, and take its traces."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with traces() as left:
            yield left
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def elsewhere() -> Iterator[None]:
    """As in another process: the global generators stand elsewhere. They are put back."""
    with traces():
        random.random()
        np.random.bytes(1)
        torch.rand(1)
        yield


def _model(subject: Subject) -> Model:
    model: Model = subject.resolver.one("model", BASE).instance
    return model


def _base(subject: Subject, lesson: Lesson) -> Model | Contender | None:
    if subject.kind == "model" or subject.spec.base == "none":
        return None
    if subject.spec.base == "architecture":
        return _model(subject)
    trained = subject.once(_trained_bases)
    if lesson not in trained:
        with quiet():
            trained[lesson] = _model(subject).fit(job_for(subject, lesson))
    return trained[lesson]


def _trained_bases(subject: Subject) -> dict[Lesson, Contender]:
    """What was trained for this subject already; nothing so far."""
    return {}


def _tensors(job: Job) -> dict[str, Tensor]:
    parts = {"job.train": job.train, "job.tune": job.tune}
    return {
        f"{part}.{name}": getattr(examples, name).clone()
        for part, examples in parts.items()
        for name in ("ids", "x", "y")
        if isinstance(getattr(examples, name), Tensor)
    }
