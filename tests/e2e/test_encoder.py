"""Texts reach tabular contenders as vectors: one encoder for training and contest, part of who the contender is."""

import pytest
from typer.testing import CliRunner

from advbench.cli.app import app
from advbench.records.reader import Report

PLUGIN = """
from dataclasses import dataclass
import torch
from advbench import *

@dataclass(frozen=True)
class Notes(LabelledDataset):
    "Four words each; good ones and bad ones."
    def all_facts(self):
        return DatasetFacts(modality=Modality.TEXT, shape=None, classes=2, bounds=None, digest="notes",
                            eps={Norm.WORDS: 0.5}, sizes={"train": 64, "tune": 16, "eval": 24})

    def all_labels(self, split):
        return torch.arange(self.all_facts().sizes[split]) % 2

    def read(self, split, positions):
        at = list(positions)
        return torch.tensor(at) + 1000, tuple(("good fine", "bad poor")[i % 2] + f" thing {i}" for i in at)

@dataclass(frozen=True)
class Tally:
    "Shares of good and of bad words."
    weight: float = param(1.0, gt=0, help="of a word")

    def facts(self):
        return EncoderFacts(width=2, bounds=Bounds(0.0, self.weight), digest="tally")

    def load(self):
        def encode(texts):
            words = [text.split() for text in texts]
            rows = [[sum(w in kind for w in own) / max(1, len(own)) for kind in (("good", "fine"), ("bad", "poor"))]
                    for own in words]
            return self.weight * torch.tensor(rows).reshape(len(texts), 2)
        return encode

@dataclass(frozen=True)
class Wide(Tally):
    "Gives more than it says."
    def load(self):
        return lambda texts: torch.zeros(len(texts), 3)

@dataclass(frozen=True)
class Swap:
    "Turns every good word into a bad one and the other way round."
    def perturb(self, oracle, x, rng):
        turned = {"good": "bad", "fine": "poor", "bad": "good", "poor": "fine"}
        points = tuple(" ".join(turned.get(word, word) for word in text.split()) for text in x)
        oracle.labels(points)
        return Perturbed(points)

@hookimpl
def advbench_register_datasets(register):
    register(DatasetSpec(name="notes", summary="s", modality=Modality.TEXT, license="none"), Notes)

@hookimpl
def advbench_register_encoders(register):
    register(EncoderSpec(name="tally", summary="s"), Tally)
    register(EncoderSpec(name="wide", summary="s"), Wide)

@hookimpl
def advbench_register_attacks(register):
    register(AttackSpec(name="swap", summary="s", needs=Access.LABELS, modalities=frozenset({Modality.TEXT}),
                        norms=frozenset({Norm.WORDS}), batched=True), Swap)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder")
    (folder / "texts.py").write_text(PLUGIN)

    def start(*words):
        command = ["run", "--plugin", str(folder / "texts.py"), "-D", "notes", "-m", "linear", *words]
        return CliRunner().invoke(
            app, [*command, "-o", str(folder / "out")], env={"ADVBENCH_CACHE_DIR": str(folder / "cache")}
        )

    return folder, start


def test_a_tabular_model_learns_and_is_attacked_through_its_encoder(run):
    folder, start = run
    for again in (False, True):  # trained, then from the cache
        outcome = start("--encoder", "tally:weight=[1/2]", "-a", "swap", *(["--force"] if again else []))
        assert outcome.exit_code == 0, outcome.output
        cells = Report.open(folder / "out").cells.to_pylist()
        assert {cell["encoder"] for cell in cells} == {"tally"}
        assert sorted(cell["encoder_params"] for cell in cells) == ['{"weight":1.0}', '{"weight":2.0}']
        rows = Report.open(folder / "out").examples.to_pylist()
        assert len(rows) == 48
        assert all(row["verdict"] == "broken" and row["words"] == 0.5 and row["queries"] == 1 for row in rows)
    assert outcome.output.count("loaded from the cache") == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-a", "swap", "--encoder", "tally:weight=0"), "tally: weight must be > 0, got 0"),
        (("--encoder", "tall", "-a", "swap"), "no encoder is called 'tall'. Did you mean 'tally'"),
        (("--encoder", "tally", "-a", "random-noise"), "random-noise serves image, series, tabular; notes is text"),
    ],
)
def test_what_cannot_be_is_told(run, words, told):
    outcome = run[1](*words)
    assert outcome.exit_code in (2, 5)
    assert told in " ".join(outcome.output.split())


def test_an_encoder_that_breaks_its_word_fails_the_cell(run):
    outcome = run[1]("--encoder", "wide", "-a", "swap")
    assert outcome.exit_code == 1
    assert "encoder 'wide' must give float32 (64, 2), got" in " ".join(outcome.output.split())
