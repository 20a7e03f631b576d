"""A file with a model is asked as it is, and what it might do to this machine it does not do."""

import pickle
import sys
from pathlib import Path

import pytest
import torch

from advbench import Access, DataError
from advbench_baselines.onnx import Onnx
from advbench_baselines.torchscript import TorchScript

sys.path.insert(0, str(Path(__file__).resolve().parent))
from baselines_case import job
from own_case import X, data, scripted
from own_networks import CLASSES, SHAPE, convolutional


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
    with pytest.raises(DataError, match="must answer inputs of shape 16 x 1 x 8 x 8, got RuntimeError: [^/]*Check its"):
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
