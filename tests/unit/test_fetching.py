"""What somebody who waits for data gets to see."""

import io

from rich.console import Console

from advbench.cli.fetching import LiveWatch, PlainWatch


def shown(bar):
    """The bar as it stands, as text."""
    console = Console(file=io.StringIO(), width=120)
    console.print(bar.get_renderable())
    return console.file.getvalue()


def test_the_bar_counts_bytes_while_they_come_and_nothing_while_it_unpacks():
    watch = LiveWatch(Console(file=io.StringIO(), force_terminal=True, width=120))
    watch.progress("npm package x 1.0", 30_000_000, 120_000_000)
    assert "30.0/120.0 MB" in shown(watch.bar)
    watch.working("checking and unpacking x")
    assert "checking and unpacking x" in shown(watch.bar)
    assert "MB" not in shown(watch.bar)
    watch.progress("another file", 1_000_000, 2_000_000)
    assert "1.0/2.0 MB" in shown(watch.bar)
    assert "unpacking" not in shown(watch.bar)
    assert len(watch.bar.tasks) == 1


def test_plain_lines_come_one_for_each_event_and_seldom_for_bytes(monkeypatch):
    console, now = Console(file=io.StringIO(), width=120), [0.0]
    monkeypatch.setattr("advbench.cli.fetching.time.monotonic", lambda: now[0])
    watch = PlainWatch(console)
    watch.trying("x", "the [authors]")
    for second in range(1, 21):
        now[0] = float(second)
        watch.progress("x.zip", second * 1_000_000, 40_000_000)
    watch.failed("x", "the [authors]", "no such host")
    assert console.file.getvalue().splitlines() == [
        "x: trying the [authors]", "… x.zip: 10.0 of 40.0 MB", "… x.zip: 20.0 of 40.0 MB", "x: not had: no such host",
    ]  # fmt: skip
