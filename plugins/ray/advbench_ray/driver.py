"""The main program of the driver: it speaks to Ray for a run, until the run closes the pipe."""

from __future__ import annotations

import math
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as Affinity

from advbench import ContenderCache, Done, Lost, Task

from .ear import Ear, Heard
from .labour import Brief, Finished, Missing, carry_out, last_words
from .losses import Loss, loss_of, told_by
from .messages import News, Order, Parcel, Refused, Room, Stop, Work

_TICK = 0.5  # seconds between looks at the cluster and at what tasks tell

_ENDED = "the Ray of this machine has ended"  # and no task will ever be carried out again


@dataclass
class _Job:
    """A task under way. `node` and `log`: where its worker is and writes, once it has begun."""

    task: Task
    prepared: tuple[ray.ObjectRef, ...]  # to what its attack learnt, if anything
    answer: Any = None  # reference to what came of it
    entry: Any = None  # reference to the contender that it trained
    node: str = ""
    log: str = ""
    asked: int = 0
    stopped: bool = False


class Driver:
    """Gives tasks to Ray and takes what becomes of them; all that happens comes through one queue."""

    def __init__(self, pipe: Connection, order: Order) -> None:
        self._pipe, self._order = pipe, order
        self._happened: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._jobs: dict[int, _Job] = {}
        self._parcels: dict[int, ray.ObjectRef] = {}
        self._entries: dict[str, ray.ObjectRef] = {}  # of contenders that some node lacked
        self._cache = ContenderCache()
        self._home = ray.get_runtime_context().get_node_id()
        here = Affinity(self._home, soft=False)
        self._ear = ray.remote(Ear).options(num_cpus=0, scheduling_strategy=here).remote()
        self._listening = False
        self._slots = -1
        needs = {"num_cpus": order.cpus, "num_gpus": order.gpus, "num_returns": 2, "max_retries": 0}
        self._carry_out = ray.remote(carry_out).options(**needs)

    def serve(self) -> None:
        """Until the pipe is closed."""
        threading.Thread(target=self._read, daemon=True).start()
        looked = 0.0
        while True:
            if time.monotonic() - looked >= _TICK:
                looked = time.monotonic()
                self._look()
            try:
                happened = self._happened.get(timeout=_TICK)
            except queue.Empty:
                continue
            if happened is None:
                return
            happened()

    def _read(self) -> None:
        """In a thread of its own."""
        try:
            while True:
                message = self._pipe.recv()
                self._happened.put(lambda message=message: self._obey(message))  # type: ignore[misc]
        except (EOFError, OSError):
            self._happened.put(None)

    def _obey(self, message: Parcel | Work | Stop) -> None:
        if isinstance(message, Parcel):
            self._parcels[message.number] = ray.put(message.content)
            for number in message.gone:
                self._parcels.pop(number, None)
        elif isinstance(message, Work):
            prepared = () if message.parcel is None else (self._parcels[message.parcel],)
            job = self._jobs[message.task.number] = _Job(message.task, prepared)
            self._begin(job, {})
        elif message.task in self._jobs:
            job = self._jobs[message.task]
            job.stopped = True
            ray.cancel(job.answer, force=True)

    def _begin(self, job: _Job, entries: dict[str, ray.ObjectRef | None]) -> None:
        """Hand it to Ray. entries: of contenders that its node is known to lack."""
        task, order = job.task, self._order
        known = {key: self._entries[key] for key in _keys(task) if key in self._entries}
        unmade = {} if task.makes is None or self._cache.digest(task.makes) else {task.makes: None}
        brief = Brief(
            setup=order.setup, cpus=order.cpus, home=self._home, folder=os.getcwd(), prepared=job.prepared,
            entries={**unmade, **known, **entries},
        )  # fmt: skip
        job.answer, job.entry = self._carry_out.remote(task, brief, self._ear)
        self._when(job.answer, lambda found: self._ended(job, found))

    def _when(self, ref: ray.ObjectRef, then: Callable[[Any], None]) -> None:
        """`then` hears of what came of it, an exception included, in the thread that serves."""
        ref.future().add_done_callback(
            lambda future: self._happened.put(lambda: then(future.exception() or future.result()))
        )

    def _ended(self, job: _Job, found: Finished | Missing | BaseException) -> None:
        if isinstance(found, Missing) and not job.stopped:
            self._begin(job, {key: self._entry(key) for key in found.keys})
        elif isinstance(found, Finished):
            self._finished(job, found)
        elif isinstance(found, ray.exceptions.LocalRayletDiedError):
            raise ConnectionError(_ENDED)
        else:
            self._mourn(job, Loss("it was stopped", guilty=True) if isinstance(found, Missing) else loss_of(found))

    def _entry(self, key: str) -> ray.ObjectRef | None:
        """A contender of this machine's cache folder, put into the object store once."""
        if key not in self._entries and (entry := self._cache.load(key)) is not None:
            self._entries[key] = ray.put(entry)
        return self._entries.get(key)

    def _finished(self, job: _Job, found: Finished) -> None:
        task = job.task
        if task.makes is not None and found.answer.trouble is None and self._cache.digest(task.makes) is None:
            try:
                self._cache.store(task.makes, *ray.get(job.entry))
            except ray.exceptions.RayError as error:
                self._mourn(job, loss_of(error))
                return
        self._asked(job, found.asked)
        self._end(Done(task.number, found.answer))

    def _mourn(self, job: _Job, loss: Loss) -> None:
        """Report the loss. Of a crash, what the worker left is asked for first: its ear knows where."""
        number = job.task.number
        if not loss.crashed or job.stopped:
            self._end(Lost(number, loss.why, loss.guilty))
            return

        def ask(heard: Heard | BaseException) -> None:
            self._heard(heard)
            if not job.node:
                self._end(Lost(number, loss.why, loss.guilty))
                return
            there = Affinity(job.node, soft=False)
            asked = ray.remote(last_words).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
            self._when(asked.remote(job.log), lambda words: self._end(told_by(number, words)))

        self._when(self._ear.take.remote(), ask)

    def _end(self, end: Done | Lost) -> None:
        del self._jobs[end.task]
        self._pipe.send(end)

    def _look(self) -> None:
        """At the size of the cluster, and at what tasks tell."""
        alive = [node for node in ray.nodes() if node["Alive"]]
        if self._home not in {node["NodeID"] for node in alive}:
            raise ConnectionError(_ENDED)
        slots = self._order.room(node["Resources"] for node in alive)
        if slots != self._slots:
            self._slots = slots
            self._pipe.send(Room(slots))
        if self._jobs and not self._listening:
            self._listening = True
            self._when(self._ear.take.remote(), self._heard)

    def _heard(self, heard: Heard | BaseException) -> None:
        self._listening = False
        for number, what, values in heard if isinstance(heard, list) else ():
            job = self._jobs.get(number)
            if job is None:
                continue
            if what == "begins":
                job.node, job.log = values
            elif what == "queries":
                self._asked(job, *values)
            else:
                self._pipe.send(News(number, what, values))

    def _asked(self, job: _Job, asked: int) -> None:
        """Tell how many queries there are beyond those told already."""
        if asked > job.asked:
            self._pipe.send(News(job.task.number, "queries", (asked - job.asked,)))
            job.asked = asked


def _keys(task: Task) -> Iterator[str]:
    yield from task.needs
    if task.makes is not None:
        yield task.makes


def main(handle: int) -> None:
    """Serve the process at the other end."""
    pipe = Connection(handle)
    order: Order = pipe.recv()
    try:
        _connect(order)
    except (Exception, SystemExit) as error:
        pipe.send(Refused(f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"))
        return
    try:
        Driver(pipe, order).serve()
    except BrokenPipeError:
        pass  # nobody waits for more
    finally:
        ray.shutdown()


def _connect(order: Order) -> None:
    """To the cluster, or to a Ray of this run alone."""
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if order.address is not None:
        ray.init(address=order.address, **quiet)
        return
    jobs = order.jobs or max(1, int((os.cpu_count() or 1) / order.cpus))
    ray.init(address="local", num_cpus=math.ceil(jobs * order.cpus), include_dashboard=False, **quiet)


if __name__ == "__main__":
    main(int(sys.argv[1]))
