"""The job that everybody runs first, smaller: it must tell the truth about ZOO and sign networks."""

import json

SMALL = ("--defense", "scd:votes=20,iterations=200", "-n", "24")


def test_zoo_breaks_sign_networks_and_the_papers_step_is_blind(place):
    done = place.run(*SMALL, "--attack", "zoo", "--attack", "zoo:h=1e-4", "--eps", "none")
    cells = {row["cell_id"]: row for row in place.rows("cells")}
    assert len(cells) == 4
    assert sorted(row["twin_of"] is not None for row in cells.values()) == [False, False, True, True]
    rows = {}
    for row in place.rows():
        if row["verdict"] != "skipped":
            cell = cells[row["cell_id"]]
            h = json.loads(cell["attack_params"])["h"]
            rows.setdefault((cell["defense"], h), []).append(row)
    scd, paper = rows["scd", "auto"], rows["scd", 1e-4]
    assert sum(row["verdict"] == "broken" for row in scd) > 0.6 * len(scd)
    assert all(row["queries"] <= 10_000 for row in scd)
    assert sum(row["stop_reason"] == "blind" for row in paper) >= 0.95 * len(paper)
    text = " ".join(done.stdout.split())
    assert "blind: zoo[h=1e-4] on scd: hardly an example gave a signal, so no evidence" in text
    board = json.loads(place.call("leaderboard", place.out, "--format", "json").stdout)
    (section,) = board["sections"]
    lines = {line["contender"]: line for line in section["lines"]}
    assert lines["scd"]["by"] == "zoo[h=auto]"
    assert lines["scd"]["attacks"]["zoo[h=1e-4]"]["state"] == "blind"
    assert lines["mlp"]["twin_of"] == "scd"


def test_the_smoke_suite_passes(place):
    place.anew = True
    done = place.run("--suite", "smoke", "-n", "20")
    assert {row["status"] for row in place.rows("cells")} == {"ok"}
    assert "two-moons" in done.stdout


def test_rescoring_gives_the_stored_scores_again(place):
    place.run("-D", "two-moons", "-m", "linear", "-a", "random-noise:draws=30", "-n", "30")
    before = place.rows("scores")
    done = place.call("rescore", place.out)
    assert done.returncode == 0, done.stderr
    assert place.rows("scores") == before


def test_adversarials_are_kept_on_request(place):
    import torch
    from safetensors.torch import load_file

    place.run("-D", "two-moons", "-m", "linear", "-a", "random-noise:draws=30", "-n", "30", "--save-adversarials")
    (path,) = place.out.glob("adversarials/*/*.safetensors")
    points = load_file(path)
    rows = {str(row["example_id"]): row for row in place.rows() if row["verdict"] != "skipped"}
    assert rows.keys() <= points.keys()
    assert all(points[name].shape == (2,) and torch.isfinite(points[name]).all() for name in rows)


def test_a_file_of_options_stands_below_the_environment_and_the_command_line(place):
    options = 'dataset = ["two-moons"]\nmodel = ["linear"]\nattack = ["none"]\nn = 7\n'
    (place.root / "options.toml").write_text(options)
    place.run("--config", "options.toml")
    assert [row["n"] for row in place.rows("cells")] == [7]
    place.env["ADVBENCH_N"] = "8"
    place.run("--config", "options.toml", "--force")
    assert [row["n"] for row in place.rows("cells")] == [8]
    place.run("--config", "options.toml", "--n", "9")
    assert [row["n"] for row in place.rows("cells")] == [9]
    (place.root / "options.toml").write_text("atack = ['none']\n")
    assert "Did you mean 'attack'?" in place.run("--config", "options.toml", code=2).stderr


def test_targets_all_gives_a_row_per_target(place):
    place.run(
        "-D", "digits:classes=1/2/3", "-m", "linear", "-a", "random-noise:draws=5", "-n", "6",
        "--targeted", "--targets", "all",
    )  # fmt: skip
    rows = place.rows()
    assert len(rows) == 6 * 2
    assert len({(row["example_id"], row["target"]) for row in rows}) == 12
    assert all(row["target"] != row["label"] for row in rows)


def test_seeds_are_further_cells(place):
    done = place.run("-D", "two-moons", "-m", "linear", "-a", "none", "-n", "5", "--seed", "0", "--seed", "1")
    assert sorted(row["seed"] for row in place.rows("cells")) == [0, 1]
    assert done.stdout.count("linear") == 1


def test_a_dry_run_writes_nothing(place):
    done = place.run("-a", "zoo", "-d", "scd", "--dry-run")
    assert "2 cells to run or find done, 0 refused" in done.stdout
    assert not place.out.exists()
