"""Picking classes: what is kept, how it is renamed, and that it is another data set."""

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from advbench import DatasetFacts, LabelledDataset, Modality
from advbench.contract.errors import ParamError

LABELS = {"train": torch.arange(60) % 5, "tune": torch.tensor([4, 0, 1]), "eval": torch.tensor([3, 1, 4, 1, 0, 2, 4])}


@dataclass(frozen=True)
class Toy(LabelledDataset):
    """ids are 100 + position, x is the id."""

    def all_facts(self):
        sizes = {split: len(labels) for split, labels in LABELS.items()}
        return DatasetFacts(
            modality=Modality.TABULAR, shape=(1,), classes=5, bounds=None, digest="whole", sizes=sizes
        )  # fmt: skip

    def all_labels(self, split):
        return LABELS[split]

    def read(self, split, positions):
        ids = positions + 100
        return ids, ids.float().unsqueeze(1)


def test_without_classes_nothing_changes():
    toy = Toy()
    assert toy.facts() == toy.all_facts()
    assert toy.labels("eval").tolist() == LABELS["eval"].tolist()
    assert toy.load("eval").ids.tolist() == list(range(100, 107))
    assert toy.load("eval", [5, 0]).ids.tolist() == [105, 100]


def test_chosen_classes_are_renamed_in_the_order_given():
    toy = Toy(classes=(4, 1))
    assert toy.facts().classes == 2
    assert toy.facts().sizes == {"train": 24, "tune": 2, "eval": 4}
    assert toy.labels("eval").tolist() == [1, 0, 1, 0]
    loaded = toy.load("eval")
    assert (loaded.ids.tolist(), loaded.y.tolist()) == ([101, 102, 103, 106], [1, 0, 1, 0])
    assert loaded.x.flatten().tolist() == loaded.ids.tolist()
    assert Toy(classes=(1, 4)).labels("eval").tolist() == [0, 1, 0, 1]


@given(classes=st.lists(st.integers(0, 4), min_size=2, unique=True).map(tuple), data=st.data())
def test_labels_and_loading_agree(classes, data):
    toy = Toy(classes=classes)
    labels = toy.labels("eval")
    assert len(labels) == toy.facts().sizes["eval"]
    positions = data.draw(st.lists(st.integers(0, len(labels) - 1))) if len(labels) else []
    loaded = toy.load("eval", positions)
    assert loaded.y.tolist() == labels[positions].tolist()
    assert [classes[y] for y in loaded.y.tolist()] == [int(LABELS["eval"][i - 100]) for i in loaded.ids.tolist()]


def test_every_choice_has_its_own_digest():
    choices = [None, (0, 1), (1, 0), (0, 2), (0, 1, 2)]
    digests = [Toy(classes=classes).facts().digest for classes in choices]
    assert len(set(digests)) == len(choices)
    assert Toy(classes=(0, 1)).facts().digest == digests[1]


@pytest.mark.parametrize(
    ("classes", "got"), [((3,), "3"), ((3, 3), "3/3"), ((3, 1, 3), "3/1/3"), ((0, 5), "0/5"), ((), "none")]
)
@pytest.mark.parametrize("ask", ["facts", "labels", "load"])
def test_impossible_choices_are_refused_whoever_asks(classes, got, ask):
    toy = Toy(classes=classes)
    with pytest.raises(ParamError) as caught:
        toy.facts() if ask == "facts" else getattr(toy, ask)("eval")
    told = f"classes must be at least two different numbers from 0 to 4, got {got}. A contest needs two classes."
    assert str(caught.value) == told
