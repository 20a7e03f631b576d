"""Which examples, in which order: prefixes, proportions, and equal answers for equal questions."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from advbench.bench.selection import select, stratified_order
from advbench.contract.errors import EmptySelection, RequestError
from advbench.contract.protocols import Examples

LABELS = st.lists(st.integers(0, 6), min_size=1, max_size=120).map(torch.tensor)
LOPSIDED = torch.tensor([0] * 180 + [1 + i for i in range(20)])


class Toy:
    """Ids are 7 times the position."""

    def __init__(self, labels):
        self._labels = labels

    def labels(self, split):
        assert split == "eval"
        return self._labels

    def load(self, split, positions=None):
        assert positions is None
        ids = 7 * torch.arange(len(self._labels))
        return Examples(ids, ids, self._labels)


@given(labels=LABELS, digest=st.text())
def test_the_order_is_a_permutation_and_every_n_begins_the_next(labels, digest):
    whole = stratified_order(labels, digest)
    assert sorted(whole) == list(range(len(labels)))
    for n in range(len(labels) + 2):
        assert stratified_order(labels, digest, n) == whole[:n]


@given(labels=LABELS | st.just(LOPSIDED))
def test_every_beginning_holds_each_class_within_one_of_its_share(labels):
    order = stratified_order(labels, "digest")
    for label in torch.unique(labels).tolist():
        share = float((labels == label).double().mean())
        so_far = (labels[order] == label).cumsum(0)
        expected = share * torch.arange(1, len(labels) + 1)
        assert float((so_far - expected).abs().max()) < 1


def test_within_a_class_the_order_is_the_digests():
    labels = torch.zeros(50, dtype=torch.int64)
    one, two = stratified_order(labels, "a"), stratified_order(labels, "b")
    assert one != two
    assert one != list(range(50))


def test_the_order_is_fixed_for_ever():
    assert stratified_order(torch.tensor([0, 1, 0, 2, 1, 0, 0, 1]), "digest") == [0, 7, 6, 1, 2, 3, 4, 5]


def test_another_process_agrees_and_no_generator_is_moved():
    code = (
        "import torch; from advbench.bench.selection import stratified_order;"
        "torch.rand(3); print(stratified_order(torch.arange(40) % 3, 'digest'))"
    )
    state = torch.random.get_rng_state()
    here = stratified_order(torch.arange(40) % 3, "digest")
    assert torch.equal(state, torch.random.get_rng_state())
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == str(here)


def test_a_thousand_of_as_many_classes_are_one_of_each():
    labels = torch.arange(50_000) % 1_000
    assert len(set(labels[stratified_order(labels, "digest", 1_000)].tolist())) == 1_000


@pytest.mark.parametrize("how", ["first", "random"])
def test_a_choice_is_stable_and_grows(how):
    toy = Toy(torch.arange(90) % 3)
    whole = select(toy, "digest", "toy", how, 90, 0)
    assert sorted(whole) == list(range(90))
    for n in (1, 2, 50):
        assert select(toy, "digest", "toy", how, n, 0) == whole[:n]
    assert select(toy, "digest", "toy", how, 1_000, 0) == whole


def test_only_a_random_choice_depends_on_the_seed():
    toy = Toy(torch.arange(90) % 3)
    assert select(toy, "d", "toy", "first", 9, 0) == select(toy, "d", "toy", "first", 9, 1)
    assert select(toy, "d", "toy", "random", 9, 0) != select(toy, "d", "toy", "random", 9, 1)


def test_ids_are_taken_in_the_order_typed_each_once():
    toy = Toy(torch.arange(9))
    assert select(toy, "d", "toy", "ids=14/0/14/7", 1, 0) == [2, 0, 1]
    assert select(toy, "d", "toy", "ids=/ 56 /", 1, 0) == [8]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("ids=3", "run: --select ids=3: toy's eval split has no such example. It has 0, 7, 14, 21, 28, …"),
        ("ids=0/-7", "run: --select ids=-7: toy's eval split has no such example."),
        ("ids=0,7", "run: --select ids= must be whole numbers split at '/', got '0,7'."),
        ("ids=a", "run: --select ids= must be whole numbers split at '/', got 'a'."),
        ("best", "run: --select must be first, random or ids=1/2/3, got 'best'."),
        ("", "run: --select must be first, random or ids=1/2/3, got ''."),
    ],
)
def test_impossible_choices_are_told(how, told):
    with pytest.raises(RequestError) as caught:
        select(Toy(torch.arange(9)), "d", "toy", how, 5, 0)
    assert str(caught.value).startswith(told)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("how", ["first", "random", "ids="])
def test_nothing_chosen_is_an_empty_selection(how):
    empty = Toy(torch.tensor([], dtype=torch.int64)) if how != "ids=" else Toy(torch.arange(9))
    with pytest.raises(EmptySelection, match=r"^toy: no example is selected. Its eval split has \d") as caught:
        select(empty, "d", "toy", how, 5, 0)
    assert caught.value.exit_code == 5
