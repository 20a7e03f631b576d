"""Pictures that only their authors hand out: traffic signs, faces, ImageNet and its small sister."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from advbench import ArrayWriter, DataError, Modality, Norm, ParamError, Resource, param

from .pictures import Picture, pictures_in, write_pictures
from .splits import EVAL, TRAIN, TUNE
from .stored import StoredDataset

_SMALL: Mapping[Norm, float] = {Norm.LINF: 8 / 255, Norm.L2: 0.5, Norm.L1: 12.0}


@dataclass(frozen=True)
class Gtsrb(StoredDataset):
    """float32 (N, 3, 48, 48) in [0, 1], 43 German traffic signs; `classes=3/8` are the limits of 60 and 120.

    The 30 pictures of one sign (a track) are never in two splits made here.
    """

    NAME: ClassVar[str] = "gtsrb"
    MODALITY: ClassVar[Modality] = Modality.IMAGE
    EPS: ClassVar[Mapping[Norm, float]] = _SMALL

    size: int = param(48, ge=8, unit="pixels", help="height and width to resize to")

    @property
    def spelling(self) -> str:
        return self.NAME if self.size == 48 else f"{self.NAME}:size={self.size}"

    def resource(self) -> Resource:
        return Resource(
            name="gtsrb",
            license="free for research; cite Stallkamp et al. 2012",
            home="https://benchmark.ini.rub.de/gtsrb_dataset.html",
            layouts=(("Final_Training/Images/00000/GT-00000.csv", "Final_Test/Images/*.ppm", "GT-final_test.csv"),
                     ("Final_Training/Images/00000/GT-00000.csv", "Final_Test/Images/GT-final_test.csv")),
        )  # fmt: skip

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        return (3, self.size, self.size), 43, {"all": 51_839}

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        pictures = []
        for home in sorted((folder / "Final_Training" / "Images").glob("[0-9]*/")):
            for row in _rows(home / f"GT-{home.name}.csv"):
                track = int(row["ClassId"]) * 100_000 + int(row["Filename"].split("_")[0])
                pictures.append(Picture(home / row["Filename"], int(row["ClassId"]), TRAIN, track))
        test = folder / "Final_Test" / "Images"
        told = test / "GT-final_test.csv"
        for number, row in enumerate(_rows(told if told.exists() else folder / "GT-final_test.csv")):
            pictures.append(Picture(test / row["Filename"], int(row["ClassId"]), EVAL, -1 - number))
        _check(folder, pictures, 43)
        write_pictures(writer, pictures, (self.size, self.size), "RGB")
        return {"classes": 43}


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file, delimiter=";")
        if not {"Filename", "ClassId"} <= set(table.fieldnames or ()):
            raise DataError(f"{path}: it must have columns Filename and ClassId, got {table.fieldnames}. Get it again.")
        yield from table


def _check(folder: Path, pictures: list[Picture], classes: int) -> None:
    """Raise DataError for a label that is none, or a picture that is not there, or listed as lying elsewhere."""
    for picture in pictures:
        below = picture.path.parts[len(folder.parts) :]
        if not picture.path.is_relative_to(folder) or ".." in below:
            raise DataError(f"{folder}: pictures must lie below it, got {picture.path}. Do not use it.")
        if not 0 <= picture.label < classes:
            raise DataError(f"{folder}: classes must be 0 to {classes - 1}, got {picture.label}. Get it again.")
        if not picture.path.is_file():
            raise DataError(f"{picture.path}: every picture that is listed must be there, got none. Get it again.")


@dataclass(frozen=True)
class CelebA(StoredDataset):
    """float32 (N, 3, 96, 96) in [0, 1]: faces that have one of two attributes, or have one or not."""

    NAME: ClassVar[str] = "celeba"
    MODALITY: ClassVar[Modality] = Modality.IMAGE
    EPS: ClassVar[Mapping[Norm, float]] = {Norm.LINF: 4 / 255, Norm.L2: 1.5, Norm.L1: 30.0}

    attributes: tuple[str, ...] = param(
        ("Black_Hair", "Brown_Hair"),
        help="class 0 has the first, class 1 the second, nobody both; or one: without/with",
    )
    size: int = param(96, ge=8, unit="pixels", help="height and width to resize to")

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.attributes) not in (1, 2) or len(set(self.attributes)) != len(self.attributes):
            raise ParamError(f"attributes must be one or two different names, got '{'/'.join(self.attributes)}'.")

    @property
    def spelling(self) -> str:
        size = "" if self.size == 96 else f",size={self.size}"
        return f"{self.NAME}:attributes={'+'.join(self.attributes)}{size}".replace("+", "/")

    def resource(self) -> Resource:
        return Resource(
            name="celeba",
            license="research only, not commercial (CUHK)",
            home="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
            layouts=(("list_attr_celeba.txt", "list_eval_partition.txt", "img_align_celeba/*.jpg"),
                     ("Anno/list_attr_celeba.txt", "Eval/list_eval_partition.txt", "Img/img_align_celeba/*.jpg")),
        )  # fmt: skip

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        return (3, self.size, self.size), 2, {}

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        flat = (folder / "list_attr_celeba.txt").exists()
        anno, parts, images = (folder,) * 3 if flat else (folder / "Anno", folder / "Eval", folder / "Img")
        home = images / "img_align_celeba"
        where = dict(line.split() for line in (parts / "list_eval_partition.txt").read_text().splitlines() if line)
        lines = (anno / "list_attr_celeba.txt").read_text().splitlines()
        known = lines[1].split()
        for name in self.attributes:
            if name not in known:
                raise DataError(
                    f"{self.NAME}: attributes must be of {', '.join(known[:6])}, …, got '{name}'. Choose one."
                )
        columns = [known.index(name) for name in self.attributes]
        pictures = []
        for line in lines[2:]:
            file, *values = line.split()
            has = [values[column] == "1" for column in columns]
            if len(has) == 1 or sum(has) == 1:
                label = int(has[-1])
                pictures.append(Picture(home / file, label, (TRAIN, TUNE, EVAL)[int(where[file])]))
        _check(folder, pictures, 2)
        write_pictures(writer, pictures, (self.size, self.size), "RGB")
        return {"classes": 2, "names": self.attributes}


@dataclass(frozen=True)
class ImageNet(StoredDataset):
    """float32 (N, 3, 224, 224) in [0, 1]: the synsets named, from train/SYNSET and val/SYNSET.

    Where val is not sorted into synsets, a fifth of train is held out.
    """

    NAME: ClassVar[str] = "imagenet"
    MODALITY: ClassVar[Modality] = Modality.IMAGE
    EPS: ClassVar[Mapping[Norm, float]] = {Norm.LINF: 4 / 255, Norm.L2: 1 / 3, Norm.L1: 60.0}

    synsets: tuple[str, ...] = param(("n01440764", "n01443537"), help="classes 0, 1, … by the names of their folders")
    size: int = param(224, ge=8, unit="pixels", help="height and width of the middle, after resizing to 8/7 of it")

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.synsets)) < 2 or len(set(self.synsets)) != len(self.synsets):
            raise ParamError(f"synsets must be two different names or more, got '{'/'.join(self.synsets)}'.")

    @property
    def spelling(self) -> str:
        size = "" if self.size == 224 else f",size={self.size}"
        return f"{self.NAME}:synsets={'/'.join(self.synsets)}{size}"

    def resource(self) -> Resource:
        return Resource(
            name="imagenet",
            license="research only, not commercial",
            home="https://image-net.org/download.php",
            layouts=(tuple(f"train/{synset}/*" for synset in self.synsets),),
        )

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        return (3, self.size, self.size), len(self.synsets), {}

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        pictures = [
            Picture(path, label, part)
            for name, part in (("train", TRAIN), ("val", EVAL))
            for label, synset in enumerate(self.synsets)
            if (folder / name / synset).is_dir()
            for path in pictures_in(folder / name / synset)
        ]
        write_pictures(writer, pictures, (self.size, self.size), "RGB", crop=True)
        return {"classes": len(self.synsets), "names": self.synsets}


@dataclass(frozen=True)
class TinyImageNet(StoredDataset):
    """float32 (N, 3, 64, 64) in [0, 1], 200 classes, 500 + 50 pictures each; the test labels are not public."""

    NAME: ClassVar[str] = "tiny-imagenet"
    MODALITY: ClassVar[Modality] = Modality.IMAGE
    EPS: ClassVar[Mapping[Norm, float]] = {Norm.LINF: 4 / 255, Norm.L2: 1 / 3, Norm.L1: 25.0}

    def resource(self) -> Resource:
        return Resource(
            name="tiny-imagenet",
            license="research only, not commercial",
            home="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
            layouts=(("wnids.txt", "train/*/images/*", "val/val_annotations.txt", "val/images/*"),),
        )

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        return (3, 64, 64), 200, {"all": 110_000}

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        names = (folder / "wnids.txt").read_text().split()
        pictures = [
            Picture(path, label)
            for label, name in enumerate(names)
            for path in pictures_in(folder / "train" / name / "images")
        ]
        for line in (folder / "val" / "val_annotations.txt").read_text().splitlines():
            file, name = line.split("\t")[:2]
            if name not in names:
                raise DataError(f"{folder}/val: classes must be listed in wnids.txt, got {name}. Get it again.")
            pictures.append(Picture(folder / "val" / "images" / file, names.index(name), EVAL))
        _check(folder, pictures, len(names))
        write_pictures(writer, pictures, (64, 64), "RGB")
        return {"classes": len(names), "names": names}
