"""Models that read texts: they learn, come back as they were, and answer anything, each text for itself."""

import json

import pytest
import torch
from text_case import WORDS, job, write_vectors

from advbench import DataAbsent, DataError, Wording
from advbench.bench.packing import pack_state, unpack_state
from advbench_text.bag_of_words import BagOfWords
from advbench_text.huggingface import HuggingFace
from advbench_text.word_cnn import Network, WordCnn

ODD = (
    "", " ", "good", "?!", "qwxzv", "\U0001f600", "a\x00\x1b[31mb", "\ud800", "ταινία", "电影", "good film " * 5000,
    "the good plot", "the bad plot",
)  # fmt: skip


@pytest.fixture
def path(cache, tmp_path):
    found = write_vectors(tmp_path / "v.txt")
    WordCnn(path=found).supply().fetch()
    return found


@pytest.fixture(params=["bag-of-words", "word-cnn"])
def model(request, path):
    if request.param == "bag-of-words":
        return BagOfWords()
    return WordCnn(path=path, filters=8, epochs=20, learning_rate=0.01, batch=16)


def test_it_learns_and_comes_back_as_it_was(model):
    work = job()
    contender = model.fit(work)
    assert torch.equal(contender.labels(work.train.x), work.train.y)
    again = model.restore(unpack_state(pack_state(contender.state())), work)
    assert torch.equal(contender.scores(ODD), again.scores(ODD))
    assert torch.equal(contender.scores(ODD), model.fit(job()).scores(ODD))


def test_any_text_is_answered_for_itself(model):
    contender = model.fit(job())
    scores = contender.scores(ODD)
    assert scores.dtype == torch.float32
    assert tuple(scores.shape) == (len(ODD), 2)
    assert bool(scores.isfinite().all())
    assert torch.equal(scores, torch.cat([contender.scores((text,)) for text in ODD]))
    assert torch.equal(scores, contender.scores(ODD[::-1]).flip(0))
    assert contender.scores(()).shape == (0, 2)


def test_three_classes_of_which_one_is_never_seen(model):
    work = job(classes=3)
    contender = model.fit(work)
    assert tuple(contender.scores(ODD).shape) == (len(ODD), 3)
    assert torch.equal(contender.labels(work.train.x), work.train.y)


def test_importance_in_a_bag_of_words_is_its_weight():
    bag = BagOfWords().fit(job())
    text = Wording.of("Good film 5 good")
    whole = bag.scores((text.text,))[0]
    assert torch.equal(bag.scores((text.without(0).text,))[0], whole)  # the other one is still there
    twice = text.without(3).without(0)
    place = bag.words.index("good")
    left = torch.from_numpy(bag.weights[place]).float()
    assert torch.allclose(whole - bag.scores((twice.text,))[0], left, atol=1e-6)


def test_a_bag_of_one_class_is_refused():
    with pytest.raises(DataError, match="must be of two classes"):
        BagOfWords().fit(job(("a", "b"), [1, 1]))


def test_one_class_is_learnt_by_the_network_as_it_is(path):
    contender = WordCnn(path=path, filters=4, epochs=50, learning_rate=0.05).fit(job(("good", "bad"), [1, 1]))
    assert contender.labels(("good film",)).tolist() == [1]


def test_a_filter_answers_wherever_it_touches_the_text_and_nowhere_else():
    network = Network(2, (2,), 1, 2, 0.0).requires_grad_(False)
    network.convolutions[0].weight.copy_(torch.tensor([[1.0, 0.0, 0.0, 10.0]]))
    network.convolutions[0].bias.fill_(0.5)  # would speak up behind the end of a text
    network.last.weight.copy_(torch.tensor([[1.0], [0.0]]))
    network.last.bias.zero_()
    x = torch.zeros(3, 4, 2)
    x[0, 0] = torch.tensor([1.0, 2.0])
    x[1, :3] = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    found = network(x, torch.tensor([1, 3, 0]))[:, 0]
    assert found.tolist() == [20.5, 3 + 60 + 0.5, 0.5]


def test_vectors_are_not_stored_again_and_other_ones_are_refused(path):
    model = WordCnn(path=path, filters=4, epochs=1)
    state = model.fit(job()).state()
    assert all("embedding" not in name for name in state.arrays)
    write_vectors(path, WORDS | {"more": [0.0, 0.0, 1.0]})
    model.supply().fetch()
    with pytest.raises(DataError, match="word-cnn: its vectors must be those it was trained with"):
        model.restore(state, job())


def test_absent_vectors_name_the_command(cache):
    with pytest.raises(DataAbsent, match="advbench data fetch mean-embedding"):
        WordCnn().fit(job())


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "must hold model.safetensors"),
        ({"model.safetensors": ""}, "must hold a config.json"),
        ({"model.safetensors": "", "config.json": "{"}, "must hold a config.json"),
        ({"model.safetensors": "", "config.json": json.dumps({"num_labels": 5})}, "must tell 2 classes apart, got 5"),
    ],
)
def test_a_folder_that_is_no_classifier_is_told(tmp_path, files, told):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=told):
        HuggingFace(path=tmp_path).fit(job())


def test_no_folder_is_told():
    with pytest.raises(DataError, match="path must be the folder"):
        HuggingFace().fit(job())
