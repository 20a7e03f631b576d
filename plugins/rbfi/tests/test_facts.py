"""The command that runs the paper's statements: its bookkeeping, and a small run of the real thing."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from advbench_rbfi.geometry import parse

SCRIPT = Path(__file__).resolve().parents[1] / "facts.py"


@pytest.fixture(scope="module")
def facts():
    spec = importlib.util.spec_from_file_location("rbfi_facts", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Told:
    """Answers by what the contender and the attack are called, the first word that occurs."""

    def __init__(self, facts, shares):
        self.scale, self.shares = facts.SCALES["digits"], shares
        for name in ("ascent", "pgd"):
            setattr(self, name, getattr(facts.Bench, name).__get__(self))

    def accuracy(self, contender, attack="none"):
        asked = f"{contender} {attack}"
        value = next(share for word, share in self.shares.items() if word in asked)
        return value, value, value, 100


def test_geometries_fit_the_scale(facts):
    assert [shape.kind for shape in parse(facts.SCALES["digits"].rbfi().partition("=")[2].partition(",ep")[0])] == [
        "^", "v", "v"
    ]  # fmt: skip
    typed = facts.SCALES["paper"].rbfi()
    assert typed == "rbfi:geometry=512^,512v,512^,10v,epochs=30"


@pytest.mark.parametrize(
    ("name", "shares", "holds"),
    [
        ("a", {"relu": 0.98, "rbfi": 0.970, "sigmoid": 0.972}, True),
        ("a", {"relu": 0.98, "rbfi": 0.970, "sigmoid": 0.95}, False),
        ("b", {"rbfi": 0.95, "mlp": 0.01}, True),
        ("b", {"rbfi": 0.85, "mlp": 0.01}, False),
        ("b", {"rbfi": 0.95, "mlp": 0.05}, False),
        ("c", {"fgsm": 0.9, "noise": 0.8, "pgd": 0.7}, True),
        ("c", {"fgsm": 0.7, "noise": 0.8, "pgd": 0.7}, False),
        ("d", {"legacy": 0.4, "fgsm": 0.1, "pgd": 0.1}, True),
        ("d", {"legacy": 0.1, "fgsm": 0.2, "pgd": 0.1}, False),
        ("e", {"gradient=true": 0.8, "rbfi": 0.95}, True),
        ("e", {"gradient=true": 0.9, "rbfi": 0.95}, False),
        ("f", {"sigmoid": 0.11, "relu": 0.97, "rbfi": 0.95}, True),
        ("f", {"sigmoid": 0.11, "relu": 0.97, "rbfi": 0.5}, False),
        ("g", {"rbfi": 0.96}, True),
        ("g", {"128^,128^": 0.90, "rbfi": 0.96}, False),
        ("h", {"u_high=10,sensitivity": 0.7, "u_high=10": 0.3, "rbfi": 0.8}, True),
        ("h", {"u_high=10,sensitivity": 0.4, "u_high=10": 0.3, "rbfi": 0.8}, False),
        ("i", {"sensitivity=1.0": 0.1, "mlp": 0.97}, True),
        ("i", {"mlp": 0.97}, False),
    ],
)
def test_each_fact_is_judged_by_its_own_numbers(facts, name, shares, holds):
    found = facts.FACTS[name](Told(facts, shares))
    assert (found.name, found.holds) == (name, holds)
    assert ("NOT" in next(facts.lines(found))) == (not holds)


@pytest.mark.slow
def test_true_gradients_learn_less_than_pseudogradients_on_digits(tmp_path, monkeypatch):
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path / "cache"))
    subprocess.run([sys.executable, SCRIPT, "digits", tmp_path, "--only", "e"], check=True)
    measured = json.loads((tmp_path / "facts.json").read_text())["e"]["measured"]
    assert measured["true"][2] < measured["pseudo"][1]
