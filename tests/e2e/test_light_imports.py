"""Before somebody chooses a component, its plugin's `__init__` is all of it that runs."""

import json
import subprocess
import sys

import pytest

from advbench.catalog.plugins import discover

HEAVY = {"torch", "pandas", "scipy", "sklearn", "numba", "transformers", "PIL", "onnxruntime", "art", "ray"}
_TELL = "import json, sys; print('MODULES' + json.dumps(sorted(sys.modules)))"
_COMMAND = """
from advbench.cli.app import app
app({words!r}, standalone_mode=False)
"""
PLUGINS = {
    entry.target.partition(".")[0].partition(":")[0]
    for entries in discover().entries.values()
    for entry in entries.values()
    if isinstance(entry.target, str) and entry.target.startswith("advbench_")
}


def modules(code):
    """What a fresh Python has imported after running this."""
    done = subprocess.run([sys.executable, "-c", code + _TELL], capture_output=True, text=True, check=False)
    assert "MODULES" in done.stdout, done.stderr[-2000:]
    return set(json.loads(done.stdout.rpartition("MODULES")[2]))


def of_plugins(names):
    return {name for name in names if name.partition(".")[0] in PLUGINS}


@pytest.fixture(scope="module")
def light():
    """The modules of plugins that importing their packages brings."""
    found = modules("".join(f"import {name}\n" for name in sorted(PLUGINS)))
    assert not HEAVY & found
    return of_plugins(found)


@pytest.mark.parametrize(
    ("words", "torch"),
    [
        (["list"], False),
        (["list", "attacks"], False),
        (["plugins", "list"], False),
        (["show", "metric", "robust-accuracy"], False),
        (["leaderboard", "reports/sample"], False),
        (["run", "-D", "two-moons", "-m", "linear", "-a", "none", "--dry-run"], True),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else None,
)
def test_nothing_of_a_plugin_is_imported_but_what_registers_it(light, words, torch):
    found = modules(_COMMAND.format(words=words))
    assert of_plugins(found) <= light
    assert of_plugins(found) or words[0] == "leaderboard"
    assert torch or not HEAVY & found


def test_of_the_chosen_plugin_more_is_imported(light):
    found = of_plugins(modules(_COMMAND.format(words=["show", "attack", "zoo"]))) - light
    assert "advbench_zoo.attack" in found
    assert {name.partition(".")[0] for name in found} == {"advbench_zoo"}


def test_every_bundled_plugin_is_looked_at():
    assert len(PLUGINS) >= 15
