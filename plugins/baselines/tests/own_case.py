"""Short ways to a model from elsewhere, and to data that fit it."""

import warnings

import torch
from baselines_case import blobs, job
from own_networks import CLASSES, SHAPE

from advbench_baselines.python_model import PythonModel


def data(**more):
    return job(CLASSES, SHAPE, **more)


def python(name, **more):
    return PythonModel(target=f"own_networks.{name}", **more)


def scripted(folder, module, name="net.pt"):
    path = folder / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(module), str(path))
    return path


X = blobs(40, CLASSES, SHAPE, seed=3).x
