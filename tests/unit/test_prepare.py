"""What an attack learns before its first example is charged once and handed back."""

import sys
from pathlib import Path

import pytest
import torch

from advbench import ContestError, Examples, State
from advbench.arena.contest import prepare, run_shard
from advbench.testing import NoisyContender, PreparedAttack, ThresholdContender, grid_examples

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import contest_of


class TestPrepare:
    def test_its_queries_are_charged_and_its_state_comes_back(self):
        seeds = grid_examples(40, seed=1)
        contest = contest_of(ThresholdContender(), PreparedAttack(), max_queries=1, eps=9.0)
        told = []
        state, queries = prepare(contest, seeds, told.append)
        assert queries == 40 == sum(told)
        assert state.meta == {"seeds": 40}
        assert state.arrays["middles"][0, 0] < 1 < state.arrays["middles"][1, 0]
        outcome = run_shard(contest, grid_examples(5, seed=2), prepared=state)
        assert [(row["verdict"], row["queries"]) for row in outcome.examples] == [("broken", 1)] * 5
        with pytest.raises(AssertionError):  # without it the attack knows nothing
            run_shard(contest, grid_examples(5))

    def test_all_seeds_share_one_budget(self):
        class Spends(PreparedAttack):
            def prepare(self, oracle, seeds, rng):
                rows = torch.zeros(3, dtype=torch.int64)
                first = oracle.labels(torch.full((3, 4), 2.0), rows)
                left = oracle.left().tolist()
                second = oracle.labels(torch.full((4, 4), 2.0), rows.new_tensor([1, 1, 2, 3]))
                return State({"first": first, "second": second}, {"left": left, "live": oracle.live.tolist()})

        seeds = Examples(torch.arange(4), torch.zeros(4, 4), torch.zeros(4, dtype=torch.int64))
        contest = contest_of(ThresholdContender(), Spends(), max_prepare_queries=5, max_queries=1, eps=0.1)
        state, queries = prepare(contest, seeds)
        assert queries == 5
        assert state.meta == {"left": [2] * 4, "live": [False] * 4}
        assert state.arrays["first"].tolist() == [1, 1, 1]  # no success ends a seed
        assert state.arrays["second"].tolist() == [1, 1, 0, 0]  # what the budget does not pay for is neutral

    def test_without_a_limit_nothing_ends(self):
        state, queries = prepare(contest_of(NoisyContender(), PreparedAttack(), max_queries=1), grid_examples(30))
        assert (state.meta["seeds"], queries) == (30, 30)

    def test_its_draws_and_its_noise_are_its_own_and_repeat(self):
        class Learns(PreparedAttack):
            def prepare(self, oracle, seeds, rng):
                drawn = rng.normal(torch.arange(len(seeds)), (2,))
                return State({"drawn": drawn, "labels": oracle.labels(torch.ones(len(seeds), 4))})

        seeds = grid_examples(30)
        contest = contest_of(NoisyContender(), Learns())
        runs = [prepare(contest, seeds)[0] for _ in range(2)]
        assert torch.equal(runs[0].arrays["drawn"], runs[1].arrays["drawn"])
        assert torch.equal(runs[0].arrays["labels"], runs[1].arrays["labels"])
        assert 0 < int(runs[0].arrays["labels"].sum()) < 30

    def test_what_it_must_not_do(self):
        class Returns(PreparedAttack):
            def prepare(self, oracle, seeds, rng):
                return {}

        class Overspends(PreparedAttack):
            def prepare(self, oracle, seeds, rng):
                while True:
                    oracle.labels(seeds.x)

        with pytest.raises(ContestError, match="State"):
            prepare(contest_of(ThresholdContender(), Returns()), grid_examples(3))
        with pytest.raises(ContestError, match="max-prepare-queries"):
            prepare(contest_of(ThresholdContender(), Overspends(), max_prepare_queries=7), grid_examples(3))
