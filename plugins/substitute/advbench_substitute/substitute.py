"""Black-box attack through a substitute that is trained on the victim's labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from advbench import (
    Access,
    AttackFacts,
    ContestError,
    DatasetFacts,
    Examples,
    Job,
    LabelOracle,
    Modality,
    Perturbed,
    SeedPath,
    Seeds,
    State,
    Streams,
    component,
    param,
)

from .learning import agreement, augmented, fit, sign_of
from .presets import PRESETS, Settings, settle
from .stand_in import broken_stand_in, check_attack, facts_of, further

_MODALITIES = {2: Modality.TABULAR, 3: Modality.SERIES, 4: Modality.IMAGE}
_MOST_CHECKS = 200  # points asked about to tell how well the substitute agrees


@dataclass(frozen=True)
class Substitute:
    """Papernot et al. 2017, Algorithm 1. What it learns is asked once for the whole cell.

    Numbers left at auto are the preset's: 200 seeds, 6 rounds (6,400 labels in all), step .1. The
    tune split's first examples, shuffled, are the seeds; up to 200 others tell how often the
    substitute agrees with the victim (note_agreement). Asking ends where --max-prepare-queries
    does. note_source_broken: whether the point that was submitted first broke the substitute.
    """

    network: Any = component("model", default="mlp", settings={"hidden": "200/200"}, help="what the substitute is")  # noqa: RUF009
    attack: Any = component(  # noqa: RUF009
        "attack", default="pgd", settings={"returns": "last"}, help="run on the substitute, not charged"
    )
    overshoot: tuple[float, ...] = param(
        (1.0, 1.1, 1.5, 2.0), gt=0, le=100, paper=1, help="times the change: asked one after the other until one works"
    )
    preset: str = param(
        "none", choices=tuple(PRESETS), help="scd: as the sign-network papers; thesis, cleverhans: 150 seeds"
    )
    seeds: int | Literal["auto"] = param("auto", ge=1, help="examples to begin with, of the tune split")
    rounds: int | Literal["auto"] = param("auto", ge=1, help="trainings; between two, every point gives a new one")
    step: float | Literal["auto"] = param("auto", gt=0, le=1, help="length of a Jacobian step, times the input's range")
    keep: int | Literal["auto", "all"] = param(
        "auto", ge=1, help="points learnt from so far are kept up to so many, then replaced by the new ones"
    )
    epochs: int | Literal["auto"] = param("auto", ge=1, help="passes over the points of a round")
    batch: int | Literal["auto"] = param("auto", ge=1, help="points per step of the training")
    learning_rate: float | Literal["auto"] = param("auto", gt=0, help="of the training")
    optimizer: Literal["auto", "adam", "sgd"] = param("auto", help="of the training; sgd has momentum .9")
    sign: Literal["auto", "periodic", "coin"] = param(
        "auto", help="of the step: three rounds up, three down; or chance"
    )
    along: Literal["auto", "given", "predicted"] = param(
        "auto", help="the label whose logit the step follows: the victim's, or the substitute's"
    )
    ask_seeds: bool | Literal["auto"] = param("auto", help="ask the seeds' labels too, or take their true ones")

    def __post_init__(self) -> None:
        check_attack(self.attack)
        if self.network is None:
            raise ValueError("network must be a model, got none. Name one, as network=mlp.")

    def facts(self) -> AttackFacts:
        inner = facts_of(self.attack)
        return AttackFacts(
            needs=Access.LABELS, norms=inner.norms, modalities=inner.modalities, min_classes=inner.min_classes
        )

    def prepare(self, oracle: LabelOracle, seeds: Examples, rng: Streams) -> State:
        """Learn the victim's labels. Every label is a query, but for those of seeds with ask_seeds=no."""
        settings = settle(self)
        assert isinstance(seeds.x, Tensor)
        source = SeedPath(int(rng.integers(torch.tensor([0]), (1,), 1 << 62)[0, 0]))
        generator = source.generator()
        order = torch.randperm(len(seeds), generator=generator).to(seeds.x.device)
        chosen, others = order[: settings.seeds], order[settings.seeds :][:_MOST_CHECKS]
        network = self._built(oracle, seeds.x, source)
        checks, said = self._checks(oracle, seeds.x, others, settings, len(chosen))
        points, rounds = self._learn(network, oracle, seeds, chosen, settings, generator)
        arrays = {f"network.{name}": tensor.cpu() for name, tensor in network.state_dict().items()}
        share = agreement(network, checks, said)
        meta = {"agreement": None if math.isnan(share) else share, "rounds": rounds, "points": points}
        return State(arrays, meta)

    def _checks(
        self, oracle: LabelOracle, x: Tensor, rows: Tensor, settings: Settings, seeds: int
    ) -> tuple[Tensor, Tensor]:
        """Points that nothing is learnt from and the victim's labels of them, if it can be paid for beside the rest."""
        wanted = len(rows) + seeds * 2 ** (settings.rounds - 1)
        if not len(rows) or int(oracle.left()[0]) < wanted:
            rows = rows[:0]
        labels = oracle.labels(x[rows], rows) if len(rows) else rows
        return x[rows], labels

    def _learn(
        self, network: nn.Module, oracle: LabelOracle, seeds: Examples, parents: Tensor, settings: Settings,
        generator: Generator,
    ) -> tuple[int, int]:  # fmt: skip
        """Rounds of training and asking; (points learnt from in the last, rounds done)."""
        assert isinstance(seeds.x, Tensor)
        points = seeds.x[parents]
        if settings.ask_seeds:
            parents = parents[: int(oracle.left()[0])]
            points, labels = points[: len(parents)], oracle.labels(points[: len(parents)], parents)
        else:
            labels = seeds.y[parents].to(points.device)
        if oracle.bounds is None:
            raise ContestError(
                "attack: substitute: inputs must have bounds, got none. Its steps are parts of their range."
            )
        for done in range(settings.rounds):
            fit(network, points, labels, settings, generator)
            room = int(oracle.left()[0])
            if done == settings.rounds - 1 or not room:
                break
            length = sign_of(done, settings, generator) * settings.step * oracle.bounds.width
            along = labels if settings.along == "given" else _predicted(network, points)
            new = oracle.bounds.clip(augmented(network, points, along, length))[:room]
            told = oracle.labels(new, parents[:room])
            if settings.keep is None or len(points) <= settings.keep:
                points, labels = torch.cat([points, new]), torch.cat([labels, told])
                parents = torch.cat([parents, parents[:room]])
            else:
                points, labels, parents = new, told, parents[:room]
        return len(points), done + 1

    def perturb(self, oracle: LabelOracle, x: Tensor, rng: Streams) -> Perturbed:
        """At most one query for each overshoot."""
        if oracle.prepared is None:
            raise ContestError("attack: substitute learns in prepare first, got a contest without. Call prepare.")
        network = self._built(oracle, x, SeedPath(0))
        own = {name.removeprefix("network."): tensor for name, tensor in oracle.prepared.arrays.items()}
        network.load_state_dict({name: tensor.to(x.device) for name, tensor in own.items()})
        candidate, met = broken_stand_in(self.attack, network.eval(), oracle, x, rng)
        threat, answer = oracle.threat, candidate.clone()
        waiting = torch.arange(len(x), device=x.device)
        for times in self.overshoot:
            waiting = waiting[oracle.live[waiting]]
            if not len(waiting):
                break
            tried = further(x[waiting], candidate[waiting], times, threat.norm, threat.eps, oracle.bounds)
            fell = oracle.goal.met(oracle.labels(tried, waiting), waiting)
            answer[waiting[fell]] = tried[fell]
            waiting = waiting[~fell]
        share = oracle.prepared.meta["agreement"]
        agreed = torch.full((len(x),), math.nan if share is None else share)
        return Perturbed(answer, notes={"source_broken": met, "agreement": agreed})

    def _built(self, oracle: LabelOracle, x: Tensor, rng: Seeds) -> nn.Module:
        """The untrained substitute for such inputs."""
        if x.dim() not in _MODALITIES:
            raise ContestError(f"attack: substitute: inputs must have 1 to 3 axes, got {x.dim() - 1}.")
        facts = DatasetFacts(
            modality=_MODALITIES[x.dim()], shape=tuple(x.shape[1:]), classes=oracle.classes, bounds=oracle.bounds,
            digest="substitute",
        )  # fmt: skip
        nothing = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        known = Examples(nothing, x, nothing)
        network: nn.Module = self.network.build(Job(train=known, tune=known, facts=facts, rng=rng, device=x.device))
        return network.to(x.device)


def _predicted(network: nn.Module, points: Tensor) -> Tensor:
    with torch.no_grad():
        labels: Tensor = network(points).argmax(dim=1)
    return labels
