"""What two texts have in common at their beginning and at their end."""

from __future__ import annotations

_NEARBY = 3  # words looked at beside a hint before all are


def shared(one: str, other: str, head: str = "", tail: str = "") -> tuple[int, int]:
    """Characters at the beginning and at the end that both share, cut back to whole words; 0, 0 if that is not
    more than half of `one`.

    head, tail: of `one`, cut at white space, what may well be right; there it is looked first.
    """
    start = _beginning(one, other, head)
    size = len(one)
    least, most = size // 2 + 1 - start, min(size, len(other)) - start
    if least > most or (least > 0 and not other.endswith(one[size - least :])):
        return 0, 0
    return start, _end(one, other, tail, most)


def _beginning(one: str, other: str, hint: str) -> int:
    place = len(hint) if other.startswith(hint) else 0
    for _ in range(_NEARBY):
        after = one.find(" ", place) + 1
        if not after or not other.startswith(one[place:after], place):
            return place
        place = after
    low, high = place, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if other.startswith(one[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return one.rfind(" ", 0, low) + 1


def _end(one: str, other: str, hint: str, most: int) -> int:
    """`most`: characters that are left for it."""
    size = len(one)
    place = size - len(hint)
    for step in range(_NEARBY):
        if size - place <= most and other.endswith(one[place:]):
            before = one.rfind(" ", 0, place)
            if step or before < 0 or size - before > most or not other.endswith(one[before:]):
                return size - place
            break  # it is longer
        place = one.find(" ", place + 1)
        if place < 0:
            return 0
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if other.endswith(one[size - middle : size - low], 0, len(other) - low):
            low = middle
        else:
            high = middle - 1
    space = one.find(" ", size - low)
    return 0 if space < 0 else size - space
