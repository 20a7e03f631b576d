"""Which encoder the judge compares texts by."""

from __future__ import annotations

from collections.abc import Callable

from ..arena.resemblance import WINDOW
from ..catalog.resolve import Component, Resolver
from ..contract.errors import AdvbenchError, RequestError
from ..contract.facts import EncoderFacts
from ..contract.texts import one_line

DEFAULT, NOBODY = "minilm", "none"


def named_encoder(asked: str | None) -> str | None:
    """The encoder that --similarity names; None if it names none."""
    return None if asked is None or asked.strip().lower() == NOBODY else asked


def judges_encoder(
    asked: str | None, of_text: bool, resolver: Resolver, obtain: Callable[[Component], None] = lambda component: None
) -> tuple[Component | None, str | None]:
    """The encoder, or None if similarity is not measured; and what to say of it at the start of a run.

    One that is asked for must work; `obtain` may fetch its data before. Raises RequestError, or
    DataAbsent with the command that fetches them. The default is left out where it is not here,
    and that is said.
    """
    if not of_text:
        if asked is not None:
            raise RequestError(f"run: --similarity must go with a data set of texts, got '{asked}'. Leave it out.")
        return None, None
    named = named_encoder(asked)
    if asked is not None and named is None:
        return None, "not measured, as asked"
    try:
        encoder = resolver.one("encoder", named or DEFAULT)
        if named is not None:
            obtain(encoder)
        facts = encoder.ask("facts", encoder.instance.facts, EncoderFacts)
    except AdvbenchError as error:
        if asked is not None:
            raise
        return None, f"not measured: {one_line(error)}"
    return encoder, f"by {encoder.text} over windows of {WINDOW} words (digest {facts.digest[:12]})"
