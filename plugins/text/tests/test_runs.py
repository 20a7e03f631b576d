"""From the command line to the leaderboard, on tiny vectors: odd texts, absent data, and the kit's own rules."""

import pytest
from text_case import write_sentence_encoder, write_vectors
from typer.testing import CliRunner

from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.cli.app import app
from advbench.records.reader import Report
from advbench.testing.checks import checks_in, encoder
from advbench.testing.examination import examine
from advbench.testing.subject import Subject
from advbench_text.mean_embedding import MeanEmbedding
from advbench_text.minilm import MiniLm

PLUGIN = r"""
from dataclasses import dataclass
import torch
from advbench import *

ODD = ("", "good", "?!", "\U0001f600 good", "bad\x00\x1b[31m", "\ud800 good", "film " * 2_000, "qwxzv qwxzv")

@dataclass(frozen=True)
class Notes(LabelledDataset):
    "Good and bad; odd ones in the eval split."
    def all_facts(self):
        return DatasetFacts(modality=Modality.TEXT, shape=None, classes=2, bounds=None, digest="notes",
                            eps={Norm.WORDS: 1.0}, sizes={"train": 64, "tune": 16, "eval": 24})

    def all_labels(self, split):
        return torch.arange(self.all_facts().sizes[split]) % 2

    def read(self, split, positions):
        plain = [f"{('good', 'bad')[int(i) % 2]} film {int(i)}" for i in positions]
        if split == "eval":
            plain = [ODD[int(i)] if int(i) < len(ODD) else text for i, text in zip(positions, plain)]
        start = {"train": 0, "tune": 100, "eval": 200}[split]
        return torch.tensor([start + int(i) for i in positions]), tuple(plain)

@dataclass(frozen=True)
class Turner:
    "Every word becomes good, then bad, then nothing."
    def perturb(self, oracle, x, rng):
        best = list(x)
        for word in ("good", "bad", "qwxzv"):
            points = tuple(" ".join(word for _ in text.split()) for text in x)
            labels = oracle.labels(points)
        return Perturbed(tuple(best))

@hookimpl
def advbench_register_datasets(register):
    register(DatasetSpec(name="notes", summary="s", modality=Modality.TEXT, license="none"), Notes)

@hookimpl
def advbench_register_attacks(register):
    register(AttackSpec(name="turner", summary="s", needs=Access.LABELS, modalities=frozenset({Modality.TEXT}),
                        norms=frozenset({Norm.WORDS}), batched=True), Turner)
"""


@pytest.fixture
def start(cache, tmp_path):
    (tmp_path / "notes.py").write_text(PLUGIN)

    def run(*words):
        command = ["run", "--plugin", str(tmp_path / "notes.py"), "-D", "notes", "-a", "turner", "--offline"]
        return CliRunner().invoke(app, [*command, "-n", "24", "-o", str(tmp_path / "out"), *words])

    return run


def test_odd_texts_reach_every_kind_of_contender(start, tmp_path):
    path = write_vectors(tmp_path / "v.txt")
    MeanEmbedding(path=path).supply().fetch()
    victims = ["linear", "bag-of-words", f"word-cnn:path={path},filters=4,epochs=2"]
    outcome = start(*(word for one in victims for word in ("-m", one)), "--encoder", f"mean-embedding:path={path}")
    assert outcome.exit_code == 0, outcome.output
    report = Report.open(tmp_path / "out")
    cells = {cell["model"]: cell for cell in report.cells.to_pylist()}
    assert {name: cell["encoder"] for name, cell in cells.items()} == {
        "linear": "mean-embedding", "bag-of-words": None, "word-cnn": None,
    }  # fmt: skip
    assert not any(cell["inexact"] for cell in cells.values())
    rows = report.examples.to_pylist()
    assert len(rows) == 3 * 24
    assert all(row["verdict"] != "invalid" for row in rows)
    broken = [row for row in rows if row["verdict"] == "broken"]
    assert broken
    assert all(row["words"] > 0 and row["edit_distance"] > 0 and row["similarity"] is None for row in broken)
    told = " ".join(outcome.output.split())
    assert "similarity not measured: minilm: its data must be on this machine" in told
    assert "Run: advbench data fetch minilm" in told


def test_a_contender_over_other_vectors_is_trained_anew(start, tmp_path):
    path = write_vectors(tmp_path / "v.txt")
    words = ("-m", "linear:epochs=2", "--encoder", f"mean-embedding:path={path}")
    for again in (False, True):
        MeanEmbedding(path=path).supply().fetch()
        outcome = start(*words)
        assert outcome.exit_code == 0, outcome.output
        assert "loaded from the cache" not in outcome.output
        assert ("it is run again" in outcome.output) == again
        write_vectors(path, {"good": [1.0, 2.0], "bad": [-1.0, 0.5]})


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("-m", "linear"), "advbench data fetch mean-embedding"),
        (("-m", "word-cnn"), "advbench data fetch mean-embedding"),
        (("-m", "bag-of-words", "--similarity", "minilm"), "advbench data fetch minilm"),
    ],
)
def test_what_is_absent_ends_the_run_with_the_command_that_gets_it(start, tmp_path, words, command):
    outcome = start(*words)
    assert outcome.exit_code == 2
    assert f"Run: {command}" in " ".join(outcome.output.split())
    assert not (tmp_path / "out").exists()


def test_a_missing_file_of_vectors_is_named(start, tmp_path):
    outcome = start("-m", "linear", "--encoder", f"mean-embedding:path={tmp_path}/none.txt")
    assert outcome.exit_code == 2
    assert "path must be a text file of word vectors" in " ".join(outcome.output.split())


def test_bad_lines_are_told_when_fetching(cache, tmp_path):
    path = write_vectors(tmp_path / "v.txt", {"good": [1.0, 2.0], "bad": [3.0, 4.0]}, "half 1")
    outcome = CliRunner().invoke(app, ["data", "fetch", f"mean-embedding:path={path}"])
    assert outcome.exit_code == 0, outcome.output
    assert "2 words, 2 numbers each; 1 bad lines skipped" in " ".join(outcome.output.split())


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Both encoders with their data, in a cache of this module."""
    folder = tmp_path_factory.mktemp("encoders")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADVBENCH_CACHE_DIR", str(folder / "cache"))
        path = write_vectors(folder / "v.txt")
        MeanEmbedding(path=path).supply().fetch()
        MiniLm().supply().fetch(path=write_sentence_encoder(folder / "minilm"), any_version=True)
        resolver = Resolver(discover(), read())
        entries = resolver.installed.entries["encoder"]
        yield {
            "mean-embedding": Subject(entries["mean-embedding"], resolver, f"path={path}", first=False),
            "minilm": Subject(entries["minilm"], resolver, "", first=False),
        }


@pytest.mark.parametrize("check", checks_in(encoder), ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ["mean-embedding", "minilm"])
def test_encoders_keep_the_rules_of_the_house(encoders, name, check):
    found = examine(encoders[name], check)
    assert found.outcome == "passed", found
