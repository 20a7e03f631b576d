"""What the fused passes of an RBFI layer save against the formula written with broadcasts."""

import subprocess
import sys
from collections.abc import Iterator

import torch

from advbench_rbfi.reach import Workers, reach, workers

from .harness import Figure, at_least, at_most, figure, in_turn, ratios, seconds, step

BATCH, UNITS, INPUTS, CORES = 100, 512, 784, 2
LAYERS = ((512, 784), (512, 512), (512, 512), (10, 512))
STEPS = 540  # batches of 100 in MNIST's 54,000 training examples


def numbers(units: int = UNITS, inputs: int = INPUTS) -> list[torch.Tensor]:
    """x, u, w that want gradients."""
    draw = torch.Generator().manual_seed(0)
    shapes = ((BATCH, inputs), (units, inputs), (units, inputs))
    return [torch.rand(shape, generator=draw).requires_grad_() for shape in shapes]


def fused(parts: list[torch.Tensor], crew: Workers) -> None:
    """Forward and backward with the pseudomaximum."""
    torch.autograd.grad(reach(*parts, "linf", 1.0, crew).sum(), parts)


class _SharedMax(torch.autograd.Function):
    """The maximum over the last axis; every input receives exp(z - y), from the array that is held."""

    @staticmethod
    def forward(ctx, z):
        y = z.amax(dim=-1)
        ctx.save_for_backward(z, y)
        return y

    @staticmethod
    def backward(ctx, grad):
        z, y = ctx.saved_tensors
        return grad[..., None] * (z - y[..., None]).exp()


def naive(parts: list[torch.Tensor]) -> None:
    """The same by broadcasting to (batch, units, inputs)."""
    x, u, w = parts
    torch.autograd.grad(_SharedMax.apply((u * (x[:, None] - w)).square()).sum(), parts)


def peak(way: str) -> float:
    """MiB that one pass adds to what a fresh process holds, at its highest (Linux)."""
    code = (
        "import re, torch, tests.bench.rbfi_layer as b\n"
        "held = lambda what: int(re.search(what + r':\\s+(\\d+)', open('/proc/self/status').read())[1]) / 1024\n"
        "crew, small = b.Workers(), b.numbers(4, 8)\n"
        f"run = {'lambda parts: b.fused(parts, crew)' if way == 'fused' else 'b.naive'}\n"
        "run(small); parts = b.numbers()\n"
        "open('/proc/self/clear_refs', 'w').write('5')\n"  # the highest mark starts afresh
        "before = held('VmRSS'); run(parts); print(held('VmHWM') - before)"
    )
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def figures() -> Iterator[Figure]:
    """One layer against broadcasts, in time and memory, and the passes of an epoch of the paper's network."""
    parts, before = numbers(), torch.get_num_threads()
    torch.set_num_threads(CORES)
    try:
        with workers(CORES) as crew, step("rbfi: layer against broadcasts"):
            ours, theirs = in_turn(5, lambda: fused(parts, crew), lambda: naive(parts))
    finally:
        torch.set_num_threads(before)
    note = f"{BATCH} x {UNITS} x {INPUTS}, forward + backward, {CORES} threads each"
    yield figure("fused layer (ms)", [1000 * t for t in ours], note=note)
    yield figure("broadcast layer (ms)", [1000 * t for t in theirs])
    yield figure("broadcast over fused, time", ratios(theirs, ours), at_least(10))
    memory = {way: peak(way) for way in ("fused", "naive")}
    yield figure("fused layer, peak memory added (MiB)", memory["fused"])
    yield figure("broadcast over fused, memory", memory["naive"] / memory["fused"], at_least(20))
    with workers(CORES) as crew:
        each = []
        for units, inputs in LAYERS:
            layer = numbers(units, inputs)
            fused(layer, crew)
            each.append([seconds(lambda layer=layer: fused(layer, crew)) for _ in range(5)])
    epoch = [STEPS * sum(times) for times in zip(*each, strict=True)]
    yield figure("passes of an epoch of MNIST, 512-512-512-10 (s)", epoch, at_most(100), note="without the optimiser")
