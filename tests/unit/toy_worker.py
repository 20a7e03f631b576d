"""A worker process whose work is misbehaviour: the real main program, which finds this in place of `advbench`.

It imports no torch, and so starts in a tenth of a second.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
import types

from advbench.cli import worker

ESCAPE = "\x1b]0;owned\x07"


class Elsewhere:
    """Pickled by name; the other side has no such name."""


class Misbehaving:
    """Does what a task's `how` says, then answers with it; `answer` and `size` are the task's own."""

    @classmethod
    def of(cls, setup):
        if setup.request == "dies at start":
            sys.exit("no luck")
        return cls()

    def carry_out(self, task, tell):
        tell("queries", 3)
        getattr(self, task.how.replace("-", "_"))(task, tell)
        return types.SimpleNamespace(how=task.how, pid=os.getpid(), content=b"x" * getattr(task, "size", 0))

    def well(self, task, tell):
        pass

    def segfault(self, task, tell):
        ctypes.string_at(0)

    def exit(self, task, tell):
        os._exit(3)

    def exit_early(self, task, tell):
        os._exit(0)

    def sys_exit(self, task, tell):
        sys.exit(4)

    def kill(self, task, tell):
        os.kill(os.getpid(), signal.SIGKILL)

    def terminate(self, task, tell):
        os.kill(os.getpid(), signal.SIGTERM)

    def interrupt(self, task, tell):
        raise KeyboardInterrupt

    def interrupt_itself(self, task, tell):
        os.kill(os.getpid(), signal.SIGINT)

    def hang(self, task, tell):
        ctypes.PyDLL(None).sleep(1000)  # and keeps the interpreter to itself

    def close_all(self, task, tell):
        os.closerange(0, 4096)

    def close_standard(self, task, tell):
        os.closerange(0, 3)

    def close_all_and_go_on(self, task, tell):
        os.closerange(0, 4096)
        time.sleep(1000)

    def speak(self, task, tell):
        os.write(2, f"{ESCAPE}last words\n".encode())
        os._exit(9)

    def chatter(self, task, tell):
        os.write(1, b"z" * 100_000)

    def unreadable(self, task, tell):
        task.how = Elsewhere()

    def company(self, task, tell):
        """A thread and a process that outlive the task; its number is what it tells."""
        threading.Thread(target=time.sleep, args=(1000,)).start()
        tell("limit", subprocess.Popen(["sleep", "1000"]).pid)

    def die_with_company(self, task, tell):
        """A child holds the pipe open."""
        if os.fork():
            os._exit(5)
        time.sleep(1000)

    def daemon(self, task, tell):
        """A child that left the group holds the pipe open."""
        child = os.fork()
        if child:
            tell("limit", child)
            time.sleep(0.1)
            os._exit(5)
        os.setsid()
        time.sleep(1000)

    def threads_error(self, task, tell):
        threading.Thread(target=lambda: 1 / 0).start()

    def hurry(self, task, tell):
        for _ in range(1000):
            tell("queries", 1)
        tell("limit", 2.0)
        tell("limit", None)


if __name__ == "__main__":
    toys = types.ModuleType("toys")
    toys.Elsewhere = Elsewhere
    Elsewhere.__module__, sys.modules["toys"] = "toys", toys
    sys.modules["advbench"].Worker = Misbehaving
    worker.main(int(sys.argv[1]))
