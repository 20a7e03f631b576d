"""TextFooler against a plain per-document implementation of the same version: same victim, documents and resources.

ADVBENCH_BENCH_DOCUMENTS sets the number of documents of MR (20; IMDB takes a fifth).
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
from advbench_textfooler.resources import neighbours, tagger_supply
from advbench_textfooler.textfooler import TextFooler

from . import textfooler_reference as plain
from .arena import CPU
from .harness import Figure, at_least, exactly, figure, step

DOCUMENTS = int(os.environ.get("ADVBENCH_BENCH_DOCUMENTS", "20"))
SETS = {"mr": DOCUMENTS, "imdb": max(2, DOCUMENTS // 5)}
ROUNDS = 3


@dataclass
class Timed:
    """An encoder, and the seconds that it took."""

    inner: Callable[[tuple[str, ...]], Tensor]
    seconds: float = 0.0

    def __call__(self, texts: tuple[str, ...]) -> Tensor:
        started = time.perf_counter()
        vectors = self.inner(texts)
        self.seconds += time.perf_counter() - started
        return vectors


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
        yield from _compare(name, contender, examples, facts, embed, timed)


def _compare(
    name: str, contender: EncodedContender, examples: Examples, facts: Any, embed: Any, timed: Timed
) -> Iterator[Figure]:
    attack = TextFooler(sentence=Sentences(timed, name))
    table, speech = neighbours(TextFooler(sentence=None).supply()), plain.Forgetful(tagger_supply("textfooler").open())
    texts, labels = examples.x, examples.y.tolist()

    def ours() -> Outcome:
        return _shard(contender, attack, examples, facts)

    def reference(scores: plain.Scores) -> list[plain.Ended]:
        pairs = zip(texts, labels, strict=True)
        return [plain.attack(text, label, scores, table, speech, timed) for text, label in pairs]

    def afresh(points: tuple[str, ...]) -> Tensor:
        return contender.inner.scores(torch.cat([embed((text,)) for text in points]))

    works: dict[str, Callable[[], Any]] = {
        "ours": ours, "plain": lambda: reference(afresh), "plain, same victim": lambda: reference(contender.scores)
    }  # fmt: skip
    total: dict[str, list[float]] = {kind: [] for kind in works}
    own: dict[str, list[float]] = {kind: [] for kind in works}  # without the sentence encoder
    for _ in range(ROUNDS):
        for kind, work in works.items():
            with step(f"{name}: {kind}"):
                timed.seconds, started = 0.0, time.perf_counter()
                answer = work()
                total[kind].append(time.perf_counter() - started)
                own[kind].append(total[kind][-1] - timed.seconds)
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
        whole = [a / b for a, b in zip(total[kind], total["ours"], strict=True)]
        yield figure(f"{name}: {kind} / ours, whole run (x)", whole)


def _victim(resolver: Resolver, name: str, n: int) -> tuple[EncodedContender, Examples, Any, Any]:
    """A small network over mean embeddings, n examples that it gets right, the data's facts, and the encoder."""
    dataset = resolver.one("dataset", name).instance
    embed = resolver.one("encoder", "mean-embedding").instance.load()
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
    return contender, chosen, dataset.facts(), embed


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
