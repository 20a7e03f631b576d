"""Pages whose commands are run: `python -m tests.generated.replay` puts what they print below them.

A fenced `console` block holds commands after `$ `, each followed by what it wrote to standard output. A `python` block
after `<!-- tested -->` is run too, and the `text` block after it holds what it printed. Everything on a page runs in
one new folder, in order, with a cache of its own; the distributions in docs/examples, and those that the page makes,
are as good as installed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from .repository import ROOT, write_metadata

PAGES = tuple(ROOT / "docs" / name for name in ("tutorial.md", "add-a-defense.md", "add-an-attack.md"))
EXAMPLES = sorted(path.parent for path in ROOT.glob("docs/examples/*/pyproject.toml"))
_CONSOLE = r"```console\n(?P<session>.*?)^```$"
_PYTHON = r"<!-- tested -->\n```python\n(?P<code>.*?)^```\n+```text\n(?P<printed>.*?)^```$"
_BLOCK = re.compile(f"^(?:{_CONSOLE}|{_PYTHON})", re.MULTILINE | re.DOTALL)

Run = Callable[[list[str] | str], str]


def replayed(text: str) -> str:
    """The page with everything in it run again."""
    with TemporaryDirectory() as place:
        run = runner(Path(place))
        return _BLOCK.sub(lambda match: _again(match, run), text)


def _again(match: re.Match[str], run: Run) -> str:
    if match["session"] is not None:
        return "```console\n" + "\n".join(_one(command, run) for command in commands(match["session"])) + "```"
    start, end = match.span("printed")
    whole, offset = match.group(), match.start()
    return whole[: start - offset] + run([sys.executable, "-c", match["code"]]) + whole[end - offset :]


def _one(command: str, run: Run) -> str:
    return f"$ {command}\n{run(command)}"


def commands(session: str) -> list[str]:
    """The commands of a console block."""
    return [line.removeprefix("$ ") for line in session.splitlines() if line.startswith("$ ")]


def runner(place: Path) -> Run:
    """Runs a shell command or an argument list in `place/work`, and gives what it printed, without trailing spaces."""
    folder, site = place / "work", place / "site"
    folder.mkdir()
    for example in EXAMPLES:
        write_metadata(example, site)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ADVBENCH_")}
    paths = [str(site), *map(str, EXAMPLES), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = kept | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ADVBENCH_CACHE_DIR": str(place / "cache"),
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }

    def run(command: list[str] | str) -> str:
        shell = isinstance(command, str)
        for made in folder.glob("*/pyproject.toml"):
            if str(made.parent) not in environment["PYTHONPATH"]:
                write_metadata(made.parent, site)
                environment["PYTHONPATH"] += os.pathsep + str(made.parent)
        done = subprocess.run(
            command, shell=shell, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{command} must succeed, got exit code {done.returncode}:\n{done.stdout}{done.stderr}")
        lines = [line.rstrip() for line in done.stdout.strip("\n").splitlines()]
        return "\n".join(lines).strip("\n") + "\n"

    return run


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(replayed(page.read_text()))
