"""Points and a loss for tests of the oracle."""

import torch


def low(n):
    """Points of class 0 that no test here turns."""
    return torch.zeros(n, 4), torch.zeros(n, dtype=torch.int64)


def first(scores, index):
    return scores[:, 1]
