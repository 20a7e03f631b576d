"""The parts of a report that describe a request rather than a result."""

from __future__ import annotations

import datetime
import platform
import resource
import sys
from typing import Any

from ..catalog.plugins import Installed
from .freshness import versions
from .plan import Cell, Plan
from .request import Eligible, Request
from .watcher import Tally


def cell_row(cell: Cell, run: int, device: str) -> dict[str, Any]:
    """A row of cells.parquet without status and measurements."""
    encoder, model, defense, threat = cell.opponent.encoder, cell.opponent.model, cell.opponent.defense, cell.threat
    return {
        "cell_id": cell.cell_id,
        "run": run,
        "dataset": cell.data.component.name,
        "dataset_params": cell.data.component.params,
        "encoder": encoder.name if encoder else None,
        "encoder_params": encoder.params if encoder else None,
        "model": model.name if model else None,
        "model_params": model.params if model else None,
        "defense": defense.name if defense else None,
        "defense_params": defense.params if defense else None,
        "twin_of": cell.opponent.twin_of,
        "attack": cell.attack.name,
        "attack_params": cell.attack.params,
        "coverage": cell.coverage.value,
        "access": threat.access.word,
        "gradient": threat.gradient,
        "eot": threat.eot,
        "norm": threat.norm.value,
        "eps": threat.eps,
        "reference_eps": cell.data.facts.eps.get(threat.norm),
        "max_queries": threat.max_queries,
        "targeted": threat.targeted,
        "targets": threat.targets,
        "eligible": cell.eligible,
        "seed": cell.seed,
        "n": len(cell.data.positions),
        "stochastic": cell.opponent.facts.stochastic,
        "inexact": False,
        "oracle_choice": False,
        "device": device,
        "peak_rss_mib": peak_rss_mib(),
        "finished_at": _now(),
    }


def run_entry(plan: Plan, request: Request, installed: Installed) -> dict[str, Any]:
    """An entry of run.json: the resolved request and everything installed that could matter."""
    return {
        "started_at": _now().isoformat(),
        "command": sys.argv,
        "request": request.described(),
        "settled": dict(plan.settled),
        # Until it is known which examples all contenders get right, no cell has its identity.
        "cells": [] if request.eligible == Eligible.ALL_CORRECT else [cell.cell_id for cell in plan.cells],
        "digests": {cell.data.component.text: cell.data.facts.digest for cell in plan.cells},
        "plugins": {source.plugin: f"{source.dist} {source.version}" for source in installed.sources},
        "broken_plugins": {str(broken.source): broken.reason for broken in installed.broken},
        "libraries": versions(),
        "platform": platform.platform(),
        "device": request.device,
        "seeds": list(request.seed),
    }


def run_end(tally: Tally) -> dict[str, Any]:
    """What is added to the entry once the run is over; its absence means that the run was killed."""
    outcome = {name: value for name, value in vars(tally).items() if name != "notes"}
    ended = {"ended_at": _now().isoformat(), "outcome": outcome, "exit_code": tally.exit_code}
    return {**ended, "notes": tally.notes}


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def peak_rss_mib() -> float:
    """Of this process, so far."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1024 * 1024 if sys.platform == "darwin" else 1024)  # kilobytes, on macOS bytes
