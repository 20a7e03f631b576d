"""A contender is asked for once, whatever waits for it; all who wait hear the same, the bad news too."""

from dataclasses import dataclass

import pytest
from plan_case import defense, plan, resolver
from scripted_crew import Scripted

from advbench import Access, Answer, AttackSpec, Modality, Norm, Task, Trouble, component
from advbench.bench.foreman import Foreman
from advbench.bench.notes import Notes
from advbench.bench.request import Request
from advbench.bench.trainings import Trainings
from advbench.bench.watcher import Tally, Watcher
from advbench.bench.work import Ready

READY = Ready(digest="d", seconds=1.0, cached=False, log=())


class House:
    """Trainings over a crew that follows a script."""

    def __init__(self, script=lambda task: Answer(found=READY)):
        self.crew, self.tally = Scripted(script, slots=8), Tally()
        notes = Notes(Watcher(), self.tally)
        self.foreman = Foreman(self.crew, lambda *news: None, notes.add)
        self.trainings = Trainings(self.foreman, Watcher(), notes, Request())
        self.outcomes = []

    def want(self, cell):
        task = Task(what="train", cell=0, cell_id=cell.cell_id)
        self.trainings.ready(cell, task, self.outcomes.append)

    def finish(self):
        while not self.foreman.idle:
            self.foreman.step()

    @property
    def trained(self):
        return [(one.source, one.makes) for one in self.crew.handed]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path))


def cells(*found, **options):
    return [cell for cell in plan(*found, **options).cells if not cell.refused]


def test_cells_of_one_contender_wait_for_one_training():
    house = House()
    for cell in cells(model=("linear",), attack=("none", "random-noise:draws=[1/2/3]")):
        house.want(cell)
    assert not house.outcomes
    house.finish()
    assert house.outcomes == [READY] * 4
    assert len(house.trained) == 1


def test_who_comes_late_is_served_at_once():
    house = House()
    first, second = cells(model=("linear",), attack=("none", "random-noise"))
    house.want(first)
    house.finish()
    house.want(second)
    assert house.outcomes == [READY] * 2


def test_seeds_and_models_are_other_contenders():
    house = House()
    for cell in cells(model=("linear", "mlp"), attack=("none", "random-noise"), seed=(0, 1)):
        house.want(cell)
    house.finish()
    assert len(house.outcomes) == 8
    assert len(set(house.trained)) == len(house.trained) == 4


def test_a_training_that_fails_is_told_to_all_who_wait_and_is_not_tried_for_those_who_come():
    trouble = Trouble(code="ValueError", reason="no", trace="", ours=True)
    house = House(lambda task: Answer(trouble=trouble))
    first, second, third = cells(model=("linear",), attack=("none", "random-noise:draws=[1/2]"))
    house.want(first)
    house.want(second)
    house.finish()
    house.want(third)
    assert house.outcomes == [trouble] * 3
    assert len(house.trained) == 1


def test_a_training_that_kills_its_workers_is_named():
    house = House(lambda task: "it died")
    house.want(cells(model=("linear",), attack=("none",))[0])
    house.finish()
    (outcome,) = house.outcomes
    assert outcome.reason.startswith("linear of builtin (advbench ")
    assert outcome.reason.endswith(": it must leave its worker alive, got 2 times: it died.")


@dataclass(frozen=True)
class Squeeze:
    def facts(self, base):
        return base


@dataclass(frozen=True)
class Borrow:
    source: object = component("contender", default="mlp", help="whose answers")


BORROW = AttackSpec(
    name="borrow", summary="", needs=Access.NONE, modalities=frozenset(Modality), norms=frozenset(Norm), batched=True
)
FOUND = resolver(("defense", defense("trained", name="squeeze"), Squeeze), ("attack", BORROW, Borrow))


def test_what_a_defense_wraps_is_trained_first_and_once_with_its_twin():
    house = House()
    for cell in cells(FOUND, model=("linear",), defense=("squeeze", "none"), attack=("none", "random-noise")):
        house.want(cell)
    house.finish()
    assert house.outcomes == [READY] * 4
    assert [source for source, _ in house.trained] == ["@base", ""]


def test_what_a_stored_defense_wraps_is_inside():
    house = House()
    (cell,) = cells(FOUND, model=("linear",), defense=("squeeze",), attack=("none",), twin=False)
    house.trainings.stored = lambda cell: "digest"
    house.want(cell)
    house.finish()
    assert [source for source, _ in house.trained] == [""]


def test_what_lies_in_an_attacks_field_is_the_plans_own_or_the_victims_namesake_trained_apart():
    house = House()
    wanted = cells(FOUND, model=("linear", "mlp"), attack=("borrow",))
    for cell in wanted:
        house.want(cell)
    house.finish()
    assert len(house.outcomes) == 2
    # linear; mlp, for both as linear's source and as a victim; mlp again under another seed, as its own source.
    assert len(house.trained) == 3
    assert [len(house.trainings.keys(cell)) for cell in wanted] == [2, 2]
