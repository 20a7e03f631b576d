"""What runs on the cluster: a task's own work, and the search for what a dead worker left behind."""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import os
import signal
import socket
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import ray

from advbench import AdvbenchError, Answer, ContenderCache, Setup, Task, Trouble, Worker

_BREATH = 0.5  # seconds between two reports of progress
_LONGEST_TALE = 10_000  # bytes

Entry: TypeAlias = tuple[bytes, dict[str, Any]]  # a trained contender as the cache folder holds it


@dataclass(frozen=True)
class Brief:
    """What a task needs beside itself. Fit for sending: what is large lies in the object store.

    prepared: holds the reference, not the bytes. entries: of trained contenders, by key; None if the
    driver has none either. home: where the driver is.
    """

    setup: Setup
    cpus: float
    home: str
    folder: str
    prepared: tuple[ray.ObjectRef, ...]
    entries: Mapping[str, ray.ObjectRef | None]


@dataclass(frozen=True)
class Missing:
    """The task was not begun: these contenders are neither in its node's cache folder nor in its brief."""

    keys: tuple[str, ...]


@dataclass(frozen=True)
class Finished:
    """The task was carried out; so many queries it asked in all."""

    answer: Answer
    asked: int


def carry_out(task: Task, brief: Brief, ear: Any) -> tuple[Finished | Missing, Entry | None]:
    """One task; also the entry of the contender that it trained, which Ray keeps where it is until it is asked for."""
    home, node = os.getpid(), ray.get_runtime_context().get_node_id()
    cache = ContenderCache()
    if missing := _install(task, brief, cache):
        return Missing(missing), None
    _go_to(brief.folder)
    faulthandler.enable()
    ray.get(ear.tell.remote(task.number, "begins", node, os.path.realpath("/dev/fd/2")))  # it may be its last word
    voice = _Voice(task.number, ear, home)
    try:
        worker = _worker(replace(brief.setup, jobs=_sharers(brief.cpus)))
        voice.say("started")
        prepared = ray.get(brief.prepared[0]) if brief.prepared else None
        answer = worker.carry_out(replace(task, prepared=prepared), voice)
    except AdvbenchError as error:  # this node cannot make the plan
        trouble = Trouble(code=type(error).__name__, reason=str(error), trace=traceback.format_exc(), ours=True)
        answer = Answer(trouble=trouble)
    _leave_if_forked(home)
    if answer.trouble is not None and node != brief.home:
        reason = f"{answer.trouble.reason} This was on node {socket.gethostname()}."
        answer = replace(answer, trouble=replace(answer.trouble, reason=reason))
    made = None if task.makes is None or answer.trouble is not None else cache.load(task.makes)
    return Finished(answer, voice.asked), made


def last_words(path: str) -> str:
    """The end of what a worker of this node wrote on its standard error."""
    try:
        with Path(path).open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _LONGEST_TALE))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return ""


class _Voice:
    """Tells of progress, not too often, and of all else at once."""

    def __init__(self, number: int, ear: Any, home: int) -> None:
        self.asked = 0
        self._number, self._ear, self._home = number, ear, home
        self._last = time.monotonic()

    def __call__(self, what: str, *values: Any) -> None:
        _leave_if_forked(self._home)
        if what not in ("queries", "training"):
            self.say(what, *values)
            return
        if what == "queries":
            self.asked += values[0]
            values = (self.asked,)
        now = time.monotonic()
        if now - self._last >= _BREATH:
            self._last = now
            self.say(what, *values)

    def say(self, what: str, *values: Any) -> None:
        """At once, and without waiting."""
        self._ear.tell.remote(self._number, what, *values)


@functools.lru_cache(maxsize=1)
def _worker(setup: Setup) -> Worker:
    """Made once in each process of the run, for all its tasks."""
    return Worker.of(setup)


def _install(task: Task, brief: Brief, cache: ContenderCache) -> tuple[str, ...]:
    """Put contenders from the object store into this node's cache folder; return the keys of those that are nowhere."""
    missing = []
    for key in dict.fromkeys((*task.needs, *filter(None, (task.makes,)))):
        if cache.digest(key) is not None:
            continue
        if key not in brief.entries:
            missing.append(key)
        elif (entry := brief.entries[key]) is not None:
            cache.store(key, *ray.get(entry))
    return tuple(missing)


def _sharers(cpus: float) -> int:
    """How many tasks of that size share this machine."""
    return max(1, int((os.cpu_count() or 1) / cpus))


def _go_to(folder: str) -> None:
    """Paths of a request are read where the run was started, if this node has such a folder."""
    with contextlib.suppress(OSError):
        os.chdir(folder)


def _leave_if_forked(home: int) -> None:
    """A plugin that forks must not leave two workers behind: the copy goes, without cleaning up."""
    if os.getpid() != home:
        os.kill(os.getpid(), signal.SIGKILL)
