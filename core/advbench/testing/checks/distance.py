"""A distance is the one that its norm names: the judge trusts no other, and measures every row alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from advbench import Modality, Norm

from ..findings import DoesNotApply, require
from ..pairs import apart, extremes, pairs
from ..subject import Subject
from ..toys import BOUNDS

WIDTH = BOUNDS.width
NEAR = 1e-9  # of a known value


def check_sizes_are_float64_one_per_row(subject: Subject) -> None:
    """float64 (N,), none below 0, of any number of rows, also of none."""
    for modality in _served(subject):
        x, x_adv = apart(modality)
        for n in (len(x), 1, 0):
            found = _measured(subject, x[:n], x_adv[:n])
            got = f"{found.dtype} {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
            require(
                isinstance(found, Tensor) and found.dtype == torch.float64 and tuple(found.shape) == (n,),
                f"For {n} rows of {modality} inputs it returns {got}.", "Return float64, one number per row.",
            )  # fmt: skip
            below = int((found < 0).sum())
            require(not below, f"{below} of {n} sizes are below 0.", "A size is 0 or more.")


def check_equal_inputs_are_at_zero(subject: Subject) -> None:
    """Nothing changed, nothing measured: 0 exactly, or eps = 0 would call clean inputs invalid."""
    for modality in _served(subject):
        x, _ = apart(modality)
        found = _measured(subject, x, x if isinstance(x, tuple) else x.clone())
        away = int((found != 0).sum())
        most = float(found.max())
        require(not away, f"{away} of {len(x)} unchanged inputs are at {most:.3g}.", "Measure x_adv - x.")


def check_different_inputs_are_apart(subject: Subject) -> None:
    """A change that is there is measured, wherever it is: or it would be for free."""
    for modality in _served(subject):
        x, x_adv = apart(modality)
        free = int((~(_measured(subject, x, x_adv) > 0)).sum())
        require(not free, f"{free} of {len(x)} changed {modality} inputs are at 0.", "Measure every number or word.")


def check_is_symmetric(subject: Subject) -> None:
    """There and back are equally far; of texts, those of equally many words."""
    for modality in _served(subject):
        x, x_adv = apart(modality)
        there, back = _measured(subject, x, x_adv), _measured(subject, x_adv, x)
        unequal = int((there != back).sum())
        gap = float((there - back).abs().max())
        require(not unequal, f"{unequal} of {len(x)} rows differ by up to {gap:.3g} the other way.", "Take sizes.")


def check_known_values(subject: Subject) -> None:
    """Changes of few numbers or words have sizes that one can compute by hand."""
    norm = subject.spec.norm
    for modality in _served(subject):
        pair = pairs(modality, norm)
        found = _measured(subject, pair.x, pair.x_adv)
        for i, (size, known) in enumerate(zip(found.tolist(), pair.known, strict=True)):
            require(
                abs(size - known) <= NEAR * max(1.0, known),
                f"Pair {i} of {modality} inputs is {known:.9g} apart in {norm}; it says {size:.9g}.",
                "Measure the whole change in float64, in input units.",
            )


def check_rows_are_independent(subject: Subject) -> None:
    """Alone and backwards, each row has the size that it has in company, bit for bit."""
    for modality in _served(subject):
        x, x_adv = apart(modality)
        together, n = _measured(subject, x, x_adv), len(x)
        alone = torch.cat([_measured(subject, x[i : i + 1], x_adv[i : i + 1]) for i in range(n)])
        turned = _measured(subject, _turned(x), _turned(x_adv)).flip(0)
        for words, other in (("alone", alone), ("backwards", turned)):
            rows = int((together != other).sum())
            gap = float((together - other).abs().max())
            require(not rows, f"{rows} of {n} rows differ {words}, by up to {gap:.3g}.", "Sum over one row at a time.")


def check_extreme_inputs_have_finite_sizes(subject: Subject) -> None:
    """Changes of 1e30, of 1e-30, of a whole text or of an empty one: no overflow, no division by nothing."""
    for modality in _served(subject):
        x, x_adv = extremes(modality)
        found = _measured(subject, x, x_adv)
        bad = int((~found.isfinite()).sum())
        require(not bad, f"{bad} of {len(x)} extreme {modality} pairs are not at a finite distance.", "Use float64.")


def check_width_is_used_as_documented(subject: Subject) -> None:
    """`width`, the range of the inputs, decides only what L0 calls a change: more than 1e-6 of it."""
    norm = subject.spec.norm
    if norm is Norm.WORDS:
        raise DoesNotApply("words have no range")
    for modality in _served(subject):
        x, x_adv = apart(modality)
        found = [subject.instance(x, x_adv, width) for width in (1.0, 255.0)]
        require(
            torch.equal(*found), f"Other widths give other sizes: {float(found[0][0]):g}, {float(found[1][0]):g}.",
            "Report input units.",
        )  # fmt: skip
        if norm is Norm.L0:
            for width in (1.0, 255.0):
                zero = torch.zeros_like(x[:2]).double()
                sizes = torch.tensor([0.5e-6, 2e-6], dtype=torch.float64) * width
                changed = zero + sizes.reshape(2, *[1] * (x.dim() - 1))
                counts = subject.instance(zero, changed, width).tolist()
                wanted = [0.0, float(x[0].numel())]
                require(
                    counts == wanted,
                    f"At width {width:g}, changes of 0.5e-6 and 2e-6 of it count {counts}, not {wanted}.",
                    "Compare with 1e-6 x width.",
                )


def check_inputs_are_not_modified(subject: Subject) -> None:
    """What is measured is stored afterwards."""
    for modality in _served(subject):
        if modality is Modality.TEXT:
            continue
        x, x_adv = apart(modality)
        before = x.clone(), x_adv.clone()
        _measured(subject, x, x_adv)
        kept = torch.equal(before[0], x) and torch.equal(before[1], x_adv)
        require(kept, "It wrote into the inputs it was given.", "Subtract into a new tensor.")


def _served(subject: Subject) -> list[Modality]:
    return sorted(subject.spec.modalities)


def _measured(subject: Subject, x: Any, x_adv: Any) -> Tensor:
    call: Callable[..., Tensor] = subject.instance
    return call(x, x_adv, WIDTH)


def _turned(x: Any) -> Any:
    return x[::-1] if isinstance(x, tuple) else x.flip(0)
