"""The engine `ray`: its crew hands every task to a driver, a process of its own that speaks to Ray.

Ray prints on its driver's standard output, sets signal handlers, waits for minutes for a cluster that is
not there, and ends its driver when its node fails. None of that may befall the run.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Pipe
from typing import IO, Any

from advbench import Crew, Done, Lost, RequestError, Setup, Task, param

from .messages import FromDriver, News, Order, Parcel, Refused, Room, Stop, ToDriver, Work

_KNOCK = 5.0  # seconds within which somebody must listen at an address
_START = 180.0  # and in which Ray must be there
_FAREWELL = 10.0  # and in which the driver must have left
PARCELS = 8  # that are kept for tasks to come
_LONGEST_TALE = 10_000  # bytes of what a dead driver left on its standard error


@dataclass(frozen=True)
class Ray:
    """Tasks of Ray. Each worker process keeps its contenders from one task to the next."""

    address: str | None = param(
        None, help="of a running cluster, as host:port, or auto for this machine's; none: a Ray for this run alone"
    )
    jobs: int = param(0, ge=0, unit="tasks", help="at the same time; 0: as many as the cluster has room for")
    cpus: float = param(1.0, gt=0, unit="CPUs", help="that each task is given")
    gpus: float | None = param(
        None, ge=0, unit="GPUs", help="that each task is given; .5: two share one; none: 1 if --device is cuda, else 0"
    )

    def crew(self, setup: Setup, here: Callable[[], Any]) -> Crew:
        """Connects to the cluster, or starts one."""
        if os.name != "posix":
            raise RequestError("engine ray: the system must be POSIX, got another. Use --engine local.")
        if self.address not in (None, "auto"):
            _knock(str(self.address))
        try:
            importlib.metadata.version("ray")
        except importlib.metadata.PackageNotFoundError:
            raise RequestError("engine ray: Ray must be installed, got none. Run: pip install ray") from None
        gpus = float(setup.request.device.startswith("cuda")) if self.gpus is None else self.gpus
        return _Crew(Order(self.address, self.jobs, self.cpus, gpus, setup))


class _Crew:
    """This end of the pipe to the driver."""

    def __init__(self, order: Order) -> None:
        self.slots = 0
        self._under_way: set[int] = set()
        self._parcels = Parcels()
        self._driver = _Driver()
        try:
            self._driver.send(order)
            self._await_room(order)
        except BaseException:
            self._driver.kill()
            raise

    def submit(self, task: Task) -> None:
        """If the driver is gone, `wait` will tell."""
        self._under_way.add(task.number)
        number, parcel = (None, None) if task.prepared is None else self._parcels.of(task.prepared)
        if parcel is not None:
            self._driver.send(parcel)
        self._driver.send(Work(replace(task, prepared=None), number))

    def wait(self, seconds: float, told: Callable[[int, str, tuple[Any, ...]], None]) -> Sequence[Done | Lost]:
        """Listen to the driver. Raises RequestError when it has lost its Ray."""
        ends: list[Done | Lost] = []
        until = time.monotonic() + seconds
        while self._driver.pipe.poll(0.0 if ends else max(0.0, until - time.monotonic())):
            message = self._driver.receive()
            if isinstance(message, Room):
                self.slots = message.slots
            elif isinstance(message, News):
                if message.task in self._under_way:
                    told(message.task, message.what, message.values)
            elif not isinstance(message, Refused):
                self._under_way.discard(message.task)
                ends.append(message)
        return ends

    def stop(self, task: int) -> None:
        """The driver will report it lost."""
        self._driver.send(Stop(task))

    def close(self) -> None:
        """The end of the pipe tells the driver to end what it began."""
        self._driver.dismiss()

    def _await_room(self, order: Order) -> None:
        address = order.address
        where = "on this machine" if address is None else f"at {address}"
        if not self._driver.pipe.poll(_START):
            raise RequestError(
                f"engine ray: Ray {where} must answer within {_START:.0f} s, got no answer. {_help(address)}"
            )
        message = self._driver.receive()
        if isinstance(message, Refused):
            raise RequestError(f"engine ray: Ray {where} must be there, got: {message.why} {_help(address)}")
        assert isinstance(message, Room)
        self.slots = message.slots
        if address is None and not self.slots:  # nor will any other machine join
            wanted = f"{order.cpus:g} CPUs and {order.gpus:g} GPUs"
            raise RequestError(
                f"engine ray: this machine must have room for a task of {wanted}, got too little. Give tasks less, or"
                " name a cluster by address=."
            )


class Parcels:
    """Numbers bytes by who they are: equal ones that are another object are another parcel."""

    def __init__(self) -> None:
        self._kept: list[Parcel] = []
        self._sent = 0

    def of(self, content: bytes) -> tuple[int, Parcel | None]:
        """The number of the parcel with these bytes, and the parcel itself if it has to go first."""
        for parcel in self._kept:
            if parcel.content is content:
                return parcel.number, None
        gone = tuple(one.number for one in self._kept[: 1 - PARCELS])
        parcel = Parcel(self._sent, content, gone)
        self._kept = [*self._kept[1 - PARCELS :], parcel]
        self._sent += 1
        return parcel.number, parcel


class _Driver:
    """The process, and the pipe to it. In a session of its own: Ctrl-C is not for it."""

    def __init__(self) -> None:
        self.pipe, theirs = Pipe()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `kill`
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "advbench_ray.driver", str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, pass_fds=[theirs.fileno()],
                start_new_session=True, env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
            )  # fmt: skip
        finally:
            theirs.close()

    def send(self, message: ToDriver) -> None:
        with contextlib.suppress(OSError):  # it died; whoever listens hears of it
            self.pipe.send(message)

    def receive(self) -> FromDriver:
        """Raises RequestError if it is dead."""
        try:
            message: FromDriver = self.pipe.recv()
        except (EOFError, OSError):
            tale = self._tale()
            raise RequestError(
                f"engine ray: its connection to Ray must last as long as the run, got its end: {tale}."
                " Run the same command again: it goes on from there."
            ) from None
        return message

    def dismiss(self) -> None:
        """Let it clean up, for a while."""
        self.pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_FAREWELL)
        self.kill()

    def kill(self) -> None:
        """With a Ray that it started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self._process.kill()
        self._process.wait()
        self.pipe.close()
        self._log.close()

    def _tale(self) -> str:
        """Its last words."""
        try:
            code = self._process.wait(_FAREWELL)
        except subprocess.TimeoutExpired:
            return "it does not answer"
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - _LONGEST_TALE))
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines() if line.strip()]
        return f"exit code {code}" + (f", {lines[-1][:300]}" if lines else "")


def _knock(address: str) -> None:
    """Raise RequestError unless somebody listens there: Ray itself would wait for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdigit():
        raise RequestError(f"engine ray: address must be host:port or auto, got '{address}'. {_help(address)}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK).close()
    except (OSError, OverflowError) as error:
        raise RequestError(f"engine ray: Ray at {address} must be there, got: {error}. {_help(address)}") from None


def _help(address: str | None) -> str:
    if address is None:
        return "Use --engine process, which needs no Ray."
    return (
        "Start one (ray start --head prints its address), run advbench on a machine of that cluster, or leave the"
        " address out for a Ray of this run alone."
    )
