"""A network trained again with adversarial examples made once."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from advbench import Access, AttackFacts, AttackSpec, ContestError, Modality, Norm, Perturbed
from advbench.contract.params import attach
from advbench_baselines.augmentation import AdversarialAugmentation, joined, pairs
from advbench_baselines.lenet import LeNet

sys.path.insert(0, str(Path(__file__).resolve().parent))
from baselines_case import blobs, job


@dataclass(frozen=True)
class Swap:
    """Moves an example onto a mean of the class aimed at, if `works`; notes what it was asked."""

    works: bool = True
    norm: Norm = Norm.L2

    def facts(self):
        return AttackFacts(needs=Access.GRADIENTS, norms=frozenset({self.norm}))

    def perturb(self, oracle, x, rng):
        assert oracle.threat.targeted
        assert oracle.threat.eps is None
        assert oracle.threat.norm == self.norm
        assert bool((oracle.goal.target != oracle.goal.y).all())
        return Perturbed(torch.stack([mean(int(k)) for k in oracle.goal.target]) if self.works else x)


def mean(label):
    examples = blobs(300, seed=5)
    return examples.x[examples.y == label].mean(dim=0)


def named(cls, **more):
    about = {
        "needs": Access.GRADIENTS, "modalities": frozenset({Modality.IMAGE}), "norms": frozenset(Norm),
        "targeted": True, "batched": True,
    }  # fmt: skip
    attach(cls, AttackSpec(name=cls.__name__.lower(), summary="a toy", **(about | more)))
    return cls


named(Swap)


class Recording(LeNet):
    """Notes what each training was given."""

    seen: list = []

    def fit(self, job):
        self.seen.append(job.train)
        return super().fit(job)


@pytest.fixture
def model():
    Recording.seen.clear()
    return Recording(epochs=4, learning_rate=0.005)


def test_each_example_is_paired_with_every_class_that_it_is_not():
    rows, targets = pairs(torch.tensor([0, 2, 1, 2]), torch.tensor([1, 2]), 3)
    assert rows.tolist() == [1, 1, 2, 2]
    assert targets.tolist() == [0, 1, 0, 2]


def test_what_reached_its_class_joins_under_the_true_label(model):
    defense = AdversarialAugmentation(attack=Swap(), images=10)
    made = defense.protect(model, job())
    plain, augmented = Recording.seen
    added = slice(len(plain), None)
    assert (len(plain), len(augmented)) == (120, 120 + 20)
    assert torch.equal(augmented.x[:120], plain.x)
    assert len(augmented.ids.unique()) == 140
    there = torch.stack([mean(k) for k in range(3)])
    nearest = (augmented.x[added, None] - there).flatten(2).norm(dim=2).argmin(dim=1)
    assert (nearest != augmented.y[added]).all()
    assert made.facts == model.facts()
    assert torch.equal(defense.restore(model, made.state(), job()).scores(plain.x), made.scores(plain.x))


def test_the_examples_of_two_attacks_join_together(model):
    @dataclass(frozen=True)
    class Second(Swap):
        norm: Norm = Norm.L1

    named(Second)
    AdversarialAugmentation(attack=Swap(), other=Second(), images=10).protect(model, job())
    assert len(Recording.seen[1]) == 120 + 2 * 20


def test_what_misses_is_left_out_and_nothing_at_all_is_told(model):
    @dataclass(frozen=True)
    class Half(Swap):
        def perturb(self, oracle, x, rng):
            there = super().perturb(oracle, x, rng).x
            return Perturbed(torch.where((oracle.goal.target == 0).reshape(-1, 1, 1, 1), there, x))

    named(Half)
    model = replace(model, epochs=40)  # right about every example that is not moved
    AdversarialAugmentation(attack=Half(), images=30).protect(model, job())
    added = Recording.seen[1].y[120:]
    assert 0 < len(added) <= 20
    assert bool((added != 0).all())
    with pytest.raises(ContestError, match="adversarial-augmentation: the attack must reach some class, got none of"):
        AdversarialAugmentation(attack=Swap(works=False), images=1).protect(model, job())


def test_an_interrupted_making_goes_on_where_it_was(model, tmp_path, monkeypatch):
    monkeypatch.setattr("advbench_baselines.checkpoint._EVERY", 0.0)
    monkeypatch.setattr("advbench_baselines.augmentation._CHUNK", 8)
    asked = []

    @dataclass(frozen=True)
    class Counted(Swap):
        fails_at: int = 99

        def perturb(self, oracle, x, rng):
            if len(asked) == self.fails_at:
                raise KeyboardInterrupt
            asked.append(rng.normal(torch.arange(len(x)), (1,)))
            return super().perturb(oracle, x, rng)

    named(Counted)
    whole = AdversarialAugmentation(attack=Counted(), images=10).protect(model, job())
    drawn, asked[:] = torch.cat(asked), []
    with pytest.raises(KeyboardInterrupt):
        AdversarialAugmentation(attack=Counted(fails_at=2), images=10).protect(model, job(checkpoints=tmp_path))
    again = AdversarialAugmentation(attack=Counted(), images=10).protect(model, job(checkpoints=tmp_path))
    assert torch.equal(torch.cat(asked), drawn)
    x = blobs().x
    assert torch.equal(again.scores(x), whole.scores(x))


def test_attacks_that_cannot_make_them_are_refused():
    @dataclass(frozen=True)
    class Aimless(Swap):
        pass

    named(Aimless, targeted=False)
    for fields, told in (
        ({"attack": None}, "attack must be an attack, got none"),
        ({"attack": Swap(), "norm": "linf"}, "norm must be l2 for attack=swap, got linf"),
        ({"attack": Swap(), "other": Swap()}, "other_norm must be l2 for other=swap, got l1"),
        ({"attack": Aimless()}, "attack must aim at classes, got aimless"),
    ):
        with pytest.raises(ValueError, match=told):
            AdversarialAugmentation(**fields)


def test_joined_examples_keep_their_order():
    train, more = blobs(6), blobs(3, seed=3)
    together = joined(train, [more, more])
    assert together.y.tolist() == train.y.tolist() + 2 * more.y.tolist()
    assert together.ids.tolist() == list(range(12))
