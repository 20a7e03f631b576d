"""Whatever one plugin does wrong, it is named, its own cells fail alone, and the report says so."""

import json
import re
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import bad_plugins as sources
from typer.testing import CliRunner

from advbench.arena import contest
from advbench.cli.app import app
from advbench.records.reader import Report
from advbench.records.writer import ReportWriter

TINY = ("-D", "two-moons", "--n", "12")
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # what a terminal obeys


def call(*words):
    """The command line in this process: what it said, on one line, and its exit code."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert not ACTS.search(done.output), ACTS.search(done.output)
    assert "Traceback" not in done.output
    assert len(done.output) < 200_000
    return SimpleNamespace(said=" ".join(done.output.split()), code=done.exit_code, stdout=done.stdout)


def plugin(folder, name):
    path = folder / f"{name.lower()}.py"
    path.write_text(getattr(sources, name))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("bad")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("ADVBENCH_CACHE_DIR", str(root / "cache"))
        patch.setenv("ADVBENCH_PLUGINS", "")
        patch.setenv("COLUMNS", "160")
        yield root


def run(folder, name, *words, out=None):
    """One run with that plugin; also its cells by (dataset, contender, attack, how), and its entry in run.json."""
    out = out or folder / f"report-{name.lower()}"
    done = call("run", "-o", out, "--plugin", plugin(folder, name), *words)
    done.out = out
    done.cells = {}
    if (out / "run.json").exists():
        report = Report.open(out)
        done.scores = report.table("scores").to_pylist()
        done.entry = report.runs[-1]
        for cell in report.cells.to_pylist():
            hows = [json.loads(cell[f"{kind}_params"] or "{}").get("how") for kind in ("dataset", "model", "defense")]
            how = next((how for how in hows if how), json.loads(cell["attack_params"]).get("how"))
            done.cells[cell["defense"] or cell["model"], cell["dataset"], cell["attack"], how] = cell
    return done


ATTACKS = {
    "raise": ("ZeroDivisionError", r"got ZeroDivisionError: divided by \x1b[31mzero. The traceback is in tracebacks/"),
    "mute": ("Mute", "got Mute: its message cannot be read."),
    "exit": ("SystemExit", "it must end without an error, got SystemExit: 3."),
    "stop": ("Stop", "got Stop: now."),
    "recursion": ("RecursionError", "got RecursionError: maximum recursion depth exceeded"),
    "memory": ("RuntimeError", "allocate"),
    "huge-message": ("ValueError", "more characters)"),
    "ask-outside": ("InputError", "points must lie in [0, 1], got"),
    "ask-nan": ("InputError", "points must lie in [0, 1], got nan to nan"),
    "ask-shape": ("InputError", "points must be torch.float32 (M, 2), got torch.float32 (12, 1)"),
    "ask-dtype": ("InputError", "points must be torch.float32 (M, 2), got torch.int64 (12, 2)"),
    "ask-list": ("InputError", "points must be torch.float32 (M, 2), got list"),
    "word": ("ContestError", "perturb must return Perturbed, got str"),
    "note-word": ("ContestError", "note 'h' must hold (12,) numbers, got str"),
    "note-shape": ("ContestError", "note 'h' must hold (12,) numbers, got torch.float32 (2, 2)"),
    "note-name": ("ContestError", r"a note's name must be like 'step_size', got '\x1b[31mh'"),
    "blind": ("ContestError", "blind must be None or torch.bool (12,), got torch.float32 (12,)"),
}
INVALID = {
    "nan": "the returned point holds NaN or infinity",
    "outside": "the returned point leaves the bounds",
    "shape": "the attack must return torch.float32 (12, 2), got torch.float32 (12, 1)",
    "giant": "the attack must return torch.float32 (12, 2), got torch.float32 (1000000000, 1000000)",
    "dtype": "the attack must return torch.float32 (12, 2), got torch.float64 (12, 2)",
    "list": "the attack must return torch.float32 (12, 2), got list",
}


@pytest.fixture(scope="module")
def attacks(folder):
    words = [f"bad:{how}" for how in (*ATTACKS, *INVALID, "print")]
    select = "ids=" + "/".join(map(str, _right_ids()))
    return run(folder, "ATTACKS", "-D", "two-moons", "--select", select, "-m", "linear",
               *(part for word in (*words, "none") for part in ("-a", word)))  # fmt: skip


def _right_ids():
    """Twelve examples that every fair model gets right, so that all are attacked."""
    from advbench.builtin.datasets import TwoMoons

    examples = TwoMoons().load("eval")
    far = (examples.x[:, 1] - 0.5).abs().argsort(descending=True)
    return examples.ids[far[:12]].tolist()


@pytest.mark.parametrize("how", ATTACKS)
def test_an_attack_at_fault_fails_its_cell_alone(attacks, how):
    code, told = ATTACKS[how]
    cell = attacks.cells["linear", "two-moons", "bad", how]
    assert (cell["status"], cell["code"]) == ("failed", code)
    assert told in cell["reason"]
    assert "attack bad" in cell["reason"]
    assert "of attacks (" in cell["reason"]  # the plugin
    assert len(cell["reason"]) < 1000
    assert " ".join(cell["reason"].split()) in attacks.said
    trace = attacks.out / "tracebacks" / f"{cell['cell_id']}.txt"
    assert "Traceback" in trace.read_text()
    assert trace.stat().st_size < 200_000


@pytest.mark.parametrize("how", INVALID)
def test_a_worthless_answer_is_unresolved_and_told(attacks, how):
    cell = attacks.cells["linear", "two-moons", "bad", how]
    assert cell["status"] == "ok"
    rows = [row for row in Report.open(attacks.out).table("examples").to_pylist() if row["cell_id"] == cell["cell_id"]]
    assert {(row["verdict"], row["stop_reason"]) for row in rows} == {("invalid", "error")}
    assert {row["reason"] for row in rows} == {INVALID[how]}
    assert any(f"bad:how={how}" in note and INVALID[how] in note for note in attacks.entry["notes"])


def test_the_rest_of_the_run_goes_on_and_the_leaderboard_tells(attacks):
    assert attacks.code == 1
    assert attacks.cells["linear", "two-moons", "none", None]["status"] == "ok"
    assert attacks.cells["linear", "two-moons", "bad", "print"]["status"] == "ok"
    assert f"f{len(ATTACKS)}" in attacks.said
    assert "?12" in attacks.said  # nobody broke them, but nobody attacked them well either
    assert (attacks.entry["outcome"]["failed"], attacks.entry["exit_code"]) == (len(ATTACKS), 1)


def test_what_a_plugin_prints_is_told_once_and_bounded(attacks):
    (note,) = [note for note in attacks.entry["notes"] if "printed" in note]
    assert "bad:how=print on two-moons: plugins printed 1,000,019 bytes, first: \\x1b[2Jzzz" in note
    assert len(note) < 3_100
    assert note[:300] in attacks.said
    assert "z" * 1_000 not in attacks.said


MODELS = {
    "raise": ("ValueError", "got ValueError: cannot be made."),
    "exit": ("SystemExit", "got SystemExit: 4."),
    "none": ("PluginError", "it must give a contender with ContenderFacts, got NoneType."),
    "state": ("PluginError", "state() must return a State, got str."),
    "labels-none": ("ContestError", "it must answer every point, got NoneType"),
    "labels-dtype": ("ContestError", "labels must be torch.int64 ("),
    "labels-shape": ("ContestError", "labels must be torch.int64 ("),
    "labels-range": ("ContestError", "labels must lie in -1..1, got 99 to 99"),
    "labels-raise": ("ValueError", "got ValueError: no labels today."),
    "labels-exit": ("SystemExit", "got SystemExit: 1."),
    "scores-nan": ("ContestError", "scores must be numbers, got NaN"),
    "scores-shape": ("ContestError", "scores must be float32 ("),
    "scores-giant": ("ContestError", "got torch.float32 (1000000000, 1000000)"),
    "scores-dtype": ("ContestError", "scores must be float32 ("),
    "scores-list": ("ContestError", "it must answer every point, got list"),
    "gradient-none": ("ContestError", "value_and_grad must return (loss, gradient), got an answer without"),
    "gradient-nan": ("ContestError", "gradient 'exact' must be numbers, got NaN"),
    "gradient-shape": ("ContestError", "gradient 'exact' must be torch.float32 ("),
}


@pytest.fixture(scope="module")
def contenders(folder):
    words = [part for how in (*MODELS, "print") for part in ("-m", f"bad-model:{how}")]
    words += [part for how in MODELS for part in ("-d", f"bad-defense:{how}")]
    return run(folder, "CONTENDERS", *TINY, *words, "-d", "none", "-m", "linear", "-a", "none")


@pytest.mark.parametrize("how", MODELS)
@pytest.mark.parametrize("kind", ["model", "defense"])
def test_a_contender_at_fault_fails_its_cells_alone(contenders, kind, how):
    code, told = MODELS[how]
    cell = contenders.cells[f"bad-{kind}", "two-moons", "none", how]
    assert (cell["status"], cell["code"]) == ("failed", code)
    assert told in cell["reason"]
    assert f"bad-{kind}" in cell["reason"]
    assert "contenders (" in cell["reason"]  # the plugin
    assert " ".join(cell["reason"].split()) in contenders.said


def test_the_other_contenders_go_on(contenders):
    assert contenders.code == 1
    assert contenders.cells["linear", "two-moons", "none", None]["status"] == "ok"
    assert contenders.cells["bad-model", "two-moons", "none", "print"]["status"] == "ok"
    assert any("plugins printed 100,0" in note for note in contenders.entry["notes"])


DATA = {
    "raise": ("OSError", "got OSError: disk gone."),
    "exit": ("SystemExit", "got SystemExit: 2."),
    "type": ("DataError", "load must return Examples, got NoneType."),
    "nan": ("DataError", "inputs must be finite, got NaN or infinity."),
    "outside": ("DataError", "inputs must lie in [0, 1], got"),
    "dtype": ("DataError", "inputs must be float32 (N, 3), got torch.float64 (12, 3)."),
    "shape": ("DataError", "inputs must be float32 (N, 3), got torch.float32 (12, 2)."),
    "list": ("DataError", "inputs must be float32 (N, 3), got float32 (12, 3)."),
    "labels-dtype": ("DataError", "labels must be torch.int64 (N,), got torch.float32 (12,)."),
    "labels-range": ("DataError", "labels must be 0 to 1, got 5 to 6."),
    "ids": ("DataError", "each input must have an id of its own and a label"),
    "lengths": ("DataError", "got (12, 12, 11) ids, inputs, labels."),
}


@pytest.fixture(scope="module")
def data(folder):
    words = [part for how in DATA for part in ("-D", f"bad-data:{how}")]
    return run(folder, "DATA", *words, *TINY, "-m", "linear", "-a", "none")


@pytest.mark.parametrize("how", DATA)
def test_data_at_fault_fail_their_cells_alone(data, how):
    code, told = DATA[how]
    cell = data.cells["linear", "bad-data", "none", how]
    assert (cell["status"], cell["code"]) == ("failed", code)
    assert told in cell["reason"]
    assert "bad-data" in cell["reason"]
    assert data.code == 1
    assert data.cells["linear", "two-moons", "none", None]["status"] == "ok"


METRICS = {
    "raise": "it must end without an error, got ValueError: no number today.",
    "exit": "it must end without an error, got SystemExit: 0.",
    "word": "it must return an Estimate, got str.",
    "field": "value must be float, got 'high'.",
    "nan": "its value must be a number, got NaN over 12 examples.",
}


@pytest.fixture(scope="module")
def metrics(folder):
    words = [part for how in (*METRICS, "print", "spoil") for part in ("--metric", f"bad-metric:{how}")]
    return run(folder, "METRICS", *TINY, "-m", "linear", *words, "--metric", "robust-accuracy", "-a", "none")


@pytest.mark.parametrize("how", METRICS)
def test_a_metric_at_fault_misses_its_own_scores(metrics, how):
    name = "bad-metric" if how == "raise" else f"bad-metric:how={how}"
    told = f"metric {name} of metrics ({metrics.out.parent / 'metrics.py'} file): {METRICS[how]}"
    assert told in metrics.said
    assert any(told in note for note in metrics.entry["notes"])


def test_the_other_scores_are_stored(metrics):
    found = {score["metric"]: score["value"] for score in metrics.scores}
    assert found.keys() == {"bad-metric:how=print", "bad-metric:how=spoil", "robust-accuracy"}
    assert 0.5 < found["robust-accuracy"] < 1.01
    assert metrics.cells["linear", "two-moons", "none", None]["status"] == "ok"
    assert (metrics.code, metrics.entry["outcome"]["unscored"]) == (1, len(METRICS))
    assert any("metrics: plugins printed 100,001 bytes" in note for note in metrics.entry["notes"])


def test_a_hook_at_fault_changes_nothing(metrics):
    assert any("got ValueError: not interested. The cell is not affected." in note for note in metrics.entry["notes"])


def test_rescoring_goes_on_past_a_metric_at_fault(metrics, folder):
    words = [part for how in ("raise", "print") for part in ("--metric", f"bad-metric:{how}")]
    done = call("rescore", metrics.out, "--plugin", folder / "metrics.py", *words)
    assert "1 scores of 1 cells written" in done.said
    assert METRICS["raise"] in done.said
    assert done.code == 1


def test_two_distances_of_one_norm_break_that_norm_alone(folder):
    for norm, status in (("linf", "failed"), ("l2", "ok")):
        done = run(folder, "DISTANCE", *TINY, "-m", "linear", "-a", "none", "--norm", norm, out=folder / f"d-{norm}")
        (cell,) = done.cells.values()
        assert cell["status"] == status
        assert "norm linf must have one distance for tabular inputs, got linf of builtin" in done.said
        assert "and generous of distance (" in done.said


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        (
            "CONTENDERS",
            ("-m", "bad-model:facts"),
            "model 'bad-model' must be able to tell its facts, got ValueError: no",
        ),
        (
            "CONTENDERS",
            ("-m", "bad-model:facts-exit"),
            "model 'bad-model' must be able to tell its facts, got SystemExit",
        ),
        ("CONTENDERS", ("-m", "bad-model:facts-type"), "must be able to tell its facts as ContenderFacts, got dict."),
        ("CONTENDERS", ("-m", "bad-model:facts-field"), "its facts: access must be Access, got 'scores'."),
        (
            "CONTENDERS",
            ("-d", "bad-defense:facts"),
            "defense 'bad-defense' must be able to tell its facts, got ValueError",
        ),
        ("CONTENDERS", ("-d", "bad-defense:facts-type"), "defense 'bad-defense' must be able to tell its facts as"),
        ("DATA", ("-D", "bad-data:facts"), "dataset 'bad-data' must be able to tell its facts, got OSError: no file."),
        ("DATA", ("-D", "bad-data:facts-type"), "must be able to tell its facts as DatasetFacts, got NoneType."),
        ("DATA", ("-D", "bad-data:facts-field"), "its facts: classes must be int, got 'two'."),
        ("DATA", ("-D", "bad-data:labels"), "dataset 'bad-data' must be able to tell its examples, got OSError"),
        ("ATTACKS", ("-a", "bad-knot"), "attack 'bad-knot' must not hold itself by default, got bad-knot > bad-knot."),
        ("ATTACKS", ("-a", "bad-knot:inner=none"), None),
        ("ATTACKS", ("-a", "bad-knot:inner=bad-knot,inner.inner=bad,inner.inner.how=x"), None),
    ],
)
def test_what_cannot_even_be_planned_is_a_bad_request(folder, name, words, told, tmp_path):
    words = (*TINY, *words, *(() if "-a" in words else ("-a", "none")), *(() if "-m" in words else ("-m", "linear")))
    done = run(folder, name, *words, out=tmp_path / "r")
    assert done.code == (0 if told is None else 2), done.said
    assert told is None or (told in done.said and f"{name.lower()} (" in done.said)


REGISTRATION = {
    "lacks": "import nowhere_to_be_found",
    "leaves": "import sys\nsys.exit(3)",
    "throws": "class Stop(BaseException): pass\nraise Stop",
    "no-python": "def",
    "misspelt": "from advbench import hookimpl\n@hookimpl\ndef advbench_register_atacks(register): pass",
    "other-api": "ADVBENCH_API = 99",
    "no-spec": "from advbench import hookimpl\n@hookimpl\ndef advbench_register_attacks(register): register(3, int)",
    "wrong-field": "from advbench import *\n@hookimpl\ndef advbench_register_attacks(register):\n"
    "  register(AttackSpec(name='x', summary='', needs='labels', modalities=frozenset(), norms=frozenset()), int)",
    "paints": "from advbench import *\n@hookimpl\ndef advbench_register_metrics(register):\n"
    "  register(MetricSpec(name='\\x1b[31m', summary='', unit='', higher_is_better=True, columns=frozenset()), int)",
    "twin-one": sources.METRICS,
    "twin-two": sources.METRICS,
    "loud": "print('\\x1b[2J' + 'l' * 1_000_000)",
}


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """All those as installed distributions, one of them with a name that paints the terminal."""
    for plugin, body in REGISTRATION.items():
        module = f"toy_{plugin}".replace("-", "_")
        (tmp_path / f"{module}.py").write_text(body)
        info = tmp_path / f"adv_{module}-1.0.dist-info"
        info.mkdir()
        paint = "\x1b[31m" if plugin == "lacks" else ""
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: adv-{plugin}{paint}\nVersion: 1.0{paint}\n")
        (info / "entry_points.txt").write_text(f"[advbench]\n{plugin}{paint} = {module}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("ADVBENCH_PLUGINS")
    yield
    for name in [name for name in sys.modules if name.startswith("toy_")]:
        del sys.modules[name]


@pytest.mark.usefixtures("folder", "installed")
def test_broken_distributions_are_listed_and_everything_else_goes_on(tmp_path):
    done = call("run", *TINY, "-m", "linear", "-a", "none", "--metric", "robust-accuracy", "-o", tmp_path / "r")
    assert done.code == 0
    told = {
        "lacks": "importing it must succeed, got ModuleNotFoundError: No module named 'nowhere_to_be_found'.",
        "leaves": "importing it must succeed, got SystemExit: 3.",
        "throws": "importing it must succeed, got Stop.",
        "no-python": "importing it must succeed, got SyntaxError",
        "misspelt": "got 'advbench_register_atacks'. Did you mean 'advbench_register_attacks'?",
        "other-api": "it must be written for plugin API 1 of advbench, but says 99.",
        "no-spec": "registering an attack must use AttackSpec, got int for 3.",
        "wrong-field": "attack 'x': needs must be Access, got 'labels'. Correct its AttackSpec.",
        "paints": r"a name must be lower-case words joined by '-', got '\x1b[31m'. Rename it.",
        "twin-two": "metric 'bad-metric' must have one owner, got twin-one (adv-twin-one 1.0) and twin-two",
    }
    for words in ((), ("list", "metrics"), ("doctor",), ("plugins", "list")):
        said = call(*words).said if words else done.said
        shown = re.sub(r"\s", "", said)
        for text in told.values():
            assert re.sub(r"\s", "", text) in shown, words
        assert len(said) < 20_000
    entry = Report.open(tmp_path / "r").runs[-1]
    assert {name.split()[0].removesuffix(r"\x1b[31m") for name in entry["broken_plugins"]} == told.keys()
    assert "robust-accuracy" in call("list", "metrics").said
    for words, reason in (
        (("--metric", "bad-metric"), told["twin-two"]),
        (("-a", "misspelt"), "attack 'misspelt' cannot be used: misspelt (adv-misspelt 1.0): a hook must be one of"),
    ):
        refused = call("run", *TINY, "-m", "linear", "-a", "none", *words, "-o", tmp_path / "r")
        assert refused.code == 2
        assert reason in refused.said


@pytest.mark.parametrize("name", ["lacks", "leaves", "misspelt", "other-api", "wrong-field", "paints"])
def test_a_broken_file_that_was_asked_for_is_a_bad_request(folder, name, tmp_path):
    path = tmp_path / "asked.py"
    path.write_text(REGISTRATION[name])
    done = call("run", "--plugin", path, *TINY, "-m", "linear", "-a", "none", "-o", tmp_path / "r")
    assert done.code == 2
    assert f"error: --plugin {path}: " in done.said
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("how", ["loop", "swallow"])
def test_an_attack_that_never_asks_is_ended(folder, how, tmp_path, monkeypatch):
    monkeypatch.setattr(contest, "_GRACE", 0.2)
    words = (*TINY, "-m", "linear", "-a", f"bad:{how}", "-a", "none", "--timeout", "0.01")
    done = run(folder, "ATTACKS", *words, out=tmp_path / "r")
    cell = done.cells["linear", "two-moons", "bad", how]
    assert (done.code, cell["status"], cell["code"]) == (1, "failed", "timeout")
    assert f"attack bad:how={how} of attacks (" in cell["reason"]
    assert "Raise --timeout or leave this attack out." in cell["reason"]
    assert done.cells["linear", "two-moons", "none", None]["status"] == "ok"
    assert "f1" in done.said


def test_the_time_of_a_cell_is_limited_whatever_it_does(folder, tmp_path):
    started = time.monotonic()
    files = [part for name in ("ATTACKS", "DATA", "METRICS") for part in ("--plugin", plugin(folder, name))]
    axes = ("-D", "bad-data:loop", "-m", "linear", "-m", "bad-model:loop", "-a", "bad:loop", "-a", "none")
    metrics = ("--metric", "bad-metric:loop", "--metric", "robust-accuracy")
    words = (*files, *TINY, *axes, *metrics, "--cell-timeout", "0.7")
    done = run(folder, "CONTENDERS", *words, out=tmp_path / "r")
    assert time.monotonic() - started < 20
    codes = {key: cell["code"] for key, cell in done.cells.items()}
    assert codes.pop(("linear", "two-moons", "none", None)) is None
    assert set(codes.values()) == {"timeout"}
    assert len(codes) == 7
    attacked = done.cells["linear", "two-moons", "bad", "loop"]
    assert (
        "must end within 0.7 s, got no end by then. Raise --cell-timeout: what is judged is kept" in attacked["reason"]
    )
    assert "training bad-model:how=loop must end within 0.7 s" in done.said
    assert "bad-metric:how=loop of metrics" in done.said
    assert [score["metric"] for score in done.scores] == ["robust-accuracy"]


def test_an_attack_that_plays_control_c_ends_the_run_as_control_c_does(folder, tmp_path):
    words = (*TINY, "-m", "linear", "-a", "none", "-a", "bad:interrupt", "-a", "bad:raise")
    done = run(folder, "ATTACKS", *words, out=tmp_path / "r")
    assert done.code == 130
    assert done.cells["linear", "two-moons", "none", None]["status"] == "ok"  # kept
    assert done.cells["linear", "two-moons", "bad", "interrupt"]["code"] == "interrupted"
    assert ("linear", "two-moons", "bad", "raise") not in done.cells


def test_control_c_ends_a_run_under_time_limits(place):
    path = place.plugin("attacks", sources.ATTACKS)
    words = ("-o", place.out, *TINY, "-m", "linear", "-a", "none", "-a", "bad:loop")
    process = place.start("run", "--plugin", path, *words, "--timeout", "60", "--cell-timeout", "60")
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if len(list(place.out.glob("parts/*/cell.parquet"))) == 2:  # the second has begun
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            break
        time.sleep(0.1)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert {row["attack"]: row["status"] for row in place.rows("cells")} == {"none": "ok", "bad": "failed"}


@pytest.mark.parametrize("words", [("list", "attacks"), ("show", "attack", "bad"), ("plugins", "list"), ("doctor",)])
def test_plugins_cannot_paint_the_terminal(folder, words):
    done = call(*words, "--plugin", plugin(folder, "ATTACKS"))
    assert done.code == 0
    assert "bad" in done.said or "attacks" in done.said
    if words[0] == "show":
        assert r"\x1b]0;owned\x07" in done.said
        assert r"\u202egpj.exe" in done.said


@pytest.mark.parametrize("form", ["table", "csv", "md", "json"])
def test_reports_cannot_paint_the_terminal(tmp_path, form):
    bad = "\x1b[31m\u202e\x9b\x07"
    same = {"fingerprint": "f", "contender_digest": "d"}
    with ReportWriter.open(tmp_path) as writer:
        for status, cell_id in (("ok", "one"), ("failed", "two"), ("refused", "three")):
            cell = {
                "cell_id": cell_id, "status": status, "norm": "l2", "eps": 1.0, "n": 1, "reason": f"why\n{bad}", **same,
                "dataset": f"data{bad}", "dataset_params": json.dumps({"path": f"here{bad}"}), "model": f"model{bad}",
                "attack": f"attack{bad}{cell_id}", "attack_params": json.dumps({"h": bad}), "targeted": True,
                "targets": f"random{bad}", "twin_of": f"defense{bad}", "coverage": "L", "seed": 0,
            }  # fmt: skip
            writer.write_cell(cell)
        row = {"example_id": 1, "label": 1, "clean_label": 1, "verdict": "held", "l2": 0.5, "queries": 3}
        writer.write_shard("one", 0, **same, examples=[row], trace=[])
        writer.compact()
    done = call("leaderboard", tmp_path, "--format", form)
    assert done.code == 0
    shown = json.dumps(json.loads(done.stdout), ensure_ascii=False) if form == "json" else done.said
    assert not ACTS.search(shown)
    assert r"model\x1b[31m\u202e\x9b\x07" in shown.replace("\\\\", "\\")
