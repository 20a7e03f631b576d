"""What is checked: one component with some parameters, and for attacks the rules of their bouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from torch import Tensor

from advbench import Access, AttackFacts, Contender, Examples, Norm
from advbench.catalog.pairing import facts_of_attack
from advbench.catalog.plugins import Entry
from advbench.catalog.resolve import Component, Resolver
from advbench.contract.params import contender_fields

from .bout import Bout, Rules, Traces, hold, traces
from .field import Field, lowest
from .findings import DoesNotApply

T = TypeVar("T")
EASY_EPS = {Norm.L0: 1.0, Norm.L1: 1.0, Norm.L2: 1.0, Norm.LINF: 1.0, Norm.WORDS: 1.0}


@dataclass(frozen=True, eq=False)
class Subject:
    """A component under examination. `trial`: its parameters as typed; `first`: of its trials."""

    entry: Entry
    resolver: Resolver
    trial: str
    first: bool

    @property
    def kind(self) -> str:
        return self.entry.kind

    @property
    def spec(self) -> Any:
        return self.entry.spec

    @property
    def typed(self) -> str:
        """As on the command line."""
        return f"{self.spec.name}:{self.trial}" if self.trial else str(self.spec.name)

    def __str__(self) -> str:
        return f"{self.kind} {self.typed}"

    @cached_property
    def component(self) -> Component:
        return self.resolver.one(self.kind, self.typed)

    @property
    def instance(self) -> Any:
        return self.component.instance

    def once(self, make: Callable[[Subject], T]) -> T:
        """`make(self)`, made for the first check that asks and kept for the others."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]  # type: ignore[no-any-return]

    @cached_property
    def _made(self) -> dict[Any, Any]:
        return {}

    # What follows is for attacks alone.

    @cached_property
    def asks_for(self) -> AttackFacts:
        return facts_of_attack(self.instance, self.spec)

    @cached_property
    def field(self) -> Field:
        """The smallest that it serves."""
        return Field(lowest(self.asks_for.modalities or self.spec.modalities))

    @property
    def norm(self) -> Norm:
        """The first that it serves, in the order in which the field measures."""
        return next(norm for norm in (Norm.L2, Norm.LINF, Norm.L1, Norm.L0, Norm.WORDS) if norm in self.norms)

    @property
    def norms(self) -> frozenset[Norm]:
        return self.asks_for.norms & frozenset(self.field.distances())

    @property
    def rules(self) -> Rules:
        """Those of a usual bout, with an eps within which the easy toy can be broken."""
        return Rules(
            needs=self.asks_for.needs, batched=self.spec.batched, norm=self.norm, field=self.field,
            eps=EASY_EPS[self.norm],
        )  # fmt: skip

    def bout(
        self,
        contender: Contender,
        examples: Examples,
        rules: Rules | None = None,
        target: Tensor | None = None,
        group: int = 0,
    ) -> Bout:
        """As hold(), under the usual rules if none are given."""
        return hold(self.instance, contender, examples, rules or self.rules, target, group)

    @cached_property
    def easy_bout(self) -> tuple[Bout, Traces]:
        """Against the easy toy, with what it left behind in the process. Held once for many checks."""
        with traces() as left:
            bout = self.bout(self.field.easy(), self.field.near(1.0, 8))
        return bout, left

    def must_ask(self) -> None:
        """Raises DoesNotApply for attacks that see nothing and so cannot know when they have won."""
        if self.asks_for.needs is Access.NONE:
            raise DoesNotApply("it asks nothing, so it cannot know what it reached")

    def must_stand_alone(self) -> None:
        """Raise DoesNotApply unless the attack can be run on a network of one's own."""
        if hasattr(self.instance, "prepare") or contender_fields(self.instance):
            raise DoesNotApply("it learns first or holds other contenders, so it is never run on one's own network")

    def must_be_numeric(self) -> None:
        """Raises DoesNotApply for attacks on text."""
        if self.field.shape is None:
            raise DoesNotApply("it works on text")


def subjects(entries: Iterator[Entry], resolver: Resolver) -> Iterator[Subject]:
    """Every component under each of its trials."""
    for entry in entries:
        for number, trial in enumerate(entry.spec.trials):
            yield Subject(entry, resolver, trial, number == 0)
