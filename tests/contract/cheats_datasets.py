"""Data sets that each break one rule, next to honest ones."""

from dataclasses import dataclass, replace

import torch

from advbench import Bounds, DatasetFacts, LabelledDataset, Modality, Norm, param

COUNT: list[int] = []  # how often something was done, for cheats that keep track
SIZES = {"train": 40, "tune": 12, "eval": 20}
FIRST = {"train": 0, "tune": 40, "eval": 52}
_KEPT: dict[int, torch.Tensor] = {}


def made(seed=0):
    """72 points of a made set, float32 (72, 3) in [-1, 3]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-64, 193, (72, 3), generator=generator) / 64


@dataclass(frozen=True)
class Fair(LabelledDataset):
    """Points in a cube; the label is the position modulo three."""

    draw: int = param(0, ge=0, help="which points")

    def all_facts(self):
        return DatasetFacts(
            modality=Modality.TABULAR, shape=(3,), classes=3, bounds=Bounds(-1, 3), digest=self.digest(),
            eps={Norm.LINF: 0.25, Norm.L2: 0.5}, sizes=SIZES,
        )  # fmt: skip

    def digest(self):
        return f"points-{self.draw}"

    def all_labels(self, split):
        return self.numbers(split) % 3

    def numbers(self, split):
        return torch.arange(FIRST[split], FIRST[split] + SIZES[split])

    def read(self, split, positions):
        numbers = self.numbers(split)[positions]
        return numbers + 1000, made(self.draw)[numbers]


@dataclass(frozen=True)
class FairTexts(LabelledDataset):
    """Short texts; the label is in the last word."""

    def all_facts(self):
        return DatasetFacts(
            modality=Modality.TEXT, shape=None, classes=2, bounds=None, digest="texts", eps={Norm.WORDS: 0.2},
            sizes=SIZES,
        )  # fmt: skip

    def all_labels(self, split):
        return torch.arange(FIRST[split], FIRST[split] + SIZES[split]) % 2

    def read(self, split, positions):
        numbers = FIRST[split] + positions
        return numbers, tuple(f"text {i} is {['bad', 'good'][i % 2]}" for i in numbers.tolist())


class EmptyTexts(FairTexts):
    def read(self, split, positions):
        ids, texts = super().read(split, positions)
        return ids, tuple("" if i % 5 == 0 else text for i, text in enumerate(texts))


class RepeatsIds(Fair):
    def read(self, split, positions):
        ids, x = super().read(split, positions)
        return ids // 2, x


class SharesIds(Fair):
    def read(self, split, positions):
        return positions, super().read(split, positions)[1]


class SharesInputs(Fair):
    def read(self, split, positions):
        ids, x = super().read(split, positions)
        return ids, made(self.draw)[:4][positions % 4] if split == "eval" else x


class DrawsAnew(Fair):
    def read(self, split, positions):
        COUNT.append(1)
        ids, x = super().read(split, positions)
        return ids, x * (1 - len(COUNT) / 1024)


class CountsFromTheStartOfTheFile(Fair):
    def load(self, split, positions=None):
        return super().load("train" if positions and split == "tune" else split, positions)


class SortsPositions(Fair):
    def load(self, split, positions=None):
        return super().load(split, None if positions is None else sorted(positions))


class ForgetsToRelabel(Fair):
    def labels(self, split):
        return (super().labels(split) + 1) % 3


class LabelsFewer(Fair):
    def labels(self, split):
        return super().labels(split)[:-1]


class HandsOutItsMemory(Fair):
    def load(self, split, positions=None):
        found = super().load(split, positions)
        if positions is None and split == "eval":
            return replace(found, x=_KEPT.setdefault(self.draw, found.x))
        return found


class MiscountsItself(Fair):
    def all_facts(self):
        return replace(super().all_facts(), sizes=SIZES | {"eval": 21})


class LacksAClass(Fair):
    def all_labels(self, split):
        labels = super().all_labels(split)
        return labels.clamp(max=1) if split == "eval" else labels


class LabelsFromOne(Fair):
    def all_labels(self, split):
        return super().all_labels(split) + 1


class HashesTheMoment(Fair):
    def digest(self):
        COUNT.append(1)
        return f"read-{len(COUNT)}"


class HashesNoParameter(Fair):
    def digest(self):
        return "points"


class InFloat64(Fair):
    def read(self, split, positions):
        ids, x = super().read(split, positions)
        return ids, x.double()


class LabelsInInt32(Fair):
    def all_labels(self, split):
        return super().all_labels(split).int()


class OfAnotherShape(Fair):
    def all_facts(self):
        return replace(super().all_facts(), shape=(1, 3))


class SaysImages(Fair):
    def all_facts(self):
        return replace(super().all_facts(), modality=Modality.IMAGE)


class HasHoles(Fair):
    def read(self, split, positions):
        ids, x = super().read(split, positions)
        x[::10, 0] = torch.nan
        return ids, x


class LeavesItsBounds(Fair):
    def all_facts(self):
        return replace(super().all_facts(), bounds=Bounds(0, 1))


class EpsOfNothing(Fair):
    def all_facts(self):
        return replace(super().all_facts(), eps={Norm.LINF: 0.0})


class EpsOfEverything(Fair):
    def all_facts(self):
        return replace(super().all_facts(), eps={Norm.L2: 255.0})


class EpsInWords(Fair):
    def all_facts(self):
        return replace(super().all_facts(), eps={Norm.WORDS: 0.1})


class DrawsFromTorch(Fair):
    def read(self, split, positions):
        torch.rand(1)
        return super().read(split, positions)


class Prints(Fair):
    def read(self, split, positions):
        print("reading", split)
        return super().read(split, positions)
