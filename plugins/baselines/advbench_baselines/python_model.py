"""A network or a function of the user's own Python as a model."""

from __future__ import annotations

import copy
import importlib
from dataclasses import dataclass
from typing import Any

from torch import nn

from advbench import DataError, Job, param

from .own_model import Ask, OwnModel

_WHO = "python"


@dataclass(frozen=True)
class PythonModel(OwnModel):
    """`module.attr`: a torch module, a class of modules that needs no argument, or a function of a batch.

    Modules are copied, put into evaluation mode and frozen. A function takes a float32 tensor (N, *shape) and
    returns a tensor or an array; gradients=false if torch cannot differentiate it.
    """

    target: str = param("", positional=True, help="where it is, as in package.module.name")
    gradients: bool = param(True, help="offer its exact gradients")

    @property
    def who(self) -> str:
        return _WHO

    @property
    def gives_gradients(self) -> bool:
        return self.gradients

    def open(self, job: Job) -> tuple[Ask, str]:
        found = _found(self.target)
        if isinstance(found, type) and issubclass(found, nn.Module):
            found = found()
        if isinstance(found, nn.Module):
            module = copy.deepcopy(found).to(job.device).eval().requires_grad_(False)
            return module, ""
        if not callable(found):
            raise DataError(f"{_WHO}: target must be a torch module or callable, got {type(found).__name__}. Name one.")
        return found, ""


def _found(target: str) -> Any:
    module, _, name = target.partition(":") if ":" in target else target.rpartition(".")
    if not module or not name:
        raise DataError(f"{_WHO}: target must be MODULE.NAME, got '{target}'. Write python:mymodels.net.")
    try:
        home = importlib.import_module(module)
    except ImportError as error:
        raise DataError(
            f"{_WHO}: target must be in a module that can be imported, got '{module}': {error}. Put its folder on"
            " PYTHONPATH."
        ) from error
    try:
        return getattr(home, name)
    except AttributeError:
        known = ", ".join(sorted(name for name in vars(home) if not name.startswith("_"))[:12])
        raise DataError(f"{_WHO}: target must be a name in '{module}', got '{name}'. It has {known}.") from None
