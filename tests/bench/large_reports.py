"""Reports of millions of rows, as a long campaign leaves them: made up, but with every column a run fills."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from advbench.records.columns import COLUMNS
from advbench.records.compaction import committed
from advbench.records.tables import make_table, schema
from advbench.records.writer import ReportWriter

# Lines of Python that leave the most memory, in MiB, that their process ever held in `used`. What Linux says of a
# process started from a large one counts the large one, but for this line of /proc.
PEAK = """
import resource, sys
try:
    used = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:")) / 2**10
except (OSError, StopIteration):
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
"""
ATTACKS, SEEDS = ("zoo", "hsj", "surfree", "ead", "pgd"), 2
_LETTERS = {"zoo": "Q", "hsj": "L", "surfree": "L", "ead": "G", "pgd": "G"}
_WHEN = 1_790_000_000_000_000  # microseconds


def large_report(root: Path, cells: int, rows: int, note: str = "note_restarts") -> None:
    """Write a compacted report of so many cells with so many rows each, the same on every machine."""
    with ReportWriter.open(root) as writer:
        writer.append_run({"request": {"made": "up"}})
        names = sorted(f"{np.random.default_rng(i).integers(1 << 62):016x}" for i in range(cells))
        with committed(root, COLUMNS, [note]) as sinks:
            described = [_cell(i, name, rows) for i, name in enumerate(names)]
            sinks["cells"].write(make_table("cells", described))
            for i, name in enumerate(names):
                examples = _examples(name, rows, np.random.default_rng(i), note)
                sinks["examples"].write(examples)
                sinks["trace"].write(_trace(name, examples))
                sinks["scores"].write(make_table("scores", [{"cell_id": name, "metric": "old", "value": 0.5}]))


def _cell(number: int, name: str, rows: int) -> dict[str, object]:
    contender, attack, seed = number // (len(ATTACKS) * SEEDS), ATTACKS[number % len(ATTACKS)], number % SEEDS
    return {
        "cell_id": name, "run": 0, "fingerprint": "f", "contender_digest": f"d{contender}-{seed}", "dataset": "digits",
        "dataset_params": '{"classes":[3,8]}', "model": "cnn", "model_params": json.dumps({"width": contender}),
        "defense": "scd", "defense_params": json.dumps({"votes": contender}), "attack": attack, "attack_params": "{}",
        "coverage": _LETTERS[attack], "access": "scores", "gradient": "none", "eot": 1, "norm": "l2", "eps": 1.0,
        "reference_eps": 0.5, "max_queries": 10_000, "targeted": False, "targets": "random", "seed": seed, "n": rows,
        "stochastic": False, "inexact": False, "oracle_choice": False, "status": "ok", "train_seconds": 3.0,
        "attack_seconds": 60.0, "device": "cpu", "finished_at": _WHEN + number,
    }  # fmt: skip


def _examples(name: str, rows: int, draw: np.random.Generator, note: str) -> pa.Table:
    label = draw.integers(0, 2, rows)
    right, broken = draw.random(rows) < 0.95, draw.random(rows) < 0.4
    verdict = np.where(~right, "skipped", np.where(broken, "broken", "held"))
    stop = np.where(~right, None, np.where(broken, "found", "budget"))
    size = draw.random(rows)
    found = {
        "cell_id": pa.array([name] * rows), "example_id": np.arange(rows), "label": label,
        "clean_label": np.where(right, label, 1 - label), "adv_label": np.where(broken, 1 - label, label),
        "verdict": pa.array(verdict), "queries": draw.integers(1, 10_000, rows), "gradients": np.zeros(rows, np.int64),
        "first_query": draw.integers(1, 10_000, rows), "best_query": draw.integers(1, 10_000, rows),
        "l0": draw.integers(1, 64, rows).astype(float), "l1": size * 6, "l2": size, "linf": size / 5,
        "clean_margin": draw.normal(size=rows), "adv_margin": draw.normal(size=rows),
        "survives_8bit": pa.array(draw.random(rows) < 0.9), "stop_reason": pa.array(stop, pa.string()),
        note: draw.integers(0, 5, rows).astype(float),
    }  # fmt: skip
    wanted = schema("examples", [note])
    arrays = [found.get(field.name, pa.nulls(rows, field.type)) for field in wanted]
    return pa.Table.from_arrays([pa.array(array) for array in arrays], schema=wanted)


def _trace(name: str, examples: pa.Table) -> pa.Table:
    """An improvement for every tenth example."""
    tenth = examples.select(["cell_id", "example_id", "target", "first_query", "l2"]).take(
        pa.array(np.arange(0, len(examples), 10))
    )
    return tenth.rename_columns(schema("trace").names).cast(schema("trace"))
