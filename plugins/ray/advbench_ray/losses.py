"""Whose fault it is that a task has no answer, as far as Ray can tell."""

from __future__ import annotations

from dataclasses import dataclass

from ray import exceptions

from advbench import Lost

# The machine is gone, or what only it held. A task is no worse for it.
_INNOCENT = (
    exceptions.NodeDiedError,
    exceptions.ObjectLostError,
    exceptions.TaskUnschedulableError,
)
_MARKS = (":job_id:", ":task_name:", ":actor_name:")  # lines that Ray itself writes there


@dataclass(frozen=True)
class Loss:
    """crashed: its worker ended, and Ray does not say how."""

    why: str
    guilty: bool
    crashed: bool = False


def loss_of(error: BaseException) -> Loss:
    """From what Ray raises for a task."""
    text = str(error).strip()
    if isinstance(error, _INNOCENT):
        return Loss(f"its node was lost, {type(error).__name__}\n{text}", guilty=False)
    if isinstance(error, exceptions.WorkerCrashedError):
        return Loss("its worker ended", guilty=True, crashed=True)
    if isinstance(error, exceptions.TaskCancelledError):
        return Loss("its worker was stopped", guilty=True)
    if isinstance(error, exceptions.OutOfMemoryError):
        return Loss(f"its worker was killed for want of memory\n{text}", guilty=True)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return Loss(f"{type(error).__name__}: {lines[-1][:300] if lines else 'no message'}\n{text}", guilty=True)


def told_by(task: int, words: str | BaseException) -> Lost:
    """The loss of a task whose worker crashed: `words` is what its node found of it, or why the node said nothing."""
    if isinstance(words, BaseException):
        return Lost(task, f"its node was lost\n{words}", guilty=False)
    lines = [line for line in words.splitlines() if not line.startswith(_MARKS)]
    fatal = [line.strip() for line in lines if line.startswith("Fatal Python error")]
    said = fatal[-1][:300] if fatal else "and Ray does not say how"
    return Lost(task, "\n".join([f"its worker ended, {said}", *lines]).strip())
