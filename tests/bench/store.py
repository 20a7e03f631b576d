"""Reports of ten million rows: how long readers and the store take with them, and how much memory."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .harness import Figure, at_most, figure, step
from .large_reports import PEAK, large_report

CELLS, ROWS = 1_000, 10_000
SECONDS, MEMORY = 10.0, 1024.0  # for either reader
KNOWN = 5.0  # seconds in which 10,000 finished cells are recognised

# A process of its own, so that its memory is its own. The last line says seconds and MiB.
MEASURED = """
import json, runpy, sys, time
started = time.perf_counter()
try:
    {work}
except SystemExit as end:
    assert not end.code, end.code
seconds = time.perf_counter() - started
{peak}
print()
print(json.dumps([seconds, time.process_time(), used]))
"""
COMMAND = 'sys.argv = ["advbench", *{words!r}]; runpy.run_module("advbench", run_name="__main__")'
RECOGNISE = """
    from advbench.records.writer import ReportWriter
    with ReportWriter.open({root!r}) as writer:
        for cell_id in [line.strip() for line in open({names!r})]:
            known = writer.known(cell_id)
            assert known.status == "ok" and known.judged.issuperset([(i, None) for i in range(64)])
"""
ADD = """
    from advbench.records.writer import ReportWriter
    same = {{"fingerprint": "f", "contender_digest": "d"}}
    with ReportWriter.open({root!r}) as writer:
        writer.write_cell({{"cell_id": "5" * 16, "status": "ok", **same}})
        writer.write_shard("5" * 16, 0, **same, examples=[{{"example_id": 1}}], trace=[])
        writer.compact()
"""


def figures() -> Iterator[Figure]:
    """Both readers on ten million rows and on a fifth of them; then what a run and a merge do with such reports."""
    with tempfile.TemporaryDirectory() as folder:
        whole, fifth, many = (Path(folder) / name for name in ("whole", "fifth", "many"))
        with step("three reports are made up"):
            large_report(whole, CELLS, ROWS)
            large_report(fifth, CELLS // 5, ROWS)
            large_report(many, 10 * CELLS, ROWS // 10)
        for verb in ("leaderboard", "rescore"):
            with step(f"advbench {verb}"):
                seconds, busy, used = _measured(COMMAND.format(words=[verb, str(whole)]))
                less, *_ = _measured(COMMAND.format(words=[verb, str(fifth)]))
            yield figure(
                f"advbench {verb}, 10 million rows in 1,000 cells (s)",
                seconds,
                at_most(SECONDS),
                note=f"{busy:.1f} s of processors",
            )
            yield figure(f"advbench {verb}, 10 million rows, peak memory (MiB)", used, at_most(MEMORY))
            yield figure(f"advbench {verb}, 10 million rows over 2 million", seconds / less, at_most(5.5))
        with step("advbench leaderboard of 10,000 cells"):
            seconds, busy, used = _measured(COMMAND.format(words=["leaderboard", str(many)]))
        yield figure(
            "advbench leaderboard, 10 million rows in 10,000 cells (s)", seconds, note=f"{busy:.1f} s of processors"
        )
        yield figure("advbench leaderboard, 10,000 cells, peak memory (MiB)", used, at_most(MEMORY))
        names = Path(folder) / "names"
        names.write_text("\n".join(_names(many)))
        with step("10,000 finished cells are recognised"):
            seconds, busy, used = _measured(RECOGNISE.format(root=str(many), names=str(names)))
        yield figure(
            "10,000 finished cells recognised (s)", seconds, at_most(KNOWN), note=f"{busy:.1f} s of processors"
        )
        yield figure("10,000 finished cells recognised, peak memory (MiB)", used, at_most(MEMORY))
        with step("one cell is added to ten million rows"):
            seconds, busy, used = _measured(ADD.format(root=str(whole)))
        yield figure("one cell added to 10 million rows (s)", seconds, note=f"{busy:.1f} s of processors")
        yield figure("one cell added to 10 million rows, peak memory (MiB)", used, at_most(MEMORY / 2))
        with step("advbench merge"):
            words = ["merge", str(whole), str(many), "--out", f"{folder}/merged"]
            seconds, busy, used = _measured(COMMAND.format(words=words))
        yield figure("advbench merge, 20 million rows of two reports (s)", seconds, note=f"{busy:.1f} s of processors")
        yield figure("advbench merge, 20 million rows, peak memory (MiB)", used, at_most(MEMORY))


def _names(root: Path) -> list[str]:
    from advbench.records.reader import Report

    found: list[str] = Report.open(root).table("cells", ["cell_id"])["cell_id"].to_pylist()
    return found


def _measured(work: str) -> tuple[float, float, float]:
    """Seconds, seconds of all processors and peak MiB of some lines of Python, start-up of the interpreter left out."""
    code = MEASURED.replace("{work}", work.strip()).replace("{peak}", PEAK.strip())
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr)
    found: list[float] = json.loads(run.stdout.strip().splitlines()[-1])
    return found[0], found[1], found[2]
