"""What goes to disk is all that its answers depend on: runs always use the contender that came back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from advbench import PluginError
from advbench.bench.packing import pack_state
from advbench.bench.restored import check_restored

from ..field import CPU
from ..findings import Broken, require
from ..questions import answers, differing, probes
from ..subject import Subject
from ..training import course, digest_of, job_for, quiet, restored


def check_state_is_storable(subject: Subject) -> None:
    """Tensors by name and JSON, such that all of it comes back from bytes as it went."""
    try:
        pack_state(subject.once(course).contender.state(), "it")
    except PluginError as error:
        raise Broken(f"Its state cannot be stored: {error}", "Hold tensors and JSON alone.") from None


def check_restored_answers_equally(subject: Subject) -> None:
    """A contender from its stored bytes answers as the trained one did, and has its facts."""
    taught = subject.once(course)
    with quiet():
        back = restored(subject, pack_state(taught.contender.state(), "it"), job_for(subject, taught.lesson))
        try:
            check_restored(taught.contender, back, taught.x, taught.lesson.facts(), CPU, "it")
        except PluginError as error:
            raise Broken(f"Once restored, {error}", "Compare state() and restore() name by name.") from None


def check_state_restores_bit_for_bit(subject: Subject) -> None:
    """Restored twice, and restored from what was restored, it has equal states and answers bit for bit."""
    taught = subject.once(course)
    job, x = job_for(subject, taught.lesson), probes(taught)
    packed = pack_state(taught.contender.state(), "it")
    with quiet():
        one = restored(subject, packed, job)
        other = restored(subject, pack_state(one.state(), "it"), job)
        moved = differing(answers(one, x), answers(other, x))
    digests = [taught.digest, digest_of(one), digest_of(other)]
    require(
        len(set(digests)) == 1,
        f"Trained, restored and restored again its states have the digests {', '.join(digests)}.",
        "Store what restore() takes, and nothing that it draws or rounds anew.",
    )
    require(not moved, f"Restored twice from equal states it gives other {', '.join(moved)}.", "Draw nothing there.")


def check_restore_reads_no_training_data(subject: Subject) -> None:
    """A stored contender must not depend on data that may have changed since, or need them at hand."""
    taught = subject.once(course)
    sealed: dict[str, Any] = {part: _Sealed(part) for part in ("train", "tune")}
    job = replace(job_for(subject, taught.lesson), **sealed)
    with quiet():
        restored(subject, pack_state(taught.contender.state(), "it"), job)


class _Sealed:
    """Examples that may not be looked at."""

    def __init__(self, part: str) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        raise Broken(f"restore() reads job.{self._part}.{name}.", "Store in the state what it needs of them.")

    def __len__(self) -> int:
        return len(self.x)
