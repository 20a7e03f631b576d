"""Runs on disks that are too small or cannot be written to: `small_disks.py FOLDER KIB/KIB KIB`.

Started by test_small_disks.py in a mount namespace of its own; prints what happened as JSON, a line for each disk.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from killing import differences
from typer.testing import CliRunner

from advbench.cli.app import app

WORDS = ("-D", "two-moons", "-m", "linear", "-a", "none", "-a", "random-noise", "--n", "130", "--max-queries", "20")


def call(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    crash = done.exception if not isinstance(done.exception, SystemExit) else None
    return {
        "code": done.exit_code,
        "said": " ".join(done.output.split())[-3000:],
        "crash": repr(crash) if crash else None,
    }


def run(out, cache, *more):
    os.environ["ADVBENCH_CACHE_DIR"] = str(cache)
    return call("run", "-o", out, *WORDS, *more)


def mount(folder, options):
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def remount(folder, options):
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def tell(what, **found):
    print(json.dumps({"what": what, **found}), flush=True)


def full(root, good, what, kib):
    """One disk of that many KiB under the report or the cache; then room, and the same command."""
    disk, other = root / f"{what}-{kib}", root / f"other-{what}-{kib}"
    mount(disk, "size=64m")
    (disk / "filling").write_bytes(bytes(kib << 10))  # what is left when the disk shrinks to what it holds
    taken = shutil.disk_usage(disk).used
    remount(disk, f"size={taken}")
    (disk / "filling").unlink()
    out, cache = (disk, other) if what == "report" else (other, disk)
    first = run(out, cache)
    kept = shards(out)
    remount(disk, "size=64m")
    again = run(out, cache)
    unlike = differences(out, good) if again["code"] == 0 else ["unfinished"]
    tell(what, kib=kib, first=first, again=again, shards=len(kept), unlike=unlike)
    subprocess.run(["umount", str(disk)], check=True)


def shards(out):
    return sorted(str(path) for path in out.glob("parts/*/shard-?????.parquet"))


def read_only(root, good, cache):
    """A report that cannot be written to, then one that can; a cache with and without what is needed."""
    disk = root / "read-only"
    mount(disk, "size=64m")
    started = run(disk, cache, "--select", "random")
    remount(disk, "ro")
    refused, shown, scored = run(disk, cache), call("leaderboard", disk), call("rescore", disk)
    remount(disk, "rw")
    again = run(disk, cache, "--select", "random")
    tell("read-only report", started=started, refused=refused, shown=shown, scored=scored, again=again)
    kept = root / "kept"
    mount(kept, "size=64m")
    shutil.copytree(cache, kept / "cache")
    remount(kept, "ro")
    known = run(root / "known", kept / "cache")
    unlike = differences(root / "known", good) if known["code"] == 0 else ["unfinished"]
    new = run(root / "new", kept / "cache", "--seed", "7")
    tell("read-only cache", known=known, unlike=unlike, new=new)


def main(root, reports, caches):
    good, cache = root / "good", root / "cache"
    tell("undisturbed", first=run(good, cache))
    for kib in map(int, reports.split("/")):
        full(root, good, "report", kib)
    for kib in map(int, caches.split("/")):
        full(root, good, "cache", kib)
    read_only(root, good, cache)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
