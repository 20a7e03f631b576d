"""A model from elsewhere fits the data set, or is refused by a message that says what was expected and got."""

import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from advbench import Access, DataError, RequestError, State
from advbench_baselines.onnx import Onnx
from advbench_baselines.python_model import PythonModel
from advbench_baselines.samples import ZeroOrOne
from advbench_baselines.torchscript import TorchScript

sys.path.insert(0, str(Path(__file__).resolve().parent))
import own_networks
from baselines_case import blobs, job
from own_networks import CLASSES, SHAPE, convolutional


def data(**more):
    return job(CLASSES, SHAPE, **more)


def python(name, **more):
    return PythonModel(target=f"own_networks.{name}", **more)


def scripted(folder, module, name="net.pt"):
    path = folder / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(module), str(path))
    return path


X = blobs(40, CLASSES, SHAPE, seed=3).x


def test_a_module_answers_as_it_would_have_and_stays_as_it_was():
    before = {name: value.clone() for name, value in own_networks.network.state_dict().items()}
    own_networks.network.train()
    contender = python("network").fit(data())
    assert own_networks.network.training
    assert all(weight.requires_grad for weight in own_networks.network.parameters())
    own_networks.network.eval()
    torch.testing.assert_close(contender.scores(X), own_networks.network(X).detach())
    assert all(torch.equal(value, before[name]) for name, value in own_networks.network.state_dict().items())
    assert contender.facts.access is Access.GRADIENTS


@pytest.mark.parametrize(("name", "more", "access"), [
    ("Small", {}, Access.GRADIENTS), ("as_numpy", {"gradients": False}, Access.SCORES),
    ("labels", {"outputs": "labels"}, Access.LABELS), ("shares", {"outputs": "probabilities"}, Access.GRADIENTS),
    ("channels_last", {"layout": "channels-last"}, Access.GRADIENTS),
])  # fmt: skip
def test_what_python_can_name(name, more, access):
    contender = python(name, **more).fit(data())
    own_networks.network.eval()
    expected = own_networks.network(X).detach()
    assert contender.facts.access is access
    assert torch.equal(contender.labels(X), expected.argmax(dim=1))
    assert hasattr(contender, "scores") == (access >= Access.SCORES)
    assert hasattr(contender, "value_and_grad") == (access >= Access.GRADIENTS)
    if access >= Access.SCORES:
        assert contender.scores(X).dtype == torch.float32
        torch.testing.assert_close(contender.scores(X).log_softmax(dim=1), expected.log_softmax(dim=1))


def test_inputs_are_normalised_per_channel_and_gradients_are_of_raw_ones():
    contender = python("network", mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0)).fit(data())
    own_networks.network.eval()
    raw = X.clone().requires_grad_(True)
    scores = own_networks.network(
        (raw - torch.tensor([0.1, 0.2, 0.3])[:, None, None]) / torch.tensor([0.5, 1, 2])[:, None, None]
    )
    torch.testing.assert_close(contender.scores(X), scores.detach())
    value, grad = contender.value_and_grad(X, lambda s: s[:, 0] - s[:, 1], gradient="exact")
    (expected,) = torch.autograd.grad((scores[:, 0] - scores[:, 1]).sum(), raw)
    torch.testing.assert_close(grad, expected)
    torch.testing.assert_close(value, (scores[:, 0] - scores[:, 1]).detach())


@pytest.mark.parametrize(("model", "message"), [
    (python("network", bounds=(-1.0, 1.0)), "bounds must be those of the data set, 0 to 1, got -1 to 1"),
    (python("network", classes=7), "the data set's 4 classes, got classes=7"),
    (python("network", mean=(0.1, 0.2)), "mean must hold 1 or 3 numbers, got 2"),
    (python("network", outputs="probabilities"), "probabilities must be from 0 to 1 and sum to 1, got"),
    (python("network", outputs="labels"), "labels for 16 points and 4 classes must have shape 16, got 16 x 4"),
    (python("network", layout="flat"), "must answer inputs of shape 16 x 3 x 8 x 8, got RuntimeError"),
    (python("shares"), "logits must be log-space, got numbers from 0 to 1 that sum to 1. Say outputs=probabilities"),
    (python("far_labels", outputs="labels"), "labels must be from 0 to 3, or -1 to abstain, got"),
    (python("labels"), "logits for 16 points and 4 classes must have shape 16 x 4, got 16"),
    (python("logarithm"), "finite numbers all over the data set's bounds, got"),
    (python("batch_statistics"), "always alike, whatever stands beside it, got answers that move by"),
    (python("as_numpy"), "differentiable by torch with respect to its input, got none. Say gradients=false"),
    (python("names"), "it returned list, not a tensor"),
    (python("one_answer"), "one answer per point of 16 x 3 x 8 x 8, got shape 4"),
    (python("number"), "must be a torch module or callable, got int"),
    (python("nothing"), "must be a name in 'own_networks', got 'nothing'. It has CLASSES"),
    (PythonModel(target="no_such_module.net"), "a module that can be imported, got 'no_such_module'"),
    (PythonModel(target="net"), "target must be MODULE.NAME, got 'net'"),
    (PythonModel(), "target must be MODULE.NAME, got ''"),
    (TorchScript(), "path must be a TorchScript file, got none"),
    (TorchScript(path=Path("absent.pt")), "got 'absent.pt', which is not there"),
], ids=lambda value: value[:40] if isinstance(value, str) else "")  # fmt: skip
def test_what_does_not_fit_is_refused(model, message):
    with pytest.raises(DataError) as caught:
        model.fit(data())
    assert message in str(caught.value)
    assert str(caught.value).startswith(("python: ", "torchscript: "))


def test_bounds_are_two_numbers_in_order():
    for bounds in ((1.0, 0.0), (0.0,)):
        with pytest.raises(ValueError, match="bounds must be two numbers, the lower first, got"):
            PythonModel(target="a.b", bounds=bounds)
    assert python("network", bounds=(0.0, 1.0), classes=CLASSES).fit(data()).facts.classes == CLASSES


def test_a_torchscript_file_is_asked_as_it_is(tmp_path):
    network = convolutional().eval()
    contender = TorchScript(path=scripted(tmp_path, network)).fit(data())
    torch.testing.assert_close(contender.scores(X), network(X).detach())
    raw = X.clone().requires_grad_(True)
    (expected,) = torch.autograd.grad(network(raw)[:, 2].sum(), raw)
    for _ in range(4):  # its executor rewrites itself after the first calls
        torch.testing.assert_close(contender.value_and_grad(X, lambda s: s[:, 2])[1], expected)
    box = TorchScript(path=scripted(tmp_path, network), gradients=False).fit(data())
    assert box.facts.access is Access.SCORES


def test_a_file_stored_while_training_is_put_into_evaluation_mode(tmp_path):
    network = convolutional().train()
    contender = TorchScript(path=scripted(tmp_path, network)).fit(data())
    torch.testing.assert_close(contender.scores(X), network.eval()(X).detach())


def test_another_data_set_is_told_from_the_files_own(tmp_path):
    path = scripted(tmp_path, convolutional().eval())
    with pytest.raises(DataError, match="must answer inputs of shape 16 x 1 x 8 x 8, got"):
        TorchScript(path=path).fit(job(CLASSES, (1, 8, 8)))
    with pytest.raises(DataError, match="for 16 points and 3 classes must have shape 16 x 3, got 16 x 4"):
        TorchScript(path=path).fit(job(3, SHAPE))


def zipped(folder):
    torch.save(convolutional().state_dict(), folder / "zip.pt")
    return folder / "zip.pt"


def legacy(folder):
    torch.save(convolutional().state_dict(), folder / "legacy.pt", _use_new_zipfile_serialization=False)
    return folder / "legacy.pt"


def plain(folder):
    (folder / "plain.pkl").write_bytes(pickle.dumps({"weights": [1.0]}))
    return folder / "plain.pkl"


@pytest.mark.parametrize("make", [zipped, legacy, plain])
@pytest.mark.parametrize("kind", [TorchScript, Onnx])
def test_a_pickle_is_refused_with_the_safe_way(make, kind, tmp_path):
    with pytest.raises(DataError, match="a pickle. Pickles run whatever code they hold") as caught:
        kind(path=make(tmp_path)).fit(data())
    assert "torch.jit.save" in str(caught.value)


def test_noise_in_a_file_is_refused(tmp_path):
    (tmp_path / "noise").write_bytes(b"\x00\x01 no model at all")
    with pytest.raises(DataError, match="must be a TorchScript file, got"):
        TorchScript(path=tmp_path / "noise").fit(data())
    pytest.importorskip("onnxruntime")
    with pytest.raises(DataError, match="must be an ONNX file, got"):
        Onnx(path=tmp_path / "noise").fit(data())


def test_a_truncated_file_is_refused(tmp_path):
    path = scripted(tmp_path, convolutional().eval())
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="must be a TorchScript file, got"):
        TorchScript(path=path).fit(data())


def test_it_comes_back_only_if_it_is_the_same(tmp_path):
    path = scripted(tmp_path, convolutional().eval())
    model = TorchScript(path=path)
    state = model.fit(data()).state()
    assert set(state.arrays) == {"probe"}
    again = model.restore(state, data())
    assert torch.equal(again.scores(X), model.fit(data()).scores(X))
    other = convolutional().eval()
    other[-1].bias.data += 0.5
    scripted(tmp_path, other)
    with pytest.raises(DataError, match="must be the model that was used before, got another"):
        model.restore(state, data())


def test_a_changed_function_is_noticed():
    state = python("network").fit(data()).state()
    moved = State({"probe": state.arrays["probe"] + 0.1}, state.meta)
    python("network").restore(state, data())
    with pytest.raises(DataError, match="must be the model that was used before"):
        python("network").restore(moved, data())


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


class Trap:
    """Unpickled, it creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_is_never_run(tmp_path):
    packed = pickle.dumps(Trap(tmp_path / "sprung"))
    (tmp_path / "trap.pt").write_bytes(packed)
    with pytest.raises(DataError, match="a pickle"):
        TorchScript(path=tmp_path / "trap.pt").fit(data())
    assert not (tmp_path / "sprung").exists()
    pickle.loads(packed)
    assert (tmp_path / "sprung").exists(), "the trap must spring when it is run"
