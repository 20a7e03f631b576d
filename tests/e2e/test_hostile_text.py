"""Text of strangers, whoever shows it: nothing of it acts on the terminal, and none of it is taken for markup."""

import json
import re

import pyarrow as pa
import pytest
from bad_case import ACTS, call

from advbench.bench.cache import ContenderCache
from advbench.cli.console import escape
from advbench.records.columns import COLUMNS
from advbench.records.writer import ReportWriter

ACTING = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\x08\u202egpj"  # title, erase, colour, overwrite, turn round
MARKUP = "[link=https://example.org]click[/link][/bold][/][bold red]"
HOSTILE = f"x{ACTING}{MARKUP}\nsecond line"
READ = r"x\x1b]0;owned\x07\x1b[2J\x9b31m\r\x08\u202egpj[link=https://example.org]click[/link][/bold][/]"


def seen(text):
    """How often all of the hostile text stands there to be read, wherever lines are folded."""
    return re.sub(r"\s", "", text).replace("\\\\", "\\").replace("\\[", "[").count(READ)


PLUGIN = f'''
from dataclasses import dataclass
from advbench import *
BAD = {HOSTILE!r}

@dataclass(frozen=True)
class Attack:
    how: str = param(BAD, help=BAD, unit=BAD, paper=BAD, positional=True)
    def perturb(self, oracle, x, rng):
        raise ValueError(BAD)

@dataclass(frozen=True)
class Data:
    def facts(self):
        raise ValueError(BAD)
    def supply(self):
        resource = Resource(name="x", license=BAD, home=BAD, layouts=((BAD,),))
        return Supply(spelling=BAD, key="hostile", resource=resource, make=None)

@dataclass(frozen=True)
class Words(Data):
    pass

PAPER = Paper(title=BAD, year=1, url=BAD, deviations=(BAD,))

@hookimpl
def advbench_register_attacks(register):
    print(BAD)
    register(AttackSpec(name="hostile", summary=BAD, paper=PAPER, needs=Access.LABELS,
                        modalities=frozenset(Modality), norms=frozenset(Norm)), Attack)

@hookimpl
def advbench_register_datasets(register):
    register(DatasetSpec(name="hostile-data", summary=BAD, license=BAD, modality=Modality.TABULAR), Data)

@hookimpl
def advbench_register_encoders(register):
    register(EncoderSpec(name="hostile-words", summary=BAD), Words)
'''  # fmt: skip


@pytest.fixture(scope="module")
def plugin(folder):
    path = folder / "hostile.py"
    path.write_text(PLUGIN)
    broken = folder / "broken.py"
    broken.write_text(f"raise ValueError({HOSTILE!r})")
    return path, broken


@pytest.mark.parametrize(
    ("words", "code", "times"),
    [
        (("list",), 0, 1),
        (("show", "attack", "hostile"), 0, 5),
        (("show", "dataset", "hostile-data"), 2, 1),
        (("plugins", "list"), 0, 0),
        (("plugins", "check", "hostile"), 1, 1),
        (("data", "list"), 0, 0),
        (("data", "fetch", "hostile-words", "--path", "."), 2, 2),
        (("data", "path", "hostile-words"), 2, 1),
        (("data", "verify", "hostile-words"), 2, 1),
        (("doctor",), 0, 0),
        (("run", "-a", "hostile", "-D", "two-moons", "--dry-run"), 0, 0),
        (("run", "-a", "hostile", "-D", "two-moons", "-m", "linear", "--n", "3"), 1, 2),
    ],
)
def test_a_plugin_shows_what_it_says_and_no_more(folder, plugin, words, code, times):
    done = call(*words, "--plugin", plugin[0])
    assert done.code == code, done.said
    assert seen(done.said) >= times, done.said
    assert "click" not in done.said or "[link=" in done.said


@pytest.mark.parametrize("words", [("list",), ("plugins", "list"), ("data", "list"), ("doctor",)])
def test_a_plugin_that_fails_says_so_in_plain_text(folder, plugin, words):
    done = call(*words, "--plugin", plugin[1])
    assert done.code == 2  # it was asked for by name
    assert seen(done.said) == 1


@pytest.fixture(scope="module")
def report(folder):
    """A report as a stranger may write it: hostile text in every column that takes any, and in every file's text."""
    root = folder / "foreign"
    same = {"fingerprint": "f", "contender_digest": "d"}
    free = [
        c.name for c in COLUMNS["cells"] if c.type == pa.string() and not c.choices and not c.name.endswith("_params")
    ]
    with ReportWriter.open(root) as writer:
        writer.append_run({"cells": [HOSTILE], "notes": [HOSTILE], "request": {HOSTILE: HOSTILE}})
        for status, cell_id in (("ok", "one"), ("failed", "two"), ("refused", "three")):
            kinds = {
                f"{kind}_params": json.dumps({HOSTILE: HOSTILE}) for kind in ("dataset", "model", "attack", "defense")
            }
            cell = {
                **dict.fromkeys(free, HOSTILE),
                **kinds,
                **same,
                "cell_id": cell_id,
                "status": status,
                "norm": "words",
            }
            writer.write_cell(
                {**cell, "eps": 0.2, "n": 1, "seed": 0, "eligible": None, "targeted": True, "coverage": "L"}
            )
        row = {
            "example_id": 1, "label": 1, "clean_label": 1, "adv_label": 0, "verdict": "broken", "l2": 0.5, "words": 0.1,
            "queries": 3, "reason": HOSTILE, "target": 2,
        }  # fmt: skip
        writer.write_shard("one", 0, **same, examples=[row], trace=[])
        writer.write_adversarials("one", "shard-00000.json", json.dumps({"1-2": [HOSTILE, f"{HOSTILE} more"]}).encode())
        writer.write_scores("one", [{"metric": HOSTILE, "value": 1.0, "unit": HOSTILE}])
        writer.compact()
    return root


@pytest.mark.parametrize(
    ("words", "times"),
    [
        (("leaderboard",), 1),
        (("leaderboard", "--by", "attack"), 1),
        (("leaderboard", "--format", "csv"), 1),
        (("leaderboard", "--format", "md"), 1),
        (("leaderboard", "--format", "json"), 1),
        (("texts",), 3),
        (("texts", "--whole"), 3),
        (("rescore",), 0),
    ],
)
def test_a_report_shows_what_it_holds_and_no_more(report, words, times):
    done = call(words[0], report, *words[1:])
    assert done.code == 0, done.said
    assert seen(done.said) >= times, done.said


def test_names_of_files_are_shown_as_they_are(folder):
    bad = folder / f"x{ACTING}{MARKUP.replace('/', '|')}"
    for words in (("leaderboard", bad), ("texts", bad), ("rescore", bad), ("run", "--config", bad),
                  ("run", "-o", bad, "-a", "x"),
                  ("list", "--plugin", bad), ("data", "fetch", "hostile-words", "--path", bad)):  # fmt: skip
        done = call(*words)
        assert done.code == 2
        assert not ACTS.search(done.said)
    bad.mkdir()
    (bad / "run.json").write_text(HOSTILE)
    assert call("leaderboard", bad).code == 2


def test_a_cache_shows_what_it_holds_and_no_more(folder):
    cache = ContenderCache()
    cache.store("key[bold][", b"", {"digest": "d", "log": [], "about": HOSTILE})
    (cache.root / f"x{ACTING}[link=").mkdir()
    header = cache.root.parent / "data" / f"y{ACTING}[red]" / "header.json"
    header.parent.mkdir(parents=True)
    header.write_text(json.dumps({"about": {"spelling": HOSTILE}}))
    done = call("cache", "ls")
    assert done.code == 0
    assert r"x\x1b]0;owned" in done.said
    assert "key[bold][" in done.said
    for words in (("data", "list"), ("data", "verify")):
        assert not ACTS.search(call(*words).said)
    header.write_text("[" * 10_000)
    assert "not readable:" in call("data", "list").said


def test_the_test_would_see_it():
    assert seen(escape(HOSTILE).replace("\\[", "[")) == 1
    assert not seen(HOSTILE)
    assert ACTS.search(ACTING)
