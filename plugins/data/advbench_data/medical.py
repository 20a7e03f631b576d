"""Medical pictures as one paper cut them (scd-medical-images, 3.1): 96 x 96, balanced, 80:20; or by patients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from advbench import ArrayWriter, DataError, Modality, Norm, Resource, param

from .nifti import read_nifti
from .pictures import Picture, pictures_in, write_pictures
from .splits import EVAL, TRAIN, TUNE
from .stored import StoredDataset

_PAPER_SHARES = (18, 2, 5)  # 80:20, a tenth of the 80 held out


@dataclass(frozen=True)
class _Medical(StoredDataset):
    MODALITY: ClassVar[Modality] = Modality.IMAGE
    EPS: ClassVar[Mapping[Norm, float]] = {Norm.LINF: 4 / 255, Norm.L2: 1.5, Norm.L1: 30.0}
    CUTS: ClassVar[tuple[str, ...]] = ("published", "paper")

    size: int = param(96, ge=8, unit="pixels", help="height and width to resize to")

    @property
    def spelling(self) -> str:
        return self.NAME if self.size == 96 else f"{self.NAME}:size={self.size}"


@dataclass(frozen=True)
class ChestXray(_Medical):
    """float32 (N, 1, 96, 96) in [0, 1]: 0 normal, 1 pneumonia, children of one to five years."""

    NAME: ClassVar[str] = "chest-xray"
    CUTS: ClassVar[tuple[str, ...]] = ("published", "paper", "patient")

    def resource(self) -> Resource:
        folders = tuple(f"{part}/{name}/*.jpeg" for part in ("train", "test") for name in ("NORMAL", "PNEUMONIA"))
        return Resource(
            name="chest-xray", license="CC BY 4.0 (Kermany et al. 2018)", layouts=(folders,),
            home="https://data.mendeley.com/datasets/rscbjbr9sj/2",
        )  # fmt: skip

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        return (1, self.size, self.size), 2, {}

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        numbers: dict[str, int] = {}
        pictures = [
            Picture(path, label, part, numbers.setdefault(_patient(path), len(numbers)))
            for name, part in (("train", TRAIN), ("val", TUNE), ("test", EVAL))
            for label, kind in enumerate(("NORMAL", "PNEUMONIA"))
            if (folder / name / kind).is_dir()
            for path in pictures_in(folder / name / kind)
        ]
        write_pictures(writer, pictures, (self.size, self.size), "L")
        notes = {"paper_shares": _PAPER_SHARES, "paper_per_class": 1_584, "patients": len(numbers)}
        return {"classes": 2, "names": ["normal", "pneumonia"], **notes}


def _patient(path: Path) -> str:
    """`person123_bacteria_4.jpeg` shows person 123, `NORMAL2-IM-0123-0001.jpeg` number 0123 of that series."""
    found = re.match(r"(person\d+)_|((?:NORMAL\d*-)?IM-\d+)", path.name) or re.match(r"(([A-Z]+-\d+))", path.name)
    return found.group(0) if found else path.name


@dataclass(frozen=True)
class ColorectalHistology(_Medical):
    """float32 (N, 3, 96, 96) in [0, 1], eight tissues; the paper's pair is `classes=3/5`: immune cells, mucosa."""

    NAME: ClassVar[str] = "colorectal-histology"
    FOLDERS: ClassVar[tuple[str, ...]] = (
        "01_TUMOR", "02_STROMA", "03_COMPLEX", "04_LYMPHO", "05_DEBRIS", "06_MUCOSA", "07_ADIPOSE", "08_EMPTY",
    )  # fmt: skip

    def resource(self) -> Resource:
        return Resource(
            name="colorectal-histology", license="CC BY 4.0 (Kather et al. 2016)", home="https://zenodo.org/records/53169",
            layouts=(tuple(f"{name}/*.tif" for name in self.FOLDERS),),
        )  # fmt: skip

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        return (3, self.size, self.size), 8, {"all": 5_000}

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        pictures = [
            Picture(path, label) for label, name in enumerate(self.FOLDERS) for path in pictures_in(folder / name)
        ]
        write_pictures(writer, pictures, (self.size, self.size), "RGB")
        return {"classes": 8, "names": self.FOLDERS, "paper_shares": _PAPER_SHARES}


@dataclass(frozen=True)
class Brats18(_Medical):
    """float32 (N, 1, 96, 96) in [0, 1]: slices of FLAIR volumes; 0 normal, 1 with tumour.

    Slices without any brain are left out. Brightness is scaled by the volume's largest value.
    """

    NAME: ClassVar[str] = "brats18"
    CUTS: ClassVar[tuple[str, ...]] = ("published", "paper", "patient")

    def resource(self) -> Resource:
        return Resource(
            name="brats18", license="by registration; research only", home="https://www.med.upenn.edu/sbia/brats2018/data.html",
            layouts=(("HGG/*/*_flair.nii*", "HGG/*/*_seg.nii*"), ("LGG/*/*_flair.nii*", "LGG/*/*_seg.nii*")),
        )  # fmt: skip

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        return (1, self.size, self.size), 2, {}

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        slices, labels, patients = [], [], []
        for patient, flair in enumerate(sorted(folder.glob("[HL]GG/*/*_flair.nii*"))):
            marked = sorted(flair.parent.glob("*_seg.nii*"))
            if not marked:
                raise DataError(f"{flair}: each volume must have a mask, got none beside it. Get it again.")
            volume, mask = read_nifti(flair), read_nifti(marked[0])
            if volume.shape != mask.shape:
                raise DataError(f"{flair}: its mask must be of {volume.shape}, got {mask.shape}. Get it again.")
            bright = np.clip(volume / max(float(volume.max()), 1.0) * 255, 0, 255).astype(np.uint8)
            for level in np.flatnonzero(bright.any(axis=(0, 1))):
                picture = Image.fromarray(bright[:, :, level].T).resize(
                    (self.size, self.size), Image.Resampling.BILINEAR
                )
                slices.append(np.asarray(picture)[None])
                labels.append(int(mask[:, :, level].any()))
                patients.append(patient)
        if len(set(labels)) < 2:
            raise DataError(f"{folder}: it must hold slices with and without tumour, got one kind. Get it again.")
        writer.put("x", np.stack(slices))
        writer.put("y", np.array(labels, np.int64))
        writer.put("group", np.array(patients, np.int64))
        notes = {"paper_shares": _PAPER_SHARES, "paper_per_class": 1_462, "patients": patients[-1] + 1}
        return {"classes": 2, "names": ["normal", "tumour"], **notes}
