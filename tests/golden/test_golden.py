"""What people see and what programs read, kept as it is. `python tests/golden/test_golden.py` rewrites."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGES = {
    "help.txt": ["--help"],
    "leaderboard.txt": ["leaderboard", "reports/sample"],
    "leaderboard-by-attack.txt": ["leaderboard", "reports/sample", "--by", "attack"],
    "leaderboard.csv": ["leaderboard", "reports/sample", "--format", "csv"],
    "leaderboard.md": ["leaderboard", "reports/sample", "--format", "md"],
}


def page(words):
    env = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-m", "advbench", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()) + "\n"


@pytest.mark.parametrize("name", PAGES)
def test_it_looks_as_it_did(name):
    assert page(PAGES[name]) == (HERE / name).read_text()


def test_reading_a_report_needs_no_torch_and_no_pandas():
    code = (
        "import sys; sys.argv = ['advbench', 'leaderboard', 'reports/sample']\n"
        "from advbench.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'torch', 'pandas', 'scipy', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


if __name__ == "__main__":
    for file, words in PAGES.items():
        (HERE / file).write_text(page(words))
