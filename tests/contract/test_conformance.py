"""What comes with the core keeps the rules that everybody's plugins keep."""

from advbench.testing import conformance

test_the_rules = conformance("builtin")
