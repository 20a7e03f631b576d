"""TextFooler against a plain per-document implementation of the same version: same victim, documents and resources.

ADVBENCH_BENCH_DOCUMENTS sets the number of documents of MR (50; IMDB takes a tenth). Where the encoder is left out of a
figure it remembers what it has encoded, so that it runs once for all rounds; whole runs take a few documents, without
that memory. Seconds are the processor's, of one thread, so that other work on the machine weighs little.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advbench import Access, ContenderFacts, DataAbsent, Examples, Norm, Threat
from advbench.arena.contest import Contest, Outcome, run_shard
from advbench.arena.draws import SeedPath
from advbench.arena.networks import TorchContender
from advbench.bench.encoding import EncodedContender, encoded_facts
from advbench.builtin.distances import Words
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench_text.vectors import Vectors
from advbench_textfooler.resources import neighbours, tagger_supply
from advbench_textfooler.textfooler import TextFooler

from . import textfooler_reference as plain
from .arena import CPU
from .harness import Figure, at_least, exactly, figure, step

DOCUMENTS = int(os.environ.get("ADVBENCH_BENCH_DOCUMENTS", "50"))
SETS = {"mr": DOCUMENTS, "imdb": max(2, DOCUMENTS // 10)}
WHOLE = {"mr": 8, "imdb": 2}  # documents of a whole run
ROUNDS = 3


@dataclass
class Timed:
    """An encoder, the seconds that it took, and the vectors that it remembers; None: it remembers nothing."""

    inner: Callable[[tuple[str, ...]], Tensor]
    seconds: float = 0.0
    known: dict[str, Tensor] | None = None

    def __call__(self, texts: tuple[str, ...]) -> Tensor:
        started = time.process_time()
        vectors = self.inner(texts) if self.known is None else self._remembered(self.known, texts)
        self.seconds += time.process_time() - started
        return vectors

    def _remembered(self, known: dict[str, Tensor], texts: tuple[str, ...]) -> Tensor:
        new = tuple(text for text in dict.fromkeys(texts) if text not in known)
        if new:
            known |= zip(new, self.inner(new), strict=True)
        return torch.stack([known[text] for text in texts])


@dataclass(frozen=True)
class Sentences:
    """Stands for the sentence encoder in the attack's field."""

    timed: Timed
    digest: str

    def facts(self) -> Any:
        return self

    def load(self) -> Timed:
        return self.timed

    def __hash__(self) -> int:
        return id(self.timed)


def figures() -> Iterator[Figure]:
    """Verdicts, documents and queries per second, and ratios, for MR and IMDB."""
    resolver = Resolver(discover(), read())
    for name, n in SETS.items():
        try:
            with step(f"{name}: training the victim"):
                contender, examples, facts, embed = _victim(resolver, name, n)
            sentences = resolver.one("encoder", "minilm").instance
            timed = Timed(sentences.load())
            TextFooler(sentence=None).supply().open()
        except DataAbsent as error:
            yield figure(f"{name}: left out", 0.0, note=str(error))
            continue
        yield from _compare(name, Duel(contender, facts, embed, timed), examples)


@dataclass(frozen=True)
class Duel:
    """Both on one victim. Each work takes examples; `ours` gives an Outcome, the others what became of each text."""

    contender: EncodedContender
    facts: Any
    embed: plain.PlainMeans
    timed: Timed

    def works(self) -> dict[str, Callable[[Examples], Any]]:
        attack = TextFooler(sentence=Sentences(self.timed, self.facts.digest))
        table = neighbours(TextFooler(sentence=None).supply())
        speech = plain.Forgetful(tagger_supply("textfooler").open())

        def reference(examples: Examples, scores: plain.Scores) -> list[plain.Ended]:
            pairs = zip(examples.x, examples.y.tolist(), strict=True)
            return [plain.attack(text, label, scores, table, speech, self.timed) for text, label in pairs]

        def afresh(points: tuple[str, ...]) -> Tensor:
            return self.contender.inner.scores(torch.cat([self.embed(text) for text in points]))

        return {
            "ours": lambda examples: _shard(self.contender, attack, examples, self.facts),
            "plain": lambda examples: reference(examples, afresh),
            "plain, same victim": lambda examples: reference(examples, self.contender.scores),
        }


def _compare(name: str, duel: Duel, examples: Examples) -> Iterator[Figure]:
    works, timed = duel.works(), duel.timed
    own: dict[str, list[float]] = {kind: [] for kind in works}  # without the sentence encoder
    timed.known = {}
    for number in range(1 + ROUNDS):  # the first one fills the memories and does not count
        for kind, work in works.items():
            with step(f"{name}: {kind}, {len(examples)} documents"):
                timed.seconds, started = 0.0, time.process_time()
                answer = work(examples)
                spent = time.process_time() - started - timed.seconds
            own[kind] += [spent] if number else []
            if kind == "ours":
                rows, found = answer.examples, answer.texts
            else:
                ended = answer
    same = sum(
        (row["verdict"] == "broken") == (end.text is not None)
        and row["queries"] == end.queries
        and (end.text is None or found[str(row["example_id"])][1] == end.text)
        for row, end in zip(rows, ended, strict=True)
    )
    n, queries = len(rows), sum(row["queries"] for row in rows)
    yield figure(f"{name}: documents with the same verdict, text and queries", same, exactly(n), f"of {n}")
    yield figure(f"{name}: share broken", sum(row["verdict"] == "broken" for row in rows) / n)
    for kind in works:
        yield figure(f"{name}: {kind}, documents/s, encoder left out", [n / one for one in own[kind]])
        yield figure(f"{name}: {kind}, queries/s, encoder left out", [queries / one for one in own[kind]])
    for kind, goal in (("plain", at_least(10)), ("plain, same victim", None)):
        paired = [a / b for a, b in zip(own[kind], own["ours"], strict=True)]
        yield figure(f"{name}: {kind} / ours, encoder left out (x)", paired, goal)
    timed.known = None
    few = _first(examples, WHOLE[name])
    whole = {}
    for kind, work in works.items():
        with step(f"{name}: {kind}, whole run of {len(few)} documents"):
            started = time.process_time()
            work(few)
            whole[kind] = time.process_time() - started
    yield figure(f"{name}: plain / ours, whole run (x)", whole["plain"] / whole["ours"], note=f"{len(few)} documents")


def _first(examples: Examples, n: int) -> Examples:
    return Examples(examples.ids[:n], examples.x[:n], examples.y[:n])


def _victim(resolver: Resolver, name: str, n: int) -> tuple[EncodedContender, Examples, Any, Any]:
    """A small network over mean embeddings, n examples that it gets right, the data's facts, and plain embeddings."""
    dataset, encoder = resolver.one("dataset", name).instance, resolver.one("encoder", "mean-embedding").instance
    embed = encoder.load()
    train = dataset.load("train", list(range(4000)))
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(100, 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer, vectors = torch.optim.Adam(network.parameters(), 0.01), embed(train.x)
    for _ in range(200):
        optimizer.zero_grad()
        F.cross_entropy(network(vectors), train.y).backward()
        optimizer.step()
    facts = encoded_facts(ContenderFacts(access=Access.GRADIENTS, gradients=("exact",)))
    contender = EncodedContender(TorchContender(network), embed, facts, CPU)
    some = dataset.load("eval", list(range(3 * n)))
    right = (contender.labels(some.x) == some.y).nonzero().flatten()[:n]
    chosen = Examples(some.ids[right], tuple(some.x[i] for i in right.tolist()), some.y[right])
    return contender, chosen, dataset.facts(), plain.PlainMeans(Vectors(encoder.supply().open()))


def _shard(contender: Any, attack: Any, examples: Examples, facts: Any) -> Outcome:
    root = SeedPath(0)
    return run_shard(
        Contest(
            contender=contender, attack=attack, needs=Access.SCORES, batched=True,
            threat=Threat(access=Access.SCORES, norm=Norm.WORDS), facts=facts,
            distances={Norm.WORDS: lambda a, b: Words()(a, b)}, attack_seeds=root.child("attack"),
            noise_seeds=root.child("noise"), judge_seeds=root.child("judge"), device=CPU,
        ),
        examples,
    )  # fmt: skip
