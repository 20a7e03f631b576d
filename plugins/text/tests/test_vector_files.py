"""Published vectors come through conversion as they are; what is no vector is skipped and counted."""

import numpy as np
import pytest
from text_case import WORDS, write_json, write_vectors

from advbench import DataAbsent, DataError
from advbench_text.mean_embedding import MeanEmbedding
from advbench_text.vectors import Vectors


def found(arrays):
    vectors = Vectors(arrays)
    return {word: arrays["vectors"][row].tolist() for word in WORDS if (row := vectors.find(word)) is not None}


@pytest.mark.parametrize("words", [WORDS, {'qu"ote': [1.0, 2.0, 3.0], "]": [4.0, 5.0, 6.0], 'x],"y': [7.0, 8.0, 9.0]}])
def test_both_formats_give_the_same_vectors(cache, tmp_path, words):
    (tmp_path / "json").mkdir()
    write_json(tmp_path / "json", words)
    path = write_vectors(tmp_path / "glove.txt", words)
    package = MeanEmbedding().supply().fetch(path=tmp_path / "json", any_version=True)
    own = MeanEmbedding(path=path).supply().fetch()
    for arrays in (package, own):
        vectors = Vectors(arrays)
        for word, numbers in words.items():
            assert arrays["vectors"][vectors.find(word)].tolist() == pytest.approx(numbers)
        assert vectors.find("absent") is None
    assert package.digest == own.digest


def test_bad_lines_are_skipped_and_counted(cache, tmp_path):
    bad = ["short 1.0", "long 1 2 3 4", "letters a b c", "infinite 1 2 inf", "", "good 9 9 9"]
    path = write_vectors(tmp_path / "v.txt", WORDS, *bad)
    with path.open("ab") as file:
        file.write(b"\xff\xfe 1 2 3\n")
    arrays = MeanEmbedding(path=path).supply().fetch()
    assert arrays.meta["skipped"] == 6  # the second "good" is no bad line; the first one counts
    assert arrays.meta["words"] == len(WORDS)
    assert "6 bad lines skipped" in arrays.meta["note"]
    assert found(arrays).keys() == WORDS.keys()
    assert found(arrays)["good"] == WORDS["good"]


@pytest.mark.parametrize("width", [1, 3, 50, 300])
def test_any_dimension_is_read(cache, tmp_path, width):
    words = {f"w{i}": [i / 7 + j / 100 for j in range(width)] for i in range(20)}
    encoder = MeanEmbedding(path=write_vectors(tmp_path / "v.txt", words))
    encoder.supply().fetch()
    assert encoder.facts().width == width
    assert tuple(encoder.load()(("w1 w2",)).shape) == (1, width)


def test_the_first_line_of_word2vec_is_no_word(cache, tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("2 3\na 1 2 3\nb 4 5 6\n")
    arrays = MeanEmbedding(path=path).supply().fetch()
    assert (arrays.meta["words"], arrays.meta["skipped"], arrays.meta["width"]) == (2, 0, 3)


@pytest.mark.parametrize("content", ["", "\n\n", "words without numbers\n", "a\nb\n"])
def test_a_file_without_vectors_is_refused(cache, tmp_path, content):
    (tmp_path / "v.txt").write_text(content)
    with pytest.raises(DataError, match=r"v\.txt: it must hold"):
        MeanEmbedding(path=tmp_path / "v.txt").supply().fetch()


def test_half_a_package_is_refused(cache, tmp_path):
    path = write_json(tmp_path)
    path.write_text(path.read_text()[:200])
    with pytest.raises(DataError, match="must be whole"):
        MeanEmbedding().supply().fetch(path=tmp_path, any_version=True)


def test_other_contents_than_published_need_consent(cache, tmp_path):
    write_json(tmp_path)
    with pytest.raises(DataError, match="--any-version"):
        MeanEmbedding().supply().fetch(path=tmp_path)


def test_what_is_absent_names_the_command(cache, tmp_path):
    with pytest.raises(DataAbsent, match="advbench data fetch mean-embedding$"):
        MeanEmbedding().facts()
    path = write_vectors(tmp_path / "mine [1].txt")
    with pytest.raises(DataAbsent, match="advbench data fetch mean-embedding:path="):
        MeanEmbedding(path=path).facts()
    MeanEmbedding(path=path).supply().fetch()
    assert MeanEmbedding(path=path).facts().width == 3
    with pytest.raises(DataError, match="path must be a text file of word vectors, got"):
        MeanEmbedding(path=tmp_path / "nowhere.txt").facts()


def test_a_changed_file_is_other_vectors(cache, tmp_path):
    path = write_vectors(tmp_path / "v.txt")
    MeanEmbedding(path=path).supply().fetch()
    before = MeanEmbedding(path=path).facts()
    write_vectors(path, WORDS | {"new": [0.0, 0.0, 9.0]})
    with pytest.raises(DataAbsent):
        MeanEmbedding(path=path).facts()
    MeanEmbedding(path=path).supply().fetch()
    assert MeanEmbedding(path=path).facts().digest != before.digest


def test_rows_are_fixed_point_numbers_with_room_to_spare(cache, tmp_path):
    words = {"huge": [1e6, -3e6], "tiny": [1e-3, 0.0]}
    arrays = MeanEmbedding(path=write_vectors(tmp_path / "v.txt", words)).supply().fetch()
    vectors = Vectors(arrays)
    rows = vectors.table[vectors.rows_of("huge tiny")]
    assert np.abs(rows).max() < 2**31 - 1
    assert rows[0] / vectors.scale == pytest.approx(words["huge"], rel=1e-8)
