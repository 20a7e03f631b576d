"""Every column a report may hold, with its type and meaning. The names are a contract with users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from ..contract.types import StopReason, Verdict

TEXT, REAL, WHOLE, FLAG = pa.string(), pa.float64(), pa.int64(), pa.bool_()
MOMENT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Column:
    """One declared column. Rows may leave it out (null) unless it is `required`.

    `later`: tables stored before it was declared lack it, and read as if it were null.
    """

    name: str
    type: pa.DataType
    help: str
    required: bool = False
    choices: tuple[str, ...] = ()
    later: bool = False


_CELLS = (
    Column("cell_id", TEXT, "Hash of the request: names, parameters, data, threat, seed.", required=True),
    Column("run", WHOLE, "Position in run.json of the invocation that last worked on the cell, from 0."),
    Column("fingerprint", TEXT, "Hashes of code, libraries and device; fetched data; the encoder that compares texts."),
    Column("contender_digest", TEXT, "Hash of the trained contender; key of training.parquet."),
    Column("dataset", TEXT, "Name of the data set."),
    Column("dataset_params", TEXT, "Its parameters, as canonical JSON."),
    Column("encoder", TEXT, "Name of the text encoder; null for other inputs."),
    Column("encoder_params", TEXT, "Its parameters, as canonical JSON."),
    Column("model", TEXT, "Name of the model; null where the defense brings its own network."),
    Column("model_params", TEXT, "Its parameters, as canonical JSON."),
    Column("defense", TEXT, "Name of the defense; `none` or null for a plain model."),
    Column("defense_params", TEXT, "Its parameters, as canonical JSON."),
    Column("twin_of", TEXT, "The defense, as typed, whose undefended twin this contender is; null if it is no twin."),
    Column("attack", TEXT, "Name of the attack; `none` is the clean control."),
    Column("attack_params", TEXT, "Its parameters, as canonical JSON."),
    Column(
        "coverage", TEXT, "Kind of attack: G gradient, S surrogate, Q score, L label, T transfer, N noise, - control."
    ),
    Column("access", TEXT, "What the attack may see: none, labels, scores or gradients."),
    Column("gradient", TEXT, "Which gradients it saw: none, exact, or surrogate and its name."),
    Column("eot", WHOLE, "Draws averaged per gradient of a stochastic contender; 1 elsewhere."),
    Column("norm", TEXT, "How a change is measured: l0, l1, l2, linf or words."),
    Column("eps", REAL, "Largest change allowed, in the norm's unit; null: the smallest change wins."),
    Column("reference_eps", REAL, "The data set's own eps for this norm; null if it declares none."),
    Column("max_queries", WHOLE, "Queries allowed per example; null: counted without a limit."),
    Column("targeted", FLAG, "Whether the attack must reach a chosen class."),
    Column("targets", TEXT, "How target classes are chosen: random, all, next, least-likely or a label."),
    Column(
        "eligible",
        TEXT,
        "Null: whatever the contender itself gets right is attacked; else only what all contenders of the run do: the "
        "rule, n of how many examples those are, and hashes of their ids and of the contenders, as canonical JSON.",
        later=True,
    ),
    Column("seed", WHOLE, "Seed of training, noise, attack and judge."),
    Column("n", WHOLE, "Examples asked for; fewer rows mean that the cell is unfinished."),
    Column("stochastic", FLAG, "Whether equal questions may get different answers."),
    Column("inexact", FLAG, "Whether an answer depends, in its last bits, on the other rows of its chunk."),
    Column("oracle_choice", FLAG, "Whether the best of several submissions was picked by the victim's answers."),
    Column("status", TEXT, "ok, refused or failed.", required=True, choices=("ok", "refused", "failed")),
    Column("code", TEXT, "Short reason of a refusal or failure; `interrupted` while work goes on."),
    Column("reason", TEXT, "The same for people, with what to do."),
    Column("queries_shared", WHOLE, "Queries asked before the first example, for all of them together."),
    Column("train_seconds", REAL, "Seconds spent on training or loading the contender."),
    Column("attack_seconds", REAL, "Seconds spent attacking, over all workers."),
    Column("peak_rss_mib", REAL, "Largest resident memory of a worker, MiB; a high-water mark of the process."),
    Column("device", TEXT, "Device the contender answered on."),
    Column("finished_at", MOMENT, "When the cell ended, UTC."),
)

_EXAMPLES = (
    Column("cell_id", TEXT, "The cell.", required=True),
    Column("example_id", WHOLE, "Stable id of the example in its data set.", required=True),
    Column("label", WHOLE, "True class."),
    Column("target", WHOLE, "Class to reach; null if untargeted."),
    Column("clean_label", WHOLE, "Contender's class for the clean input; -1: it abstained."),
    Column("adv_label", WHOLE, "Contender's class for the adversarial input; -1: it abstained."),
    Column("verdict", TEXT, "broken, held, skipped (already wrong) or invalid (broke a rule; counts as held).",
           choices=tuple(Verdict)),
    Column("reason", TEXT, "Why the row is invalid or in error; null elsewhere."),
    Column("queries", WHOLE, "Queries charged to this row."),
    Column("gradients", WHOLE, "Gradients charged to this row."),
    Column("first_query", WHOLE, "Number of the query, from 1, that first met the goal within eps."),
    Column("best_query", WHOLE, "Number of the query, from 1, that gave the judged point."),
    Column("l0", REAL, "Inputs changed by more than 1e-6 of the range, a count."),
    Column("l1", REAL, "L1 size of the change, input units."),
    Column("l2", REAL, "L2 size of the change, input units."),
    Column("linf", REAL, "Largest change of one input, input units."),
    Column("words", REAL, "Words changed, as a share of the text's words, 0 to 1."),
    Column("edit_distance", REAL, "Characters inserted, deleted or replaced, a count."),
    Column("similarity", REAL, "Mean similarity of clean and adversarial text over its windows, -1 to 1."),
    Column("similarity_min", REAL, "Smallest similarity over the windows, -1 to 1."),
    Column("clean_margin", REAL, "True class's log score minus the best other one, clean input."),
    Column("adv_margin", REAL, "The same for the adversarial input; negative when broken."),
    Column("survives_8bit", FLAG, "Whether the point still meets the goal after rounding to 256 levels."),
    Column("certified", REAL, "Largest radius of a stated grid at which the contender proves its answer, in the norm."),
    Column("votes", REAL, "Share of fresh noise draws in which the goal is met, 0 to 1; stochastic contenders only."),
    Column("stop_reason", TEXT, "found, done, budget, timeout, blind (no signal from the contender) or error.",
           choices=tuple(StopReason)),
)  # fmt: skip

_SCORES = (
    Column("cell_id", TEXT, "The cell.", required=True),
    Column(
        "metric", TEXT, "Name of the metric; `@all-correct`: over examples every contender got right.", required=True
    ),
    Column("value", REAL, "The number; NaN where no example counts."),
    Column("low", REAL, "Lower end of its 95 % interval."),
    Column("high", REAL, "Upper end of its 95 % interval."),
    Column("n", WHOLE, "Examples it rests on."),
    Column("unit", TEXT, "Its unit."),
    Column("higher_is_better", FLAG, "Whether a larger number speaks for the defender."),
)

_TRACE = (
    Column("cell_id", TEXT, "The cell.", required=True),
    Column("example_id", WHOLE, "The example.", required=True),
    Column("target", WHOLE, "Class to reach; null if untargeted."),
    Column("query", WHOLE, "Number of the query, from 1, that improved on the best by 1 % or more."),
    Column("distance", REAL, "Size of the change then, in the cell's norm."),
)

_TRAINING = (
    Column("contender_digest", TEXT, "Hash of the trained contender, as in cells.parquet.", required=True),
    Column("epoch", WHOLE, "Epoch, from 1."),
    Column("loss", REAL, "Mean training loss."),
    Column("tune_loss", REAL, "Mean loss on the tune split."),
    Column("tune_accuracy", REAL, "Share right on the tune split, 0 to 1."),
    Column(
        "sensitivity_bound", REAL, "Upper bound on the change of the output per unit change of the input, where known."
    ),
    Column("seconds", REAL, "Seconds since training began."),
)

COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "cells": _CELLS, "examples": _EXAMPLES, "scores": _SCORES, "trace": _TRACE, "training": _TRAINING,
}  # fmt: skip
