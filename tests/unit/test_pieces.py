"""Rows attacked one by one make the shard that they would have made together."""

import torch

from advbench.arena.contest import Outcome
from advbench.bench.packing import pack_outcome
from advbench.bench.pieces import Pieces, befell
from advbench.bench.work import Attacked

IDS = [31, 4, 15, 9]
SHARD = "shard-00002"


def outcome(rows, text):
    ids = [IDS[row] for row in rows]
    points = {} if text else {f"{one}": torch.arange(3.0) + one for one in ids if one != 15}  # that one was skipped
    texts = {f"{one}": (f"before {one}", f"after {one}") for one in ids if one != 15} if text else {}
    examples = [{"example_id": one} for one in ids]
    trace = [{"example_id": one, "query": query} for one in ids for query in (1, 2)]
    return Outcome(examples=examples, trace=trace, points=points, texts=texts)


def attacked(rows, text):
    found = outcome(rows, text)
    return Attacked(found.examples, found.trace, pack_outcome(SHARD, found))


def check_together(text):
    pieces = Pieces(left=0)
    for row in (2, 0, 3, 1):  # as they come back
        pieces.found[row] = attacked([row], text)
    assert pieces.together() == attacked(range(4), text)


def test_images_and_tables():
    check_together(text=False)


def test_texts():
    check_together(text=True)


def test_nothing_is_kept_where_nothing_is_asked_to_be():
    pieces = Pieces(left=1, found={0: Attacked([{"example_id": 1}], [], None)})
    assert pieces.together().kept is None
    assert Pieces(left=1).together() == Attacked([], [], None)


def test_examples_are_named():
    assert befell([]) == ""
    assert befell([(7, None)]) == " This befell example 7."
    assert befell([(7, 2), (3, 1)]) == " This befell examples 3 (target 1), 7 (target 2)."
    assert befell([(i, None) for i in range(64)]).endswith("8, 9 and 54 more.")
