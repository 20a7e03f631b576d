"""The verbs, in the order in which one meets them."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from . import cache, data, doctor, leaderboard, listing, merge, plugins, rescore, run, show, texts

app = typer.Typer(
    name="advbench",
    help="Does this defense really hold? Train it, attack it under stated rules, judge every example.",
    epilog="Start with: advbench run --defense scd --attack zoo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"advbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print and leave.")
    ] = False,
) -> None:
    pass


app.command("run")(run.run)
app.command("list")(listing.list_)
app.command("show")(show.show)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("texts")(texts.texts)
app.command("rescore")(rescore.rescore)
app.command("merge")(merge.merge)
app.add_typer(data.app, name="data")
app.add_typer(plugins.app, name="plugins")
app.add_typer(cache.app, name="cache")
app.command("doctor")(doctor.doctor)
