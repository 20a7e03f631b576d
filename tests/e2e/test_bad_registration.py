"""What cannot even be loaded or planned is named, and everything else goes on."""

import re
import sys

import bad_plugins as sources
import pytest
from bad_case import TINY, call, run

from advbench.records.reader import Report


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        (
            "CONTENDERS",
            ("-m", "bad-model:facts"),
            "model 'bad-model' must be able to tell its facts, got ValueError: no",
        ),
        (
            "CONTENDERS",
            ("-m", "bad-model:facts-exit"),
            "model 'bad-model' must be able to tell its facts, got SystemExit",
        ),
        ("CONTENDERS", ("-m", "bad-model:facts-type"), "must be able to tell its facts as ContenderFacts, got dict."),
        ("CONTENDERS", ("-m", "bad-model:facts-field"), "its facts: access must be Access, got 'scores'."),
        (
            "CONTENDERS",
            ("-d", "bad-defense:facts"),
            "defense 'bad-defense' must be able to tell its facts, got ValueError",
        ),
        ("CONTENDERS", ("-d", "bad-defense:facts-type"), "defense 'bad-defense' must be able to tell its facts as"),
        ("DATA", ("-D", "bad-data:facts"), "dataset 'bad-data' must be able to tell its facts, got OSError: no file."),
        ("DATA", ("-D", "bad-data:facts-type"), "must be able to tell its facts as DatasetFacts, got NoneType."),
        ("DATA", ("-D", "bad-data:facts-field"), "its facts: classes must be int, got 'two'."),
        ("DATA", ("-D", "bad-data:labels"), "dataset 'bad-data' must be able to tell its examples, got OSError"),
        ("ATTACKS", ("-a", "bad-knot"), "attack 'bad-knot' must not hold itself by default, got bad-knot > bad-knot."),
        ("ATTACKS", ("-a", "bad-knot:inner=none"), None),
        ("ATTACKS", ("-a", "bad-knot:inner=bad-knot,inner.inner=bad,inner.inner.how=x"), None),
    ],
)
def test_what_cannot_even_be_planned_is_a_bad_request(folder, name, words, told, tmp_path):
    words = (*TINY, *words, *(() if "-a" in words else ("-a", "none")), *(() if "-m" in words else ("-m", "linear")))
    done = run(folder, name, *words, out=tmp_path / "r")
    assert done.code == (0 if told is None else 2), done.said
    assert told is None or (told in done.said and f"{name.lower()} (" in done.said)


REGISTRATION = {
    "lacks": "import nowhere_to_be_found",
    "leaves": "import sys\nsys.exit(3)",
    "throws": "class Stop(BaseException): pass\nraise Stop",
    "no-python": "def",
    "misspelt": "from advbench import hookimpl\n@hookimpl\ndef advbench_register_atacks(register): pass",
    "other-api": "ADVBENCH_API = 99",
    "no-spec": "from advbench import hookimpl\n@hookimpl\ndef advbench_register_attacks(register): register(3, int)",
    "wrong-field": "from advbench import *\n@hookimpl\ndef advbench_register_attacks(register):\n"
    "  register(AttackSpec(name='x', summary='', needs='labels', modalities=frozenset(), norms=frozenset()), int)",
    "paints": "from advbench import *\n@hookimpl\ndef advbench_register_metrics(register):\n"
    "  register(MetricSpec(name='\\x1b[31m', summary='', unit='', higher_is_better=True, columns=frozenset()), int)",
    "twin-one": sources.METRICS,
    "twin-two": sources.METRICS,
    "loud": "print('\\x1b[2J' + 'l' * 1_000_000)",
}


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """All those as installed distributions, one of them with a name that paints the terminal."""
    for plugin, body in REGISTRATION.items():
        module = f"toy_{plugin}".replace("-", "_")
        (tmp_path / f"{module}.py").write_text(body)
        info = tmp_path / f"adv_{module}-1.0.dist-info"
        info.mkdir()
        paint = "\x1b[31m" if plugin == "lacks" else ""
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: adv-{plugin}{paint}\nVersion: 1.0{paint}\n")
        (info / "entry_points.txt").write_text(f"[advbench]\n{plugin}{paint} = {module}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("ADVBENCH_PLUGINS")
    yield
    for name in [name for name in sys.modules if name.startswith("toy_")]:
        del sys.modules[name]


@pytest.mark.usefixtures("folder", "installed")
def test_broken_distributions_are_listed_and_everything_else_goes_on(tmp_path):
    done = call("run", *TINY, "-m", "linear", "-a", "none", "--metric", "robust-accuracy", "-o", tmp_path / "r")
    assert done.code == 0
    told = {
        "lacks": "importing it must succeed, got ModuleNotFoundError: No module named 'nowhere_to_be_found'.",
        "leaves": "importing it must succeed, got SystemExit: 3.",
        "throws": "importing it must succeed, got Stop.",
        "no-python": "importing it must succeed, got SyntaxError",
        "misspelt": "got 'advbench_register_atacks'. Did you mean 'advbench_register_attacks'?",
        "other-api": "it must be written for plugin API 1 of advbench, but says 99.",
        "no-spec": "registering an attack must use AttackSpec, got int for 3.",
        "wrong-field": "attack 'x': needs must be Access, got 'labels'. Correct its AttackSpec.",
        "paints": r"a name must be lower-case words joined by '-', got '\x1b[31m'. Rename it.",
        "twin-two": "metric 'bad-metric' must have one owner, got twin-one (adv-twin-one 1.0) and twin-two",
    }
    for words in ((), ("list", "metrics"), ("doctor",), ("plugins", "list")):
        said = call(*words).said if words else done.said
        shown = re.sub(r"\s", "", said)
        for text in told.values():
            assert re.sub(r"\s", "", text) in shown, words
        assert len(said) < 20_000
    entry = Report.open(tmp_path / "r").runs[-1]
    assert {name.split()[0].removesuffix(r"\x1b[31m") for name in entry["broken_plugins"]} == told.keys()
    assert "robust-accuracy" in call("list", "metrics").said
    for words, reason in (
        (("--metric", "bad-metric"), told["twin-two"]),
        (("-a", "misspelt"), "attack 'misspelt' cannot be used: misspelt (adv-misspelt 1.0): a hook must be one of"),
    ):
        refused = call("run", *TINY, "-m", "linear", "-a", "none", *words, "-o", tmp_path / "r")
        assert refused.code == 2
        assert reason in refused.said


@pytest.mark.parametrize("name", ["lacks", "leaves", "misspelt", "other-api", "wrong-field", "paints"])
def test_a_broken_file_that_was_asked_for_is_a_bad_request(folder, name, tmp_path):
    path = tmp_path / "asked.py"
    path.write_text(REGISTRATION[name])
    done = call("run", "--plugin", path, *TINY, "-m", "linear", "-a", "none", "-o", tmp_path / "r")
    assert done.code == 2
    assert f"error: --plugin {path}: " in done.said
    assert not (tmp_path / "r").exists()
