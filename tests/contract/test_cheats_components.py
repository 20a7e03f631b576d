"""Each rule for components of any kind has a cheat that its check catches."""

from dataclasses import dataclass, replace

import pytest
from cheating import ATTACK, attack_of, finding, subject_of
from cheats_attacks import Honest

from advbench import Paper, param
from advbench.catalog.plugins import Source
from advbench.testing.checks import component, every_parameter

CHECKS = {
    name: value
    for module in (component, every_parameter)
    for name, value in vars(module).items()
    if name.startswith("check_")
}
PAPER = Paper(title="On cheating", year=2020, url="https://example.org/cheating")


@dataclass(frozen=True)
class Wordy(Honest):
    """Its help does not fit a table."""

    size: float = param(1.0, help="a size\nin two lines")


@dataclass(frozen=True)
class Choosy(Honest):
    """Refuses in words of its own."""

    size: float = param(1.0, gt=0, help="a size")

    def __post_init__(self):
        if self.size <= 0:
            raise KeyError("no")


@dataclass(frozen=True)
class Restless(Honest):
    """Turns what was asked for into something else."""

    size: float = param(1.0, help="a size")

    def __post_init__(self):
        object.__setattr__(self, "size", self.size + 1)


@dataclass(frozen=True)
class Thawed(Honest):
    """Lets its parameters be changed."""


Thawed.__setattr__ = object.__setattr__


def documented_by_nobody():
    cls = type("Undocumented", (Honest,), {})
    cls = dataclass(frozen=True)(cls)
    cls.__doc__ = None
    return cls


CAUGHT = {
    "name_is_kebab_case": (attack_of(Honest, name="My_Attack"), "Its name is 'My_Attack'"),
    "spec_is_complete": (attack_of(Honest, summary="a" * 200), "200 characters"),
    "paper_has_a_url": (attack_of(Honest, paper=replace(PAPER, url="see the appendix")), "'see the appendix'"),
    "parameters_have_help": (attack_of(Wordy), "The help of size is 'a size\\nin two lines'"),
    "bad_parameters_are_refused_by_name": (attack_of(Choosy), "'cheat:size=-1' raises"),
    "spelling_round_trips": (attack_of(Restless), "is read back as"),
    "is_frozen": (subject_of("attack", Thawed, ATTACK), "draws could be set"),
}


@pytest.mark.parametrize("check", CAUGHT)
def test_a_cheat_is_caught_by_its_check(check):
    subject, told = CAUGHT[check]
    found = finding(subject, CHECKS[f"check_{check}"])
    assert found.outcome == "failed"
    assert told in found.text
    assert not found.text.startswith("It raised")


def test_a_class_without_a_word_about_itself():
    found = finding(subject_of("attack", documented_by_nobody(), ATTACK), CHECKS["check_spec_is_complete"])
    assert "has no docstring" in found.text


def test_a_plugin_that_imports_torch_to_register(tmp_path, monkeypatch):
    package = tmp_path / "cheating_plugin"
    package.mkdir()
    (package / "__init__.py").write_text("import torch\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    subject = subject_of("attack", Honest, ATTACK, target="cheating_plugin.attack:Cheat")
    found = finding(subject, CHECKS["check_import_is_light"])
    assert "Importing cheating_plugin imports ['torch']" in found.text


def test_a_component_that_the_catalogue_lists_elsewhere():
    subject = attack_of(Honest, name="zoo")
    found = finding(subject, CHECKS["check_registry_entry_matches"])
    assert "It comes with advbench-stranger, but the catalogue lists it under advbench-zoo" in found.text


def test_a_component_that_its_listed_distribution_does_not_announce():
    subject = attack_of(Honest)
    source = Source("zoo", "advbench-zoo", "1.0")
    subject = replace(subject, entry=replace(subject.entry, source=source))
    found = finding(subject, CHECKS["check_registry_entry_matches"])
    assert "does not list it under advbench-zoo" in found.text


@pytest.mark.parametrize("check", CHECKS)
def test_an_honest_component_keeps_every_rule(check):
    found = finding(attack_of(Honest, paper=PAPER), CHECKS[check])
    told = {"check_import_is_light": "not applicable", "check_registry_entry_matches": "not applicable"}
    assert found.outcome == told.get(check, "passed"), found


def test_every_check_has_its_cheat():
    others = {"check_import_is_light", "check_registry_entry_matches"}  # above, for they need a place
    assert {f"check_{name}" for name in CAUGHT} | others == set(CHECKS)
