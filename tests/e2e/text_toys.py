"""A plugin of one file with a data set of texts, encoders, and an attack that always succeeds."""

PLUGIN = r"""
from dataclasses import dataclass
import torch
from advbench import *

@dataclass(frozen=True)
class Notes(LabelledDataset):
    "Good notes and bad ones of four words each, with a control sequence in each."
    def all_facts(self):
        return DatasetFacts(modality=Modality.TEXT, shape=None, classes=2, bounds=None, digest="notes",
                            eps={Norm.WORDS: 0.5}, sizes={"train": 64, "tune": 16, "eval": 24})

    def all_labels(self, split):
        return torch.arange(self.all_facts().sizes[split]) % 2

    def read(self, split, positions):
        at = list(positions)
        return torch.tensor(at), tuple(f"a {('good', 'bad')[i % 2]} thing \x1b[31m{i}" for i in at)

@dataclass(frozen=True)
class Tally:
    "Whether a text is good, and whether it is bad."
    weight: float = param(1.0, gt=0, help="of a word")
    fetched: bool = param(True, help="whether its data are here")

    def facts(self):
        if not self.fetched:
            raise DataAbsent("tally: its data must be on this machine, got none. Run: advbench data fetch tally")
        return EncoderFacts(width=2, bounds=Bounds(0.0, self.weight), digest="tally")

    def load(self):
        def encode(texts):
            return self.weight * torch.tensor([[float(word in t) for word in ("good", "bad")] for t in texts])
        return lambda texts: encode(texts).reshape(-1, 2)

@dataclass(frozen=True)
class Wide(Tally):
    "Gives more than it says."
    def load(self):
        return lambda texts: torch.zeros(len(texts), 3)

@dataclass(frozen=True)
class Swap:
    "Turns good into bad and the other way round."
    def perturb(self, oracle, x, rng):
        turned = {"good": "bad", "bad": "good"}
        points = tuple(" ".join(turned.get(word, word) for word in text.split(" ")) for text in x)
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
