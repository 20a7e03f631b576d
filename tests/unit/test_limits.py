"""Endless code is stopped: whatever it catches, and whatever limit is set around it."""

import _thread
import signal
import threading
import time

import pytest

from advbench.arena.limits import time_limit, why_no_limit
from advbench.contract.errors import OutOfTime


@pytest.fixture(autouse=True)
def nothing_left_behind():
    before = signal.getsignal(signal.SIGALRM)
    yield
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == before


def endless():
    while True:
        pass


def swallowing(kind, times=3):
    """A loop that catches what should end it, so many times."""
    for _ in range(times):
        try:
            endless()
        except kind:
            continue


def test_an_endless_loop_is_ended_and_told():
    started = time.monotonic()
    told = r"^attack x must end within 0.1 s, got no end by then. Use --timeout.$"
    with pytest.raises(OutOfTime, match=told), time_limit(0.1, "attack x", "Use --timeout."):
        endless()
    assert time.monotonic() - started < 1


def test_a_sleeper_is_woken():
    with pytest.raises(OutOfTime), time_limit(0.05, "x"):
        time.sleep(5)


@pytest.mark.parametrize("kind", [Exception, BaseException])
def test_who_swallows_the_interruption_gets_it_again(kind):
    started = time.monotonic()
    with pytest.raises(OutOfTime), time_limit(0.05, "x"):
        swallowing(kind)
    assert time.monotonic() - started < 2


def turning():
    try:
        endless()
    except BaseException:
        raise ValueError("something else") from None


def test_an_error_made_of_the_interruption_is_told_as_lateness():
    with pytest.raises(OutOfTime), time_limit(0.05, "x"):
        turning()


def test_what_ends_in_time_is_left_alone():
    with time_limit(5, "x"):
        done = sum(range(1000))
    assert done == 499500
    with pytest.raises(ValueError, match="own"), time_limit(5, "x"):
        raise ValueError("own")


@pytest.mark.parametrize("seconds", [None, float("inf")])
def test_no_limit_sets_no_timer(seconds):
    with time_limit(seconds, "x"):
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize(("inner", "outer", "told"), [(0.05, 9, "inner"), (9, 0.05, "outer"), (None, 0.05, "outer")])
def test_of_nested_limits_the_one_that_runs_out_is_told(inner, outer, told):
    with pytest.raises(OutOfTime, match=told), time_limit(outer, "outer"), time_limit(inner, "inner"):
        swallowing(Exception)


def limited_within():
    with time_limit(0.05, "first"):
        pass
    with pytest.raises(OutOfTime, match="second"), time_limit(0.05, "second"):
        endless()
    endless()


def test_the_outer_limit_goes_on_after_the_inner_one():
    with pytest.raises(OutOfTime, match="outer"), time_limit(0.2, "outer"):
        limited_within()


def test_seconds_may_have_begun_before():
    begun = time.monotonic() - 1
    with time_limit(60, "x", since=begun):
        pass
    with pytest.raises(OutOfTime, match="within 0.5 s"), time_limit(0.5, "x", since=begun):
        raise AssertionError("it must not begin")


def test_control_c_passes_through():
    timer = threading.Timer(0.1, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt), time_limit(5, "x"):
        endless()


def test_limits_that_end_at_any_moment_leave_nothing_behind():
    late = 0
    for i in range(300):
        try:
            with time_limit(0.001 + i % 7 * 1e-4, "x"):
                while time.process_time() and i % 3:
                    time.sleep(0.0002)
        except OutOfTime:
            late += 1
    assert late >= 200


def test_another_thread_is_told_why_and_judged_by_the_clock():
    said = []

    def work():
        said.append(why_no_limit())
        try:
            with time_limit(0.01, "x"):
                time.sleep(0.05)
        except OutOfTime as error:
            said.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert said == ["only the main thread can be interrupted", "x must end within 0.01 s, got no end by then."]
    assert why_no_limit() is None
