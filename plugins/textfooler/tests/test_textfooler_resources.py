"""Reading what is fetched, making the table, and what is said where something is wrong or missing."""

import json
import pickle
import shutil

import numpy as np
import pytest
from textfooler_case import write_resources

from advbench import DataAbsent, DataError
from advbench.supply.arrays import ArrayWriter
from advbench_textfooler.counter_fitting import counter_fitted, nearest, neighbourhood
from advbench_textfooler.resources import neighbours, neighbours_supply, synonyms, tagger_supply
from advbench_textfooler.tagger import WEIGHTS, Tagger, _plain, make_tagger
from advbench_textfooler.textfooler import TextFooler
from advbench_textfooler.vectors import read_vectors
from advbench_textfooler.wordnet import senses_of


def unit(*rows):
    found = np.array(rows, np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_bad_lines_are_skipped_and_counted(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text(
        "3 2\nfilm 1 0\nmovie 0.5 0.5\nbroken 1\nworse 1 x\ninfinite inf 0\nnothing 0 0\n\nfilm 9 9\nB 1 1\n"
    )
    found = read_vectors(path)
    assert found.words == ["film", "movie"]
    assert found.skipped == 5
    assert found.numbers == pytest.approx(unit([1, 0], [1, 1]))


def test_vectors_may_have_any_dimension(tmp_path):
    for width in (1, 7, 300):
        path = tmp_path / f"{width}.txt"
        path.write_text("".join(f"word{'abc'[i]} {' '.join(['1'] * width)}\n" for i in range(3)))
        assert read_vectors(path).numbers.shape == (3, width)


def test_a_file_without_vectors_is_told(tmp_path):
    (tmp_path / "a.txt").write_text("no numbers here\n")
    with pytest.raises(DataError, match="must hold words and"):
        read_vectors(tmp_path / "a.txt")


def test_json_is_read_in_pieces_of_any_size(tmp_path, monkeypatch):
    rows = {f"word{'abcdefgh'[i]}": [float(i), 1.5, 2.0, i] for i in range(8)} | {'"quoted"': [1.0, 1.0, 2.0, 8]}
    path = tmp_path / "wink.json"
    path.write_text(json.dumps({"words": ["a"], "vectors": rows, "unkVector": [0, 0]}, separators=(",", ":")))
    for size in (7, 64, 1 << 22):
        monkeypatch.setattr("advbench_textfooler.vectors._CHUNK", size)
        assert read_vectors(path).words == [f"word{letter}" for letter in "abcdefgh"]
    assert read_vectors(path, 3).words == ["worda", "wordb", "wordc"]
    path.write_text(path.read_text()[:120])
    with pytest.raises(DataError, match="half of it"):
        read_vectors(path)


def test_counter_fitting_joins_synonyms_parts_antonyms_and_keeps_the_rest():
    before = unit([1, 0, 0], [0.3, 1, 0], [1, 0.3, 0], [0, 0, 1], [0, 0.05, 1])
    after = counter_fitted(before, np.array([[0, 1]]), np.array([[0, 2]]))
    assert np.linalg.norm(after, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert after[0] @ after[1] > before[0] @ before[1] + 0.3
    assert after[0] @ after[2] < before[0] @ before[2] - 0.3
    assert after[3] @ after[4] == pytest.approx(before[3] @ before[4], abs=1e-3)
    alone = counter_fitted(before, np.empty((0, 2), int), np.empty((0, 2), int))
    assert alone == pytest.approx(before, abs=1e-6)


def test_a_pair_that_is_both_is_opposed():
    before = unit([1, 0.2], [1, -0.2])
    pair = np.array([[0, 1]])
    after = counter_fitted(before, pair, pair)
    assert after[0] @ after[1] < before[0] @ before[1]


def test_the_table_is_that_of_all_cosines():
    vectors = unit(*np.random.default_rng(0).normal(size=(1100, 5)))
    near, cosines = nearest(vectors, 50)
    whole = vectors @ vectors.T
    np.fill_diagonal(whole, -2)
    for row in (0, 511, 512, 1099):
        order = np.argsort(-whole[row], kind="stable")[:50]
        assert cosines[row] == pytest.approx(whole[row][order], abs=1e-6)
        assert set(near[row].tolist()) == set(order.tolist())
    pairs = {tuple(pair) for pair in neighbourhood(vectors, 0.01).tolist()}
    assert pairs == {(i, j) for i, j in zip(*np.nonzero(np.triu(whole, 1) > 0.99), strict=True)}


def test_synonyms_are_near_and_antonyms_are_not():
    table = neighbours(TextFooler(sentence=None).supply())
    assert {word for word, _ in table.near("good", 50, 0.5)} == {"fine", "nice", "great", "superb"}
    assert table.near("Film", 2, 0.5) == table.near("film", 50, 0.5)[:2]
    assert table.near("unknown", 50, -1) == []
    assert synonyms().near("good", "ADJ") == ["fine", "great", "nice", "superb"]
    assert synonyms().near("good", "NOUN") == synonyms().near("zzz", "ADJ") == synonyms().near("good", "X") == []


def test_a_damaged_wordnet_names_its_line(tmp_path):
    write_resources(tmp_path)
    path = tmp_path / "data.noun"
    path.write_text(path.read_text() + "00001 00 n zz\n")
    with pytest.raises(DataError, match=r"data.noun: line 6 must be a sense"):
        list(senses_of(path))


def test_a_tagger_of_another_kind_is_refused(tmp_path):
    write_resources(tmp_path)
    (tmp_path / "trontagger-0.1.0.pickle").write_bytes(b"\x80\x02K\x01K\x02\x86.")
    with pytest.raises(DataError, match="must hold weights"):
        make_tagger(tmp_path, ArrayWriter(tmp_path))
    (tmp_path / "trontagger-0.1.0.pickle").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(DataError, match="plain data"):
        make_tagger(tmp_path, ArrayWriter(tmp_path))


def test_the_tagger_weighs_its_features():
    tagger = Tagger(tagger_supply("textfooler").open())
    assert tagger.tagged(["the", "good", "zzz"]) == ["DT", "JJ", "NN"]  # the bias
    assert tagger.tagged(["zzzing"]) == ["VB"]  # 2 against .1 - 1
    assert tagger.tagged(["the", "zzzing"]) == ["DT", "VB"]  # 2 against .1 - 1 + 1
    assert tagger.tagged([]) == []


def test_a_word_that_is_tried_has_the_tag_that_it_has_in_the_text(tmp_path):
    """With weights that let each tag depend on the words behind it and the tags before it."""
    draw = np.random.default_rng(0)
    tags, words = ["AA", "BB", "CC"], ["some", "two-fold", "1999", "few", "known", "Other"]
    plain = [*map(_plain, words), "-START-", "-END-"]
    features = [f"{place} word {word}" for place in ("i", "i-1", "i-2", "i+1", "i+2") for word in plain]
    features += [f"i-1 tag {one}" for one in tags] + [f"i tag+i-2 tag {one} {two}" for one in tags for two in tags]
    weights = {feature: dict(zip(tags, draw.normal(size=3).tolist(), strict=True)) for feature in features}
    (tmp_path / WEIGHTS).write_bytes(pickle.dumps((weights, {"known": "AA"}, set(tags)), 2))
    writer = ArrayWriter(tmp_path)
    make_tagger(tmp_path, writer)
    tagger, moved = Tagger(writer.made), 0
    for length in range(1, 7):
        text = draw.choice(words, length).tolist()
        for at in range(length):
            whole = [tagger.tagged([*text[:at], other, *text[at + 1 :]]) for other in words]
            assert tagger.tried(text, at, words) == {word: own[at] for word, own in zip(words, whole, strict=True)}
            moved += len({tuple(own[:at]) for own in whole}) > 1
    assert moved > 3  # often enough the words before are tagged otherwise


def test_a_file_of_the_users_is_taken_as_it_is(tmp_path, made):
    path = tmp_path / "counter-fitted-vectors.txt"
    path.write_text("film 1 0\nmovie 0.9 0.1\nbad line\ncar 0 1\n")
    supply = neighbours_supply("text-random", path)
    arrays = supply.fetch()
    assert arrays.meta["kind"] == "as given"
    assert arrays.meta["skipped"] == 1
    assert str(arrays.meta["note"]).endswith("; 1 bad lines skipped")
    assert [word for word, _ in neighbours(supply).near("film", 50, 0.5)] == ["movie"]
    shutil.rmtree(supply.folder)
    with pytest.raises(DataError, match="must be a text file of word vectors"):
        neighbours_supply("text-random", tmp_path)


def test_what_is_missing_is_told_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path))
    with pytest.raises(DataAbsent, match="Run: advbench data fetch textfooler$"):
        TextFooler(sentence=None).supply().open()
