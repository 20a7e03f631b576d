"""A crew without workers: it says of each task what a script has for it."""

from advbench import Answer, Done, Lost, Task


class Scripted:
    """`script(task)` gives what to say when asked: an Answer, a Lost's words, or None: not yet.

    innocent: losses are no fault of their tasks. `handed`: tasks as they came.
    """

    def __init__(self, script=lambda task: Answer(), slots=1, innocent=False):
        self.slots, self.script, self.innocent = slots, script, innocent
        self.handed, self.stopped, self.under_way = [], [], {}
        self.news = []  # told at the next wait: (number, what, values)

    def submit(self, task):
        assert len(self.under_way) < self.slots
        assert task.number not in [one.number for one in self.handed]
        self.handed.append(task)
        self.under_way[task.number] = task

    def wait(self, seconds, told):
        for number, what, values in self.news:
            told(number, what, values)
        self.news = []
        ends = []
        for number, task in list(self.under_way.items()):
            said = "stopped" if number in self.stopped else self.script(task)
            if said is not None:
                del self.under_way[number]
                ends.append(
                    Done(number, said) if isinstance(said, Answer) else Lost(number, said, guilty=not self.innocent)
                )
        return ends

    def stop(self, task):
        self.stopped.append(task)

    def close(self):
        self.under_way.clear()


def task(shard=0, what="attack", **more):
    return Task(what=what, cell=0, cell_id="c", shard=shard, **more)
