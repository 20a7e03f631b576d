"""`python -m tests.generated`: rewrite every generated page."""

from . import pages

for path, text in pages().items():
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text())
