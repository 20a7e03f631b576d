"""Examples whose verdict is known, and attacks that do what they are told."""

import torch

from advbench import Access, Examples, Perturbed

NONE = Access.NONE


def examples(*sizes, y=0, second=0.0):
    """Class 0 below 1: points whose first number is that large."""
    x = torch.zeros(len(sizes), 4)
    x[:, 0], x[:, 1] = torch.tensor(sizes), second
    return Examples(torch.arange(len(sizes)) + 7, x, torch.full((len(sizes),), y))


class Says:
    """Asks for some changes of the first number, then returns another."""

    def __init__(self, *asked, returned=0.0):
        self.asked, self.returned = asked, returned

    def perturb(self, oracle, x, rng):
        for change in self.asked:
            oracle.labels(self._moved(x, change))
        return Perturbed(self._moved(x, self.returned))

    def _moved(self, x, change):
        out = x.clone()
        out[:, 0] += change
        return out


def verdicts(rows):
    return [row["verdict"] for row in rows]
