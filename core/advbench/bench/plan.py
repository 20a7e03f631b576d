"""From a request to cells, each with its identity and, if it makes no sense, its refusals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from ..catalog.pairing import Pairing, Refusal, facts_of_attack, refusals
from ..catalog.resolve import Component, Resolver
from ..contract.errors import PluginError, RequestError
from ..contract.facts import AttackFacts, ContenderFacts, DatasetFacts
from ..contract.types import Access, Coverage, Modality, Norm, Threat
from .instead import Known, Others
from .opponents import Opponent, for_modality, opponents
from .request import PRESETS, Eligible, Request, merged
from .selection import select
from .similarity import judges_encoder
from .sources import Source, source_refusals, sources_of
from .supplied import supplied
from .targets import check_targets

DEFAULT_DATASET = "digits:classes=3/8"
EOT_DRAWS, MAX_GRADIENTS = 20, 2_000


@dataclass(frozen=True)
class Data:
    """A data set, its facts, and the positions in its eval split that are attacked."""

    component: Component
    facts: DatasetFacts
    positions: tuple[int, ...]


@dataclass(frozen=True)
class Cell:
    """One combination, with the threat that it is fought under."""

    data: Data
    opponent: Opponent
    attack: Component
    attack_facts: AttackFacts
    threat: Threat
    seed: int
    select: str  # what chose the positions: first, random and its seed, or ids
    refused: tuple[Refusal, ...]
    eligible: str | None = None  # what else the positions had to be, as stored; None if nothing
    sources: tuple[Source, ...] = ()  # the contenders in the attack's fields
    similarity: Component | None = None  # the encoder by which the judge compares texts

    @cached_property
    def cell_id(self) -> str:
        """Hash of the request: not of versions, device, or how many examples."""
        threat = {key: value for key, value in vars(self.threat).items() if key != "timeout"}
        select = [self.select, list(self.data.positions)] if self.select == "ids" else self.select
        more = [] if self.eligible is None else [self.eligible]
        text = json.dumps(
            [
                self.data.component.identity, self.data.facts.digest, self.opponent.identity, self.attack.identity,
                {key: str(value) for key, value in threat.items()}, self.seed, select, *more,
            ],
            sort_keys=True,
        )  # fmt: skip
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def coverage(self) -> Coverage:
        if self.attack.spec.coverage is not None:
            return Coverage(self.attack.spec.coverage)
        needs = self.attack_facts.needs
        if needs is Access.GRADIENTS:
            return Coverage.GRADIENT if self.threat.gradient == "exact" else Coverage.SURROGATE
        return {Access.SCORES: Coverage.SCORE, Access.LABELS: Coverage.LABEL}.get(needs, Coverage.TRANSFER)

    @property
    def text(self) -> str:
        return f"{self.opponent.text} × {self.attack.text} on {self.data.component.text}"


@dataclass(frozen=True)
class Plan:
    """All cells of an invocation, and what it settled on where the request was silent."""

    cells: tuple[Cell, ...]
    metrics: tuple[Component, ...]
    settled: tuple[tuple[str, str], ...]  # for people: option, value
    engine: Component

    @property
    def runnable(self) -> list[Cell]:
        return [cell for cell in self.cells if not cell.refused]


def make_plan(
    request: Request, resolver: Resolver, obtain: Callable[[Component], None] = lambda component: None
) -> Plan:
    """Look everything up and pair everything with everything.

    Raises RequestError for what cannot be understood; what can be but makes no sense becomes a
    refused cell. `obtain` may fetch what a component needs: it is given each data set, and then
    whoever has a part in a cell that is not refused.
    """
    if not request.attack:
        raise RequestError("run: --attack must be given at least once, got none. See: advbench list attacks.")
    check_targets(request.targets, request.targeted)
    named = resolver.many("dataset", request.dataset or (DEFAULT_DATASET,))
    contenders = list(opponents(request, resolver))
    attacks = [(attack, sources_of(attack, resolver)) for attack in resolver.many("attack", request.attack)]
    for component in named:  # before anything is obtained: names must be right
        for_modality(contenders, component.spec.modality, request.encoder, resolver)
    cells: dict[str, Cell] = {}
    others = Others(resolver)
    for component in named:
        obtain(component)
        data = _data(component, request)
        for opponent in for_modality(contenders, data.facts.modality, request.encoder, resolver):
            for attack in attacks:
                for seed in request.seed:
                    for cell in _cells(data, opponent, attack, seed, request, others):
                        cells.setdefault(cell.cell_id, cell)
    found, told = _supplied(request, list(cells.values()), resolver, obtain)
    metrics, broken = _metrics(request, resolver)
    settled = (*_settled(request, found), *([("similarity", told)] if told else []))
    settled = (*settled, *([("left out", "; ".join(broken))] if broken else []))
    return Plan(tuple(found), metrics, settled, resolver.one("engine", request.engine))


def _supplied(
    request: Request, cells: list[Cell], resolver: Resolver, obtain: Callable[[Component], None]
) -> tuple[list[Cell], str | None]:
    """The cells, those of texts with the judge's encoder, and what to say of it; all that runs has what it needs."""
    running = [cell for cell in cells if not cell.refused]
    for part in {(p.kind, p.text): p for cell in running for p in (cell.attack, *cell.opponent.parts)}.values():
        obtain(part)
        supplied(part)
    modalities = {cell.data.facts.modality for cell in cells}
    if Modality.TEXT in modalities and not any(cell.data.facts.modality is Modality.TEXT for cell in running):
        return cells, None  # nobody's texts are compared
    similarity, told = judges_encoder(request.similarity, Modality.TEXT in modalities, resolver, obtain)
    return [replace(c, similarity=similarity) if c.data.facts.modality is Modality.TEXT else c for c in cells], told


def _data(component: Component, request: Request) -> Data:
    facts = component.ask("facts", component.instance.facts, DatasetFacts)
    return chosen(Data(component, facts, ()), request)


def chosen(data: Data, request: Request, among: Sequence[int] | None = None) -> Data:
    """The data with the positions that the request selects, of all or of those in `among`."""
    n = request.n or PRESETS[request.preset].n
    component, digest, how, seed = data.component, data.facts.digest, request.select, request.seed[0]
    positions = component.ask(
        "examples", lambda: select(component.instance, digest, component.name, how, n, seed, among), list
    )
    return replace(data, positions=tuple(positions))


def _cells(data: Data, opponent: Opponent, known: Known, seed: int, request: Request, others: Others) -> Iterator[Cell]:
    attack, sources = known
    facts = facts_of_attack(attack.instance, attack.spec)
    how = request.select.partition("=")[0]
    which = f"random {request.seed[0]}" if how == "random" else how
    for threat in _threats(data, opponent, facts, request):
        refused = _refusals(data, opponent, known, threat)
        if refused:
            instead = others.fitting(partial(_fits, data, opponent, request))
            refused = _refusals(data, opponent, known, threat, instead)
        yield Cell(data, opponent, attack, facts, threat, seed, which, refused, sources=sources)


def _fits(data: Data, opponent: Opponent, request: Request, known: Known) -> bool:
    """Whether there would be a cell of this attack that is not refused."""
    threats = _threats(data, opponent, facts_of_attack(known[0].instance, known[0].spec), request)
    return any(not _refusals(data, opponent, known, threat) for threat in threats)


def _refusals(
    data: Data, opponent: Opponent, known: Known, threat: Threat, others: tuple[str, ...] = ()
) -> tuple[Refusal, ...]:
    attack, sources = known
    pairing = Pairing(
        data=data.facts,
        data_name=data.component.name,
        parts=tuple(part.spec for part in opponent.fighters),
        contender=opponent.facts,
        contender_name=opponent.text,
        attack=attack.spec,
        attack_facts=facts_of_attack(attack.instance, attack.spec),
        threat=threat,
        encoded=opponent.encoder is not None,
        others=others,
    )
    return refusals(pairing) + source_refusals(sources, attack, data.facts, data.component.name, threat, others)


def _threats(data: Data, opponent: Opponent, attack: AttackFacts, request: Request) -> list[Threat]:
    """One for each gradient that the attack is given."""
    gradients: tuple[str, ...] = ("none",)
    if attack.needs is Access.GRADIENTS:
        gradients = request.gradient or opponent.facts.gradients or ("exact",)
    return [_threat(data.facts, opponent.facts, attack, gradient, request) for gradient in gradients]


def _threat(
    data: DatasetFacts, contender: ContenderFacts, attack: AttackFacts, gradient: str, request: Request
) -> Threat:
    norm = request.norm or (Norm.WORDS if data.modality is Modality.TEXT else Norm.L2)
    usual = PRESETS[request.preset].max_queries or (25_000 if data.features > 1_000 else 10_000)
    # Only gradients of a noisy contender are averaged; nobody else may have the larger budget.
    noisy = contender.stochastic and attack.needs is Access.GRADIENTS
    eot = (request.eot or EOT_DRAWS) if noisy else 1
    return Threat(
        access=request.access if request.access is not None else attack.needs,
        norm=norm,
        eps=_eps(data, norm, request),
        max_queries=_limit(request.max_queries, usual * eot),
        max_gradients=_limit(request.max_gradients, MAX_GRADIENTS * eot),
        max_prepare_queries=_limit(request.max_prepare_queries, usual),
        targeted=request.targeted,
        targets=request.targets if request.targeted else "none",
        gradient=gradient,
        eot=eot,
        refine=request.refine,
        timeout=request.timeout,
    )


def _limit(asked: int | str | None, usual: int) -> int | None:
    return usual if asked is None else None if isinstance(asked, str) else asked


def _eps(data: DatasetFacts, norm: Norm, request: Request) -> float | None:
    if request.eps == "none":
        return None
    if isinstance(request.eps, str):
        return data.eps.get(norm)
    return float(request.eps)


def _metrics(request: Request, resolver: Resolver) -> tuple[tuple[Component, ...], list[str]]:
    """Those asked for, or all that work and why the others do not."""
    if request.metric:
        return tuple(resolver.many("metric", request.metric)), []
    found, broken = [], []
    for name in resolver.installed.entries["metric"]:
        try:
            found.append(resolver.one("metric", name))
        except PluginError as error:
            broken.append(f"metric {name}: {error}")
    return tuple(found), broken


def _settled(request: Request, cells: list[Cell]) -> tuple[tuple[str, str], ...]:
    """The defaults that this run uses, once each, for its first lines."""
    if not cells:
        return ()
    first = cells[0]
    rows: list[tuple[str, str]] = []
    if not request.dataset:
        rows.append(("dataset", f"{first.data.component.text} (real, small, offline; choose with --dataset)"))
    counts = sorted({len(cell.data.positions) for cell in cells})
    rows.append(("examples", f"{'/'.join(map(str, counts))} of the eval split, stratified" if request.select == "first"
                 else f"{'/'.join(map(str, counts))}, {request.select}"))  # fmt: skip
    if request.eligible == Eligible.ALL_CORRECT:
        rows.append(("eligible", "all-correct: at most as many, which every contender gets right; known once trained"))
    sizes = sorted({"none: the smallest change wins" if c.threat.eps is None else f"{c.threat.eps:g}" for c in cells})
    norms = " or ".join(sorted({c.threat.norm for c in cells}))
    rows.append(("change", f"{norms}, eps {' or '.join(sizes)}"))
    if request.model and not any(c.opponent.model and not c.opponent.twin_of for c in cells):
        rows.append(("model", "--model is not used: every defense brings its own network"))
    budgets = sorted({c.threat.max_queries or 0 for c in cells})
    rows.append(("budget", f"{' or '.join(f'{b:,}' if b else 'unlimited' for b in budgets)} queries an example"))
    goal = f"targeted ({request.targets})" if request.targeted else "untargeted"
    rows.append(("goal", f"{goal}, seed {'/'.join(map(str, request.seed))}"))
    return tuple(rows)


def with_suite(request: Request, resolver: Resolver, given: frozenset[str] = frozenset()) -> Request:
    """The request with its suite's axes and options filled in where the user was silent."""
    return request if request.suite is None else merged(request, resolver.registry.suite(request.suite), given)
