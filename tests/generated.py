"""Pages written from the code. `python -m tests.generated` rewrites them; a test compares."""

from pathlib import Path

from advbench.records.tables import columns_markdown

ROOT = Path(__file__).resolve().parent.parent

REPORTS = """# Reports

A report is a folder that `advbench run` writes and grows; `advbench leaderboard FOLDER` reads it, and so does
anything that reads Parquet. `run.json` says how each invocation was asked for and what was installed; `tracebacks/`
holds why cells failed; `parts/` is work that is not yet folded into the tables. This page is generated from the
declared schemas.

"""


def pages() -> dict[Path, str]:
    """Every generated page with its text."""
    return {ROOT / "reports" / "README.md": REPORTS + columns_markdown().strip() + "\n"}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
