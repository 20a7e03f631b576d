"""The joint detector: its squeezers, its threshold, and who gets past it."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from advbench import Access, Bounds, ContenderFacts, Examples, RequestError, State
from advbench_baselines.feature_squeezing import JOINT, FeatureSqueezing
from advbench_baselines.lenet import LeNet
from advbench_baselines.squeezers import BitDepth, Median, NonLocalMeans

sys.path.insert(0, str(Path(__file__).resolve().parent))
from baselines_case import blobs, job

UNIT = Bounds(0.0, 1.0)


def pictures(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Column:
    """Two classes of 1x1x1 pictures: class 1 above .5, the surer the farther."""

    facts = ContenderFacts(access=Access.GRADIENTS, gradients=("exact",))

    def scores(self, x, *, noise=None):
        z = 8 * (x.flatten(1)[:, :1] - 0.5)
        return torch.cat([-z, z], dim=1)

    def labels(self, x, *, noise=None):
        return self.scores(x).argmax(dim=1)

    def value_and_grad(self, x, loss, *, gradient, noise=None):
        x = x.detach().requires_grad_(True)
        with torch.enable_grad():
            value = loss(self.scores(x))
            (grad,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), grad

    def state(self):
        return State({"nothing": torch.zeros(1)}, {"who": "column"})


def detector(tune, **settings):
    values = torch.tensor(tune, dtype=torch.float32).reshape(-1, 1, 1, 1)
    examples = Examples(torch.arange(len(values)), values, torch.zeros(len(values), dtype=torch.int64))
    settings = {"bits": 1, "median": 0, **settings}
    return FeatureSqueezing(**settings).protect(Column(), job(2, (1, 1, 1), tune=examples))


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_the_median_is_scipys(size):
    x = pictures(2, 3, 7, 6)
    expected = ndimage.median_filter(x.numpy(), size=(1, 1, size, size), mode="reflect")
    np.testing.assert_array_equal(Median(size)(x).numpy(), expected)


def test_the_median_of_a_constant_is_the_constant():
    x = torch.full((1, 1, 5, 5), 0.3)
    assert torch.equal(Median(2)(x), x)


@pytest.mark.parametrize("bounds", [UNIT, Bounds(-1.0, 3.0)])
@pytest.mark.parametrize("bits", [1, 3, 8])
def test_bit_depth_leaves_its_levels_and_nothing_else(bits, bounds):
    squeeze, x = BitDepth(bounds, bits), pictures(4, 1, 9, 9) * bounds.width + bounds.low
    once = squeeze(x)
    levels = (once - bounds.low) / bounds.width * (2**bits - 1)
    torch.testing.assert_close(levels, levels.round())
    torch.testing.assert_close(squeeze(once), once)
    assert float((once - x).abs().max()) <= bounds.width / (2**bits - 1) / 2 + 1e-9


def test_half_a_level_goes_to_the_even_one():
    assert BitDepth(UNIT, 1)(torch.tensor([0.5])).item() == 0


def test_smooth_rounding_meets_the_levels_and_never_falls():
    x = torch.linspace(0, 1, 1001, dtype=torch.float64)
    soft = BitDepth(UNIT, 2)(x, True)
    torch.testing.assert_close(soft[[0, 333, 667, 1000]], x[[0, 333, 667, 1000]], atol=1e-3, rtol=0)
    assert bool((soft.diff() >= 0).all())
    hard = BitDepth(UNIT, 2)(x)
    assert float((soft - hard).abs().mean()) < float((x - hard).abs().mean())


def test_non_local_means_is_its_formula():
    x, unit, h = pictures(1, 2, 6, 5), 1 / 255, 60.0
    squeezed = NonLocalMeans(UNIT, search=3, patch=3, strength=h)(x)
    wide = np.pad(x[0].numpy(), ((0, 0), (1, 1), (1, 1)), mode="symmetric")
    squares = {}
    for down in range(3):
        for right in range(3):
            gap = (wide[:, down : down + 6, right : right + 5] - x[0].numpy()) / unit
            squares[down, right] = np.pad((gap**2).mean(axis=0), 1, mode="symmetric")
    i, j = 2, 3
    weights = {
        (down, right): math.exp(-square[i : i + 3, j : j + 3].mean() / h**2)
        for (down, right), square in squares.items()
    }
    expected = sum(weight * wide[0, i + down, j + right] for (down, right), weight in weights.items())
    assert float(squeezed[0, 0, i, j]) == pytest.approx(expected / sum(weights.values()), rel=1e-9)


def test_non_local_means_smooths_noise_and_keeps_edges():
    clean = torch.full((1, 1, 12, 12), 0.2, dtype=torch.float64)
    clean[..., 6:] = 0.8
    noisy = clean + 0.05 * (pictures(1, 1, 12, 12) - 0.5)
    squeezed = NonLocalMeans(UNIT, search=7, patch=3, strength=20)(noisy)
    assert float((squeezed - clean).abs().mean()) < 0.6 * float((noisy - clean).abs().mean())
    assert float((squeezed - clean).abs().max()) < 0.05


def test_at_most_fpr_of_the_tune_split_exceeds_the_threshold():
    tune = [i / 100 for i in range(100)]
    for fpr in (0.0, 0.05, 0.3):
        made = detector(tune, fpr=fpr)
        rejected = int((made.labels(torch.tensor(tune).reshape(-1, 1, 1, 1)) == -1).sum())
        assert rejected <= round(100 * fpr)
        assert fpr == 0 or rejected >= round(100 * fpr) - 2  # distances come in pairs


def test_it_abstains_exactly_where_an_answer_moves_too_far():
    made = detector([0.0, 0.05, 0.95, 1.0])  # sure examples: squeezing hardly moves them
    assert made.labels(torch.tensor([0.0, 0.4, 0.6, 1.0]).reshape(-1, 1, 1, 1)).tolist() == [0, -1, -1, 1]
    assert Column().labels(torch.tensor([0.4, 0.6]).reshape(-1, 1, 1, 1)).tolist() == [0, 1]


def test_the_largest_distance_of_all_squeezers_decides():
    x = pictures(20, 1, 8, 8).float()
    base = LeNet(epochs=4, learning_rate=0.005).fit(job())
    alone = [FeatureSqueezing(bits=2, median=0), FeatureSqueezing(bits=0, median=2)]
    joint = FeatureSqueezing(bits=2, median=2).protect(base, job()).distances(x)
    apart = torch.stack([one.protect(base, job()).distances(x) for one in alone]).amax(dim=0)
    assert torch.equal(joint, apart)
    assert 0 <= float(joint.min()) < float(joint.max()) <= 2


def test_the_bases_gradient_takes_no_notice_and_the_joint_one_does():
    made, x = detector([0.0, 1.0]), torch.tensor([0.4]).reshape(1, 1, 1, 1)

    def loss(scores):
        return scores[:, 1] - scores[:, 0]

    own = made.value_and_grad(x, loss, gradient="exact")
    assert [float(part) for part in own] == [pytest.approx(float(loss(Column().scores(x)))), pytest.approx(16)]
    value, grad = made.value_and_grad(x, loss, gradient=JOINT)
    soft = 0.4 - math.sin(0.8 * math.pi) / (2 * math.pi)
    assert float(value) == pytest.approx(16 * ((0.4 + soft) / 2 - 0.5), rel=1e-5)
    assert float(grad) == pytest.approx(16 * (1 + 1 - math.cos(0.8 * math.pi)) / 2, rel=1e-5)


def test_it_comes_back_with_its_threshold_and_base():
    base, model = LeNet(epochs=4, learning_rate=0.005).fit(job()), LeNet(epochs=4, learning_rate=0.005)
    defense = FeatureSqueezing(bits=2)
    made = defense.protect(base, job())
    back = defense.restore(model, made.state(), replace(job(), train=None, tune=None))
    assert back.threshold == made.threshold
    assert torch.equal(back.labels(blobs().x), made.labels(blobs().x))


def test_a_base_without_gradients_gets_none_and_one_without_scores_is_refused():
    scores = ContenderFacts(access=Access.SCORES)
    assert FeatureSqueezing().facts(scores) == scores
    with pytest.raises(RequestError, match="model must offer scores"):
        FeatureSqueezing().facts(ContenderFacts(access=Access.LABELS))
    with pytest.raises(RequestError, match="must always answer alike"):
        FeatureSqueezing().facts(replace(scores, stochastic=True))


@pytest.mark.parametrize(("settings", "told"), [
    ({"bits": 0, "median": 0}, "must name a squeezer"),
    ({"bits": 0, "median": 1}, "must name a squeezer"),
    ({"search": 4}, "search must be odd, got 4"),
    ({"patch": 2}, "patch must be odd, got 2"),
])  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings, told):
    with pytest.raises(ValueError, match=told):
        FeatureSqueezing(**settings)
