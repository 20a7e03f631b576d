"""Bundled data: disjoint stratified splits, ids for ever, inside the bounds, a digest that tells."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from advbench import DataError, ParamError
from advbench.builtin import datasets
from advbench.builtin.datasets import BreastCancer, Digits, TwoMoons

SPLITS = ("train", "tune", "eval")
SETS = [Digits(), Digits(classes=(3, 8)), BreastCancer(), TwoMoons(), TwoMoons(examples=60, noise=0.0)]


@pytest.fixture(params=SETS, ids=repr)
def data(request):
    return request.param


def test_splits_are_disjoint_and_whole(data):
    ids = [data.load(split).ids.tolist() for split in SPLITS]
    together = [i for part in ids for i in part]
    assert len(set(together)) == len(together) == sum(data.facts().sizes.values())
    assert [len(part) for part in ids] == [data.facts().sizes[split] for split in SPLITS]
    if data == Digits():
        assert sorted(together) == list(range(1797))


def test_splits_are_stratified(data):
    shares = {"train": 0.7, "tune": 0.1, "eval": 0.2}
    every = torch.cat([data.labels(split) for split in SPLITS])
    for split, share in shares.items():
        counts = torch.bincount(data.labels(split), minlength=data.facts().classes)
        expected = torch.bincount(every) * share
        assert float((counts - expected).abs().max()) <= 1.0


def test_what_is_served_is_what_the_facts_say(data):
    facts = data.facts()
    for split in SPLITS:
        part = data.load(split)
        assert (part.x.dtype, part.y.dtype, part.ids.dtype) == (torch.float32, torch.int64, torch.int64)
        assert tuple(part.x.shape) == (len(part), *facts.shape)
        assert facts.bounds.low <= float(part.x.min())
        assert float(part.x.max()) <= facts.bounds.high
        assert part.x.isfinite().all()
        assert torch.equal(part.y, data.labels(split))
        assert set(part.y.tolist()) <= set(range(facts.classes))
    assert (float(data.load("train").x.min()), float(data.load("train").x.max())) == (0.0, 1.0)


def test_positions_pick_rows_of_the_whole(data):
    whole = data.load("eval")
    part = data.load("eval", [3, 0, 5])
    assert torch.equal(part.ids, whole.ids[[3, 0, 5]])
    assert torch.equal(part.x, whole.x[[3, 0, 5]])
    assert torch.equal(part.y, whole.y[[3, 0, 5]])


def test_what_is_served_is_a_copy(data):
    before = data.load("eval")
    served = data.load("eval")
    served.x.zero_()
    served.y.zero_()
    served.ids.zero_()
    after = data.load("eval")
    for name in ("x", "y", "ids"):
        assert torch.equal(getattr(after, name), getattr(before, name))


# Stored reports name examples by id: whoever changes a split or an id makes them lie.
KNOWN = {
    "Digits": "d1459606d1dc99df",
    "BreastCancer": "478ec64a4a7d4543",
    "TwoMoons": "bef273ee6ed87a6b",
}


@pytest.mark.parametrize("kind", [Digits, BreastCancer, TwoMoons])
def test_ids_are_stable_for_ever(kind):
    ids = [kind().load(split).ids for split in SPLITS]
    text = b"".join(part.numpy().tobytes() for part in ids)
    assert hashlib.sha256(text).hexdigest()[:16] == KNOWN[kind.__name__]


def test_ids_are_rows_of_the_source():
    from sklearn.datasets import load_breast_cancer, load_digits

    part = Digits().load("eval")
    bunch = load_digits()
    assert torch.equal(part.y, torch.from_numpy(bunch.target)[part.ids])
    assert torch.equal(part.x[:, 0], torch.from_numpy(bunch.images / 16.0).float()[part.ids])
    part = BreastCancer().load("tune")
    assert torch.equal(part.y, torch.from_numpy(load_breast_cancer().target)[part.ids])


def test_scaling_looks_at_the_training_split_alone():
    from sklearn.datasets import load_breast_cancer

    x = torch.from_numpy(load_breast_cancer().data)
    train = x[BreastCancer().load("train").ids]
    low, high = train.amin(dim=0), train.amax(dim=0)
    part = BreastCancer().load("eval")
    torch.testing.assert_close(part.x, ((x[part.ids] - low) / (high - low)).clamp(0, 1).float())


def test_the_digest_is_constant_and_follows_the_content():
    assert Digits().facts().digest == Digits().facts().digest
    digests = {
        one.facts().digest
        for one in (
            Digits(), Digits(classes=(3, 8)), Digits(classes=(8, 3)), Digits(classes=(3, 9)), BreastCancer(),
            TwoMoons(), TwoMoons(noise=0.2), TwoMoons(examples=500), BreastCancer(classes=(1, 0)),
        )
    }  # fmt: skip
    assert len(digests) == 9


def test_known_facts_are_those_of_what_is_loaded():
    for data in (Digits(), BreastCancer()):
        facts = data.facts()
        assert data._table().describe(facts.modality, facts.eps) == facts


@pytest.mark.parametrize("harm", ["digest", "sizes"])
def test_contents_that_are_not_those_known_are_refused(harm):
    table, known = Digits()._table(), Digits().facts()
    other = {"digest": "0" * 64, "sizes": dict(known.sizes) | {"eval": 360}}[harm]
    with pytest.raises(DataError, match="digits: its contents must be those known"):
        datasets._as_known("digits", table, replace(known, **{harm: other}))


@pytest.mark.parametrize(("examples", "noise"), [(1000, 0.15), (60, 0.0)])
def test_the_moons_are_those_of_scikit_learn(examples, noise):
    from sklearn.datasets import make_moons

    x, y = make_moons(examples, noise=noise, random_state=0)
    assert TwoMoons(examples=examples, noise=noise).facts().digest == datasets._table(x, y, scale=True).digest


def test_facts_are_told_without_torch_and_without_scikit_learn():
    code = (
        "import sys; from advbench.builtin.datasets import BreastCancer, Digits, TwoMoons;"
        "[kind().facts() for kind in (BreastCancer, Digits, TwoMoons)];"
        "print(*({'torch', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_digest_changes_with_one_pixel_or_one_label():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x, y = bunch.images / 16.0, bunch.target

    def digest(x, y):
        return datasets._table(x, y).digest

    once = digest(x, y)
    assert digest(x.copy(), y.copy()) == once
    other = x.copy()
    other[5, 2, 2] += 1 / 16
    assert digest(other, y) != once
    relabelled = y.copy()
    relabelled[[7, 8]] = relabelled[[8, 7]]
    assert digest(x, relabelled) != once


def test_classes_pick_and_relabel_in_the_order_given():
    whole = Digits().load("eval")
    for first, second in ((3, 8), (8, 3)):
        chosen = Digits(classes=(first, second))
        part = chosen.load("eval")
        assert chosen.facts().classes == 2
        keep = (whole.y == 3) | (whole.y == 8)
        assert torch.equal(part.ids, whole.ids[keep])
        assert torch.equal(part.x, whole.x[keep])
        assert torch.equal(part.y, (whole.y[keep] == second).long())
        assert torch.equal(chosen.labels("eval"), part.y)
    three = Digits(classes=(0, 5, 9)).load("tune")
    original = Digits().load("tune")
    labels = dict(zip(original.ids.tolist(), original.y.tolist(), strict=True))
    assert [(0, 5, 9)[y] for y in three.y.tolist()] == [labels[i] for i in three.ids.tolist()]


@pytest.mark.parametrize("classes", [(3,), (3, 3), (3, 10), ()])
def test_classes_that_make_no_contest_are_refused(classes):
    with pytest.raises(ParamError, match="classes must be"):
        Digits(classes=classes).facts()


def test_moons_come_in_pairs_and_lie_apart_without_noise():
    with pytest.raises(DataError, match="even"):
        TwoMoons(examples=21).facts()
    still = TwoMoons(examples=400, noise=0.0)
    train, other = still.load("train"), still.load("eval")
    nearest = torch.cdist(other.x, train.x).argmin(dim=1)
    assert torch.equal(train.y[nearest], other.y)
