"""The rules that every plugin keeps."""

from advbench.testing import conformance

test_the_rules = conformance("noise")
