"""A noisy contender is judged on many fresh draws, and nobody's luck counts."""

import math
import sys
from pathlib import Path

import pytest
import torch

from advbench import Perturbed
from advbench.arena import judge as judging
from advbench.testing import BoastfulAttack, NoisyContender, SilentAttack, grid_facts

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import play
from judge_case import NONE, Says, examples, verdicts


class TestStochastic:
    @pytest.mark.parametrize(("value", "verdict"), [(1.5, "broken"), (0.75, "held")])
    def test_a_hundred_fresh_draws_decide(self, value, verdict):
        contender = NoisyContender(scale=0.5)
        (row,) = play(contender, SilentAttack(value=value), examples(-1.0), needs=NONE)
        expected = float(contender.flips(torch.tensor([[value, 0, 0, 0]])))
        assert row["verdict"] == verdict
        assert abs(row["votes"] - expected) < 4 * math.sqrt(expected * (1 - expected) / 100)
        assert (row["votes"] * 100) == pytest.approx(round(row["votes"] * 100))
        assert row["adv_label"] == (verdict == "broken")
        assert row["clean_margin"] is None

    def test_lucky_flips_are_not_kept(self):
        # Each of these points flips with probability .02: one draw in fifty would be a success.
        contender = NoisyContender(scale=0.25)
        point = 1 + 0.25 * -2.054
        given = examples(*[0.0] * 20)
        rows = play(contender, Says(*[point] * 30, returned=0.0), given)
        flips = [row["first_query"] for row in rows]
        assert verdicts(rows) == ["held"] * 20
        assert flips == [None] * 20
        lucky = play(contender, LuckCounter([point] * 30), given)
        assert sum(row["note_flips"] for row in lucky) > 3  # there was something to be fooled by

    def test_the_clean_label_needs_a_majority_too(self):
        contender = NoisyContender(scale=0.5)
        rows = play(contender, BoastfulAttack(), examples(0.75, 1.25), needs=NONE)
        assert [(row["verdict"], row["clean_label"]) for row in rows] == [("held", 0), ("skipped", 1)]

    def test_a_class_that_leads_without_a_majority_is_not_right(self):
        class Three(NoisyContender):
            """Says 0, 1 and 2 in 40, 30 and 30 of a hundred."""

            def scores(self, x, *, noise=None):
                drawn = noise.uniform(())
                return torch.eye(3)[(drawn > 0.4).long() + (drawn > 0.7).long()]

        rows = play(Three(), BoastfulAttack(), examples(0.0), needs=NONE, facts=grid_facts(classes=3))
        # Unchanged it is mostly wrong: were it attacked, doing nothing would break it.
        assert (rows[0]["verdict"], rows[0]["clean_label"] == 0) == ("skipped", False)

    def test_abstentions_take_a_majority_away(self):
        class Hesitates(NoisyContender):
            """Says 0 in 40, nothing in 30 and 1 in 30 of a hundred."""

            def labels(self, x, *, noise=None):
                drawn = noise.uniform(())
                return (drawn > 0.7).long() - ((drawn > 0.4) & (drawn <= 0.7)).long()

        rows = play(Hesitates(), BoastfulAttack(), examples(0.0), needs=NONE)
        assert [(row["verdict"], row["clean_label"]) for row in rows] == [("skipped", -1)]

    def test_the_label_shown_of_a_broken_point_is_a_wrong_one(self):
        class Split(NoisyContender):
            """Right far below; above, 45 % right and the rest split."""

            def scores(self, x, *, noise=None):
                drawn = noise.uniform(())
                wrong = (drawn > 0.4).long() + (drawn > 0.7).long()
                return torch.eye(3)[wrong * (x[:, 0] > 1)]

        (row,) = play(Split(), SilentAttack(value=2.0), examples(0.0), needs=NONE, facts=grid_facts(classes=3))
        assert row["verdict"] == "broken"
        assert row["adv_label"] in (1, 2)

    def test_the_judges_draws_are_not_the_attacks(self):
        seen = {}

        class Watching(NoisyContender):
            def scores(self, x, *, noise=None):
                for seed in noise._seeds:
                    seen.setdefault(self.who, []).append(seed)
                return super().scores(x, noise=noise)

        contender = Watching()
        contender.facts = type(contender.facts)(**{**vars(contender.facts), "pad": 1})
        contender.who = "judge"

        class Marks(Says):
            def perturb(self, oracle, x, rng):
                contender.who = "attack"
                answer = super().perturb(oracle, x, rng)
                contender.who = "judge"
                return answer

        play(contender, Marks(0.1, 0.2, returned=0.3), examples(-0.9, -0.8))
        assert len(seen["judge"]) == 2 * 100 + 2 * 100 + 2 * 100
        assert len(set(seen["judge"])) == len(seen["judge"])  # none is used twice
        assert not set(seen["judge"]) & set(seen["attack"])


class LuckCounter:
    """Notes how often the contender was seen to flip."""

    def __init__(self, points):
        self.points = points

    def perturb(self, oracle, x, rng):
        flips = torch.zeros(len(x))
        for point in self.points:
            asked = x.clone()
            asked[:, 0] = point
            flips += oracle.labels(asked) == 1
        return Perturbed(x, notes={"flips": flips})


def test_the_number_of_draws_is_what_the_rules_say():
    assert (judging.CONFIRMATIONS, judging.DRAWS) == (10, 100)
