"""Texts reach tabular contenders as vectors: one encoder for training and contest, part of who the contender is."""

import pytest
from text_toys import PLUGIN
from typer.testing import CliRunner

from advbench.cli.app import app
from advbench.records.reader import Report


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder")
    (folder / "texts.py").write_text(PLUGIN)

    def start(*words):
        command = ["run", "--plugin", str(folder / "texts.py"), "-D", "notes", "-m", "linear", *words]
        return CliRunner().invoke(
            app, [*command, "-o", str(folder / "out")], env={"ADVBENCH_CACHE_DIR": str(folder / "cache")}
        )

    return folder, start


def test_a_tabular_model_learns_and_is_attacked_through_its_encoder(run):
    folder, start = run
    for again in (False, True):  # trained, then from the cache
        outcome = start("--encoder", "tally:weight=[1/2]", "-a", "swap", *(["--force"] if again else []))
        assert outcome.exit_code == 0, outcome.output
        cells = Report.open(folder / "out").cells.to_pylist()
        assert {cell["encoder"] for cell in cells} == {"tally"}
        assert sorted(cell["encoder_params"] for cell in cells) == [
            '{"fetched":true,"weight":1.0}',
            '{"fetched":true,"weight":2.0}',
        ]
        rows = Report.open(folder / "out").examples.to_pylist()
        assert len(rows) == 48
        assert all(row["verdict"] == "broken" and row["words"] == 0.25 and row["queries"] == 1 for row in rows)
    assert outcome.output.count("loaded from the cache") == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-a", "swap", "--encoder", "tally:weight=0"), "tally: weight must be > 0, got 0"),
        (("--encoder", "tall", "-a", "swap"), "no encoder is called 'tall'. Did you mean 'tally'"),
        (("--encoder", "tally", "-a", "random-noise"), "random-noise: data must be image or series or tabular, got"),
    ],
)
def test_what_cannot_be_is_told(run, words, told):
    outcome = run[1](*words)
    assert outcome.exit_code in (2, 5)
    assert told in " ".join(outcome.output.split())


def test_an_encoder_that_breaks_its_word_fails_the_cell(run):
    outcome = run[1]("--encoder", "wide", "-a", "swap")
    assert outcome.exit_code == 1
    assert "encoder 'wide' must give float32 (64, 2), got" in " ".join(outcome.output.split())
