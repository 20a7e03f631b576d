"""Encoders that each break one rule, and an honest one."""

from dataclasses import dataclass

import torch

from advbench import Bounds, DataAbsent, EncoderFacts


def shares(text):
    """Shares of three letters: any text's, nothing's for an empty one."""
    return [text.count(letter) / max(1, len(text)) for letter in "aeo"]


@dataclass(frozen=True)
class Honest:
    """Shares of three letters."""

    def facts(self):
        return EncoderFacts(width=3, bounds=Bounds(0.0, 1.0), digest="letters")

    def load(self):
        return self.encode

    def encode(self, texts):
        return torch.tensor([shares(text) for text in texts]).reshape(len(texts), 3)


@dataclass(frozen=True)
class SaysNothingOfItsData(Honest):
    def facts(self):
        return EncoderFacts(width=3, bounds=Bounds(0.0, 1.0), digest="?")


@dataclass(frozen=True)
class InFloat64(Honest):
    def encode(self, texts):
        return super().encode(texts).double()


@dataclass(frozen=True)
class KeepsItsGraph(Honest):
    def encode(self, texts):
        return super().encode(texts).requires_grad_()


@dataclass(frozen=True)
class DividesByNothing(Honest):
    def encode(self, texts):
        return torch.tensor([[0.5 / len(text) if text else torch.nan] * 3 for text in texts]).reshape(len(texts), 3)


@dataclass(frozen=True)
class Counts(Honest):
    def encode(self, texts):
        return torch.tensor([[float(text.count(letter)) for letter in "aeo"] for text in texts]).reshape(len(texts), 3)


@dataclass(frozen=True)
class CentresTheBatch(Honest):
    def encode(self, texts):
        found = super().encode(texts)
        return (found - found.mean(dim=0, keepdim=True)).clamp(0, 1) if len(texts) else found


@dataclass(frozen=True)
class AddsUpAsItGoes(Honest):
    """Keeps a running float32 sum from text to text."""

    def encode(self, texts):
        rows, total, before = [], torch.zeros(3), torch.zeros(3)
        for text in texts:
            own = torch.tensor(shares(text))
            total = total + (own - before)
            before = own
            rows.append(total.clamp(0, 1))
        return torch.stack(rows) if rows else torch.empty(0, 3)


@dataclass(frozen=True)
class DrawsItsTable(Honest):
    def load(self):
        weights = torch.rand(3, generator=torch.Generator().manual_seed(int(torch.randint(1 << 30, ()))))
        return lambda texts: super(DrawsItsTable, self).encode(texts) * weights


@dataclass(frozen=True)
class SaysTheSame(Honest):
    def encode(self, texts):
        return torch.full((len(texts), 3), 0.5)


@dataclass(frozen=True)
class Chatters(Honest):
    def encode(self, texts):
        print("encoding", len(texts))
        return super().encode(texts)


@dataclass(frozen=True)
class NotFetched(Honest):
    def facts(self):
        raise DataAbsent("cheat: its data must be on this machine, got none. Run: advbench data fetch cheat")
