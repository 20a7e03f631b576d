"""`advbench show KIND NAME`: one component, all there is to know before using it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.padding import Padding
from rich.table import Table

from ..catalog.grammar import parse
from ..catalog.plugins import KINDS, Entry
from ..catalog.resolve import Component
from ..contract.errors import RequestError, did_you_mean
from ..contract.facts import DatasetFacts
from ..contract.params import SAME, ParamInfo, describe
from ..contract.texts import format_value
from .console import PluginFiles, escape, out, resolver, verb
from .listing import traits


@verb
def show(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.")],
    name: Annotated[str, typer.Argument(help="As listed by `advbench list`.")],
    plugin: PluginFiles = None,
) -> None:
    """Show one component: paper, access, norms, parameters with default and paper value, deviations."""
    singular = kind.lower().removesuffix("s")
    if singular not in KINDS:
        raise RequestError(f"show: there is no kind '{kind}'. {did_you_mean(singular, KINDS)}")
    found = resolver(plugin)
    spelling = parse(name)
    entry = found.find(singular, spelling.name)
    cls = entry.made(spelling.items)
    out.print(f"[bold]{escape(entry.spec.name)}[/]  {escape(entry.spec.summary)}")
    out.print(_facts(entry))
    if singular == "dataset":
        out.print(_contents(found.one(singular, name)))
    infos = describe(cls)
    if infos:
        out.print(_parameters(infos))
    _about(entry.spec.paper)
    if entry.kind in ("attack", "defense", "model", "dataset", "metric"):
        out.print(f"[dim]use it as[/]  advbench run --{entry.kind} {_usage(entry, infos)}")


def _facts(entry: Entry) -> Table:
    spec: Any = entry.spec
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    if entry.kind == "attack":
        table.add_row("needs", f"{spec.needs.word} of the contender")
        table.add_row("norms", ", ".join(sorted(spec.norms)))
        table.add_row("goals", "untargeted and targeted" if spec.targeted else "untargeted")
    elif traits(entry):
        table.add_row("kind", escape(traits(entry)))
    if hasattr(spec, "modalities"):
        table.add_row("inputs", ", ".join(sorted(spec.modalities)))
    if entry.kind == "defense" and spec.twin:
        table.add_row("twin", escape(spec.twin))
    if entry.kind == "dataset":
        table.add_row("license", escape(spec.license))
    table.add_row("from", escape(entry.source))
    return table


def _contents(dataset: Component) -> Table:
    """What a data set holds with these parameters."""
    facts = dataset.ask("facts", dataset.instance.facts, DatasetFacts)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    shape = "text" if facts.shape is None else " x ".join(map(str, facts.shape))
    table.add_row("example", f"{shape}, {facts.classes} classes")
    if facts.bounds is not None:
        table.add_row("bounds", f"{facts.bounds.low:g} to {facts.bounds.high:g}")
    table.add_row("splits", escape(", ".join(f"{split} {size:,}" for split, size in facts.sizes.items())))
    table.add_row("eps", ", ".join(f"{norm} {format_value(eps)}" for norm, eps in facts.eps.items()))
    return table


def _parameters(infos: tuple[ParamInfo, ...]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 2), header_style="dim")
    for title in ("parameter", "default", "paper"):
        table.add_column(title, no_wrap=title == "parameter")
    table.add_column("meaning", ratio=1)
    for info in infos:
        paper = "" if info.paper == SAME else info.paper if isinstance(info.paper, str) else format_value(info.paper)
        limits = ", ".join(text for text in (str(info.limits) or info.type_words, info.unit) if text)
        table.add_row(
            f"[bold]{info.name}[/]", escape(info.default_words), escape(paper),
            f"{escape(info.help)} [dim]({escape(limits)})[/]",
        )  # fmt: skip
    return table


def _about(paper: Any) -> None:
    if paper is None:
        return
    out.print(f"[dim]paper[/]  {escape(paper.title)}, {paper.year}\n       {escape(paper.url)}")
    if paper.deviations:
        out.print("[dim]where it differs[/]")
        for text in paper.deviations:
            out.print(Padding(f"- {escape(text)}", (0, 0, 0, 2)))


def _usage(entry: Entry, infos: tuple[ParamInfo, ...]) -> str:
    name = str(entry.spec.name)
    plain = [info for info in infos if info.kind is None and info.default is not None]
    if not plain:
        return name
    return escape(f"{name}:{plain[0].name}={format_value(plain[0].default)}")
