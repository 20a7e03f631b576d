"""Everything a hurried person may type: a clear sentence, the right exit code, nothing lost."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import one_file_plugins as plugins
from typer.testing import CliRunner

from advbench.cli.app import app
from advbench.records.writer import ReportWriter

TINY = ("-D", "two-moons", "-m", "linear")
REQUESTS = {
    "unknown defense": (("-d", "scdd", "-a", "zoo"), 2, "no defense is called 'scdd'. Did you mean 'scd'?"),
    "unknown attack": (("-a", "zooo"), 2, "no attack is called 'zooo'. Did you mean 'zoo'?"),
    "unknown data set": (("-D", "digitz", "-a", "zoo"), 2, "no dataset is called 'digitz'. Did you mean 'digits'?"),
    "unknown model": (("-m", "mpl", "-a", "zoo"), 2, "no model is called 'mpl'. Did you mean 'mlp'?"),
    "unknown parameter": (("-a", "zoo:iteration=3"), 2, "no parameter 'iteration'. Did you mean 'iterations'?"),
    "wrong type": (("-a", "zoo:iterations=many"), 2, "zoo: iterations must be a whole number or 'auto', got 'many'."),
    "out of range": (("-a", "zoo:h=-1"), 2, "zoo: h must be > 0, got -1."),
    "not a choice": (("-m", "mlp:vote=loud", "-a", "zoo"), 2, "mlp: vote must be 'soft' or 'hard', got 'loud'."),
    "no attack": (("-d", "scd"), 2, "--attack must be given at least once"),
    "eps zero": (("-a", "zoo", "--eps", "0"), 2, "--eps must be > 0, got 0."),
    "eps negative": (("-a", "zoo", "--eps", "-1/2"), 2, "--eps must be > 0, got -0.5."),
    "eps a word": (("-a", "zoo", "--eps", "big"), 2, "--eps must be a number, a fraction such as 8/255, or none"),
    "budget zero": (("-a", "zoo", "--max-queries", "0"), 2, "--max-queries must be > 0, got 0."),
    "budget a word": (("-a", "zoo", "--max-queries", "lots"), 2, "--max-queries must be a whole number or none"),
    "n zero": (("-a", "zoo", "--n", "0"), 2, "--n must be > 0, got 0."),
    "unknown id": (("-a", "zoo", "--select", "ids=99999"), 2, "no such example"),
    "no id": (("-a", "zoo", "--select", "ids="), 5, "no example is selected"),
    "strange select": (("-a", "zoo", "--select", "best"), 2, "--select must be first, random or ids=1/2/3"),
    "one class": (("-D", "digits:classes=3", "-a", "zoo"), 2, "at least two different numbers from 0 to 9, got 3."),
    "no device": (("-a", "zoo", "--device", "tpu"), 2, "--device must be cpu, cuda, cuda:N or auto, got 'tpu'."),
    "unknown suite": (("--suite", "smoky"), 2, "no suite is called 'smoky'. Did you mean 'smoke'?"),
    "kappa too large": (
        ("-d", "scd:votes=8", "-a", "zoo:kappa=20"),
        5,
        "must be <= 2.833, the largest of scd:votes=8, got 20. Lower kappa",
    ),
    "strict": (("-a", "zoo", "--norm", "linf", "--strict"), 2, "zoo: the norm must be l2, got linf. Use --norm l2"),
    "all refused": (
        ("-a", "zoo", "--access", "labels"),
        5,
        "zoo: --access must be scores or more, got labels. Leave out --access. Or use --attack ",
    ),
    "no such plugin": (("-a", "zoo", "--plugin", "/nowhere/x.py"), 2, "no file /nowhere/x.py"),
    "targets": ((*TINY, "-a", "none", "--targeted", "--targets", "worst"), 2, "--targets must be one of random"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_bad_request_is_met_kindly(name, tmp_path, monkeypatch):
    words, code, told = REQUESTS[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path / "cache"))
    done = CliRunner().invoke(app, ["run", "--out", str(tmp_path / "report"), *words])
    assert told in " ".join(done.output.split()), done.output
    assert "Traceback" not in done.output
    assert done.exit_code == code


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("leaderboard", "nowhere"), "got nothing there"),
        (("rescore", "nowhere"), "got nothing there"),
        (("show", "attack", "zo"), "Did you mean 'zoo'?"),
        (("show", "atack", "zoo"), "Did you mean 'attack'?"),
        (("list", "atacks"), "Did you mean 'attack'?"),
        (("cache", "prune", "--older-than", "-1"), "--older-than must be >= 0"),
    ],
)
def test_other_verbs_are_kind_too(words, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, list(words))
    assert told in " ".join(done.output.split()), done.output
    assert done.exit_code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("nan-eval", "bad (eval): inputs must be finite, got NaN or infinity"),
        ("nan-train", "bad (train): inputs must be finite, got NaN or infinity"),
        ("nan-tune", "bad (tune): inputs must be finite, got NaN or infinity"),
        ("outside", "inputs must lie in [0, 1], got"),
        ("one-class", "must have at least two classes, got 1"),
    ],
)
def test_damaged_data_fails_its_cell_before_any_training(place, fault, told):
    path = place.plugin("data", plugins.DATA)
    done = place.run("--plugin", path, "-D", f"bad:{fault}", *TINY, "-a", "none", code=1)
    assert told in done.stderr
    assert [row["code"] for row in place.rows("cells") if row["dataset"] == "bad"] == ["DataError"]
    assert [row["status"] for row in place.rows("cells") if row["dataset"] == "two-moons"] == ["ok"]


@pytest.mark.parametrize(
    ("how", "code", "told"),
    [
        ("raise", "ZeroDivisionError", "the attack divided by zero"),
        ("exit", "SystemExit", "3"),
        ("ask-outside", "InputError", "points must lie in [0, 1]"),
        ("word", "ContestError", "perturb must return Perturbed, got str"),
        ("dig", "JudgeMismatch", "Something asked the contender past the oracle"),
    ],
)
def test_a_failing_attack_fails_its_cell_alone(place, how, code, told):
    path = place.plugin("faulty", plugins.FAULTY)
    done = place.run("--plugin", path, *TINY, "-a", f"faulty:{how}", "-a", "none", code=1)
    cells = {row["attack"]: row for row in place.rows("cells")}
    assert (cells["faulty"]["status"], cells["faulty"]["code"]) == ("failed", code)
    assert told in cells["faulty"]["reason"]
    assert told in done.stderr
    assert cells["none"]["status"] == "ok"
    kept = (place.out / "tracebacks" / f"{cells['faulty']['cell_id']}.txt").read_text()
    assert "Traceback" in kept
    assert "failed: faulty" in " ".join(done.stdout.split())


@pytest.mark.parametrize("how", ["nan", "shape", "outside"])
def test_a_worthless_answer_is_invalid_and_counts_as_held(place, how):
    path = place.plugin("faulty", plugins.FAULTY)
    place.run("--plugin", path, *TINY, "-a", f"faulty:{how}")
    attacked = [row for row in place.rows() if row["verdict"] != "skipped"]
    assert {row["verdict"] for row in attacked} == {"invalid"}
    assert all(row["reason"] for row in attacked)
    scores = {row["metric"]: row["value"] for row in place.rows("scores")}
    assert scores["robust-accuracy"] == scores["clean-accuracy"]


def test_places_where_no_report_can_be(place, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("mine")
    for name, told in (("file", "must be a folder, got a file"), ("other", "got one holding 'thesis.tex'")):
        done = place.call("run", *TINY, "-a", "none", "-o", tmp_path / name)
        assert done.returncode == 2
        assert told in done.stderr
    assert (tmp_path / "other" / "thesis.tex").read_text() == "mine"


def test_two_runs_in_one_folder_do_not_mix(place):
    with ReportWriter.open(place.out):
        done = place.run(*TINY, "-a", "none", code=2)
    assert "another" in done.stderr
    place.run(*TINY, "-a", "none")


def test_a_read_only_mount_is_told(place, tmp_path):
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare (util-linux)")
    inside = tmp_path / "mount"
    inside.mkdir()
    command = f"mount -t tmpfs -o ro none {inside} && exec {sys.executable} -m advbench run -a none -o {inside}/r"
    try:
        subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", inside], check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"needs the right to mount: {error.stderr.decode().strip()}")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", command], capture_output=True, text=True, env=place.env, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr
