"""Records from plugins: each field holds what it declares."""

from dataclasses import replace

import numpy as np
import pytest

from advbench import Access, AttackSpec, Bounds, DatasetFacts, Estimate, Modality, Norm, Paper
from advbench.catalog.accepting import check_component
from advbench.contract.errors import PluginError
from advbench.contract.fitting import misfit

SPEC = AttackSpec(
    name="toy", summary="a toy", needs=Access.LABELS, modalities=frozenset(Modality), norms=frozenset({Norm.L2}),
    paper=Paper(title="t", year=2000, url="u"),
)  # fmt: skip
FACTS = DatasetFacts(
    modality=Modality.IMAGE, shape=(1, 8, 8), classes=10, bounds=Bounds(0, 1), digest="d", eps={Norm.L2: 1}
)


@pytest.mark.parametrize("record", [SPEC, FACTS, Estimate(0.5, 0, 1, 3), Estimate(np.float64(0.5), 0, 1, np.int64(3))])
def test_what_fits_is_let_be(record):
    assert misfit(record) is None


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (replace(SPEC, needs="labels"), "needs must be Access, got 'labels'"),
        (replace(SPEC, needs=1), "needs must be Access, got 1"),
        (replace(SPEC, norms=[Norm.L2]), "norms must be frozenset[Norm], got [<Norm.L2: 'l2'>]"),
        (replace(SPEC, norms=frozenset({"l2"})), "norms must be frozenset[Norm], got frozenset({'l2'})"),
        (replace(SPEC, summary=None), "summary must be str, got None"),
        (replace(SPEC, batched="yes"), "batched must be bool, got 'yes'"),
        (replace(SPEC, shard=8.0), "shard must be int, got 8.0"),
        (replace(SPEC, shard=True), "shard must be int, got True"),
        (replace(SPEC, paper="Somebody 2000"), "paper must be Paper or None, got 'Somebody 2000'"),
        (replace(FACTS, shape=(1, "8")), "shape must be tuple[int, ...] or None, got (1, '8')"),
        (replace(FACTS, eps={"l2": 1.0}), "eps must be Mapping[Norm, float], got {'l2': 1.0}"),
        (replace(FACTS, digest=b"\x1b[31m"), r"digest must be str, got b'\x1b[31m'"),
        (Estimate("x" * 1000, 0, 1, 3), "value must be float, got '" + "x" * 59 + "… (942 more characters)"),
    ],
)
def test_what_does_not_fit_is_told(record, told):
    assert misfit(record) == told


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (replace(SPEC, needs="labels"), "attack 'toy': needs must be Access, got 'labels'. Correct its AttackSpec."),
        (replace(SPEC, paper=Paper(title="t", year="2000", url="u")), "attack 'toy': year must be int, got '2000'."),
    ],
)
def test_registering_checks_it(spec, told):
    check_component("attack", AttackSpec, SPEC, "m:C")
    with pytest.raises(PluginError) as caught:
        check_component("attack", AttackSpec, spec, "m:C")
    assert str(caught.value).startswith(told)
