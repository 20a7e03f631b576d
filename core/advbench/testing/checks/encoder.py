"""An encoder gives every text a vector, as its facts say, that depends on that text alone."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from advbench import EncoderFacts

from ..findings import require
from ..notes import ODD
from ..subject import Subject
from ..training import elsewhere, quiet

_UNKNOWN = ("", "?", "unknown", "none", "todo", "tbd")


def loaded(subject: Subject) -> Callable[[tuple[str, ...]], Tensor]:
    """The encoder with its data; ask for it by `subject.once(loaded)`. Raises DataAbsent if they are not here."""
    subject.instance.facts()
    found: Callable[[tuple[str, ...]], Tensor] = subject.instance.load()
    return found


def together(subject: Subject) -> Tensor:
    """The vectors of all texts, asked for at once."""
    encode = subject.once(loaded)
    with quiet():
        return encode(ODD)


def check_facts_are_known(subject: Subject) -> None:
    """A width, bounds and a digest, the same whenever they are asked for."""
    facts, again = subject.instance.facts(), subject.instance.facts()
    require(isinstance(facts, EncoderFacts), f"Its facts are {type(facts).__name__}.", "Return EncoderFacts.")
    require(facts == again, f"Asked twice its facts are {facts} and {again}.", "Compute them from the data alone.")
    require(facts.width >= 1, f"Its width is {facts.width}.", "Say how many numbers a vector has.")
    low, high = facts.bounds.low, facts.bounds.high
    require(low < high, f"Its bounds are {low:g} to {high:g}.", "Give the smallest and the largest number.")
    require(
        facts.digest.lower() not in _UNKNOWN, f"Its digest is {facts.digest!r}.",
        "Hash the data and the parameters: contenders trained on other vectors must not be taken for this one's.",
    )  # fmt: skip


def check_vectors_are_as_the_facts_say(subject: Subject) -> None:
    """float32 (N, width) on the CPU, without a graph, of any number of texts, also of none."""
    encode, width = subject.once(loaded), subject.instance.facts().width
    for n in (len(ODD), 1, 0):
        with quiet():
            found = encode(ODD[:n])
        tensor = isinstance(found, Tensor)
        got = f"{found.dtype} {tuple(found.shape)} on {found.device}" if tensor else type(found).__name__
        require(
            tensor and found.dtype == torch.float32 and tuple(found.shape) == (n, width) and found.device.type == "cpu",
            f"For {n} texts it gives {got}.", f"Give float32 ({n}, {width}) on the CPU.",
        )  # fmt: skip
        require(not found.requires_grad, "Its vectors require gradients.", "Encode under torch.no_grad().")


def check_every_text_has_a_vector_inside_the_bounds(subject: Subject) -> None:
    """An empty text, emoji, control characters, words it never saw: finite numbers that contenders may rely on."""
    found, bounds = subject.once(together), subject.instance.facts().bounds
    for text, vector in zip(ODD, found, strict=True):
        least, most = float(vector.min()), float(vector.max())
        require(
            bool(vector.isfinite().all()) and bounds.low <= least and most <= bounds.high,
            f"{text[:40]!a} has numbers from {least:g} to {most:g}; its bounds are {bounds.low:g} to {bounds.high:g}.",
            "Give the zero vector, or another one inside, to what has no meaning.",
        )


def check_rows_are_independent(subject: Subject) -> None:
    """Alone, backwards and in other company each text has the vector that it has here, bit for bit."""
    encode, found = subject.once(loaded), subject.once(together)
    with quiet():
        others = {
            "alone": torch.cat([encode((text,)) for text in ODD]),
            "backwards": encode(ODD[::-1]).flip(0),
            "after themselves": encode(tuple(text for text in ODD for _ in range(2)))[1::2],
        }
    for words, other in others.items():
        rows = int((found != other).any(dim=1).sum())
        gap = float((found - other).abs().max())
        require(
            not rows, f"{rows} of {len(ODD)} texts have another vector {words}, by up to {gap:.3g}.",
            "Encode in parts of one size, filled up, and add up in whole numbers or in a fixed order.",
        )  # fmt: skip


def check_encoding_is_repeatable(subject: Subject) -> None:
    """Loaded anew, with the global generators elsewhere, it gives the same bits: stored contenders rely on it."""
    found = subject.once(together)
    with elsewhere(), quiet():
        again = subject.instance.load()(ODD)
    rows = int((found != again).any(dim=1).sum())
    require(not rows, f"Loaded twice it gives {rows} of {len(ODD)} texts another vector.", "Draw nothing at random.")


def check_texts_are_told_apart(subject: Subject) -> None:
    """Other words, another vector: or no change of a text could ever matter."""
    found = subject.once(together)
    same = bool((found == found[0]).all())
    require(not same, f"All {len(ODD)} texts have one vector.", "Look at the words.")


def check_leaves_no_traces(subject: Subject) -> None:
    """It prints nothing and moves no global generator, mode or number of threads."""
    encode = subject.once(loaded)
    with quiet() as left:
        encode(ODD)
    require(not left.moved, f"It moved {', '.join(left.moved)}.", "Put back what you change.")
    require(not left.printed, f"It printed {left.printed[:60]!r}.", "Say nothing.")
