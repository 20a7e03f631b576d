"""The mean of word vectors, against numbers computed by hand, and without rounding whatever came before."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from text_case import WORDS, holds, write_vectors

from advbench import Wording
from advbench_text.mean_embedding import MeanEmbedding, MeanOfVectors, shared


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADVBENCH_CACHE_DIR", str(folder / "cache"))
        return MeanEmbedding(path=write_vectors(folder / "v.txt")).supply().fetch()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("good film", ["good", "film"]),
        ("Good, GOOD film!", ["good", "good", "film"]),
        ("good qwxzv", ["good"]),
        ("don't", ["do", "n't"]),
        ("the film\u2019s", ["the", "film", "'s"]),
        ("well-made", ["well", "made"]),
        ("well-known", ["well-known"]),
        ("Zoë", ["Zoë"]),
        ("", []),
        ("qwxzv \U0001f600 \x00 \ud800", []),
    ],
)
def test_a_text_is_the_mean_of_its_known_words(arrays, text, words):
    (vector,) = MeanOfVectors(arrays)((text,))
    expected = np.mean([WORDS[word] for word in words], axis=0) if words else np.zeros(3)
    assert vector.tolist() == pytest.approx(expected, abs=1e-7)


TEXT = st.lists(st.sampled_from([*WORDS, "qwxzv", "good,", "\x1b", " "]), max_size=12).map(" ".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(TEXT, max_size=12))
def test_each_text_has_the_bits_it_has_alone(arrays, texts):
    encode = MeanOfVectors(arrays)
    together = encode(tuple(texts))
    assert torch.equal(together, torch.cat([encode((text,)) for text in texts] + [torch.empty(0, 3)]))
    assert torch.equal(together, MeanOfVectors(arrays)(tuple(texts[::-1])).flip(0))
    assert holds(bounds_of(arrays), together)


def bounds_of(arrays):
    from advbench_text.mean_embedding import _outward

    return _outward(arrays.meta["low"], arrays.meta["high"])


@given(st.text(alphabet="ab .\U0001f600"), st.text(alphabet="ab .\U0001f600"))
def test_what_two_texts_share_is_whole_words(one, other):
    start, end = shared(one, other)
    assert one[:start] == other[:start]
    assert one[len(one) - end :] == other[len(other) - end :]
    assert start + end <= min(len(one), len(other))
    for text in (one, other):
        middle = text[start : len(text) - end]
        parts = (text[:start], middle, text[len(text) - end :])
        assert sum((Wording.of(part).words for part in parts), ()) == Wording.of(text).words


def test_a_candidate_costs_the_words_that_differ(arrays):
    encode = MeanOfVectors(arrays)
    page = Wording.of("the plot of this film " * 200)
    candidates = tuple(page.replaced(at, "good").text for at in range(0, 1000, 10))
    encode(candidates[:1])
    asked = []
    rows_of = encode._vectors.rows_of
    encode._vectors.rows_of = lambda text: asked.append(text) or rows_of(text)
    encode(candidates)
    later = sum(len(text.split()) for text in asked[2:])
    assert later <= 2 * 11 * len(candidates)  # from one candidate to the next: both places and what is between


def test_pages_are_encoded_in_parts_without_a_seam(arrays):
    encode = MeanOfVectors(arrays)
    page = "good bad film " * 4000
    texts = (page, page + "fine", "poor " + page)
    assert torch.equal(encode(texts), torch.cat([encode((text,)) for text in texts]))
