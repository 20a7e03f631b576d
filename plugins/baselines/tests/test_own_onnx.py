"""An ONNX file is asked as it is. Needs onnxruntime to run a file and onnx to write one."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from advbench import Access, DataError, RequestError
from advbench_baselines.onnx import Onnx
from advbench_baselines.samples import ZeroOrOne
from advbench_baselines.torchscript import TorchScript

sys.path.insert(0, str(Path(__file__).resolve().parent))
from baselines_case import blobs, job
from own_case import X, data
from own_networks import CLASSES, SHAPE


class TestOnnx:
    """Needs onnxruntime to run a file and onnx to write one."""

    @pytest.fixture
    def onnx(self):
        pytest.importorskip("onnxruntime")
        return pytest.importorskip("onnx")

    def file(self, onnx, folder, nodes, shape, outputs=("y",), weights=None):
        made = onnx.helper
        kind = onnx.TensorProto.FLOAT
        graph = made.make_graph(
            nodes, "net", [made.make_tensor_value_info("x", kind, shape)],
            [made.make_tensor_value_info(name, kind, None) for name in outputs],
            [onnx.numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
        )  # fmt: skip
        path = folder / "net.onnx"
        onnx.save(made.make_model(graph, opset_imports=[made.make_opsetid("", 13)], ir_version=8), path)
        return path

    def linear(self, onnx, folder, batch="n", classes=CLASSES):
        weights = {"w": np.random.default_rng(0).normal(size=(192, classes)).astype(np.float32)}
        nodes = [
            onnx.helper.make_node("Flatten", ["x"], ["flat"], axis=1),
            onnx.helper.make_node("MatMul", ["flat", "w"], ["y"]),
            onnx.helper.make_node("Softmax", ["y"], ["p"], axis=1),
        ]
        path = self.file(onnx, folder, nodes, [batch, *SHAPE], ("y", "p"), weights)
        return path, torch.from_numpy(weights["w"])

    def test_it_is_asked_as_it_is(self, onnx, tmp_path):
        path, weights = self.linear(onnx, tmp_path)
        contender = Onnx(path=path).fit(data())
        torch.testing.assert_close(contender.scores(X), X.flatten(1) @ weights, rtol=1e-4, atol=1e-4)
        assert contender.facts.access is Access.SCORES
        assert not hasattr(contender, "value_and_grad")
        shares = Onnx(path=path, output=1, outputs="probabilities").fit(data())
        expected = (X.flatten(1) @ weights).log_softmax(dim=1)
        torch.testing.assert_close(shares.scores(X), expected, rtol=1e-3, atol=1e-3)

    def test_a_file_for_one_batch_size_only(self, onnx, tmp_path):
        path, weights = self.linear(onnx, tmp_path, batch=1)
        with pytest.raises(DataError, match="a file for inputs of shape 1 x 3 x 8 x 8"):
            Onnx(path=path).fit(data())
        contender = Onnx(path=path, fixed_batch=1).fit(data())
        assert (contender.facts.chunk, contender.facts.pad) == (1, 1)
        torch.testing.assert_close(contender.scores(X[:1]), X[:1].flatten(1) @ weights, rtol=1e-4, atol=1e-4)

    def test_what_does_not_fit_is_refused(self, onnx, tmp_path):
        path, _ = self.linear(onnx, tmp_path)
        with pytest.raises(DataError, match="a file for inputs of shape n x 3 x 8 x 8"):
            Onnx(path=path).fit(job(CLASSES, (1, 8, 8)))
        with pytest.raises(DataError, match="16 points and 3 classes must have shape 16 x 3, got 16 x 4"):
            Onnx(path=path).fit(job(3, SHAPE))
        with pytest.raises(DataError, match="output must be < 2, got 5. It has y, p"):
            Onnx(path=path, output=5).fit(data())
        with pytest.raises(DataError, match="log-space, got numbers from 0 to 1"):
            Onnx(path=path, output=1).fit(data())

    def test_without_onnxruntime_it_says_what_to_install(self, tmp_path, monkeypatch):
        (tmp_path / "net.onnx").write_bytes(b"anything")
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        with pytest.raises(RequestError, match=r"onnxruntime must be installed.*advbench-baselines\[onnx\]"):
            Onnx(path=tmp_path / "net.onnx").fit(data())

    def test_the_samples_are_one_model(self, onnx):
        folder = Path(sys.modules["advbench_baselines.samples"].__file__).parent
        given, x = job(2), blobs(40, 2, seed=3).x
        expected = ZeroOrOne()(x)
        files = (TorchScript(path=folder / "zero-or-one.pt"), Onnx(path=folder / "zero-or-one.onnx", layout="flat"))
        for model in files:
            torch.testing.assert_close(model.fit(given).scores(x), expected)
