"""Pictures in the official formats, from tiny files of the same form."""

import json
import pickle
import shutil

import numpy as np
import pytest
from data_case import check, fetched, idx, named, picture, splits, volume, write
from PIL import Image

from advbench import DataError, ParamError


def mnist(folder, zipped=False, counts=(100, 30)):
    suffix = ".gz" if zipped else ""
    for name, count in zip(("train", "t10k"), counts, strict=True):
        labels = np.arange(count) % 10
        idx(folder / f"{name}-labels-idx1-ubyte{suffix}", labels, zipped)
        idx(
            folder / f"{name}-images-idx3-ubyte{suffix}",
            np.arange(count)[:, None, None] % 256 + np.zeros((1, 28, 28)),
            zipped,
        )
    return folder


@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_is_read_plain_and_zipped(tmp_path, zipped):
    data = fetched("mnist", mnist(tmp_path / "raw", zipped))
    facts = check(data)
    assert (facts.shape, facts.classes) == ((1, 28, 28), 10)
    assert facts.sizes == {"train": 90, "tune": 10, "eval": 30}
    test = data.load("eval", [4])
    assert (test.ids.tolist(), test.y.tolist(), float(test.x.max())) == ([104], [4], pytest.approx(4 / 255))


def test_classes_are_picked_and_relabelled(tmp_path):
    fetched("mnist", mnist(tmp_path / "raw"))
    pair = named("mnist:classes=8/3")
    assert check(pair).classes == 2
    train = pair.load("train")
    assert set(zip((train.ids % 10).tolist(), train.y.tolist(), strict=True)) == {(3, 1), (8, 0)}


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda f: write(f, f.read_bytes()[:-1]), "must hold 7,840.* bytes as its header says, got"),
        (lambda f: write(f, f.read_bytes() + b"x"), "got more"),
        (lambda f: write(f, b"\0\0\x0d\3" + f.read_bytes()[4:]), "must begin 00080"),
        (lambda f: write(f, b""), "must begin"),
    ],
    ids=["cut short", "too long", "floats", "empty"],
)
def test_a_damaged_idx_file_is_refused(tmp_path, harm, told):
    folder = mnist(tmp_path / "raw", counts=(100, 10))
    harm(folder / "t10k-images-idx3-ubyte")
    with pytest.raises(DataError, match=told):
        fetched("mnist", folder)
    with pytest.raises(DataError, match="Run: advbench data fetch mnist"):
        named("mnist").load("eval")


def test_a_truncated_gzip_and_labels_for_other_images_are_refused(tmp_path):
    folder = mnist(tmp_path / "raw", zipped=True)
    whole = (folder / "train-images-idx3-ubyte.gz").read_bytes()
    write(folder / "train-images-idx3-ubyte.gz", whole[:-20])
    with pytest.raises(DataError, match="must be whole"):
        fetched("mnist", folder)
    write(folder / "train-images-idx3-ubyte.gz", whole)
    idx(folder / "train-labels-idx1-ubyte.gz", np.zeros(99), zipped=True)
    with pytest.raises(DataError, match="must be 28x28 with a label"):
        fetched("mnist", folder)


def test_contents_that_are_not_mnist_are_refused_unless_wanted(tmp_path):
    with pytest.raises(DataError, match="must be those published"):
        fetched("mnist", mnist(tmp_path / "raw"), any_version=False)


BATCHES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]


def cifar(folder, form, harm=None):
    rng = np.random.default_rng(0)
    labels = []
    for batch in BATCHES:
        x, y = rng.integers(0, 256, (20, 3, 32, 32), dtype=np.uint8), np.arange(20) % 10
        labels.append(y)
        if form == "binary":
            write(folder / f"{batch}.bin", np.hstack([y[:, None], x.reshape(20, -1)]).astype(np.uint8).tobytes())
        elif form == "strips":
            folder.mkdir(exist_ok=True)
            Image.fromarray(x.transpose(0, 2, 3, 1).reshape(20, 1024, 3)).save(folder / f"{batch}.png")
        else:
            content = {b"data": x.reshape(20, -1), b"labels": y.tolist(), b"batch_label": batch.encode()}
            write(folder / batch, pickle.dumps(content, int(form[-1])))
    if form == "strips":
        write(folder / "train_lables.json", json.dumps(np.concatenate(labels[:5]).tolist()))
        write(folder / "test_lables.json", json.dumps(labels[5].tolist()))
    return folder


@pytest.mark.parametrize("form", ["binary", "strips", "pickle2", "pickle4"])
def test_every_form_of_cifar_gives_the_same_arrays(tmp_path, form):
    wanted = fetched("cifar10", cifar(tmp_path / "binary", "binary")).arrays().digest
    data = fetched("cifar10", cifar(tmp_path / form, form))
    assert data.arrays().digest == wanted
    assert check(data).sizes == {"train": 90, "tune": 10, "eval": 20}


def test_damaged_and_harmful_cifar_is_refused(tmp_path):
    folder = cifar(tmp_path / "binary", "binary")
    write(folder / "test_batch.bin", (folder / "test_batch.bin").read_bytes()[:-1])
    with pytest.raises(DataError, match="must hold records of 3073 bytes"):
        fetched("cifar10", folder)
    folder = cifar(tmp_path / "pickle", "pickle2")
    write(folder / "test_batch", b"cposix\nsystem\n(S'true'\ntR.")
    with pytest.raises(DataError, match="must hold plain data, got posix.system"):
        fetched("cifar10", folder)
    folder = cifar(tmp_path / "strips", "strips")
    write(folder / "test_lables.json", "[1, 2]")
    with pytest.raises(DataError, match="must have a label"):
        fetched("cifar10", folder)


def test_signs_keep_their_tracks_together(tmp_path):
    for label in (0, 3, 8):
        home = tmp_path / f"GTSRB/Final_Training/Images/{label:05d}"
        rows = []
        for track in range(20):
            for frame in range(3):
                name = f"{track:05d}_{frame:05d}.ppm"
                picture(home / name, (label * 10, track, frame), (15, 20))
                rows.append(f"{name};15;20;1;1;14;19;{label}")
        write(
            home / f"GT-{label:05d}.csv",
            "\n".join(["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId", *rows]),
        )
    for number in range(6):
        picture(tmp_path / f"GTSRB/Final_Test/Images/{number:05d}.ppm", (200, 0, 0), (30, 30))
    rows = [f"{number:05d}.ppm;30;30;1;1;29;29;{(3, 8)[number % 2]}" for number in range(6)]
    write(
        tmp_path / "GTSRB/GT-final_test.csv",
        "\n".join(["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId", *rows]),
    )
    fetched("gtsrb", tmp_path)
    pair = named("gtsrb:classes=3/8")
    facts = check(pair)
    assert (facts.shape, facts.classes, facts.sizes["eval"]) == ((3, 48, 48), 2, 6)
    groups = np.asarray(pair.arrays()["group"])
    train, tune = (set(groups[pair.load(split).ids.numpy()]) for split in ("train", "tune"))
    assert tune
    assert not train & tune
    (tmp_path / "GTSRB/Final_Test/Images/00003.ppm").unlink()
    with pytest.raises(DataError, match="every picture that is listed must be there"):
        fetched("gtsrb", tmp_path)


def test_faces_are_chosen_by_two_attributes_or_one(tmp_path):
    hair = [(1, -1), (-1, 1), (1, 1), (-1, -1)] * 6
    lines = [f"{i:06d}.jpg {a} {b} 1" for i, (a, b) in enumerate(hair, 1)]
    write(tmp_path / "list_attr_celeba.txt", "\n".join([str(len(hair)), "Black_Hair Brown_Hair Young", *lines]))
    write(tmp_path / "list_eval_partition.txt", "\n".join(f"{i:06d}.jpg {i % 3}" for i in range(1, 25)))
    for i, (a, _) in enumerate(hair, 1):
        picture(tmp_path / f"img_align_celeba/{i:06d}.jpg", (255 if a == 1 else 0, 0, 0), (178, 218))
    data = fetched("celeba", tmp_path)
    facts = check(data)
    assert (facts.shape, facts.classes, sum(facts.sizes.values())) == ((3, 96, 96), 2, 12)
    examples = data.load("eval")
    assert ((examples.x[:, 0].mean((1, 2)) > 0.5) == (examples.y == 0)).all()
    assert sum(fetched("celeba:attributes=Black_Hair", tmp_path).facts().sizes.values()) == 24
    with pytest.raises(DataError, match="attributes must be of Black_Hair"):
        fetched("celeba:attributes=Bald", tmp_path)
    with pytest.raises(ParamError, match="one or two different names"):
        named("celeba:attributes=Young/Young")


def test_imagenet_takes_the_synsets_named_and_the_middle_of_each_picture(tmp_path):
    for part, count in (("train", 20), ("val", 4)):
        for synset, shade in (("n01440764", 0), ("n01443537", 200), ("n02102040", 90)):
            for number in range(count):
                picture(tmp_path / f"ILSVRC/{part}/{synset}/{number}.JPEG", (shade, 0, 0), (40, 30))
    facts = check(fetched("imagenet:size=16", tmp_path))
    assert (facts.shape, facts.sizes) == ((3, 16, 16), {"train": 36, "tune": 4, "eval": 8})
    data = fetched("imagenet:size=16,synsets=n02102040/n01440764", tmp_path)
    assert data.load("eval").x[data.labels("eval") == 0].mean() > 0.1
    with pytest.raises(DataError, match="must hold train/n99/"):
        fetched("imagenet:synsets=n99/n01440764", tmp_path)


def test_tiny_imagenet_uses_its_validation_part_for_eval(tmp_path):
    names = ["n1", "n2"]
    write(tmp_path / "wnids.txt", "\n".join(names))
    for label, name in enumerate(names):
        for number in range(20):
            picture(tmp_path / f"train/{name}/images/{name}_{number}.JPEG", 90 * label, (64, 64), "L")
    lines = []
    for number in range(6):
        picture(tmp_path / f"val/images/val_{number}.JPEG", (90, 90, 90), (64, 64))
        lines.append(f"val_{number}.JPEG\t{names[number % 2]}\t0\t0\t63\t63")
    write(tmp_path / "val/val_annotations.txt", "\n".join(lines))
    facts = check(fetched("tiny-imagenet", tmp_path))
    assert facts.sizes == {"train": 36, "tune": 4, "eval": 6}
    assert named("tiny-imagenet:split=10/1/1").facts().sizes["train"] == 38


def xray(root):
    for part, count in (("train", 30), ("val", 4), ("test", 10)):
        for number in range(count):
            picture(root / f"{part}/NORMAL/IM-{part}{number // 2:04d}-{number:04d}.jpeg", 40, (60, 50), "L")
            picture(
                root / f"{part}/PNEUMONIA/person{hash_of(part, number // 3)}_virus_{number}.jpeg", (200,) * 3, (70, 50)
            )
    return root


def hash_of(part, number):
    return {"train": 1000, "val": 2000, "test": 3000}[part] + number


def test_x_rays_are_cut_as_published_as_the_paper_did_and_by_patients(tmp_path):
    data = fetched("chest-xray", xray(tmp_path / "chest_xray"))
    facts = check(data)
    assert (facts.shape, facts.sizes) == ((1, 96, 96), {"train": 60, "tune": 8, "eval": 20})
    groups = np.asarray(data.arrays()["group"])
    paper, patient = named("chest-xray:split=paper"), named("chest-xray:split=patient")
    assert paper.facts().digest != patient.facts().digest != facts.digest
    shared = {}
    for how, one in (("paper", paper), ("patient", patient)):
        check(one)
        found = {split: set(groups[examples.ids.numpy()]) for split, examples in splits(one).items()}
        shared[how] = len(found["train"] & found["eval"]) + len(found["train"] & found["tune"])
    assert shared["patient"] == 0 < shared["paper"]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("mnist:split=patient", "published, or three shares"), ("mnist:split=paper", "published, or three shares"),
        ("imdb:split=patient", "published, or three shares"), ("adult:split=patient", "published, or three shares"),
        ("colorectal-histology:split=patient", "published, paper, or three shares"),
        ("ptb-ecg:split=patient", "published, paper, or three shares"),
    ],
)  # fmt: skip
def test_a_set_without_patients_or_without_a_papers_cut_refuses_to_be_cut_so(text, known):
    with pytest.raises(ParamError, match=f"split must be {known} such as 5/1/1, got 'pa"):
        named(text)


def test_tissues_have_the_papers_pair(tmp_path):
    for number, name in enumerate(["TUMOR", "STROMA", "COMPLEX", "LYMPHO", "DEBRIS", "MUCOSA", "ADIPOSE", "EMPTY"], 1):
        for tile in range(25):
            picture(tmp_path / f"Kather/{number:02d}_{name}/{tile}.tif", (number * 20, 0, 0), (30, 30))
    fetched("colorectal-histology", tmp_path)
    facts = check(named("colorectal-histology:classes=3/5,split=paper"))
    assert (facts.shape, facts.classes, facts.sizes) == ((3, 96, 96), 2, {"train": 36, "tune": 4, "eval": 10})


@pytest.mark.parametrize(("suffix", "order"), [(".nii.gz", "<"), (".nii", "<"), (".nii.gz", ">")])
def test_slices_of_volumes_are_labelled_by_their_masks(tmp_path, suffix, order):
    for patient in range(10):
        home = tmp_path / f"{'HGG' if patient % 2 else 'LGG'}/Brats18_{patient}"
        brain, mask = np.zeros((12, 10, 6)), np.zeros((12, 10, 6))
        brain[2:9, 2:8, 1:] = 100 + patient
        mask[3, 3, 3:] = 4
        volume(home / f"Brats18_{patient}_flair{suffix}", brain, order)
        volume(home / f"Brats18_{patient}_seg{suffix}", mask, order)
    data = fetched("brats18:size=12", tmp_path)
    facts = check(data)
    assert facts.shape == (1, 12, 12)
    assert np.bincount(data.arrays()["y"]).tolist() == [20, 30]  # the lowest slice has no brain
    assert data.arrays().meta["patients"] == 10
    balanced = named("brats18:size=12,split=paper")
    assert sum(check(balanced).sizes.values()) == 40
    shutil.rmtree(tmp_path / "LGG/Brats18_0")
    write(tmp_path / f"LGG/Brats18_0/x_flair{suffix}", b"nothing")
    write(tmp_path / f"LGG/Brats18_0/x_seg{suffix}", b"nothing")
    with pytest.raises(DataError, match="must be a NIfTI-1 volume|must be whole"):
        fetched("brats18:size=12", tmp_path)
