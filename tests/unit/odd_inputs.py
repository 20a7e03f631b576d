"""What every attack on numbers must come through, whatever it sees; `attack` runs one over an oracle."""

import pytest
import torch
from known_victims import labels_of, smooth, uniform

from advbench import Bounds

SHAPES = {"tabular": (12,), "series": (6, 2), "image": (3, 2, 2), "one line": (1, 1, 12)}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def check_one_row_of_odd_bounds(attack, component, norm, shape, targeted):
    """It answers inside bounds that are not 0 to 1, and whatever it moved meets the goal."""
    network, x = smooth(), uniform(1, *shape, low=-1, high=3)
    y = labels_of(network, x)
    target = (y + 1) % 3 if targeted else None
    answer = attack(component, network, x, norm, y=y, target=target, classes=3, bounds=Bounds(-1.0, 3.0))
    assert answer.x.shape == x.shape
    assert answer.x.dtype == x.dtype
    assert -1 <= float(answer.x.min()) <= float(answer.x.max()) <= 3
    if not torch.equal(answer.x, x):
        found = labels_of(network, answer.x)
        assert bool((found == target if targeted else found != y).all())


def check_moved_rows_fell(network, x, answer):
    """A row is returned as it came, or adversarial; returns which moved."""
    moved = (answer.x != x).flatten(1).any(dim=1)
    assert ((labels_of(network, answer.x) != labels_of(network, x)) == moved).all()
    return moved
