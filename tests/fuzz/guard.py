"""Holding a reader to its promise: only our own errors leave it, nothing is written elsewhere, and it ends soon.

`attempt` runs a reader in a folder of its own, with a limit on its time and on the memory it may take beside what
the process has already, and compares what lies around that folder before and after.
"""

import contextlib
import os
import re
import resource
import shutil
import signal
import tempfile
from pathlib import Path

from advbench.contract.errors import AdvbenchError

SECONDS, MEMORY = 20, 3 << 30  # of addresses: pyarrow's allocator takes a GiB of them to begin with
QUICK = "/dev/shm"  # files that are made and removed by the thousand
# `<who>: <what> must be <limit>, got <value>. <what to do>`; some say in other words what there is not.
FORM = re.compile(r".*\b(must|no|needs)\b.*", re.DOTALL)


class Broken(AssertionError):
    """A reader did what none may."""


class _Late(BaseException):
    """Past the reader's own handlers."""


def attempt(reader, data, seconds=SECONDS, memory=MEMORY):
    """The error with which the reader refused the data, or None. Raises Broken if it did anything else."""
    root = Path(tempfile.mkdtemp(prefix="fuzz-", dir=QUICK if os.access(QUICK, os.W_OK) else None))
    try:
        (root / "beside.txt").write_text("not yours")
        home = root / "home"
        home.mkdir()
        before = _around(root, home)
        error = _refusal(reader, home, data, seconds, memory)
        if _around(root, home) != before:
            raise Broken(f"it wrote outside of its folder: {sorted(_around(root, home) ^ before)}")
        return error
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _refusal(reader, home, data, seconds, memory):
    try:
        with _limits(seconds, memory), _cache_in(home):
            reader(home, data)
    except AdvbenchError as error:
        if not FORM.fullmatch(str(error)):
            raise Broken(f"its error says not what must be and what was got: {error}") from error
        return error
    except _Late:
        raise Broken(f"it took more than {seconds} seconds") from None
    except MemoryError as error:
        raise Broken(f"it took more than {memory:,} bytes") from error
    except BaseException as error:
        raise Broken(f"an error of its own left it: {type(error).__name__}: {error}") from error
    return None


@contextlib.contextmanager
def _limits(seconds, memory):
    def late(*_):
        raise _Late

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    old = signal.signal(signal.SIGALRM, late)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + memory, hard))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextlib.contextmanager
def _cache_in(home):
    before = os.environ.get("ADVBENCH_CACHE_DIR")
    os.environ["ADVBENCH_CACHE_DIR"] = str(home / "cache")
    try:
        yield
    finally:
        del os.environ["ADVBENCH_CACHE_DIR"]
        if before is not None:
            os.environ["ADVBENCH_CACHE_DIR"] = before


def _around(root, home):
    """Everything in `root` but what is in `home`, with sizes and times."""
    found = set()
    for path in (root, *root.rglob("*")):
        if path not in (root, home) and not path.is_relative_to(home):
            about = path.lstat()
            found.add((str(path.relative_to(root)), about.st_size, about.st_mtime_ns, about.st_mode))
    return found
