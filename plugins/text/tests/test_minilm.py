"""The sentence encoder: on weights made here against a plain forward in float64, and on the real ones."""

import math

import pytest
import torch
from text_case import sentence_weights, write_sentence_encoder

from advbench import DataAbsent, DataError
from advbench_text.minilm import MiniLm


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_sentence_encoder(tmp_path_factory.mktemp("minilm"))


@pytest.fixture(scope="module")
def encode(folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        MiniLm().supply().fetch(path=folder, any_version=True)
        return MiniLm().load()


def plain(pieces):
    """One text, without company or padding, in float64."""
    w = {name: tensor.double() for name, tensor in sentence_weights().items()}

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x, name):
        x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-12).sqrt()
        return x * w[f"{name}.LayerNorm.weight"] + w[f"{name}.LayerNorm.bias"]

    x = w["embeddings.word_embeddings.weight"][pieces] + w["embeddings.position_embeddings.weight"][: len(pieces)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings")
    for i in range(6):
        own = f"encoder.layer.{i}"
        heads = [linear(x, f"{own}.attention.self.{p}").reshape(-1, 12, 32) for p in ("query", "key", "value")]
        mixed = torch.zeros_like(x)
        for head in range(12):
            query, key, value = (part[:, head] for part in heads)
            mixed[:, head * 32 : head * 32 + 32] = (query @ key.T / math.sqrt(32)).softmax(1) @ value
        x = norm(x + linear(mixed, f"{own}.attention.output.dense"), f"{own}.attention.output")
        inner = linear(x, f"{own}.intermediate.dense")
        inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
        x = norm(x + linear(inner, f"{own}.output.dense"), f"{own}.output")
    mean = x.mean(0)
    return mean / mean.norm()


@pytest.mark.parametrize(
    ("text", "pieces"), [("good films.", [2, 4, 6, 7, 9, 3]), ("", [2, 3]), ("the bad " * 40, [2, *[8, 5] * 40, 3])]
)
def test_the_forward_is_that_of_the_paper(encode, text, pieces):
    found = encode((text, "the film"))[0]
    assert torch.allclose(found.double(), plain(pieces), atol=1e-5)


def test_what_is_beyond_is_cut_off(encode, folder):
    page = "good " * 126
    vectors = encode((page, page + "bad", page[5:] + "bad"))
    assert torch.equal(vectors[0], vectors[1])
    assert not torch.equal(vectors[0], vectors[2])


def test_what_is_absent_or_no_model_is_told(cache, tmp_path):
    with pytest.raises(DataAbsent, match="advbench data fetch minilm"):
        MiniLm().facts()
    (tmp_path / "model.safetensors").write_bytes(b"no")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match="it must hold model.safetensors and tokenizer.json"):
        MiniLm().supply().fetch(path=tmp_path, any_version=True)


def test_the_real_one_knows_what_resembles_what():
    """Against the authors' library on the same weights: cosines .8247 and .1256."""
    try:
        encode = MiniLm().load()
    except DataAbsent as absent:
        pytest.skip(str(absent))
    film, movie, cat = encode(("movie was wonderful", "film was great", "the cat sat"))
    assert float(film @ movie) == pytest.approx(0.82472, abs=1e-4)
    assert float(film @ cat) < 0.3
