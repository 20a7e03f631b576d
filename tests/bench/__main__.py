"""`make bench`: what advbench adds to the time that the models take anyway, and how it compares with others.

Times that are compared are taken in turn within one run, so that a change of the machine's speed hits
both. Each figure is a median over repeats with its smallest and largest; it is kept as JSON.
"""

import argparse
import importlib
import json
import sys
from pathlib import Path

import torch

from .harness import Figure
from .records import FOLDER, KEPT, as_record, changes, dated, machine, write
from .table import line, table

SUBJECTS = {
    "arena": "arena_over_model",
    "zoo": "zoo_over_model",
    "zoo-against-art": "zoo_against_art",
    "zoo-exactness": "zoo_exactness",
    "decision": "decision_small_budgets",
    "ead": "ead_over_peers",
    "hsj": "hsj_against_peers",
    "scd": "scd_vote",
    "rbfi": "rbfi_layer",
    "score": "score_against_art",
    "textfooler": "textfooler_against_plain",
    "data": "data_loading",
    "contenders": "contenders",
    "noise": "noise_epoch",
    "cli": "command_line",
    "engines": "engines",
    "store": "store",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=SUBJECTS, help="measure this subject only; repeatable")
    parser.add_argument("--json", type=Path, help="write the figures there, and not to a dated file")
    parser.add_argument(
        "--keep", action="store_true", help="date the file into results/kept, which git does not ignore"
    )
    parser.add_argument("--compare", type=Path, help="print how each figure moved since that JSON file")
    chosen = parser.parse_args()
    earlier = json.loads(chosen.compare.read_text()) if chosen.compare else None  # before minutes of work, not after
    torch.set_num_threads(1)
    before = machine()
    figures: dict[str, list[Figure]] = {}
    for subject in chosen.only or SUBJECTS:
        figures[subject] = []
        for one in importlib.import_module(f".{SUBJECTS[subject]}", __package__).figures():
            figures[subject].append(one)
            print(f"  {subject}: {line(one)}", file=sys.stderr, flush=True)
    record = as_record(figures, before, machine())
    path = chosen.json or dated(record, KEPT if chosen.keep else FOLDER)
    write(record, path)
    print(table(figures))
    print(f"kept as {path}")
    if earlier:
        print("\n".join(changes(record, earlier)))


if __name__ == "__main__":
    main()
