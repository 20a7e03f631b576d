"""The walk of one network: draw a batch, improve the final node, improve one hidden unit, keep the best."""

from __future__ import annotations

import numpy as np

from .compiled import UInt32
from .compiled.draws import draw, draw_batch, draw_coordinates
from .compiled.logistic import descend_logistic
from .compiled.nodes import (
    Memory,
    Network,
    Plan,
    Rows,
    as_entropy_sees,
    as_final_sees,
    as_hidden_sees,
    batch_gain,
    fire,
    improved,
    move_projections,
    score,
)
from .compiled.search import NEVER, ROUNDING, SIGNS, Features, Move, Tries, descend, fit_threshold
from .compiled.signs import descend_signs, histograms
from .compiled.sorting import ascending


def _final_move(rows: Rows, network: Network, memory: Memory, plan: Plan, batch: UInt32, tries: Tries) -> Move:
    """Refit c, then take the best step of v, in place; as loss and kind of vector ask."""
    if plan.kind == SIGNS:
        counts, firing = histograms(memory.scores, rows.y, batch, memory.fires)
        return descend_signs(network.final, counts, firing, plan.batch_gains, plan.cross_entropy, tries)
    hidden = network.final.size
    features = Features(memory.fires, np.ones(hidden, np.float32), ROUNDING * hidden**0.5)
    if not plan.cross_entropy:
        return descend(network.final, as_final_sees(memory, plan, rows.y, batch), features, tries)
    values, y, fires = as_entropy_sees(memory, rows.y, batch)
    return descend_logistic(network.final, values, y, features._replace(x=fires), tries)


def _improve_final(rows: Rows, network: Network, memory: Memory, plan: Plan, batch: UInt32, most: int) -> None:
    """Refit c, then try a step of `most` coordinates of v."""
    coordinates = draw_coordinates(memory.random, np.arange(network.final.size), most)
    tries = Tries(coordinates, plan.kind, plan.step_final, plan.window, plan.rollback)
    before, threshold = network.final.copy(), network.threshold[0]
    move = _final_move(rows, network, memory, plan, batch, tries)
    network.threshold[0] = np.float32(-move.threshold)
    if move.coordinate >= 0:
        score(network, memory)
    if plan.rollback and not improved(rows, network, memory, plan):
        network.final[:], network.threshold[0] = before, threshold
        score(network, memory)


def _improve_hidden(rows: Rows, network: Network, memory: Memory, plan: Plan, batch: UInt32, unit: int) -> None:
    """Refit b of one unit, then try steps of randomly drawn coordinates of its w."""
    projections, weights = memory.projections[unit], network.weights[unit]
    sample = as_hidden_sees(rows, network, memory, plan, batch, unit)
    coordinates = draw_coordinates(memory.random, memory.coordinates, plan.features)
    tries = Tries(coordinates, plan.kind, plan.step_hidden, plan.window, plan.rollback)
    bias, before = network.biases[unit], weights.copy()
    projected = projections.copy() if plan.rollback else projections
    move = descend(weights, sample, rows.features, tries)
    network.biases[unit] = np.float32(-move.threshold)
    if move.coordinate >= 0:
        move_projections(projections, rows.features.x[move.coordinate], move.step, move.norm)
    fire(network, memory, unit)
    if plan.rollback and not improved(rows, network, memory, plan):
        weights[:], projections[:], network.biases[unit] = before, projected, bias
        fire(network, memory, unit)


def _sweep(rows: Rows, network: Network, memory: Memory, plan: Plan, batch: UInt32) -> None:
    """Refit every hidden bias once, in random order: one that does not improve on the best so far becomes 0."""
    best = batch_gain(rows, network, memory, plan, batch)
    hidden = network.final.size
    for unit in draw_coordinates(memory.random, np.arange(hidden), hidden).tolist():
        sample = as_hidden_sees(rows, network, memory, plan, batch, unit)
        own = int(sample.gains[memory.fires[unit][batch] > 0].sum())
        rest = batch_gain(rows, network, memory, plan, batch) - own
        fit = fit_threshold(sample, ascending(sample.values), rows.features.gap)
        better = rest + fit.gain > best
        best = max(best, rest + fit.gain)
        network.biases[unit] = np.float32(-fit.threshold) if better else 0.0
        fire(network, memory, unit)


def begin(rows: Rows, network: Network, memory: Memory, plan: Plan, batch: UInt32, sweeping: bool) -> None:
    """Fit c, and by a sweep all biases, to a first batch."""
    memory.record[0] = NEVER
    for unit in range(network.final.size):
        fire(network, memory, unit)
    _improve_final(rows, network, memory, plan, batch, 0)
    if sweeping:
        _sweep(rows, network, memory, plan, batch)


def advance(rows: Rows, network: Network, best: Network, memory: Memory, plan: Plan) -> bool:
    """Iterate once, unless the best network can no longer be beaten, which is told by False.

    On a fresh batch, improve the final node, then one random hidden unit; keep the best network.
    """
    if memory.record[0] >= plan.perfect:
        return False
    batch = draw_batch(memory.random, rows.y, plan.sizes, plan.counts)
    _improve_final(rows, network, memory, plan, batch, min(plan.features, network.final.size))
    unit = draw(memory.random, network.final.size)
    _improve_hidden(rows, network, memory, plan, batch, unit)
    if plan.rollback or improved(rows, network, memory, plan):
        for kept, part in zip(best, network, strict=True):
            kept[:] = part
    return True
