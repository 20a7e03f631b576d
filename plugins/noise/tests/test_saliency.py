"""SmoothGrad maps and their pictures."""

import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))
from noise_case import Net, dense, job

from advbench import Bounds, DataError
from advbench_noise.defense import Noise
from advbench_noise.saliency import smoothgrad

UNIT = Bounds(0.0, 1.0)


def test_the_map_of_a_linear_score_is_its_squared_weights():
    weights = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    x, y = torch.rand(5, 3, 4, 4), torch.tensor([0, 1, 0, 1, 1])
    maps = smoothgrad(
        lambda points: torch.einsum("nchw,kchw->nk", points, weights), x, y, UNIT, torch.Generator(), draws=3
    )
    assert torch.allclose(maps, weights.square().sum(1)[y], rtol=1e-5)


@pytest.mark.parametrize("width", [1.0, 4.0])
def test_the_map_of_a_square_is_the_mean_over_the_noise(width):
    """score = x^2 / 2 has the slope x: its mean square over draws is x^2 + spread^2."""
    x = torch.full((1, 1, 8, 8), 2.0)
    maps = smoothgrad(
        lambda points: (points.square() / 2).flatten(1).sum(1, keepdim=True), x, torch.tensor([0]), Bounds(0.0, width),
        torch.Generator().manual_seed(0), draws=400,
    )  # fmt: skip
    assert float(maps.mean()) == pytest.approx(4 + (0.15 * width) ** 2, rel=0.01)


def test_a_picture_is_written_where_the_user_says(tmp_path):
    noise = Noise(pictures=tmp_path / "report" / "saliency")
    model = Net(dense, epochs=6)
    contender = noise.protect(model, job())
    noise.restore(model, contender.state(), job())
    (path,) = (tmp_path / "report" / "saliency").glob("*.png")
    assert path.name.startswith("noise-fc-")
    with Image.open(path) as picture:
        assert picture.size == (8 * 96 + 7 * 2, 2 * 96 + 2)
        assert picture.getextrema() == ((0, 255),) * 3


def test_numbers_that_are_no_picture_are_refused(tmp_path):
    flat = lambda: torch.nn.Linear(8, 3)  # noqa: E731
    noise, model = Noise(pictures=tmp_path), Net(flat, epochs=1)
    contender = noise.protect(model, job(shape=(8,)))
    with pytest.raises(DataError, match="noise: pictures must be of images, got inputs"):
        noise.restore(model, contender.state(), job(shape=(8,)))
