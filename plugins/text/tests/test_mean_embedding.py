"""The mean of word vectors, against numbers computed by hand, and without rounding whatever came before."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from text_case import WORDS, holds, write_vectors

from advbench import Wording
from advbench_text import sums
from advbench_text.mean_embedding import MeanEmbedding, MeanOfVectors
from advbench_text.shared import shared


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


@given(st.data(), st.text(alphabet="ab .\U0001f600"), st.text(alphabet="ab .\U0001f600"))
def test_what_two_texts_share_is_whole_words(data, one, other):
    heads = [0, *(at + 1 for at, letter in enumerate(one) if letter == " ")]
    tails = [0, *(len(one) - at for at, letter in enumerate(one) if letter == " ")]
    hints = data.draw(st.sampled_from(heads)), data.draw(st.sampled_from(tails))
    start, end = shared(one, other, one[: hints[0]], one[len(one) - hints[1] :])
    assert start + end == 0 or 2 * sum(_letters_shared(one, other)) > len(one)
    assert one[:start] == other[:start]
    assert one[len(one) - end :] == other[len(other) - end :]
    assert start + end <= min(len(one), len(other))
    for text in (one, other):
        middle = text[start : len(text) - end]
        parts = (text[:start], middle, text[len(text) - end :])
        assert sum((Wording.of(part).words for part in parts), ()) == Wording.of(text).words


def _letters_shared(one, other):
    """As many as possible at the beginning, and of the rest at the end."""
    most = min(len(one), len(other))
    start = next((at for at in range(most) if one[at] != other[at]), most)
    return start, next((at for at in range(most - start) if one[-1 - at] != other[-1 - at]), most - start)


@given(st.lists(st.sampled_from("abc"), min_size=8, max_size=30), st.data())
def test_hints_lose_nothing_of_what_candidates_share(words, data):
    """From one candidate to the next, in the same place, the next one or any: no more than both words is left."""
    at = data.draw(st.integers(0, len(words) - 1))
    after = data.draw(st.sampled_from([at, (at + 1) % len(words), data.draw(st.integers(0, len(words) - 1))]))
    one, other = (" ".join([*words[:place], new, *words[place + 1 :]]) for place, new in ((at, "x"), (after, "yy")))
    head, tail = " ".join([*words[:at], ""]), " ".join(["", *words[at + 1 :]])
    start, end = shared(one, other, head, tail)
    between = one[start : len(one) - end].split()
    if start or end:
        assert len(between) <= abs(after - at) + 1


def test_stretches_are_forgotten_once_they_are_many(arrays, monkeypatch):
    monkeypatch.setattr(sums, "_KEPT", 32)
    encode = MeanOfVectors(arrays)
    for start in range(0, 200, 20):
        texts = tuple(f"the plot of this film is {'good ' * at}bad qwxzv" for at in range(start % 60, start % 60 + 20))
        texts += tuple(f"the plot of this film is good{at} bad" for at in range(start, start + 20))
        assert torch.equal(encode(texts), torch.cat([MeanOfVectors(arrays)((text,)) for text in texts]))
    assert len(encode._sums._stretches) <= 32 + 40


def test_a_candidate_costs_the_words_that_differ(arrays):
    encode = MeanOfVectors(arrays)
    page = Wording.of("the plot of this film " * 200)
    candidates = tuple(page.replaced(at, "good").text for at in range(0, 1000, 10))
    encode(candidates[:1])
    asked = []
    rows_of = encode._sums._vectors.rows_of
    encode._sums._vectors.rows_of = lambda text: asked.append(text) or rows_of(text)
    encode(candidates)
    later = sum(len(text.split()) for text in asked[2:])
    assert later <= 2 * 11 * len(candidates)  # from one candidate to the next: both places and what is between


def test_a_page_of_the_last_call_is_gone_on_from(arrays):
    encode, page = MeanOfVectors(arrays), Wording.of("the plot of this film " * 200)
    pages = [page]
    for at in (500, 500, 17, 999, 0):
        pages.append(pages[-1].replaced(at, ("good", "poor", "qwxzv")[at % 3]))
    encode((page.text,))
    asked = []
    rows_of = encode._sums._vectors.rows_of
    encode._sums._vectors.rows_of = lambda text: asked.append(text) or rows_of(text)
    for changed in pages:
        assert torch.equal(encode((changed.text,)), MeanOfVectors(arrays)((changed.text,)))
    assert sum(len(text.split()) for text in asked) <= 4 * len(pages)


def test_pages_are_encoded_in_parts_without_a_seam(arrays):
    encode = MeanOfVectors(arrays)
    page = "good bad film " * 4000
    texts = (page, page + "fine", "poor " + page)
    assert torch.equal(encode(texts), torch.cat([encode((text,)) for text in texts]))
