"""The rules of the house, checked by the conformance kit."""

from advbench.testing import conformance

test_the_rules = conformance("art")
