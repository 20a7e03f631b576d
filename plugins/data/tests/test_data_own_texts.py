"""A user's own texts and labels: whatever the form, all of them, and complaints that say where."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from data_case import check, named, splits, write

from advbench import DataError, Modality, Norm, ParamError

ROWS = [
    (text.format(n), ("good", "bad", "so, so")[n % 3])
    for n in range(20)
    for text in ('It said "hi", café no. {}', "two\nlines, {} of them", "NA {}", " null\t{} ")
]


def as_csv(path, rows=ROWS, delimiter=","):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([("id", "review", "mood"), *((0, *row) for row in rows)])


def as_json(path, rows=ROWS):
    path.write_text("\n".join(json.dumps({"mood": mood, "review": text}) for text, mood in rows) + "\n\n")


def as_parquet(path, rows=ROWS):
    pd.DataFrame({"review": [text for text, _ in rows], "mood": [mood for _, mood in rows], "id": 0}).to_parquet(path)


FORMS = {
    "csv": as_csv, "tsv": lambda path, rows=ROWS: as_csv(path, rows, "\t"), "jsonl": as_json, "parquet": as_parquet,
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_lost_in_any_form(tmp_path, form):
    path = tmp_path / f"my.{form}"
    FORMS[form](path)
    data = named(f"csv:path={path},text=review,label=mood")
    facts = check(data)
    assert (facts.modality, facts.shape, facts.bounds, facts.classes) == (Modality.TEXT, None, None, 3)
    assert facts.eps == {Norm.WORDS: 0.2}
    names = data.arrays().meta["names"]
    assert names == ["bad", "good", "so, so"]
    found = [(t, names[y]) for some in splits(data).values() for t, y in zip(some.x, some.y.tolist(), strict=True)]
    assert sorted(found) == sorted(ROWS)
    assert facts.sizes == {"train": 57, "tune": 6, "eval": 17}


def test_equal_texts_stay_together_and_the_digest_follows_the_contents(tmp_path):
    path = tmp_path / "my.csv"
    as_csv(path, [(f"text {n // 3}", str(n // 3 % 2)) for n in range(90)])
    data = named(f"csv:{path},text=review,label=mood")
    seen = [set(examples.x) for examples in splits(data).values()]
    assert sum(map(len, seen)) == 30
    assert not seen[0] & seen[1] | seen[0] & seen[2] | seen[1] & seen[2]
    before = data.facts()
    as_csv(path, [(f"text {n // 3}", str(n // 3 % 2)) for n in range(87)])
    assert named(f"csv:{path},text=review,label=mood").facts().digest != before.digest
    as_parquet(tmp_path / "my.parquet", [(f"text {n // 3}", str(n // 3 % 2)) for n in range(90)])
    assert named(f"parquet:{tmp_path / 'my.parquet'},text=review,label=mood").facts().digest == before.digest


def test_whole_numbers_are_ordered_as_numbers(tmp_path):
    as_csv(tmp_path / "my.csv", [(f"text {n}", str((9, 10, -1)[n % 3])) for n in range(30)])
    assert named(f"csv:{tmp_path / 'my.csv'},text=review,label=mood").arrays().meta["names"] == ["-1", "9", "10"]


GOOD = b"review,mood\nfine,a\n"
BAD = {
    "no text column": (b"text,mood\nfine,a\n", "must have a column 'review', got text, mood. text= must name"),
    "no label column": (b"review,stars\nfine,a\n", "must have a column 'mood', got review, stars"),
    "semicolons": (b"review;mood\nfine;a\n", "must have a column 'review', got review;mood"),
    "empty text": (GOOD + b"   ,b\n", "line 3: 'review' must hold a text, got an empty one"),
    "no label": (GOOD + b"poor,\n", "line 3: 'mood' must be a label, got nothing"),
    "one class": (GOOD + b"poor,a\n", "at least two classes, got ..a.."),
    "too many fields": (GOOD + b"poor, really,b\n", "line 3 must hold 2 fields, got 3. Put quotes around fields that"),
    "too few fields": (GOOD + b'"one\ntwo",b\npoor\n', "line 5 must hold 2 fields, got 1"),
    "open quote": (GOOD + b'"poor,b\nworse,b\n', "line 3 must be a row of a CSV file, got: unexpected end of data"),
    "stray quote": (GOOD + b'"poor" it was,b\n', "line 3 must be a row of a CSV file, got"),
    "latin-1": (GOOD + b"caf\xe9,b\n", "line 3 must be in UTF-8, got byte 0xe9 at place 4. Save the file as UTF-8"),
    "utf-16": ("review,mood\nfine,a\n".encode("utf-16"), "line 1 must be in UTF-8, got byte 0xff"),
    "twice": (b"review,review,mood\nfine,good,a\n", "each column must have a name of its own"),
    "only a header": (b"review,mood\n", "must hold texts, got none"),
    "nothing": (b"", "must hold texts, got none"),
    "no JSON": (b'{"review": "fine", "mood": "a"}\n{"review": \n', "line 2 must be a JSON object, got: Expecting"),
    "no object": (b'{"review": "fine", "mood": "a"}\n\n["poor"]\n', r'line 3 must be a JSON object, got \["poor"\]'),
    "no such key": (b'{"review": "fine", "mood": "a"}\n{"text": "x"}', "line 2 must have a column 'review', got text"),
    "no text": (b'{"review": 5, "mood": "a"}', "line 1: 'review' must be a text, got 5"),
    "null": (b'{"review": "fine", "mood": null}', "line 1: 'mood' must be a label, got nothing"),
    "half a character": (b'{"review": "\\ud800", "mood": "a"}', "line 1: 'review' must be whole characters"),
    "fractions": (b'{"review": "a", "mood": 1.5}\n{"review": "b", "mood": 1}', "whole numbers or words, got fractions"),
    "deep": (b'{"review": ' + b"[" * 100_000, "line 1 must be a JSON object, got: lists within lists"),
    "cut Parquet": (b"PAR1 and no more", "must be a readable table"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_and_says_where(tmp_path, name):
    content, told = BAD[name]
    with pytest.raises(DataError, match=told):
        named(f"csv:{write(tmp_path / 'my.csv', content)},text=review,label=mood").facts()


@pytest.mark.parametrize("column", ["review", "mood"])
def test_gaps_in_parquet_are_told_by_row(tmp_path, column):
    frame = pd.DataFrame({"review": ["a", "b", "c"], "mood": ["x", "y", "x"]})
    frame.loc[1, column] = None
    frame.to_parquet(tmp_path / "my.parquet")
    with pytest.raises(DataError, match=f"row 2: '{column}' must be .*, got nothing"):
        named(f"parquet:{tmp_path / 'my.parquet'},text=review,label=mood").facts()
    with pytest.raises(DataError, match="must have a column 'words', got review, mood"):
        named(f"parquet:{tmp_path / 'my.parquet'},text=words,label=mood").facts()


def test_what_is_of_tables_is_refused_beside_text():
    with pytest.raises(ParamError, match="groups must be left out of texts"):
        named("csv:my.csv,text=review,groups=job")
    with pytest.raises(ParamError, match="must be two columns, got 'mood' for both"):
        named("csv:my.csv,text=mood,label=mood")


@pytest.mark.parametrize("form", ["tsv", "jsonl"])
def test_tables_of_numbers_come_in_the_same_forms(tmp_path, form):
    frame = pd.DataFrame({"a": np.arange(40) / 4, "b": np.arange(40) % 7, "label": np.arange(40) % 2})
    path, plain = tmp_path / f"my.{form}", tmp_path / "my.csv"
    frame.to_csv(plain, index=False)
    frame.to_csv(path, index=False, sep="\t") if form == "tsv" else frame.to_json(path, orient="records", lines=True)
    data = named(f"csv:{path}")
    assert check(data).digest == named(f"csv:{plain}").facts().digest
    write(tmp_path / "bad.jsonl", '{"a": 1, "label": 0}\n{"a": 1\n')
    with pytest.raises(DataError, match="line 2 must be a JSON object"):
        named(f"csv:{tmp_path / 'bad.jsonl'}").facts()
