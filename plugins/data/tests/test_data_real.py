"""The real sets, where somebody has fetched them into the cache of this machine: known statistics."""

import hashlib

import numpy as np
import pytest
from data_case import RESOLVER, check, named

from advbench.testing.examination import examinations, examine


def real(text):
    """The set, or a skip with the command that brings it here."""
    dataset = named(text)
    if not dataset.is_here():
        pytest.skip(f"not on this machine; run: {dataset.supply().command}")
    return dataset


def counts(dataset, first, last):
    return np.bincount(dataset.arrays()["y"][first:last]).tolist()


def test_mnist_has_its_counts_and_mean():
    data = real("mnist")
    assert counts(data, 0, 60_000) == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert counts(data, 60_000, None) == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.arrays()["x"][:60_000].mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    facts = data.facts()
    assert facts.sizes == {"train": 54_000, "tune": 6_000, "eval": 10_000}
    assert sum(named("mnist:split=5/1/1").facts().sizes.values()) == 70_000


def test_fashion_mnist_is_balanced_and_has_its_mean():
    data = real("fashion-mnist")
    assert counts(data, 0, 60_000) == [6_000] * 10
    assert counts(data, 60_000, None) == [1_000] * 10
    assert data.arrays()["x"][:60_000].mean() / 255 == pytest.approx(0.2860, abs=5e-5)


def test_cifar10_has_its_means_and_first_labels():
    data = real("cifar10")
    arrays = data.arrays()
    assert counts(data, 0, 50_000) == [5_000] * 10
    assert arrays["y"][50_000:50_010].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    means = arrays["x"][:50_000].mean(axis=(0, 2, 3)) / 255
    assert means == pytest.approx([0.4914, 0.4822, 0.4465], abs=5e-5)
    pair = named("cifar10:classes=0/1")
    assert pair.facts().sizes == {"train": 9_000, "tune": 1_000, "eval": 2_000}
    assert tuple(pair.load("eval", [0, 7]).x.shape) == (2, 3, 32, 32)


OFFICIAL = (  # of data_batch_1.bin to 5 and test_batch.bin, as their authors hand them out
    "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
)


@pytest.mark.parametrize("batch", range(6))
def test_cifar10_is_byte_for_byte_the_official_binary_version(batch):
    arrays = real("cifar10").arrays()
    rows = slice(batch * 10_000, (batch + 1) * 10_000)
    labels = arrays["y"][rows, None].astype(np.uint8)
    records = np.hstack([labels, arrays["x"][rows].reshape(10_000, -1)])
    assert hashlib.sha256(records.tobytes()).hexdigest() == OFFICIAL[batch]


@pytest.mark.parametrize(("name", "wanted"), [("ECG200", 0.12), ("ECG5000", 0.0751)])
def test_nearest_neighbours_err_as_the_archive_prints(name, wanted):
    arrays = real(f"ucr:{name}").arrays()
    x, y, part = arrays["x"][:, :, 0].astype(float), arrays["y"], arrays["part"]
    train, test = part == 0, part == 1
    distance = (x[train] ** 2).sum(1) - 2 * x[test] @ x[train].T
    assert (y[train][distance.argmin(1)] != y[test]).mean() == pytest.approx(wanted, abs=5e-5)


@pytest.mark.parametrize(
    ("name", "wanted", "features"),
    [("adult", [34_014, 11_208], 104), ("credit", [23_364, 6_636], 32), ("german", [700, 300], 58)],
)
def test_tables_have_their_counts_and_columns(name, wanted, features):
    data = real(name)
    facts = check(data)
    assert counts(data, 0, None) == wanted
    assert facts.shape == (features,)
    assert len(facts.columns) == features
    assert any(column.kind == "one-hot" for column in facts.columns)


@pytest.mark.parametrize(("name", "count", "words"), [("mr", 8_530, 21.0), ("imdb", 25_000, 231)])
def test_reviews_have_their_counts_and_lengths(name, count, words):
    data = real(name)
    if len(data.arrays()["y"]) != count:
        pytest.skip("from the official files, which hold more")
    assert counts(data, 0, None) == [count // 2] * 2
    texts = data.load("eval", range(400)).x
    assert np.mean([len(text.split()) for text in texts]) == pytest.approx(words, rel=0.1)


@pytest.mark.parametrize(
    "name", ["mnist", "fashion-mnist", "cifar10", "ucr", "adult", "credit", "german", "mr", "imdb"]
)
def test_no_rule_of_the_kit_is_broken(name):
    real(name)
    entry = RESOLVER.installed.entries["dataset"][name]
    findings = [examine(subject, check) for subject, check in examinations(iter([entry]), RESOLVER)]
    assert len(findings) > 20
    assert not [str(finding) for finding in findings if finding.outcome == "failed"]
