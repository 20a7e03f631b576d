"""An ONNX file as a black box."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from advbench import ContenderFacts, DataError, Job, RequestError, param

from .own_files import digest, require_file
from .own_model import Ask, OwnModel

_WHO = "onnx"


@dataclass(frozen=True)
class Onnx(OwnModel):
    """Run by onnxruntime on the CPU with one thread. It has no gradients: scores or labels only."""

    path: Path | None = param(None, positional=True, help="the file")  # noqa: RUF009
    output: int = param(0, ge=0, help="which of its outputs to read, counted from 0")

    @property
    def who(self) -> str:
        return _WHO

    @property
    def gives_gradients(self) -> bool:
        return False

    def facts(self) -> ContenderFacts:
        require_file(_WHO, self.path, "an ONNX file")  # said before anything is trained
        return super().facts()

    def open(self, job: Job) -> tuple[Ask, str]:
        data = require_file(_WHO, self.path, "an ONNX file").read_bytes()
        session = _session(data, self.path)
        inputs, outputs = session.get_inputs(), session.get_outputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            got = ", ".join(f"{one.name}: {one.type}" for one in inputs)
            raise DataError(f"{_WHO}: it must take one input, tensor(float), got {got}. Export it that way.")
        if self.output >= len(outputs):
            raise DataError(
                f"{_WHO}: output must be < {len(outputs)}, got {self.output}. It has"
                f" {', '.join(one.name for one in outputs)}."
            )
        name, wanted = inputs[0].name, inputs[0].shape

        def ask(x: Tensor) -> Any:
            shape = tuple(x.shape)
            if wanted and (
                len(wanted) != len(shape) or any(_differs(a, b) for a, b in zip(wanted, shape, strict=True))
            ):
                raise ValueError(f"a file for inputs of shape {' x '.join(map(str, wanted))}")
            array = np.ascontiguousarray(x.detach().cpu().numpy(), dtype=np.float32)
            return session.run([outputs[self.output].name], {name: array})[0]

        return ask, digest(data)


def _session(data: bytes, path: Path | None) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise RequestError(
            f"{_WHO}: onnxruntime must be installed, got none. pip install 'advbench-baselines[onnx]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own hierarchy, without a common base
        told = " ".join(str(error).split())[:160]
        raise DataError(f"{_WHO}: path must be an ONNX file, got '{path}': {told}. Export it again.") from error


def _differs(wanted: Any, got: int) -> bool:
    return isinstance(wanted, int) and not math.isnan(wanted) and wanted > 0 and wanted != got
