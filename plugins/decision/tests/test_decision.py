"""Every attack of the family keeps the rules of the house."""

from advbench.testing import conformance

test_the_rules = conformance("decision")
