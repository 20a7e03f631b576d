"""Series and tables, the published ones and the user's own."""

import numpy as np
import pandas as pd
import pytest
from data_case import check, fetched, named, picture, write
from PIL import Image

from advbench import DataError, ParamError


def ucr(folder, train, test, name="ECG200"):
    for which, rows in (("TRAIN", train), ("TEST", test)):
        write(
            folder / f"UCRArchive_2018/{name}/{name}_{which}.tsv", "\n".join("\t".join(map(str, row)) for row in rows)
        )
    return folder


def test_series_are_scaled_to_the_training_range_and_labels_numbered(tmp_path):
    train = [[label, value, value + 1, value + 2] for label in (-1, 1) for value in range(10)]
    data = fetched("ucr:ECG200", ucr(tmp_path, train, [[-1, -50, 5, 50], [1, 0, 1, 2]]))
    facts = check(data)
    assert (facts.shape, facts.classes, facts.sizes) == ((3, 1), 2, {"train": 18, "tune": 2, "eval": 2})
    first = data.load("eval", [0])
    assert first.x[0, :, 0].tolist() == [0.0, pytest.approx(5 / 11, abs=0.05), 1.0]
    assert data.labels("eval").tolist() == [0, 1]
    assert data.load("train").x.max() == 1
    assert named("ucr:name=ECG200").facts() == facts


def test_gaps_and_short_series_are_filled(tmp_path):
    train = [[1, 0, "NaN", 4, "NaN"], [2, 1, 1, 1, 1]] * 5
    data = fetched("ucr:ECG200", ucr(tmp_path, train, train))
    assert data.arrays()["x"][0, :, 0].tolist() == [0, 2, 4, 4]
    assert data.arrays().meta["series_with_gaps"] == 10


@pytest.mark.parametrize(
    "rows", [[[1, "a", 2]], [[1, "NaN", "NaN"]], [["NaN", 1, 2]], [[1, "inf", 2]], [[1, 2], [1, 2, 3]]]
)
def test_damaged_series_are_refused(tmp_path, rows):
    with pytest.raises(DataError, match="each row must have a label|must be a table of numbers"):
        fetched("ucr:ECG200", ucr(tmp_path, rows, [[1, 2, 3]]))


def test_an_empty_table_of_series_is_refused(tmp_path):
    with pytest.raises(DataError, match="each row must have a label"):
        fetched("ucr:ECG200", ucr(tmp_path, [], [[1, 2, 3]]))


def test_a_set_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(ParamError, match="Did you mean 'ECG5000'"):
        named("ucr:ECG500")


def test_heart_beats_are_cut_ninety_to_ten(tmp_path):
    for label, name in enumerate(("normal", "abnormal")):
        table = np.hstack([np.random.default_rng(label).uniform(0, 1, (100, 187)), np.full((100, 1), label)])
        np.savetxt(tmp_path / f"ptbdb_{name}.csv", table, delimiter=",")
    facts = check(fetched("ptb-ecg", tmp_path))
    assert (facts.shape, facts.sizes) == ((187, 1), {"train": 162, "tune": 18, "eval": 20})
    np.savetxt(tmp_path / "ptbdb_normal.csv", table, delimiter=",")
    with pytest.raises(DataError, match="rows must be 187 numbers and 0"):
        fetched("ptb-ecg", tmp_path)


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    job = np.arange(60) % 3
    return pd.DataFrame(
        {"age": rng.integers(18, 90, 60), "pay": rng.normal(0, 5, 60), "job_a": job == 0, "job_b": job == 1,
         "job_c": job == 2, "note": "words", "label": np.where(np.arange(60) % 4, "no", "yes")}
    ).astype({"job_a": int, "job_b": int, "job_c": int})  # fmt: skip


OPTIONS = "label=label,drop=note,groups=job,immutable=age/job"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_ones_own_table_has_a_schema(tmp_path, frame, kind):
    path = tmp_path / f"my.{kind}"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    data = named(f"{kind}:{path},{OPTIONS}")
    facts = check(data)
    assert (facts.shape, facts.classes) == ((5,), 2)
    kinds = {column.name: (column.kind, column.group, column.mutable) for column in facts.columns}
    assert kinds["age"] == ("integer", None, False)
    assert kinds["pay"] == ("number", None, True)
    assert kinds["job_b"] == ("one-hot", "job", False)
    ages = frame["age"][data.load("train").ids.numpy()]
    assert (facts.columns[0].low, facts.columns[0].high) == (ages.min(), ages.max())
    assert data.arrays().meta["names"] == ["no", "yes"]


def test_a_changed_file_is_read_again(tmp_path, frame):
    path = tmp_path / "my.csv"
    frame.to_csv(path, index=False)
    before = named(f"csv:{path},drop=note").facts()
    frame.iloc[:40].to_csv(path, index=False)
    after = named(f"csv:{path},drop=note").facts()
    assert (sum(before.sizes.values()), sum(after.sizes.values())) == (60, 40)
    assert before.digest != after.digest


@pytest.mark.parametrize(
    ("change", "options", "told"),
    [
        (lambda f: f, "", "column 'note' must be numbers, got 'words' in row 1"),
        (
            lambda f: f.assign(pay=f.pay.where(f.index != 7)),
            "drop=note",
            "column 'pay' must be finite numbers, got a gap in row 8",
        ),
        (lambda f: f.assign(pay=np.inf), "drop=note", "must be finite numbers, got inf in row 1"),
        (lambda f: f.assign(label="yes"), "drop=note", "at least two classes"),
        (lambda f: f.assign(label=f.label.where(f.index > 3)), "drop=note", "must have no gaps, got 4"),
        (lambda f: f.assign(label=f.pay), "drop=note", "whole numbers or words, got fractions"),
        (lambda f: f, "drop=note,label=target", "must have a column 'target', got age, .*Its first line must name"),
        (lambda f: f, "drop=note,immutable=aeg", "immutable must name columns or groups, got 'aeg'"),
        (lambda f: f, "drop=note,groups=jobs", "groups must begin names of columns, got 'jobs'"),
        (lambda f: f.assign(job_a=1), "drop=note,groups=job", "a single 1 in each row"),
        (lambda f: f.iloc[:0], "drop=note", "must have rows and features, got 0 rows"),
    ],
)
def test_a_bad_table_is_refused_and_says_where(tmp_path, frame, change, options, told):
    change(frame).to_csv(tmp_path / "my.csv", index=False)
    with pytest.raises(DataError, match=told):
        named(f"csv:{tmp_path / 'my.csv'},{options}" if options else f"csv:{tmp_path / 'my.csv'}").facts()


def test_labels_need_not_be_contiguous(tmp_path, frame):
    frame.assign(label=np.where(frame.index % 2, 40, -7)).to_csv(tmp_path / "my.csv", index=False)
    data = named(f"csv:{tmp_path / 'my.csv'},drop=note")
    assert check(data).classes == 2
    assert data.arrays().meta["names"] == ["-7", "40"]


def test_pictures_in_folders_by_class_and_part(tmp_path):
    for part, count in (("train", 20), ("val", 4), ("test", 6)):
        for shade, name in ((0, "cat"), (200, "dog")):
            for number in range(count):
                picture(tmp_path / f"pets/{part}/{name}/{number}.png", (shade, 0, 0))
    data = named(f"image-folder:{tmp_path / 'pets'}")
    facts = check(data)
    assert (facts.shape, facts.classes, facts.sizes) == ((3, 8, 8), 2, {"train": 40, "tune": 8, "eval": 12})
    assert (data.load("eval").x[:, 0].mean((1, 2)) * 255).round().unique().tolist() == [0, 200]
    plain = named(f"image-folder:{tmp_path / 'pets/train'}")
    assert check(plain).sizes == {"train": 28, "tune": 4, "eval": 8}


def test_mixed_pictures_are_refused_until_told_what_to_do(tmp_path):
    for name, size, mode in (("cat", (8, 8), "RGB"), ("dog", (9, 8), "RGB"), ("eel", (8, 8), "L")):
        for number in range(12):
            picture(tmp_path / f"pets/{name}/{number}.png", 90 if mode == "L" else (90, 0, 0), size, mode)
    with pytest.raises(DataError, match="must have one size, got 8x8 in 0.png and 8x9 in 0.png. Say size="):
        named(f"image-folder:{tmp_path / 'pets'}")
    with pytest.raises(DataError, match="must have one mode, got RGB in 0.png and L in 0.png. Say mode="):
        named(f"image-folder:{tmp_path / 'pets'},size=8")
    assert check(named(f"image-folder:{tmp_path / 'pets'},size=8,mode=L")).shape == (1, 8, 8)


def test_folders_that_hold_no_set_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="a folder for each class"):
        named(f"image-folder:{tmp_path / 'empty'}")
    picture(tmp_path / "one/cat/1.png", (0, 0, 0))
    with pytest.raises(DataError, match="at least two classes"):
        named(f"image-folder:{tmp_path / 'one'}")
    (tmp_path / "one/dog").mkdir()
    with pytest.raises(DataError, match="each class must have pictures, got none of 'dog'"):
        named(f"image-folder:{tmp_path / 'one'}")
    write(tmp_path / "one/dog/1.png", (tmp_path / "one/cat/1.png").read_bytes()[:30])
    with pytest.raises(DataError, match="must be a (whole )?picture"):
        named(f"image-folder:{tmp_path / 'one'}")
    with pytest.raises(DataError, match="path must name a folder that is there, got no /nowhere"):
        named("image-folder:/nowhere")
    with pytest.raises(DataError, match="path must name a folder that is there, got .*1.png, a file"):
        named(f"image-folder:{tmp_path / 'one/cat/1.png'}")
    with pytest.raises(DataError, match="path must name a file that is there, got .*one, a folder"):
        named(f"csv:{tmp_path / 'one'}")
    (tmp_path / "one/dog/2.png").symlink_to("/nowhere.png")
    with pytest.raises(DataError, match="2.png: it must be readable"):
        named(f"image-folder:{tmp_path / 'one'}")
    with pytest.raises(DataError, match="path must name it, got nothing"):
        named("image-folder").load("eval")


@pytest.mark.parametrize(("dtype", "suffix"), [(np.uint16, "png"), (np.float32, "tif"), (np.int32, "tif")])
def test_pictures_of_more_than_eight_bits_are_not_cut_off(tmp_path, dtype, suffix):
    for name in ("cat", "dog"):
        for number in range(3):
            path = tmp_path / "pets" / name / f"{number}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8), 700, dtype)).save(path)
    with pytest.raises(DataError, match="must have 8 bits a colour, got mode [IF]"):
        named(f"image-folder:{tmp_path / 'pets'}")


def test_a_table_is_known_by_its_first_bytes_and_one_that_is_none_is_told_in_a_line(tmp_path, frame):
    frame.to_parquet(tmp_path / "my.pq")
    assert check(named(f"parquet:{tmp_path / 'my.pq'},drop=note")).classes == 2
    write(tmp_path / "uneven.csv", "a,label\n1,2\n1,2,3\n")
    with pytest.raises(DataError, match="must be a readable table, got: [^\n]*saw 3[^\n]*Check the file.$"):
        named(f"csv:{tmp_path / 'uneven.csv'}")


@pytest.mark.parametrize(
    ("shape", "dtype", "wanted"),
    [((40, 6, 6), np.uint8, (1, 6, 6)), ((40, 6, 6, 3), np.uint8, (3, 6, 6)), ((40, 3, 6, 6), np.float64, (3, 6, 6))],
)
def test_arrays_of_pictures_in_any_order_of_axes(tmp_path, shape, dtype, wanted):
    x = (np.random.default_rng(0).uniform(0, 255, shape)).astype(dtype)
    np.savez(tmp_path / "my.npz", x=x, y=np.arange(40) % 2)
    assert check(named(f"npz:{tmp_path / 'my.npz'}")).shape == wanted


def test_arrays_with_parts_and_series(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 12))
    np.savez(tmp_path / "my.npz", x_train=x[:40], y_train=np.arange(40) % 2, x_test=x[40:], y_test=np.arange(20) % 2)
    facts = check(named(f"npz-series:{tmp_path / 'my.npz'}"))
    assert (facts.shape, facts.sizes) == ((12, 1), {"train": 36, "tune": 4, "eval": 20})


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"a": np.zeros(3)}, "must hold x and y"),
        ({"x": np.zeros((4, 6, 6)), "y": np.zeros(3)}, "one label for each of x"),
        ({"x": np.zeros((4, 6, 6, 5)), "y": np.arange(4)}, "pictures of 1 or 3 colours"),
        ({"x": np.full((4, 6, 6), np.nan), "y": np.arange(4)}, "must be finite"),
        ({"x": np.full((4, 6, 6), "a"), "y": np.arange(4)}, "must be numbers"),
        ({"x": np.zeros((4, 6, 6)), "y": np.zeros(4)}, "at least two classes"),
        ({"x": np.array([{}] * 4, dtype=object), "y": np.arange(4)}, "plain arrays.*would run code"),
    ],
)
def test_bad_arrays_are_refused(tmp_path, arrays, told):
    np.savez(tmp_path / "my.npz", **arrays)
    with pytest.raises(DataError, match=told):
        named(f"npz:{tmp_path / 'my.npz'}")
