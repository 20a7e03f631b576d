"""The user's own model in three forms."""

from __future__ import annotations

from pathlib import Path

from advbench import Modality, ModelSpec

_NUMBERS = frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES})
_SAMPLES = Path(__file__).parent / "samples"
_RANGE = "classes=2,mean=-1,std=4"  # maps the kit's inputs, -1 to 3, to the sample's, 0 to 1

_TORCHSCRIPT = ModelSpec(
    name="torchscript",
    summary="your own network, stored by torch.jit.save; nothing is trained",
    modalities=_NUMBERS,
    trials=(f"path={_SAMPLES / 'zero-or-one.pt'},{_RANGE}",),
)

_ONNX = ModelSpec(
    name="onnx",
    summary="your own model as an ONNX file, a black box that gives scores or labels; nothing is trained",
    modalities=_NUMBERS,
    trials=(f"path={_SAMPLES / 'zero-or-one.onnx'},layout=flat,{_RANGE}",),
)

_PYTHON = ModelSpec(
    name="python",
    summary="your own torch module or function, named as module.attribute; nothing is trained",
    modalities=_NUMBERS,
    trials=(
        f"target=advbench_baselines.samples.ZeroOrOne,{_RANGE}",
        f"target=advbench_baselines.samples.zero_or_one,outputs=probabilities,layout=flat,{_RANGE}",
    ),
)

OWN = (
    (_TORCHSCRIPT, "torchscript:TorchScript"),
    (_ONNX, "onnx:Onnx"),
    (_PYTHON, "python_model:PythonModel"),
)
