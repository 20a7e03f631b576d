"""What a noisy contender says of the unchanged examples is one opinion, whoever attacks it afterwards."""

import pytest

from advbench import Norm
from advbench.bench.plan import make_plan
from advbench.bench.request import Request
from advbench.bench.runner import run
from advbench.bench.watcher import Watcher
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.records.reader import Report

PLUGIN = """
from dataclasses import dataclass
import torch
from advbench import *

class Trembling:
    facts = ContenderFacts(access=Access.SCORES, stochastic=True)
    def scores(self, x, *, noise=None):
        above = x[:, :1] - 0.5 + noise.normal((1,))
        return torch.cat([-above, above], dim=1)
    def labels(self, x, *, noise=None):
        return self.scores(x, noise=noise).argmax(dim=1)
    def state(self):
        return State({})

@dataclass(frozen=True)
class TremblingModel:
    def facts(self):
        return Trembling.facts
    def fit(self, job):
        return Trembling()
    def restore(self, state, job):
        return Trembling()

@hookimpl
def advbench_register_models(register):
    register(ModelSpec(name="trembling", summary="noise alone", modalities=frozenset(Modality)), TremblingModel)
"""


@pytest.fixture
def rows(tmp_path, monkeypatch):
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / "trembling.py"
    file.write_text(PLUGIN)
    installed = discover([file])
    request = Request(
        dataset=("two-moons",), model=("trembling",), attack=("none", "random-noise:draws=3"), norm=Norm.LINF, n=40,
        out=tmp_path / "report",
    )  # fmt: skip
    tally = run(make_plan(request, Resolver(installed, read())), request, installed, Watcher())
    assert (tally.ok, tally.failed) == (2, 0)
    return Report.open(request.out).examples.to_pylist()


def test_all_attacks_face_the_same_examples(rows):
    opinions = {}
    for row in rows:
        opinions.setdefault(row["cell_id"], {})[row["example_id"]] = row["clean_label"], row["verdict"] == "skipped"
    one, other = opinions.values()
    assert one == other
    assert {skipped for _, skipped in one.values()} == {True, False}
