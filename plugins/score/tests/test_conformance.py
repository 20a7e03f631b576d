"""The three attacks keep the rules of the house."""

from advbench.testing import conformance

test_the_rules = conformance("score")
