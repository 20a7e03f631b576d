"""Settings of the whole suite."""

import os
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two workers on two cores, and the processes that tests start

import torch

# The first assert_close imports torch.distributed, which warns about itself and looks through every
# loaded module: done here, before tests are loaded and warnings become errors.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch.testing.assert_close(torch.zeros(1), torch.zeros(1))
