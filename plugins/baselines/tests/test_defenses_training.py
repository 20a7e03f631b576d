"""Defenses that learn from attacks, and what may be learnt from."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from advbench import (
    Access,
    AttackFacts,
    AttackSpec,
    ContenderFacts,
    ContestError,
    Modality,
    Norm,
    Perturbed,
    RequestError,
)  # fmt: skip
from advbench.contract.params import attach
from advbench_baselines.adversarial_training import AdversarialTraining, mixed
from advbench_baselines.distillation import Distillation
from advbench_baselines.ensemble_adversarial import EnsembleAdversarialTraining
from advbench_baselines.forests import RandomForest
from advbench_baselines.lenet import LeNet
from advbench_baselines.lessons import Batch, untrained
from advbench_baselines.sparring import BatchStreams, Sparring, check_attack, reach

sys.path.insert(0, str(Path(__file__).resolve().parent))
from baselines_case import Seeds, blobs, facts, job

QUICK = LeNet(epochs=4, learning_rate=0.005)


@dataclass(frozen=True)
class Step:
    """One step of eps along the sign of the gradient of cross-entropy; says with what it was run."""

    returns: str = "last"
    seen: Any = None

    def facts(self):
        return AttackFacts(needs=Access.GRADIENTS, norms=frozenset({Norm.LINF}))

    def perturb(self, oracle, x, rng):
        y = oracle.goal.y
        _, grad = oracle.value_and_grad(
            x, lambda scores, index: nn.functional.cross_entropy(scores, y[index], reduction="none")
        )
        if self.seen is not None:
            self.seen.append((len(x), rng.normal(torch.arange(len(x)), (1,))))
        return Perturbed(oracle.bounds.clip(x + oracle.threat.eps * grad.sign()))


@dataclass(frozen=True)
class Alone(Step):
    """Serves one example at a time."""

    def perturb(self, oracle, x, rng):
        assert len(x) == 1
        return super().perturb(oracle, x, rng)


def _attach(cls, batched):
    attach(cls, AttackSpec(
        name=cls.__name__.lower(), summary="a toy", needs=Access.GRADIENTS, modalities=frozenset({Modality.IMAGE}),
        norms=frozenset({Norm.LINF}), batched=batched,
    ))  # fmt: skip


_attach(Step, True)
_attach(Alone, False)


def sparring(attack, eps=0.1):
    return Sparring("toy", attack, Norm.LINF, eps, facts())


def batch(n=6):
    examples = blobs(n)
    return Batch(examples.x, examples.y, Seeds("a step"))


def weights(contender):
    return torch.cat([array.flatten().float() for array in contender.state().arrays.values()])


def losses_under(contender, attack_eps):
    """Mean cross-entropy of the tune blobs, moved against the contender."""
    examples = blobs(30, seed=1)
    moved = sparring(Step(), attack_eps).against(contender, Batch(examples.x, examples.y, Seeds("test")))
    return float(nn.functional.cross_entropy(contender.scores(moved), examples.y))


def test_a_model_without_a_network_is_refused():
    with pytest.raises(RequestError, match=r"toy: its model must build an untrained network, got RandomForest"):
        untrained("toy", RandomForest(), job())
    for defense in (Distillation(), AdversarialTraining(attack=Step()), EnsembleAdversarialTraining(attack=Step())):
        with pytest.raises(RequestError, match="must be a network with gradients"):
            defense.facts(ContenderFacts(access=Access.SCORES))


@pytest.mark.parametrize("defense", [
    Distillation(temperature=10), EnsembleAdversarialTraining(attack=Step(), networks=2, eps=0.1),
], ids=lambda defense: type(defense).__name__)  # fmt: skip
def test_an_interrupted_training_ends_where_it_would_have(defense, tmp_path, monkeypatch):
    monkeypatch.setattr("advbench_baselines.checkpoint._EVERY", 0.0)
    model, bars = LeNet(epochs=3, learning_rate=0.005, batch=40), []
    whole = defense.protect(model, job(progress=lambda *bar: bars.append(bar)))

    class Stopped(Exception):
        pass

    def stop(done, total):
        if (done, total) == bars[-2]:
            raise Stopped

    with pytest.raises(Stopped):
        defense.protect(model, job(progress=stop, checkpoints=tmp_path))
    told = []
    again = defense.protect(model, job(progress=lambda *bar: told.append(bar), checkpoints=tmp_path))
    assert torch.equal(weights(again), weights(whole))
    assert len(told) < len(bars) / 2


def test_examples_are_moved_uphill_within_eps():
    contender = QUICK.fit(job())
    given = batch(30)
    moved = sparring(Step(), 0.05).against(contender, given)
    assert float((moved - given.x).abs().max()) == pytest.approx(0.05, abs=1e-6)
    assert 0 <= float(moved.min()) < float(moved.max()) <= 1
    before, after = (nn.functional.cross_entropy(contender.scores(x), given.y) for x in (given.x, moved))
    assert float(after) > float(before)


def test_a_network_in_training_is_attacked_in_evaluation_mode_and_left_alone():
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Dropout(0.9), nn.Linear(64, 3)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first, second = (sparring(Step()).against(network, batch()) for _ in range(2))
    assert torch.equal(first, second)
    assert network.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_attacks_that_promise_nothing_are_run_one_by_one():
    contender = QUICK.fit(job())
    together, alone = (sparring(attack()).against(contender, batch()) for attack in (Step, Alone))
    torch.testing.assert_close(alone, together)


def test_each_step_draws_anew():
    seen = []
    AdversarialTraining(attack=Step(seen=seen), eps=0.1).protect(LeNet(epochs=2, batch=60), job())
    assert [count for count, _ in seen] == [60] * 4
    assert len({float(draw[0]) for _, draw in seen}) == 4


def test_streams_have_their_shapes_and_ranges():
    streams, rows = BatchStreams(torch.Generator().manual_seed(0), torch.device("cpu")), torch.arange(50)
    assert streams.normal(rows, (2, 3)).shape == (50, 2, 3)
    uniform, whole = streams.uniform(rows, (4,)), streams.integers(rows, (4,), 3)
    assert 0 <= float(uniform.min()) < float(uniform.max()) < 1
    assert whole.unique().tolist() == [0, 1, 2]


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_share_weighs_attacked_against_clean(share):
    network, given = nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), batch()
    moved = given.x.flip(0)
    clean, attacked = (nn.functional.cross_entropy(network(x), given.y, reduction="none") for x in (given.x, moved))
    found = mixed(network, given, moved, share, "ce")
    torch.testing.assert_close(found, (1 - share) * clean + share * attacked)


@pytest.mark.parametrize("defense", [
    AdversarialTraining(attack=Step(), eps=0.15), AdversarialTraining(attack=Step(), eps=0.15, share=0.5),
    EnsembleAdversarialTraining(attack=Step(), eps=0.15, networks=1),
], ids=["madry", "mix", "ensemble"])  # fmt: skip
def test_it_resists_better_than_its_twin(defense):
    model = LeNet(epochs=15, learning_rate=0.005)
    assert losses_under(defense.protect(model, job()), 0.15) < 0.7 * losses_under(model.fit(job()), 0.15)


def test_finished_networks_are_attacked_too():
    seen = []

    @dataclass(frozen=True)
    class Spy(Step):
        def perturb(self, oracle, x, rng):
            seen.append(oracle.threat.gradient)
            return Perturbed(x)

    _attach(Spy, True)
    model = LeNet(epochs=4, batch=30, votes=3)  # hard votes offer a surrogate; the network in training, its own
    EnsembleAdversarialTraining(attack=Spy(), eps=0.1, networks=1).protect(model, job())
    assert set(seen) == {"exact", "surrogate/mean-probability"}


def test_votes_stay_what_the_model_makes_of_them():
    model = LeNet(epochs=3, votes=3, learning_rate=0.005)
    defense = AdversarialTraining(attack=Step(), eps=0.05)
    made = defense.protect(model, job())
    assert made.facts == model.facts() == defense.facts(model.facts())
    assert torch.equal(defense.restore(model, made.state(), job()).scores(blobs().x), made.scores(blobs().x))


def test_eps_is_the_data_sets_unless_given():
    own = replace(facts(), eps={Norm.LINF: 0.3})
    assert reach("toy", None, Norm.LINF, own) == 0.3
    assert reach("toy", 0.2, Norm.LINF, own) == 0.2
    with pytest.raises(RequestError, match=r"toy: eps must be given for data without a reference of l2, got none"):
        reach("toy", None, Norm.L2, own)


def test_attacks_that_teach_nothing_are_refused():
    @dataclass(frozen=True)
    class Prepared(Step):
        def prepare(self, oracle, seeds, rng): ...

    _attach(Prepared, True)
    check_attack(Step(), "linf")
    for attack, norm, told in (
        (None, "linf", "attack must be an attack, got none"),
        (Step(), "l2", "norm must be linf for attack=step, got l2"),
        (Prepared(), "linf", "attack must not learn first, got prepared"),
    ):
        with pytest.raises(ValueError, match=told):
            check_attack(attack, norm)
    for defense in (AdversarialTraining, EnsembleAdversarialTraining):
        with pytest.raises(ValueError, match="attack.returns must be last, got success"):
            defense(attack=Step(returns="success"))


def test_an_attack_that_returns_something_else_is_named():
    @dataclass(frozen=True)
    class Cut(Step):
        def perturb(self, oracle, x, rng):
            return Perturbed(x[:1])

    _attach(Cut, True)
    with pytest.raises(ContestError, match=r"toy: its attack must return inputs \(6, 1, 8, 8\), got \(1, 1, 8, 8\)"):
        sparring(Cut()).against(QUICK.fit(job()), batch())
