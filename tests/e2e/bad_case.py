"""Runs with a plugin at fault, in this process: what was said, and what the report holds."""

import json
import re
from types import SimpleNamespace

import bad_plugins as sources
from typer.testing import CliRunner

from advbench.cli.app import app
from advbench.records.reader import Report

TINY = ("-D", "two-moons", "--n", "12")
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # what a terminal obeys


def call(*words):
    """The command line in this process: what it said, on one line, and its exit code."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert not ACTS.search(done.output), ACTS.search(done.output)
    assert "Traceback" not in done.output
    assert len(done.output) < 200_000
    return SimpleNamespace(said=" ".join(done.output.split()), code=done.exit_code, stdout=done.stdout)


def plugin(folder, name):
    path = folder / f"{name.lower()}.py"
    path.write_text(getattr(sources, name))
    return path


def run(folder, name, *words, out=None):
    """One run with that plugin; also its cells by (dataset, contender, attack, how), and its entry in run.json."""
    out = out or folder / f"report-{name.lower()}"
    done = call("run", "-o", out, "--plugin", plugin(folder, name), *words)
    done.out = out
    done.cells = {}
    if (out / "run.json").exists():
        report = Report.open(out)
        done.scores = report.table("scores").to_pylist()
        done.entry = report.runs[-1]
        for cell in report.cells.to_pylist():
            hows = [json.loads(cell[f"{kind}_params"] or "{}").get("how") for kind in ("dataset", "model", "defense")]
            how = next((how for how in hows if how), json.loads(cell["attack_params"]).get("how"))
            done.cells[cell["defense"] or cell["model"], cell["dataset"], cell["attack"], how] = cell
    return done
