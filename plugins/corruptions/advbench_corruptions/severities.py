"""How strong each of five severities is, by the size of the images it was published for (Hendrycks and Dietterich)."""

from __future__ import annotations

from typing import NamedTuple

SET_HELP = "published constants; auto: by the longer side, cifar10 to 32, tiny-imagenet to 64, else imagenet"
SEVERITY_HELP = "1 to 5, from hardly seen to severe"


class Glass(NamedTuple):
    """sigma: of the blur, in pixels.  reach: how far a pixel moves.  times: passes over the image."""

    sigma: float
    reach: int
    times: int


GAUSSIAN = {  # standard deviation, in units of the range
    "cifar10": (0.04, 0.06, 0.08, 0.09, 0.10),
    "tiny-imagenet": (0.04, 0.08, 0.12, 0.15, 0.18),
    "imagenet": (0.08, 0.12, 0.18, 0.26, 0.38),
}
IMPULSE = {  # share of numbers replaced
    "cifar10": (0.01, 0.02, 0.03, 0.05, 0.07),
    "tiny-imagenet": (0.01, 0.02, 0.05, 0.08, 0.14),
    "imagenet": (0.03, 0.06, 0.09, 0.17, 0.27),
}
CONTRAST = {  # share of the contrast that is left
    "cifar10": (0.75, 0.5, 0.4, 0.3, 0.15),
    "tiny-imagenet": (0.4, 0.3, 0.2, 0.1, 0.05),
    "imagenet": (0.4, 0.3, 0.2, 0.1, 0.05),
}
GLASS = {
    "cifar10": (Glass(0.05, 1, 1), Glass(0.25, 1, 1), Glass(0.4, 1, 1), Glass(0.25, 1, 2), Glass(0.4, 1, 2)),
    "tiny-imagenet": (Glass(0.1, 1, 1), Glass(0.5, 1, 1), Glass(0.6, 1, 2), Glass(0.7, 2, 1), Glass(0.9, 2, 2)),
    "imagenet": (Glass(0.7, 1, 2), Glass(0.9, 2, 1), Glass(1.0, 2, 3), Glass(1.1, 3, 2), Glass(1.5, 4, 2)),
}


def set_for(name: str, shape: tuple[int, ...]) -> str:
    """The set of that name; `auto` goes by the sides of an image (C, H, W). MNIST-C uses ImageNet-C's.

    Inputs that are no images take CIFAR-10-C's, the mildest.
    """
    if name == "mnist":
        return "imagenet"
    if name != "auto":
        return name
    side = max(shape[1:]) if len(shape) == 3 else 0
    return "cifar10" if side <= 32 else "tiny-imagenet" if side <= 64 else "imagenet"
