"""Time limits for code that may never come back: it is stopped from outside, not asked to look at a clock.

A timer interrupts the main thread with an exception that no `except Exception` catches. Where it
is swallowed all the same it comes again, and again. One call into compiled code that never returns
is beyond its reach: the interruption waits for the next line of Python.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

from ..contract.errors import OutOfTime

_AGAIN = 0.1  # seconds until code that swallowed the interruption is interrupted anew


class _Interruption(BaseException):
    """What is thrown into the code that is over its limit; never leaves its own `time_limit`."""


class time_limit:  # noqa: N801 - read as a word: `with time_limit(60, "attack pgd"):`
    """Run a block for at most so many seconds; None or infinity is no limit.

    `since`: the time.monotonic() from which they count, if not from the start of the block.

    Raises OutOfTime, `<what> must end within <seconds> s ... <advice>`, when the block ends if it
    took longer: however it ended, even if it swallowed the interruption. KeyboardInterrupt passes.
    Limits may be nested: the one that runs out first is the one that is told. Without a timer,
    see `why_no_limit`, the block is not interrupted, and told to be late once it ends.
    """

    def __init__(self, seconds: float | None, what: str, advice: str = "", since: float | None = None) -> None:
        self._seconds, self._since = math.inf if seconds is None else seconds, since
        self._told = f"{what} must end within {self._seconds:.3g} s, got no end by then. {advice}".strip()
        self._interruption = _Interruption(self._told)
        self._armed = self._rang = False
        self._before: Any = None  # the handler of the limit around this one, and when its timer rings
        self._outer = math.inf

    def __enter__(self) -> None:
        self._deadline = self._seconds + (time.monotonic() if self._since is None else self._since)
        if time.monotonic() >= self._deadline:
            raise OutOfTime(self._told)
        if math.isinf(self._seconds) or why_no_limit() is not None:
            return
        left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        self._outer = time.monotonic() + left if left else math.inf
        self._before = signal.signal(signal.SIGALRM, self._ring)
        self._armed = True
        _arm(min(self._deadline, self._outer))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._armed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)
            if not math.isinf(self._outer):
                _arm(self._outer)
        if isinstance(error, KeyboardInterrupt) or (
            isinstance(error, _Interruption) and error is not self._interruption
        ):
            return
        if self._rang or time.monotonic() > self._deadline:
            raise OutOfTime(self._told) from error

    def _ring(self, number: int, frame: FrameType | None) -> None:
        # Inside this very file the block is over, or not begun. The timer rings again if it is not.
        if frame is not None and frame.f_globals is globals():
            return
        now = time.monotonic()
        if now >= self._outer and callable(self._before):
            self._before(number, frame)
        if now >= self._deadline:
            self._rang = True
            raise self._interruption


def why_no_limit() -> str | None:
    """Why code cannot be interrupted here; None where it can."""
    if not hasattr(signal, "setitimer"):
        return "this operating system has no interval timer"
    if threading.current_thread() is not threading.main_thread():
        return "only the main thread can be interrupted"
    return None


def _arm(deadline: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, max(1e-3, deadline - time.monotonic()), _AGAIN)
