"""A model from elsewhere fits the data set, or is refused by a message that says what was expected and got."""

import sys
from pathlib import Path

import pytest
import torch

from advbench import Access, DataError, State
from advbench_baselines.python_model import PythonModel
from advbench_baselines.torchscript import TorchScript

sys.path.insert(0, str(Path(__file__).resolve().parent))
import own_networks
from own_case import X, data, python
from own_networks import CLASSES


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


def test_a_changed_function_is_noticed():
    state = python("network").fit(data()).state()
    moved = State({"probe": state.arrays["probe"] + 0.1}, state.meta)
    python("network").restore(state, data())
    with pytest.raises(DataError, match="must be the model that was used before"):
        python("network").restore(moved, data())
