"""What fetching tells whoever waits for it."""

from __future__ import annotations


class Watch:
    """Hears what happens; the command line draws it. This one is silent."""

    def trying(self, what: str, source: str) -> None:
        """A source is about to be asked."""

    def failed(self, what: str, source: str, why: str) -> None:
        """It did not serve; the next one is tried."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Bytes so far; total 0 = not known."""

    def working(self, what: str) -> None:
        """Something without a measure of progress has begun: unpacking, converting."""

    def note(self, text: str) -> None:
        """A line worth reading."""
