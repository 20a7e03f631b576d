"""A TorchScript file as a model."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from advbench import ContenderFacts, DataError, Job, param

from .own_files import digest, require_file
from .own_model import Ask, OwnModel

_WHO = "torchscript"


@dataclass(frozen=True)
class TorchScript(OwnModel):
    """What torch.jit.save wrote: a network with its code, opened without Python's pickle."""

    path: Path | None = param(None, positional=True, help="the file")  # noqa: RUF009
    gradients: bool = param(True, help="offer its exact gradients")

    @property
    def who(self) -> str:
        return _WHO

    @property
    def gives_gradients(self) -> bool:
        return self.gradients

    def facts(self) -> ContenderFacts:
        require_file(_WHO, self.path, "a TorchScript file")  # said before anything is trained
        return super().facts()

    def open(self, job: Job) -> tuple[Ask, str]:
        data = require_file(_WHO, self.path, "a TorchScript file").read_bytes()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # old files stay what they are
                module = torch.jit.load(io.BytesIO(data), map_location=job.device)  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            told = " ".join(str(error).split())[:160]
            raise DataError(
                f"{_WHO}: path must be a TorchScript file, got '{self.path}': {told}. Write it with torch.jit.save."
            ) from error
        module.eval()
        for weight in module.parameters():
            weight.requires_grad_(False)

        def ask(x: Tensor) -> object:
            with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
                # else answers change once it has watched two calls
                return module(x)

        return ask, digest(data)
