"""The rules that every attack keeps, one test for each."""

from advbench.testing import conformance

test_the_rules = conformance("example")
