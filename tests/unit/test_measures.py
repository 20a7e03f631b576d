"""Distances from plugins are held to what a distance is."""

from dataclasses import dataclass

import pytest
import torch

from advbench import Bounds, DatasetFacts, DistanceSpec, Modality, Norm
from advbench.bench.measures import Measures
from advbench.catalog.plugins import Entry, Installed, Source
from advbench.contract.errors import ContestError, PluginError

FACTS = DatasetFacts(modality=Modality.TABULAR, shape=(3,), classes=2, bounds=Bounds(0.0, 2.0), digest="d")
X = torch.zeros(4, 3)


class Toy:
    def __call__(self, x, x_adv, width):
        return (x_adv - x).double().abs().amax(dim=1) * width


def answering(answer):
    @dataclass(frozen=True)
    class Answering:
        def __call__(self, x, x_adv, width):
            return answer(x)

    return Answering


def installed(**classes):
    """Distances by the norm that they say they measure."""
    found = Installed()
    for name, cls in classes.items():
        norm = Norm(name.split("_")[0])
        spec = DistanceSpec(
            name=name.replace("_", "-"), summary="toy", norm=norm, modalities=frozenset({Modality.TABULAR})
        )
        entry = Entry("distance", spec, dataclass(frozen=True)(type(name, (cls,), {})), Source("toys", "adv-toys", "1"))
        found.entries["distance"][spec.name] = entry
    return found


def test_a_sound_distance_measures():
    notes = []
    measure = Measures(installed(l2=Toy), notes.append).of(FACTS, Norm.L2)[Norm.L2]
    assert measure(X, X + 0.5).tolist() == [1.0] * 4  # of a range of 2
    assert notes == []


BAD = {
    "it must return torch.float64 (4,), got torch.float32 (4,)": lambda x: torch.zeros(len(x)),
    "it must return torch.float64 (4,), got torch.float64 (4, 3)": lambda x: x.double(),
    "it must return torch.float64 (4,), got list": lambda x: [0.0] * len(x),
    "sizes must be numbers >= 0, got nan": lambda x: torch.full((len(x),), torch.nan, dtype=torch.float64),
    "sizes must be numbers >= 0, got -1": lambda x: -torch.ones(len(x), dtype=torch.float64),
    "it must end without an error, got ZeroDivisionError: division by zero": lambda x: 1 / 0,
}


@pytest.mark.parametrize("told", BAD)
def test_a_bad_one_fails_the_cells_of_its_norm_and_is_noted_by_the_others(told):
    notes = []
    measures = Measures(installed(l1=answering(BAD[told]), l2=Toy), notes.append)
    whole = f"distance l1 of toys (adv-toys 1): {told}. Mend it or uninstall it."
    with pytest.raises(ContestError) as caught:
        measures.of(FACTS, Norm.L1)[Norm.L1](X, X)
    assert str(caught.value) == whole
    others = measures.of(FACTS, Norm.L2)
    assert others[Norm.L2](X, X).tolist() == [0.0] * 4
    assert others[Norm.L1](X, X).isnan().all()
    assert notes == [f"{whole} The column l1 holds NaN."]


def test_one_that_cannot_be_made_breaks_its_norm_alone():
    class Leaving(Toy):
        def __post_init__(self):
            raise SystemExit(3)

    notes = []
    measures = Measures(installed(l1=Leaving, l2=Toy), notes.append)
    assert set(measures.of(FACTS, Norm.L2)) == {Norm.L2}
    with pytest.raises(PluginError, match="norm l1: it must be measured by a distance that works: .*SystemExit: 3"):
        measures.of(FACTS, Norm.L1)
    assert len(notes) == 1


def test_two_of_one_norm_serve_nobody():
    notes = []
    measures = Measures(installed(l1=Toy, l1_two=Toy, l1_three=Toy, l2=Toy), notes.append)
    assert set(measures.of(FACTS, Norm.L2)) == {Norm.L2}
    with pytest.raises(PluginError, match="got l1 of toys .* and l1-two of toys .*Uninstall one"):
        measures.of(FACTS, Norm.L1)


def test_a_norm_that_nobody_measures_is_told():
    with pytest.raises(PluginError, match="norm l0: .*none for tabular inputs is installed"):
        Measures(installed(l2=Toy), print).of(FACTS, Norm.L0)
