"""How exact ZOO's arithmetic is, and whether it asks what its paper asks."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from advbench import Access, Bounds, ClassGoal, LocalOracle, Norm, Threat
from advbench.arena.draws import ExampleStreams, SeedPath
from advbench_zoo.attack import Zoo

from .arena import CPU, oracle_over
from .arena_over_model import FACTS, SHAPE, cheap_network
from .harness import Figure, below, exactly, figure

UNIT = Bounds(0.0, 1.0)
THREAT = Threat(access=Access.SCORES, norm=Norm.L2)


def figures() -> Iterator[Figure]:
    yield figure("gradient estimate against autograd, relative error", gradient_error(), below(1e-6))
    yield newton()
    yield figure("queries of a step at B = 128", queries_of_a_step(), exactly(257))


class Heard(LocalOracle):
    """Keeps every call: the points, the attack's own first, and the scores they got."""

    calls: tuple[tuple[Tensor, Tensor], ...] = ()

    def scores(self, points: Tensor, rows: Tensor | None = None) -> Tensor:
        answers = super().scores(points, rows)
        self.calls += ((points.clone(), answers),)
        return answers


def listened(attack: Zoo, network: nn.Module, x0: Tensor, y: Tensor, classes: int) -> Heard:
    """The attack on one example x0 (1, d) and an uncounted float64 network."""
    shape = tuple(x0.shape[1:])
    oracle = Heard(network, ClassGoal(y), THREAT, shape=shape, classes=classes, bounds=UNIT, dtype=torch.float64)
    attack.perturb(oracle, x0, ExampleStreams(SeedPath(0), [0], CPU))
    return oracle


def objective(points: Tensor, logits: Tensor, x0: Tensor, y: Tensor, c: float) -> Tensor:
    """|x - x0|^2 + c (own logit - largest other), (M,)."""
    others = logits.clone()
    others[:, int(y)] = -torch.inf
    return (points - x0).square().sum(dim=1) + c * (logits[:, int(y)] - others.amax(dim=1))


def gradient_error() -> list[float]:
    """|estimate - autograd| / |autograd| on eight examples, from what ZOO asked in its third step at h = 1e-4.

    The estimate is the difference quotient of its questions and their answers.
    """
    torch.manual_seed(0)
    network, c = nn.Sequential(nn.Linear(30, 64), nn.Tanh(), nn.Linear(64, 10)).double(), 3.0
    attack = Zoo(h=1e-4, iterations=3, searches=1, coordinates=30, c=c)
    return [_gradient_error(attack, network, torch.rand(1, 30, dtype=torch.float64) * 0.8 + 0.1, c) for _ in range(8)]


def _gradient_error(attack: Zoo, network: nn.Module, x0: Tensor, c: float) -> float:
    y = network(x0).argmax(dim=1)
    points, logits = listened(attack, network, x0, y, 10).calls[-1]
    loss, moved = objective(points, logits, x0, y, c), points[1:] - points[0]
    estimate = torch.stack([_quotient(loss[1:], moved[:, i]) for i in range(x0.shape[1])])
    free = points[:1].clone().requires_grad_(True)
    (exact,) = torch.autograd.grad(objective(free, network(free), x0, y, c).sum(), free)
    return float((estimate - exact[0]).norm() / exact.norm())


def _quotient(loss: Tensor, moved: Tensor) -> Tensor:
    """Of the two points that were moved along this coordinate."""
    ahead, behind = moved.argmax(), moved.argmin()
    return (loss[ahead] - loss[behind]) / (moved[ahead] - moved[behind])


class Parabola(nn.Module):
    """Two logits whose difference is 1 + sum of a (x - centre)^2: class 0 everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.linspace(0.5, 4.0, 12, dtype=torch.float64))
        self.centre = nn.Parameter(torch.linspace(0.2, 0.8, 12, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        margin = 1 + (self.a * (x - self.centre).square()).sum(dim=1)
        return torch.stack([margin, torch.zeros_like(margin)], dim=1)


def newton() -> Figure:
    """Distance from the optimum of |x - x0|^2 + c f(x) after one Newton step on every coordinate."""
    what = "Newton on a quadratic: distance from the optimum after one step"
    network, c = Parabola(), 2.0
    x0 = torch.full((1, 12), 0.5, dtype=torch.float64)
    attack = Zoo(solver="newton", learning_rate=1.0, h=1e-2, iterations=2, searches=1, coordinates=12, c=c)
    points, _ = listened(attack, network, x0, torch.zeros(1, dtype=torch.int64), 2).calls[1]
    weight = c * network.a.detach()
    optimum = (x0[0] + weight * network.centre.detach()) / (1 + weight)
    return figure(what, float((points[0] - optimum).norm()), below(1e-6))


def queries_of_a_step() -> float:
    """By the ledger, over five steps of four images."""
    x = torch.rand(4, *SHAPE)
    oracle, ledger = oracle_over(cheap_network(), x, FACTS)
    attack = Zoo(h=1e-4, iterations=5, searches=1, coordinates=128)
    answer = attack.perturb(oracle, x, ExampleStreams(SeedPath(0), range(4), CPU))
    return float((ledger.queries / answer.notes["iterations"]).mean())
