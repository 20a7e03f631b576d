"""A contender that reads vectors, asked about texts."""

import torch

from advbench.bench.encoding import EncodedContender, encoded_facts
from advbench.testing import LinearContender


class Scribbling(LinearContender):
    """Writes into what it is given."""

    def scores(self, x, *, noise=None):
        scores = super().scores(x).clone()
        x.zero_()
        return scores


def lengths(calls):
    def encode(texts):
        calls.append(texts)
        return torch.tensor([[float(len(text)), 1.0] for text in texts])

    return encode


def test_labels_and_scores_of_the_same_texts_are_encoded_once():
    calls, inner = [], Scribbling((1.0, -2.0))
    contender = EncodedContender(inner, lengths(calls), encoded_facts(inner.facts), torch.device("cpu"))
    texts = ("one", "fourteen", "")
    scores = contender.scores(texts)
    assert torch.equal(contender.scores(texts), scores)
    assert torch.equal(contender.labels(texts), scores.argmax(dim=1))
    assert calls == [texts]
    assert torch.equal(contender.scores(texts[:2]), scores[:2])
    assert torch.equal(contender.scores(texts), scores)
    assert calls == [texts, texts[:2], texts]
