"""Training: it learns, keeps weights in their ranges, resumes, and stops in words."""

import errno
import sys
import time
from pathlib import Path

import pytest
import torch

from advbench import ContestError, DataError, Examples
from advbench_rbfi.defense import Rbfi
from advbench_rbfi.network import Derivatives
from advbench_rbfi.reach import Workers, reach
from advbench_rbfi.training import train

sys.path.insert(0, str(Path(__file__).resolve().parent))
from rbfi_case import blobs, job_for

SMALL = Rbfi(geometry="24^,v", epochs=12)


def accuracy(contender, examples):
    return float((contender.labels(examples.x) == examples.y).double().mean())


def test_it_learns_and_logs_what_it_saw():
    rows, bars = [], []
    contender = SMALL.protect(None, job_for(log=rows.append, progress=lambda done, total: bars.append((done, total))))
    assert accuracy(contender, blobs()) > 0.9
    assert [row["epoch"] for row in rows] == list(range(12))
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["tune_accuracy"] == pytest.approx(accuracy(contender, blobs()))
    assert rows[-1]["sensitivity_bound"] == pytest.approx(float(contender.network.sensitivity()))
    assert bars[-1] == (36, 36)


@pytest.mark.parametrize(
    ("setting", "by"),
    [
        ("pseudo", Derivatives(0.3, 2.0)), ("pseudo-exp", Derivatives(0.3, None)),
        ("pseudo-max", Derivatives(None, 2.0)), ("true", Derivatives(None, None)),
    ],
)  # fmt: skip
def test_the_gradient_switch_chooses_the_derivatives(setting, by):
    assert Rbfi(gradient=setting, alpha=0.3, k=2.0)._recipe().by == by


def test_weights_stay_in_their_ranges():
    defense = Rbfi(geometry="24^,8v,v", epochs=3, u_low=0.2, u_high=0.9, w_low=0.1, w_high=0.8)
    for layer in defense.protect(None, job_for()).network.layers:
        for weights, low, high in ((layer.u, 0.2, 0.9), (layer.w, 0.1, 0.8)):
            assert low <= float(weights.min()) < float(weights.max()) <= high + 1e-7


def test_the_regulariser_lowers_the_sensitivity():
    bounds = [
        float(Rbfi(geometry="24^,v", epochs=12, sensitivity=c).protect(None, job_for()).network.sensitivity())
        for c in (0.0, 0.1)
    ]
    assert bounds[1] < 0.8 * bounds[0]


def test_threads_change_no_bit():
    one, two = (SMALL.protect(None, job_for(threads=threads)).state().arrays for threads in (1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)


class Stop(Exception):
    pass


def test_an_interrupted_training_ends_where_it_would_have(tmp_path, monkeypatch):
    monkeypatch.setattr("advbench_rbfi.checkpoint._EVERY", 0.0)
    rows = []

    def stop(done, total):
        if done >= total // 2:
            raise Stop

    with pytest.raises(Stop):
        SMALL.protect(None, job_for(checkpoints=tmp_path, progress=stop))
    (kept,) = tmp_path.iterdir()
    whole = SMALL.protect(None, job_for()).state().arrays
    resumed = SMALL.protect(None, job_for(checkpoints=tmp_path, log=rows.append)).state().arrays
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert [row["epoch"] for row in rows] == list(range(12))
    kept.write_bytes(b"cut off")
    again = SMALL.protect(None, job_for(checkpoints=tmp_path)).state().arrays
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_a_full_disk_ends_no_training_and_leaves_no_half_file(tmp_path, monkeypatch):
    monkeypatch.setattr("advbench_rbfi.checkpoint._EVERY", 0.0)
    asked = []

    def refuse(handle):
        asked.append(handle)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)  # the bytes are written by then
    found = SMALL.protect(None, job_for(checkpoints=tmp_path / "kept")).state().arrays
    assert len(asked) == 12  # it asks again after every epoch
    assert not list((tmp_path / "kept").iterdir())
    whole = SMALL.protect(None, job_for()).state().arrays
    assert all(torch.equal(whole[name], found[name]) for name in whole)


def test_a_folder_that_cannot_be_made_ends_no_training(tmp_path, monkeypatch):
    monkeypatch.setattr("advbench_rbfi.checkpoint._EVERY", 0.0)
    (tmp_path / "taken").write_text("a file, no folder")
    assert accuracy(SMALL.protect(None, job_for(checkpoints=tmp_path / "taken")), blobs()) > 0.9


def test_a_deadline_stops_it_with_what_is_kept(tmp_path):
    job = job_for(checkpoints=tmp_path, deadline=time.monotonic())
    with pytest.raises(ContestError, match="rbfi: training must end before its deadline, got 1 of 12 epochs. Allow"):
        SMALL.protect(None, job)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_loss_that_is_no_number_names_the_epoch_and_the_setting():
    with pytest.raises(ContestError, match="the loss must be finite, got inf in epoch 0. Lower sensitivity, which is"):
        Rbfi(geometry="4^,v", sensitivity=3e38, u_low=5.0, u_high=6.0).protect(None, job_for())


def test_weights_that_are_no_numbers_are_found_although_maxima_hide_them():
    defense, job = Rbfi(geometry="4^,v", epochs=2), job_for()
    network = defense._network(job)
    with torch.no_grad():
        network.layers[0].w[0, 0] = float("nan")
    told = "the weights' sum must be finite, got nan in epoch 0. Lower learning_rate, which is 5."
    with pytest.raises(ContestError, match=told):
        train(network, defense._recipe(), job)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_inputs_that_are_no_numbers_are_refused(value):
    broken = blobs()
    broken.x[7, 3] = value
    with pytest.raises(DataError, match="rbfi: inputs must be finite, got NaN or infinity. Clean or scale the data."):
        SMALL.protect(None, job_for(broken))


def test_bounds_that_cross_are_refused():
    with pytest.raises(ValueError, match="u_low must be at most u_high, got 2 and 1. Exchange them."):
        Rbfi(u_low=2.0, u_high=1.0)
    with pytest.raises(ValueError, match="w_low must be at most w_high"):
        Rbfi(w_low=1.0, w_high=0.0)


@pytest.mark.parametrize("name", ["u_high", "w_high"])
def test_bounds_without_end_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be finite, got inf. Give a number."):
        Rbfi(**{name: float("inf")})


def test_a_last_layer_of_another_size_than_the_classes_is_refused():
    with pytest.raises(ContestError, match="the last layer of geometry must have 3 units, one per class, got 10"):
        Rbfi(geometry="8^,10v").protect(None, job_for())


def test_text_is_refused():
    text = Examples(torch.arange(2), ("a", "b"), torch.arange(2))
    job = job_for()
    with pytest.raises(DataError, match="rbfi: inputs must be numbers, got text. Give an encoder."):
        SMALL.protect(None, type(job)(**{**vars(job), "train": text}))


def test_constant_features_one_class_and_single_rows_are_learnt():
    examples = blobs(6, 3)
    constant = Examples(examples.ids, torch.full_like(examples.x, 0.5), torch.zeros_like(examples.y))
    contender = Rbfi(geometry="4^,v", epochs=30).protect(None, job_for(constant))
    assert contender.labels(constant.x).tolist() == [0] * 6
    Rbfi(geometry="4^,v", epochs=1).protect(None, job_for(Examples(examples.ids[:1], examples.x[:1], examples.y[:1])))


def test_both_gradients_are_offered_and_differ():
    contender, x = SMALL.protect(None, job_for()), blobs().x[:20]
    assert contender.facts.gradients == ("exact", "surrogate")

    def loss(scores):
        return scores[:, 0] - scores[:, 1]

    (value, exact), (same, surrogate) = (
        contender.value_and_grad(x, loss, gradient=name) for name in contender.facts.gradients
    )
    assert torch.equal(value, same)
    assert int(exact.ne(0).sum()) < int(surrogate.ne(0).sum())


def test_the_hidden_array_is_never_made(monkeypatch):
    """The largest tensor that a pass makes has the size of its weights, not of batch x units x inputs."""
    x, u, w = torch.rand(100, 784), torch.rand(512, 784), torch.rand(512, 784)
    contender = Rbfi(geometry="512^,v")
    assert contender.facts(None).chunk == 128
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        y = reach(x.requires_grad_(), u.requires_grad_(), w.requires_grad_(), "linf", 1.0, Workers())
        torch.autograd.grad(y.sum(), (x, u, w))
    largest = max(event.self_cpu_memory_usage for event in profile.key_averages())
    assert largest <= 4 * (2 * x.numel() + 2 * u.numel() + 4 * y.numel())
