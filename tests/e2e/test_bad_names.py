"""Nothing that a plugin is called, says or leaves in a report paints the terminal."""

import json

import pytest
from bad_case import ACTS, call, plugin

from advbench.records.writer import ReportWriter


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
