"""Settings of the whole suite."""

import os
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two workers on two cores, and the processes that tests start

import pytest
import torch

# The first assert_close imports torch.distributed, which warns about itself and looks through every
# loaded module: done here, before tests are loaded and warnings become errors.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch.testing.assert_close(torch.zeros(1), torch.zeros(1))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests have hours before they count as hanging, where others have minutes."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(7200))
