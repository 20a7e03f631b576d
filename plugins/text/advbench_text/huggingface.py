"""A sequence classifier that somebody else trained, read from a folder. Nothing is downloaded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from advbench import Access, ContenderFacts, DataAbsent, DataError, Draws, Job, PluginError, State, param

_FACTS = ContenderFacts(access=Access.SCORES)
_AT_ONCE = 16  # texts answered together: always as many, filled up to equal length
_STEP = 32


@dataclass(frozen=True)
class HuggingFace:
    """It is not trained here. Only safetensors weights are read, and no code from the folder is run."""

    path: Path | None = param(None, help="folder as save_pretrained makes it")  # noqa: RUF009
    tokens: int = param(256, ge=3, help="pieces of words read of a text; what is beyond is cut off")

    def facts(self) -> ContenderFacts:
        if self.path is None:
            return _FACTS
        return ContenderFacts(access=Access.SCORES, classes=_classes(self.path))

    def build(self, job: Job) -> None:
        """It has no network to train."""

    def fit(self, job: Job) -> ClassifierContender:
        return self._contender(job)

    def restore(self, state: State, job: Job) -> ClassifierContender:
        found = _digest(self._folder())
        if state.meta["files"] != found:
            hint = "Give it a folder of its own, or forget the old one: advbench cache prune --older-than 0."
            raise DataError(f"huggingface: {self.path} must hold the model of before, got another. {hint}")
        return self._contender(job)

    def _folder(self) -> Path:
        if self.path is None:
            raise DataAbsent("huggingface: path must be the folder of a classifier, got none. Write path=FOLDER.")
        if not (self.path / "model.safetensors").is_file():
            hint = "Save it with save_pretrained(FOLDER, safe_serialization=True)."
            raise DataError(f"huggingface: {self.path} must hold model.safetensors, got none. {hint}")
        return self.path

    def _contender(self, job: Job) -> ClassifierContender:
        folder = self._folder()
        classes = _classes(folder)
        if classes != job.facts.classes:
            wanted, got = job.facts.classes, classes
            raise DataError(f"huggingface: {folder} must tell {wanted} classes apart, got {got}. Choose other data.")
        try:
            from transformers import AutoModelForSequenceClassification, AutoTokenizer
        except ImportError:
            raise PluginError(
                "huggingface: transformers must be installed, got none. Run: pip install 'advbench-text[huggingface]'"
            ) from None
        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            tokens = AutoTokenizer.from_pretrained(folder, **local)
            network = AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True, **local)
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"huggingface: {folder} must hold a classifier, got: {error}. Save it again.") from None
        return ClassifierContender(network.float().eval().to(job.device), tokens, self.tokens, _digest(folder))


class ClassifierContender:
    """A classifier and its tokeniser."""

    def __init__(self, network: Any, tokens: Any, most: int, digest: str) -> None:
        self.facts = ContenderFacts(access=Access.SCORES, classes=int(network.config.num_labels))
        self._network, self._tokens, self._most, self._digest = network, tokens, most, digest
        self._pad = int(tokens.pad_token_id or 0)

    def labels(self, x: tuple[str, ...], *, noise: Draws | None = None) -> Tensor:
        """int64 (N,)."""
        return self.scores(x).argmax(dim=1)

    def scores(self, x: tuple[str, ...], *, noise: Draws | None = None) -> Tensor:
        """The logits, float32 (N, K)."""
        pieces = self._tokens(list(x), truncation=True, max_length=self._most)["input_ids"] if x else []
        device = self._network.device
        found = torch.empty(len(x), self._network.config.num_labels, device=device)
        by_length: dict[int, list[int]] = {}
        for row, own in enumerate(pieces):
            by_length.setdefault(min(self._most, -(-len(own) // _STEP) * _STEP), []).append(row)
        with torch.no_grad():
            for length, rows in sorted(by_length.items()):
                for start in range(0, len(rows), _AT_ONCE):
                    members = rows[start : start + _AT_ONCE]
                    numbers, present = self._filled([pieces[row] for row in members], length)
                    logits = self._network(input_ids=numbers.to(device), attention_mask=present.to(device)).logits
                    found[members] = logits[: len(members)]
        return found

    def state(self) -> State:
        """Which files it was read from."""
        return State({}, {"files": self._digest})

    def _filled(self, pieces: list[list[int]], length: int) -> tuple[Tensor, Tensor]:
        numbers = torch.full((_AT_ONCE, length), self._pad, dtype=torch.int64)
        present = torch.zeros(_AT_ONCE, length, dtype=torch.int64)
        present[:, 0] = 1
        for place, own in enumerate(pieces):
            numbers[place, : len(own)] = torch.tensor(own)
            present[place, : len(own)] = 1
        return numbers, present


def _classes(folder: Path) -> int:
    """As the configuration says, without loading anything."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"huggingface: {folder} must hold a config.json, got: {error}. Check the path.") from None
    return len(config["id2label"]) if "id2label" in config else int(config.get("num_labels", 2))


def _digest(folder: Path) -> str:
    """Of everything in the folder that decides an answer."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix in (".json", ".safetensors", ".txt", ".model"):
            with file.open("rb") as content:
                digest.update(f"{file.name} {hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
