"""EAD over the model's own time, and against Foolbox and the Adversarial Robustness Toolbox at equal settings.

Equal are: steps, searches, first c, first rate, beta, threshold and rule. Foolbox does not end early. The
toolbox lets the distance pull only where the goal is not met: its sizes stand beside ours with equation 15 and
with its own rule. It ships with batches of one example; it is timed so, on a few, and with all examples in one
batch, which is what the others get. Each is judged afresh. Times are the processor's, on one thread.
"""

import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from advbench import Access, DataAbsent, Examples, Norm, Threat
from advbench.arena.asking import Asker
from advbench.arena.contest import Outcome, run_shard
from advbench.arena.networks import TorchContender
from advbench.builtin.distances import L1
from advbench_ead.attack import Ead

from .arena import CPU, contest, judged_points
from .fair import distance_if_broken
from .harness import Figure, Goal, at_least, at_most, figure, in_turn, ratios, step
from .hsj_against_peers import _digits_mlp
from .victims import Victim, clothes_cnn, stretched_digits_cnn

STEPS, SEARCHES, BETA = 100, 9, 1e-3
N, FEW, ALONE = 64, 16, 2  # examples; those of the large network that others get; those taken one by one
ROUNDS, SLOW_ROUNDS = 2, 1  # of ours beside the model; of ours beside others, who take minutes
BETA_OF_L1 = 1e-2  # ead's own default in that norm


def figures() -> Iterator[Figure]:
    """Four convolutions on pictures of 28x28, and 20 hidden units on digits; untargeted, by the L1 rule."""
    large, small = _victim(), _digits_mlp(20)
    attack = Ead(steps=STEPS, searches=SEARCHES, beta=BETA)
    yield from _over_model(large, attack, large.examples("eval", N // 2))
    yield from _against(small, attack, small.examples("eval", N))
    yield from _against(large, attack, large.examples("eval", FEW))


def _victim() -> Victim:
    try:
        return clothes_cnn()
    except DataAbsent as absent:
        print(f"  ... digits in place of clothes: {absent}", file=sys.stderr)
        return stretched_digits_cnn()


def _over_model(victim: Victim, attack: Ead, examples: Examples) -> Iterator[Figure]:
    name, asked = f"{victim.name}, {len(examples)} images", _Asked(victim.contender)
    _play(asked, attack, examples, victim)
    yield figure(f"{name}: gradients an example", sum(len(part) for part in asked.slopes) / len(examples))
    yield figure(f"{name}: other queries an example", sum(len(part) for part in asked.looks) / len(examples))
    with step(f"ead and the model on {name}, {ROUNDS} rounds"):
        ours, same, whole = in_turn(
            ROUNDS,
            lambda: _play(victim.contender, attack, examples, victim),
            lambda: asked.replay(asked.looks),
            lambda: asked.replay(asked.slopes),
            clock=time.process_time,
        )
    yield figure(f"{name}: ead / model, rows asked (x)", ratios(ours, same))
    yield figure(f"{name}: ead / model, two forwards and one backward a step (x)", ratios(ours, whole), at_most(1.15))


def _against(victim: Victim, attack: Ead, examples: Examples) -> Iterator[Figure]:
    name, kept = f"{victim.name}, {len(examples)} images", dict[str, Tensor]()
    first = Examples(examples.ids[:ALONE], examples.x[:ALONE], examples.y[:ALONE])
    with step(f"ead, Foolbox and the toolbox on {name}"):
        ours, foolbox, toolbox, shipped = in_turn(
            SLOW_ROUNDS,
            lambda: _play(victim.contender, attack, examples, victim),
            lambda: kept.update({"Foolbox": _foolbox(victim, examples)}),
            lambda: kept.update({"the toolbox": _toolbox(victim, examples, len(examples))}),
            lambda: _toolbox(victim, first, 1),
            clock=time.process_time,
        )
    yield figure(f"{name}: ead / Foolbox (x)", ratios(ours, foolbox), at_most(1.0))
    yield figure(f"{name}: the toolbox, whole batch / ead (x)", ratios(toolbox, ours), at_least(15))
    shipped = [len(examples) / ALONE * seconds for seconds in shipped]
    note = f"one by one, {ALONE} of {len(examples)}"
    yield figure(f"{name}: the toolbox as shipped / ead (x)", ratios(shipped, ours), at_least(15), note)
    yield from _smaller(f"{name}, beta {BETA:g}", victim, attack, examples, kept, at_most(1.0))
    theirs = {"the toolbox": kept["the toolbox"]}
    unmet = replace(attack, pull="unmet")
    yield from _smaller(f"{name}, beta {BETA:g}, pull=unmet", victim, unmet, examples, theirs, at_most(1.0))
    default = replace(attack, beta=BETA_OF_L1)
    yield from _smaller(f"{name}, beta {BETA_OF_L1:g}, theirs {BETA:g}", victim, default, examples, kept)


def _smaller(
    name: str, victim: Victim, attack: Ead, examples: Examples, theirs_of: dict[str, Tensor], goal: Goal | None = None
) -> Iterator[Figure]:
    """Sizes of what broke the victim, over those of others."""
    outcome = _play(victim.contender, attack, examples, victim)
    own = _sizes(victim, examples, judged_points(outcome, examples))
    chosen = torch.tensor([row["note_l1_l1"] for row in outcome.examples], dtype=torch.float64).nan_to_num(torch.inf)
    for peer, points in theirs_of.items():
        theirs = _sizes(victim, examples, points)
        both = own.isfinite() & theirs.isfinite() & chosen.isfinite()
        note = f"of {int(both.sum())}; broken by {peer} alone: {int((theirs.isfinite() & ~own.isfinite()).sum())}"
        mean = float(own[both].mean() / theirs[both].mean())
        yield figure(f"{name}: mean L1, ead as judged / {peer} (x)", mean, goal, note)
        iterates = float(chosen[both].mean() / theirs[both].mean())
        yield figure(f"{name}: mean L1, ead's iterates alone / {peer} (x)", iterates, note=note)


@dataclass
class _Asked:
    """A contender that keeps what it is asked for; `looks` are asked for labels, `slopes` for gradients."""

    contender: TorchContender
    looks: list[Tensor] = field(default_factory=list)
    slopes: list[Tensor] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.contender, name)

    def labels(self, x: Tensor, *, noise: Any = None) -> Tensor:
        self.looks.append(x.clone())
        return self.contender.labels(x, noise=noise)

    def value_and_grad(self, x: Tensor, loss: Any, *, gradient: str, noise: Any = None) -> tuple[Tensor, Tensor]:
        self.slopes.append(x.clone())
        return self.contender.value_and_grad(x, loss, gradient=gradient, noise=noise)

    def replay(self, looks: list[Tensor]) -> None:
        """All gradients again, with nothing around, and labels of `looks`."""
        for part in self.slopes:
            self.contender.value_and_grad(part, _lead, gradient="exact")
        for part in looks:
            self.contender.labels(part)


def _lead(scores: Tensor) -> Tensor:
    top = scores.topk(2, dim=1).values
    return top[:, 0] - top[:, 1]


def _play(contender: Any, attack: Ead, examples: Examples, victim: Victim) -> Outcome:
    facts = victim.facts
    width = facts.bounds.width if facts.bounds else 1.0
    rules = replace(
        contest(contender, attack, facts, 10**6),
        needs=Access.GRADIENTS,
        threat=Threat(access=Access.GRADIENTS, norm=Norm.L1, gradient="exact"),
        distances={Norm.L1: lambda a, b: L1()(a, b, width)},
    )
    return run_shard(rules, examples)


def _sizes(victim: Victim, examples: Examples, points: Tensor) -> Tensor:
    bounds = victim.facts.bounds
    assert bounds is not None
    assert isinstance(examples.x, Tensor)
    asker = Asker(victim.contender, victim.facts.classes, CPU)
    broken = distance_if_broken(asker, examples.x, examples.y, points, bounds).isfinite()
    size = (points.double() - examples.x.double()).flatten(1).abs().sum(dim=1)
    return size.masked_fill(~broken, torch.inf)


def _foolbox(victim: Victim, examples: Examples) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import foolbox

        model = foolbox.PyTorchModel(victim.contender.network, bounds=(0, 1), device="cpu")
        attack = foolbox.attacks.EADAttack(
            binary_search_steps=SEARCHES, steps=STEPS, initial_const=1e-3, initial_stepsize=1e-2, regularization=BETA,
            decision_rule="L1", abort_early=False,
        )  # fmt: skip
        points: Tensor = attack.run(model, examples.x, examples.y)
    return points


def _toolbox(victim: Victim, examples: Examples, batch_size: int) -> Tensor:
    from art.attacks.evasion import ElasticNet
    from art.estimators.classification import PyTorchClassifier

    x, network = examples.x, victim.contender.network
    assert isinstance(x, Tensor)
    classifier = PyTorchClassifier(
        network, torch.nn.CrossEntropyLoss(), tuple(x.shape[1:]), victim.facts.classes, clip_values=(0.0, 1.0),
        device_type="cpu",
    )  # fmt: skip
    attack = ElasticNet(
        classifier, learning_rate=1e-2, binary_search_steps=SEARCHES, max_iter=STEPS, beta=BETA, initial_const=1e-3,
        batch_size=batch_size, decision_rule="L1", verbose=False,
    )  # fmt: skip
    return torch.from_numpy(attack.generate(x.numpy().copy(), examples.y.numpy()))
