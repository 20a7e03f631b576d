"""`advbench run`: the cross-product of everything named, carried out."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from ..bench.request import Eligible, Request
from ..catalog.grammar import Spelling, parse
from ..contract.errors import EmptySelection, RequestError
from ..contract.texts import parse_value
from ..contract.types import Access, Norm
from .config import given, read_config
from .console import PluginFiles, err, escape, out, resolver, tell_broken, verb


class AccessWord(StrEnum):
    """The ceiling on what attacks may see."""

    NONE = "none"
    LABELS = "labels"
    SCORES = "scores"
    GRADIENTS = "gradients"


class PresetWord(StrEnum):
    """How thorough."""

    QUICK = "quick"
    STANDARD = "standard"
    THOROUGH = "thorough"


def _option(text: str, *names: str, panel: str) -> Any:
    variable = f"ADVBENCH_{names[0].removeprefix('--').split('/')[0].replace('-', '_').upper()}"
    return typer.Option(
        *names, envvar=variable, help=text, rich_help_panel=panel, show_default=False, show_envvar=False
    )


WHAT, THREAT, HOW = "What", "Threat", "Run"
Many = list[str] | None


@verb
def run(
    context: typer.Context,
    dataset: Annotated[Many, _option("Data set; digits:classes=3/8 if none.", "--dataset", "-D", panel=WHAT)] = None,
    encoder: Annotated[Many, _option("Encoder of text; mean-embedding if none.", "--encoder", panel=WHAT)] = None,
    model: Annotated[Many, _option("Model; mlp if none.", "--model", "-m", panel=WHAT)] = None,
    defense: Annotated[Many, _option("Defense; `none` for the plain model.", "--defense", "-d", panel=WHAT)] = None,
    attack: Annotated[Many, _option("Attack, as zoo or zoo:kappa=1.", "--attack", "-a", panel=WHAT)] = None,
    metric: Annotated[Many, _option("Metric to store; all if none.", "--metric", panel=WHAT)] = None,
    suite: Annotated[str | None, _option("Named set of all these.", "--suite", panel=WHAT)] = None,
    access: Annotated[AccessWord | None, _option("Most that attacks may see.", "--access", panel=THREAT)] = None,
    norm: Annotated[Norm | None, _option("How change is measured; l2 if none.", "--norm", panel=THREAT)] = None,
    eps: Annotated[
        str | None, _option("Largest change, as .3 or 8/255; none: smallest wins.", "--eps", panel=THREAT)
    ] = None,
    max_queries: Annotated[
        str | None, _option("Queries an example; 10,000 if none given.", "--max-queries", panel=THREAT)
    ] = None,
    max_gradients: Annotated[
        str | None, _option("Gradients an example; 2,000 if none given.", "--max-gradients", panel=THREAT)
    ] = None,
    max_prepare_queries: Annotated[
        str | None, _option("Queries before the first example.", "--max-prepare-queries", panel=THREAT)
    ] = None,
    targeted: Annotated[bool, _option("Aim at a chosen class.", "--targeted/--untargeted", panel=THREAT)] = False,
    targets: Annotated[
        str, _option("random, next, least-likely, all, or a label.", "--targets", panel=THREAT)
    ] = "random",
    gradient: Annotated[Many, _option("Which gradient; all offered if none.", "--gradient", panel=THREAT)] = None,
    eot: Annotated[int | None, _option("Draws per gradient of a noisy contender.", "--eot", panel=THREAT)] = None,
    refine: Annotated[
        bool, _option("Go on after the first point within eps.", "--refine/--no-refine", panel=THREAT)
    ] = False,
    preset: Annotated[PresetWord, _option("n 50, 200 or 1000 with budgets to match.", "--preset", panel=HOW)] = (
        PresetWord.STANDARD
    ),
    n: Annotated[int | None, _option("Examples per data set.", "--n", "-n", panel=HOW)] = None,
    select: Annotated[str, _option("first, random or ids=3/14/15.", "--select", panel=HOW)] = "first",
    eligible: Annotated[
        Eligible, _option("all-correct: only examples that every contender gets right.", "--eligible", panel=HOW)
    ] = Eligible.CLEAN_CORRECT,
    seed: Annotated[list[int] | None, _option("Seed; may repeat.", "--seed", panel=HOW)] = None,
    device: Annotated[str, _option("cpu, cuda, cuda:1 or auto.", "--device", panel=HOW)] = "cpu",
    timeout: Annotated[float | None, _option("Seconds an example.", "--timeout", panel=HOW)] = None,
    cell_timeout: Annotated[
        float | None, _option("Seconds for a cell's training, and for its attack.", "--cell-timeout", panel=HOW)
    ] = None,
    jobs: Annotated[
        int | None, _option("Worker processes; 0: one a core. Else all in this one.", "--jobs", "-j", panel=HOW)
    ] = None,
    engine: Annotated[
        str | None, _option("Who does the work: local, process:jobs=4, ray.", "--engine", panel=HOW)
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            envvar="ADVBENCH_CONFIG",
            show_envvar=False,
            is_eager=True,
            callback=read_config,
            help="TOML file with these options.",
            rich_help_panel=HOW,
        ),
    ] = None,
    report: Annotated[Path, _option("Report folder; it grows.", "--out", "-o", panel=HOW)] = Path("reports/main"),
    plugin: PluginFiles = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and leave.", rich_help_panel=HOW)] = False,
    force: Annotated[bool, _option("Run cells again.", "--force/--no-force", panel=HOW)] = False,
    fail_fast: Annotated[bool, _option("End at the first failure.", "--fail-fast/--no-fail-fast", panel=HOW)] = False,
    strict: Annotated[bool, _option("A refused cell is an error.", "--strict/--no-strict", panel=HOW)] = False,
    offline: Annotated[bool, _option("Fetch nothing that is absent.", "--offline/--online", panel=HOW)] = False,
    twin: Annotated[bool, _option("Run each defense's undefended twin.", "--twin/--no-twin", panel=HOW)] = True,
    similarity: Annotated[
        str | None, _option("Encoder by which the judge compares texts; minilm if here.", "--similarity", panel=HOW)
    ] = None,
    save_adversarials: Annotated[
        bool, _option("Keep the judged points.", "--save-adversarials/--no-save-adversarials", panel=HOW)
    ] = False,
    trace_example: Annotated[
        int | None, _option("Then tell how the attack on this example goes.", "--trace-example", panel=HOW)
    ] = None,
) -> None:
    """Train, attack and judge the cross-product of everything named; then show the leaderboard.

    What was done before is not done again. Components are typed as NAME or NAME:key=value,key=value.
    Every option also reads ADVBENCH_<OPTION>, as ADVBENCH_MAX_QUERIES.
    """
    found = resolver(plugin)
    tell_broken(found.installed)
    # Torch is imported from here on: unknown names were worth a faster answer.
    from ..bench.plan import make_plan, with_suite
    from ..bench.runner import run as carry_out
    from ..bench.tracing import check_traced
    from ..catalog.pairing import told as because
    from .leaderboard import show
    from .needs import fetch_absent
    from .planned import show_plan
    from .progress import watcher
    from .story import tell_stories

    request = with_suite(
        Request(
            dataset=tuple(dataset or ()), encoder=tuple(encoder or ()), model=tuple(model or ()),
            defense=tuple(defense or ()), attack=tuple(attack or ()), metric=tuple(metric or ()), suite=suite,
            access=Access[access.upper()] if access else None, norm=norm,
            eps="reference" if eps is None else _number("eps", eps, float),
            max_queries=_limit("max-queries", max_queries), max_gradients=_limit("max-gradients", max_gradients),
            max_prepare_queries=_limit("max-prepare-queries", max_prepare_queries),
            targeted=targeted, targets=targets, gradient=tuple(gradient or ()), eot=eot, preset=preset.value, n=n,
            select=select, eligible=eligible, seed=tuple(seed or (0,)), device=_device(device), timeout=timeout,
            cell_timeout=cell_timeout, refine=refine, twin=twin, out=report, force=force, fail_fast=fail_fast,
            strict=strict, save_adversarials=save_adversarials, similarity=similarity, engine=_engine(engine, jobs),
        ),
        found,
        given(context),
    )  # fmt: skip
    plan = make_plan(request, found, (lambda component: None) if offline or dry_run else fetch_absent)
    refused = [cell for cell in plan.cells if cell.refused]
    if strict and refused:
        told = "; ".join(f"{cell.text}: {because(cell.refused)}" for cell in refused)
        raise RequestError(f"run: with --strict every cell must make sense, got {len(refused)} refused: {told}")
    if trace_example is not None:
        check_traced(plan, trace_example)
    if dry_run:
        show_plan(plan, request)
        return
    with watcher(err) as watching, _ended_politely():
        tally = carry_out(plan, request, found.installed, watching)
    if not plan.runnable:
        told = " ".join(sorted({because(cell.refused) for cell in refused}))
        raise EmptySelection(f"run: every cell was refused: {told}")
    show([request.out])
    _tell_end(tally.cached, len(plan.runnable), request.out)
    if trace_example is not None and not tally.interrupted:
        tell_stories(plan, request, found.installed, trace_example)
    raise typer.Exit(tally.exit_code)


@contextmanager
def _ended_politely() -> Iterator[None]:
    """SIGTERM, by which clusters and `kill` end a run, does what Ctrl-C does: all that is finished is kept."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _engine(engine: str | None, jobs: int | None) -> str:
    """As one spells it: --jobs 4 is short for --engine process:jobs=4, and gives other engines their `jobs`."""
    if jobs is None:
        return engine or "local"
    if jobs < 0:
        raise RequestError(f"run: --jobs must be >= 0, got {jobs}. 0 is one for each core.")
    if engine is None and jobs == 1:
        return "local"
    spelled = parse(engine or "process")
    if "jobs" in spelled.items:
        raise RequestError(f"run: --jobs must be given once, got it in --engine {engine} too.")
    return str(Spelling(spelled.name, {**spelled.items, "jobs": str(jobs)}))


def _tell_end(cached: int, cells: int, report: Path) -> None:
    if cached:
        out.print(f"{'all' if cached == cells else cached} of {cells} cells were done before (cached)")
    out.print(f"report: {escape(report)}   again: advbench leaderboard {escape(report)}", soft_wrap=True)


def _number(name: str, text: str, kind: type) -> Any:
    if text.lower() in ("none", "reference"):
        return text.lower()
    try:
        return parse_value(text, kind)
    except ValueError:
        wanted = "a number, a fraction such as 8/255, or none" if kind is float else "a whole number or none"
        raise RequestError(f"run: --{name} must be {wanted}, got '{text}'.") from None


def _limit(name: str, text: str | None) -> Any:
    return None if text is None else _number(name, text, int)


def _device(text: str) -> str:
    import torch

    if text == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind = text.split(":")[0]
    if kind not in ("cpu", "cuda"):
        raise RequestError(f"run: --device must be cpu, cuda, cuda:N or auto, got '{text}'.")
    if kind == "cuda" and not torch.cuda.is_available():
        raise RequestError(f"run: --device must be here, got '{text}', but torch sees no CUDA device. Use cpu.")
    return text
