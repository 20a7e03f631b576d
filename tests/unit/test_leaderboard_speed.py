"""Looking at results is quick: no heavy library, no loop over rows."""

import os
import subprocess
import sys

from advbench.records.writer import ReportWriter

LOOK = """
import sys, time
from rich.console import Console
from advbench.records.reader import Report
from advbench.report.leaderboard import build
from advbench.report.render import as_rich
start = time.perf_counter()
board = build([Report.open(sys.argv[1])])
Console(width=100).print(as_rich(board))
print(time.perf_counter() - start, [name for name in ("torch", "pandas", "scipy") if name in sys.modules])
"""


def test_ten_thousand_rows_load_no_heavy_library_and_are_quick(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    same = {"fingerprint": "f", "contender_digest": "d"}
    rows = [
        {"example_id": i, "label": 1, "clean_label": 1, "verdict": ("held", "broken")[i % 2], "l2": 0.5, "queries": i}
        for i in range(200)
    ]
    with ReportWriter.open(tmp_path) as writer:
        for number in range(50):
            names = {"defense": f"d{number % 10}", "attack": f"a{number // 10}", "dataset": "digits"}
            threat = {"norm": "l2", "eps": 1.0, "targeted": False, "seed": 0, "n": 200, "coverage": "Q"}
            writer.write_cell({"cell_id": f"c{number}", "status": "ok", **names, **threat, **same})
            writer.write_shard(f"c{number}", 0, **same, examples=rows, trace=[])
        writer.compact()
    run = subprocess.run(
        [sys.executable, "-c", LOOK, str(tmp_path)], capture_output=True, text=True, check=True, env=os.environ
    )
    seconds, heavy = run.stdout.strip().splitlines()[-1].split(" ", 1)
    assert heavy == "[]"
    assert float(seconds) < 1.0  # a tenth of that on an idle machine
