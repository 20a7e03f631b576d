"""Examples are what the facts say: shape, dtype, bounds; and reading them disturbs nothing."""

from __future__ import annotations

import math
from typing import Any

import torch

from advbench import Bounds, Modality, Norm

from ..data import contents
from ..findings import require
from ..subject import Subject

_UNKNOWN = ("", "?", "unknown", "none", "todo", "tbd")


def check_examples_are_as_the_facts_say(subject: Subject) -> None:
    """float32 (N, *shape) or a tuple of texts; ids and labels int64 (N,); the modality of the spec."""
    found = subject.once(contents)
    facts = found.facts
    require(
        facts.modality is subject.spec.modality,
        f"Its facts say {facts.modality}, its spec {subject.spec.modality}.", "Correct one of them.",
    )  # fmt: skip
    text = facts.modality is Modality.TEXT
    require(
        (facts.shape is None) == text and (facts.bounds is None) == text,
        f"For {facts.modality} its shape is {facts.shape}, its bounds {facts.bounds}.",
        "Give both for numbers, and None for text.",
    )
    for split, examples in found.splits.items():
        n = len(examples)
        for name in ("ids", "y"):
            tensor = getattr(examples, name)
            require(
                tensor.dtype == torch.int64 and tuple(tensor.shape) == (n,),
                f"{name} of {split} is {tensor.dtype} {tuple(tensor.shape)} for {n} examples.", "Return int64 (N,).",
            )  # fmt: skip
        if text:
            _require_texts(split, examples.x, n)
        else:
            _require_numbers(split, examples.x, (n, *(facts.shape or ())))


def check_inputs_are_finite_and_inside_their_bounds(subject: Subject) -> None:
    """No attack may leave the bounds, so no example may start outside."""
    found = subject.once(contents)
    if not isinstance(found.facts.bounds, Bounds):
        return
    low, high = found.facts.bounds.low, found.facts.bounds.high
    require(low < high, f"Its bounds are {low:g} to {high:g}.", "Give the smallest and the largest allowed value.")
    for split, examples in found.splits.items():
        x = examples.x
        assert isinstance(x, torch.Tensor)
        bad = int((~x.isfinite()).flatten(1).any(dim=1).sum())
        require(not bad, f"{bad} of {len(x)} inputs of {split} hold NaN or infinity.", "Clean them, or leave them out.")
        if len(x):
            least, most = float(x.min()), float(x.max())
            require(
                low <= least and most <= high,
                f"Inputs of {split} reach from {least:g} to {most:g}; the bounds are {low:g} to {high:g}.",
                "Scale on the training split, then clip.",
            )


def check_reference_eps_are_usable(subject: Subject) -> None:
    """Each is positive, in a norm that fits the inputs, and smaller than what changes everything."""
    facts = subject.once(contents).facts
    for norm, eps in facts.eps.items():
        fits = (norm is Norm.WORDS) == (facts.modality is Modality.TEXT)
        require(fits, f"It declares an eps in {norm} for {facts.modality} inputs.", "Declare those that can be used.")
        most = _largest(norm, facts.features, facts.bounds)
        require(
            0 < eps < most,
            f"Its eps in {norm} is {eps:g}; it must be above 0 and below {most:g}, a change of everything.",
            "Declare the size that papers use for it.",
        )


def check_license_is_named(subject: Subject) -> None:
    """Whoever uses the data must know on what terms."""
    terms = subject.spec.license
    require(
        terms.strip().lower() not in _UNKNOWN, f"Its license is {terms!r}.", "Name it, or say that none is needed.",
    )  # fmt: skip


def check_no_global_state_is_moved(subject: Subject) -> None:
    """Random generators, torch's modes, the folder and the environment are the process's."""
    left = subject.once(contents).left
    require(
        not left.moved, f"Reading it moved {', '.join(left.moved)}.", "Use generators of your own, with a fixed seed.",
    )  # fmt: skip


def check_no_output_is_printed(subject: Subject) -> None:
    """Lines would tear the live display."""
    printed = subject.once(contents).left.printed
    require(
        not printed, f"Reading it printed {len(printed)} characters, first {printed[:40]!r}.", "Keep readers silent.",
    )  # fmt: skip


def _require_texts(split: str, x: Any, n: int) -> None:
    good = isinstance(x, tuple) and len(x) == n and all(isinstance(text, str) and text.strip() for text in x)
    require(
        good, f"Inputs of {split} are {type(x).__name__}, for {n} examples.", "Return a tuple of texts, none empty."
    )


def _require_numbers(split: str, x: Any, shape: tuple[int, ...]) -> None:
    good = isinstance(x, torch.Tensor) and x.dtype == torch.float32 and tuple(x.shape) == shape
    got = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, torch.Tensor) else type(x).__name__
    require(good, f"Inputs of {split} are {got}; its facts say torch.float32 {shape}.", "Return what the facts say.")


def _largest(norm: Norm, features: int, bounds: Bounds | None) -> float:
    """The size of a change of every number from low to high."""
    if bounds is None:
        return 1.0 + 1e-9
    return {
        Norm.L0: features + 1.0, Norm.L1: features * bounds.width, Norm.L2: math.sqrt(features) * bounds.width,
        Norm.LINF: bounds.width + 1e-9, Norm.WORDS: 1.0,
    }[norm]  # fmt: skip
