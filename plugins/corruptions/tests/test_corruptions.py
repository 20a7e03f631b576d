"""Noise and contrast: what is known of their size, their bounds, and what eps leaves of them."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent))
from corruption_case import pictures, spoil

from advbench import Bounds, ContestError, Norm, ParamError
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench_corruptions.noises import BlendNoise, GaussianNoise, ImpulseNoise
from advbench_corruptions.pictures import Contrast, GlassBlur
from advbench_corruptions.severities import CONTRAST, GAUSSIAN, GLASS, IMPULSE, set_for
from advbench_corruptions.within import size_of

HENDRYCKS = (GaussianNoise, ImpulseNoise, Contrast, GlassBlur)
SETS = ("cifar10", "tiny-imagenet", "imagenet", "mnist")


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(HENDRYCKS), severity=st.integers(1, 5), constants=st.sampled_from(SETS),
    channels=st.sampled_from([1, 3]), side=st.integers(4, 14), seed=st.integers(0, 99),
)  # fmt: skip
def test_whatever_happens_stays_inside_any_bounds(kind, severity, constants, channels, side, seed):
    bounds = Bounds(-1.0, 3.0)
    x = bounds.low + bounds.width * pictures(2, channels, side, side + 1, seed=seed)
    answer = spoil(kind(severity=severity, constants=constants), x, bounds=bounds, seed=seed)
    assert answer.x.shape == x.shape
    assert answer.x.dtype == x.dtype
    assert -1 <= float(answer.x.min()) <= float(answer.x.max()) <= 3
    assert answer.notes["share"].tolist() == [1, 1]


@pytest.mark.parametrize("constants", SETS)
@pytest.mark.parametrize("kind", [GaussianNoise, ImpulseNoise, Contrast])
def test_distortion_grows_with_severity(kind, constants):
    x = pictures(8, 3, 16, 16)
    sizes = [
        float((spoil(kind(severity=s, constants=constants), x).x - x).square().mean()) for s in (1, 2, 3, 4, 5)
    ]  # fmt: skip
    assert sizes == sorted(sizes)
    assert 0 < sizes[0] < sizes[-1]


def test_gaussian_noise_has_its_standard_deviation():
    x = torch.full((4, 1, 28, 28), 0.5)
    for severity, sigma in zip((1, 2, 3, 4, 5), GAUSSIAN["cifar10"], strict=True):
        found = (spoil(GaussianNoise(severity=severity), x).x - x).std()
        assert float(found) == pytest.approx(sigma, rel=0.05)


def test_impulse_noise_strikes_its_share_with_the_two_ends_alone():
    x = pictures(4, 3, 32, 32) * 0.5 + 0.25
    for severity, amount in zip((1, 2, 3, 4, 5), IMPULSE["imagenet"], strict=True):
        spoilt = spoil(ImpulseNoise(severity=severity, constants="imagenet"), x).x
        struck = spoilt != x
        assert set(spoilt[struck].unique().tolist()) == {0.0, 1.0}
        sd = (amount * (1 - amount) / x.numel()) ** 0.5
        assert abs(float(struck.double().mean()) - amount) < 4 * sd
        assert float(spoilt[struck].mean()) == pytest.approx(0.5, abs=0.1)
    assert not torch.equal(struck[:, 0], struck[:, 1]), "channels apart"


def test_contrast_keeps_each_channels_mean_and_shrinks_what_is_around_it():
    x = pictures(3, 2, 10, 10)
    spoilt = spoil(Contrast(severity=4, constants="imagenet"), x).x
    mean = x.mean(dim=(2, 3), keepdim=True)
    assert torch.allclose(spoilt - mean, 0.1 * (x - mean), atol=1e-6)
    series = pictures(3, 20, 2)
    quiet = spoil(Contrast(severity=2), series).x
    assert torch.allclose(quiet - series.mean(dim=1, keepdim=True), 0.5 * (series - series.mean(dim=1, keepdim=True)),
                          atol=1e-6)  # fmt: skip


def test_blend_noise_fades_between_the_input_and_even_noise():
    x = pictures(4, 1, 28, 28)
    assert torch.equal(spoil(BlendNoise(amount=0.0), x).x, x)
    noise = spoil(BlendNoise(amount=1.0), x).x
    assert float(noise.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(noise.std()) == pytest.approx(12**-0.5, abs=0.02)
    assert torch.allclose(spoil(BlendNoise(amount=0.3), x).x, 0.7 * x + 0.3 * noise, atol=1e-6)
    within = spoil(BlendNoise(), x, eps=0.3, norm=Norm.LINF)
    assert torch.equal(within.x, spoil(BlendNoise(amount=0.3), x).x), "eps is the share of noise"
    wide = Bounds(-1.0, 3.0)
    other = spoil(BlendNoise(), wide.low + wide.width * x, eps=1.2, norm=Norm.LINF, bounds=wide)
    assert torch.allclose((other.x - wide.low) / wide.width, within.x, atol=1e-6)


@pytest.mark.parametrize("norm", [Norm.L1, Norm.L2, Norm.LINF])
def test_noise_of_equal_distortion_is_as_large_as_eps(norm):
    x = pictures(5, 1, 8, 8).mul(2).sub(0.5).clamp(0, 1)  # half of it at the bounds
    for eps in (1e-3, 0.1, 0.5):
        spoilt = spoil(GaussianNoise(match="eps"), x, eps=eps, norm=norm).x
        assert size_of(spoilt - x, norm, 1.0).tolist() == pytest.approx([eps] * 5, rel=1e-3)
        assert float(spoilt.min()) >= 0
        assert float(spoilt.max()) <= 1


def test_where_the_bounds_leave_no_room_noise_goes_as_far_as_it_can():
    x = torch.full((2, 4), 0.5)
    spoilt = spoil(GaussianNoise(match="eps"), x, eps=100.0).x
    assert set(spoilt.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(spoil(GaussianNoise(match="eps"), x, eps=0.0).x, x)


@pytest.mark.parametrize("kind", HENDRYCKS)
@pytest.mark.parametrize("norm", [Norm.L1, Norm.L2, Norm.LINF])
def test_eps_cuts_a_corruption_on_its_way(kind, norm):
    x = pictures(3, 1, 12, 12)
    whole = spoil(kind(severity=5), x, norm=norm)
    size = size_of(whole.x - x, norm, 1.0)
    eps = float(size.median()) / 2
    cut = spoil(kind(severity=5), x, eps=eps, norm=norm)
    assert bool((size_of(cut.x - x, norm, 1.0) <= eps + 1e-6).all())
    assert cut.notes["share"].tolist() == pytest.approx((eps / size).clamp(max=1).tolist(), rel=1e-4)
    for free in (None, float("inf"), float(size.max()) * 1.01):
        assert torch.equal(spoil(kind(severity=5), x, eps=free, norm=norm).x, whole.x)


def test_the_constants_follow_the_side_of_the_image():
    shapes = {(1, 8, 8): "cifar10", (3, 32, 32): "cifar10", (3, 64, 64): "tiny-imagenet", (3, 64, 96): "imagenet",
              (3, 224, 224): "imagenet", (30,): "cifar10", (140, 1): "cifar10"}  # fmt: skip
    assert {shape: set_for("auto", shape) for shape in shapes} == shapes
    assert set_for("mnist", (1, 28, 28)) == "imagenet"
    for table in (GAUSSIAN, IMPULSE, CONTRAST, GLASS):
        assert set(table) == {"cifar10", "tiny-imagenet", "imagenet"}
        assert all(len(severities) == 5 for severities in table.values())


def test_what_cannot_be_is_refused_with_the_way_out():
    x = pictures(2, 1, 8, 8)
    with pytest.raises(ContestError, match="match=eps must have a finite eps, got none. Give --eps"):
        spoil(GaussianNoise(match="eps"), x)
    with pytest.raises(ContestError, match="amount must be given where there is no eps"):
        spoil(BlendNoise(), x, norm=Norm.LINF)
    with pytest.raises(ContestError, match="inputs must have bounds, got none"):
        spoil(GaussianNoise(), x, bounds=None)
    assert GaussianNoise(match="eps").facts().norms == {Norm.L1, Norm.L2, Norm.LINF}
    assert BlendNoise().facts().norms == {Norm.LINF}
    resolver = Resolver(discover(()), read())
    for typed, told in (
        ("gaussian-noise:severity=6", "severity must be >= 1 and <= 5, got 6"),
        ("blend-noise:amount=1.5", "amount must be >= 0 and <= 1, got 1.5"),
        ("glass-blur:exchange=push", "exchange must be 'auto' or 'swap' or 'copy', got 'push'"),
    ):
        with pytest.raises(ParamError, match=told):
            resolver.one("attack", typed)


@pytest.mark.parametrize("kind", [*HENDRYCKS, BlendNoise])
def test_a_row_never_notices_the_others(kind):
    """Colour images: the kit's field is grey, or has no places at all."""
    x, component = pictures(7, 3, 9, 11), kind(amount=0.3) if kind is BlendNoise else kind(severity=3)
    together = spoil(component, x).x
    for n in (1, 3):
        assert torch.equal(spoil(component, x[:n]).x, together[:n])
    changed = x.clone()
    changed[:3] = 0.5
    assert torch.equal(spoil(component, changed).x[3:], together[3:])
