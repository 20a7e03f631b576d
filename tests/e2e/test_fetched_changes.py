"""A cell is run again when what was fetched for it is another now, and the run says what it was that changed."""

import os
import shutil

import pytest
from text_toys import PLUGIN
from typer.testing import CliRunner

from advbench.cli.app import app

MORE = r"""
from pathlib import Path
HERE = Path(__file__).parent

def supply_of(name, *needs):
    resource = Resource(name=name, license="none", home="x", layouts=((f"{name}.txt",),), sources=(Place(str(HERE)),))
    def make(folder, writer):
        import numpy as np
        writer.put("bytes", np.frombuffer((folder / f"{name}.txt").read_bytes(), np.uint8))
        return {}
    return Supply(spelling="needy", key=name, resource=resource, make=make, needs=needs)

@dataclass(frozen=True)
class Marked(Tally):
    "Its digest is what a file says."
    def facts(self):
        return EncoderFacts(width=2, bounds=Bounds(0.0, self.weight), digest=(HERE / "encoder.txt").read_text())

@dataclass(frozen=True)
class Needy(Swap):
    "Needs a table, which needs another; and compares by an encoder."
    sentence: object = component("encoder", default="tally", help="compares")

    def supply(self):
        return supply_of("table", supply_of("below"))

@hookimpl
def advbench_register_encoders(register):
    for name, target in (("tally", Tally), ("marked", Marked)):
        register(EncoderSpec(name=name, summary="s"), target)

@hookimpl
def advbench_register_attacks(register):
    for name, target in (("swap", Swap), ("needy", Needy)):
        register(AttackSpec(name=name, summary="s", needs=Access.LABELS, modalities=frozenset({Modality.TEXT}),
                            norms=frozenset({Norm.WORDS}), batched=True), target)
"""
FILES = {"table": "a", "below": "b", "encoder": "c"}
OUTSIDE, JUDGE = "the data that it fetched", "the encoder that compares texts"


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fetched")
    head = PLUGIN[: PLUGIN.index("@hookimpl\ndef advbench_register_encoders")]
    (folder / "notes.py").write_text(head + MORE)

    def call(*words):
        env = {"ADVBENCH_CACHE_DIR": str(folder / "cache"), "COLUMNS": "200", "ADVBENCH_PLUGINS": ""}
        outcome = CliRunner().invoke(app, [*words, "--plugin", str(folder / "notes.py")], env=env)
        assert outcome.exit_code == 0, outcome.output
        return " ".join(outcome.output.split())

    def write(name, text):
        (folder / f"{name}.txt").write_text(text)
        shutil.rmtree(folder / "cache" / "data")
        call("data", "fetch", "needy")

    def run(name, *words):
        victim = ("-D", "notes", "-m", "linear", "-n", "4", "-o", str(folder / name))
        return call("run", *victim, "--encoder", "tally", "--similarity", "none", *words)

    for name, text in FILES.items():
        (folder / f"{name}.txt").write_text(text)
    call("data", "fetch", "needy")
    run.write = write
    return run


@pytest.mark.parametrize(
    ("changed", "words", "cause"),
    [
        ("table", ("-a", "needy"), OUTSIDE),
        ("below", ("-a", "needy"), OUTSIDE),
        ("encoder", ("-a", "needy:sentence=marked"), OUTSIDE),
        ("encoder", ("-a", "swap", "--encoder", "marked"), OUTSIDE),
        ("encoder", ("-a", "swap", "--similarity", "marked"), JUDGE),
        ("encoder", ("-a", "needy:sentence=marked", "--similarity", "marked"), f"{OUTSIDE} and {JUDGE}"),
    ],
)
def test_what_changed_is_run_again_and_named(command, changed, words, cause):
    out = "-".join([changed, *words]).replace(":", "").replace("=", "")
    command(out, *words)
    command.write(changed, FILES[changed] + os.urandom(4).hex())
    assert f": {cause} changed since it was run; it is run again" in command(out, *words)


def test_what_others_fetched_changes_nothing(command):
    command("others", "-a", "swap")
    for name in FILES:
        command.write(name, os.urandom(4).hex())
    assert "cells were done before" in command("others", "-a", "swap")
