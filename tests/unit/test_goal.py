"""What serves the attacker's goal, and what does not."""

import torch

from advbench import ClassGoal
from advbench.arena.goal import HostGoal

Y = torch.tensor([0, 1, 2])
ROWS = torch.tensor([0, 0, 1, 1, 2, 2])
LABELS = torch.tensor([0, 2, 1, 0, -1, 1])


def test_untargeted_is_any_other_class_but_no_abstention():
    assert ClassGoal(Y).met(LABELS, ROWS).tolist() == [False, True, False, True, False, True]


def test_on_the_host_the_goal_is_the_same():
    for goal in (ClassGoal(Y), ClassGoal(Y, torch.tensor([2, 2, 0]))):
        assert HostGoal(goal).met(LABELS.numpy(), ROWS.numpy()).tolist() == goal.met(LABELS, ROWS).tolist()


def test_targeted_is_that_class_alone():
    goal = ClassGoal(Y, torch.tensor([2, 2, 0]))
    assert goal.met(LABELS, ROWS).tolist() == [False, True, False, False, False, False]
    assert goal.met(torch.tensor([2, -1]), torch.tensor([1, 0])).tolist() == [True, False]
