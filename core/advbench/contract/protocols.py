"""The shapes a plugin can fill. No base class is needed; a matching frozen dataclass is enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from .facts import AttackFacts, ContenderFacts, DatasetFacts, EncoderFacts
from .types import Bounds, Threat

if TYPE_CHECKING:
    import pandas as pd
    from torch import Generator, Tensor, device

    Inputs: TypeAlias = Tensor | tuple[str, ...]

Split: TypeAlias = Literal["train", "tune", "eval"]
Loss: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"  # (scores (m, K), index (m,)) -> (m,)
ChunkLoss: TypeAlias = "Callable[[Tensor], Tensor]"  # scores (m, K) -> (m,), one per row, never summed


@dataclass(frozen=True)
class Examples:
    """Labelled inputs. ids: int64 (N,), stable for ever; y: int64 (N,)."""

    ids: Tensor
    x: Inputs
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class State:
    """Everything needed to answer equally after a restart: arrays by name, and JSON."""

    arrays: Mapping[str, Tensor]
    meta: Mapping[str, Any] = field(default_factory=dict)


class Seeds(Protocol):
    """A root seed and the names walked from it; adding a name moves no other."""

    def child(self, *names: str | int) -> Seeds: ...

    def seed(self) -> int:
        """A 63-bit integer."""

    def generator(self) -> Generator:
        """A fresh torch generator on the CPU, seeded by `seed()`."""


class Draws(Protocol):
    """The noise of one call: row m comes from the stream of its example and query number."""

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        """float32 (rows, *shape), standard normal."""

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        """float32 (rows, *shape) in [0, 1)."""


class Streams(Protocol):
    """An attack's randomness: one stream per example, keyed on its id.

    `rows` are positions in the shard, int64 (M,), without repeats. Draw once per step.
    """

    def normal(self, rows: Tensor, shape: tuple[int, ...]) -> Tensor:
        """float32 (M, *shape), standard normal."""

    def uniform(self, rows: Tensor, shape: tuple[int, ...]) -> Tensor:
        """float32 (M, *shape) in [0, 1)."""

    def integers(self, rows: Tensor, shape: tuple[int, ...], high: int) -> Tensor:
        """int64 (M, *shape) in [0, high)."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything a training may use.

    progress(done, total) feeds the bar; log(row) adds a row to training.parquet (epoch, loss,
    tune_loss, tune_accuracy, sensitivity_bound, seconds); checkpoints is a private folder that
    survives an interrupted training; deadline is the time.monotonic() at which the training is
    broken off and fails, None = no limit: store a checkpoint before, never return early; note(text)
    tells the user something about this training that numbers would not show, and the report keeps it.
    """

    train: Examples
    tune: Examples
    facts: DatasetFacts
    rng: Seeds
    device: device
    threads: int = 1
    progress: Callable[[int, int], None] = lambda done, total: None
    log: Callable[[Mapping[str, float]], None] = lambda row: None
    note: Callable[[str], None] = lambda text: None
    checkpoints: Path | None = None
    deadline: float | None = None


class Contender(Protocol):
    """What is attacked. Frozen, in evaluation mode, takes raw inputs; offers what its facts say.

    All methods take float32 (N, *shape) on the contender's device, or a tuple of N str.
    A stochastic contender draws only from `noise`. Ties go to the lowest class.

    Optional: `certify(x, norm, eps) -> bool (N,)`, whether it is proved that no point within eps, in
    that norm and inside the bounds, gets another label. The judge asks it and holds attacks' points against it.
    """

    facts: ContenderFacts

    def labels(self, x: Any, *, noise: Draws | None = None) -> Tensor:
        """int64 (N,), the winning class; -1 = abstained."""

    def scores(self, x: Any, *, noise: Draws | None = None) -> Tensor:
        """float32 (N, K), log-space up to a constant per row. Absent below Access.SCORES.

        float64 for float64 x, where `facts.float64` says so.
        """

    def value_and_grad(
        self, x: Tensor, loss: ChunkLoss, *, gradient: str, noise: Draws | None = None
    ) -> tuple[Tensor, Tensor]:
        """(loss (N,), d loss.sum() / d x). Absent below Access.GRADIENTS."""

    def state(self) -> State: ...


class Component(Protocol):
    """A frozen dataclass whose fields are its parameters."""

    __dataclass_fields__: Any


class Dataset(Component, Protocol):
    """Examples in three disjoint splits, in a fixed order, with ids stable for ever."""

    def facts(self) -> DatasetFacts:
        """May read headers; reads no examples where that can be avoided."""

    def labels(self, split: Split) -> Tensor:
        """int64 (N,), all labels of a split, without reading inputs."""

    def load(self, split: Split, positions: Sequence[int] | None = None) -> Examples:
        """Those positions of a split, or all. Raises DataError with the command that fetches."""


class Encoder(Component, Protocol):
    """Turns texts into vectors that a tabular contender reads; nothing in it is trained here."""

    def facts(self) -> EncoderFacts:
        """May read headers. Raises DataAbsent with the command that fetches what it needs."""

    def load(self) -> Callable[[tuple[str, ...]], Tensor]:
        """Reads its data and returns the encoder: N texts -> float32 (N, width) on the CPU.

        Each text's vector depends on that text alone, bit for bit.
        """


class Model(Component, Protocol):
    """A family of undefended models. Optional: `lineage() -> str`, see Defense."""

    def facts(self) -> ContenderFacts: ...

    def build(self, job: Job) -> Any:
        """An untrained torch network, for defenses that train it themselves."""

    def fit(self, job: Job) -> Contender: ...

    def restore(self, state: State, job: Job) -> Contender:
        """A contender that answers as the one whose `state()` this was. No examples of the job are read."""


class Defense(Component, Protocol):
    """Trains or wraps. `base` is None, a Model or a Contender, as DefenseSpec.base says.

    Optional: `lineage() -> str` names the training that instances of other parameters share, such as
    ensembles of more or fewer members. To those of one lineage job.rng is the same, and so is
    job.checkpoints, which then stays: what lies there must not depend on the other parameters.
    """

    def facts(self, base: ContenderFacts | None) -> ContenderFacts:
        """What the result offers; `base` are the facts of the model underneath, if there is one."""

    def protect(self, base: Any, job: Job) -> Contender: ...

    def restore(self, base: Any, state: State, job: Job) -> Contender: ...


@dataclass(frozen=True)
class Perturbed:
    """An attack's answer.

    x: one candidate per example, same shape, dtype and order as the input; on failure the
    example itself.  notes: extra columns, (N,) each, stored as note_<key>.  blind: bool (N,),
    rows for which the contender gave no signal; None = none.
    """

    x: Any
    notes: Mapping[str, Tensor] = field(default_factory=dict)
    blind: Tensor | None = None


class Goal(Protocol):
    """What counts as success, one row per example of the shard."""

    @property
    def y(self) -> Tensor:
        """True labels, int64 (N,)."""

    @property
    def target(self) -> Tensor | None:
        """Classes to reach, int64 (N,); None = any but `y`."""

    def met(self, labels: Tensor, rows: Tensor) -> Tensor:
        """bool (M,): is this the answer wanted for a point made from example rows[m]?"""


class Attack(Component, Protocol):
    """Stateless. Success is not reported: the judge decides it.

    Optional methods: `facts() -> AttackFacts`; `prepare(oracle, seeds: Examples, rng) -> State` for
    attacks that learn first; its result comes back as `oracle.prepared`; and `explain(oracle, x, rng,
    say: Callable[[str], None]) -> Perturbed`, which does to one example what `perturb` does and says
    its steps in words, one line each: `run --trace-example` shows them, or without it every query.
    Contenders in its fields, `component("contender")`, come trained in `oracle.contenders`, by field.
    """

    def perturb(self, oracle: Any, x: Any, rng: Streams) -> Perturbed:
        """One candidate per example. Unless the spec says batched, x holds one example."""


class Distance(Component, Protocol):
    """Zero exactly when equal."""

    def __call__(self, x: Any, x_adv: Any, width: float) -> Tensor:
        """float64 (N,), >= 0. `width` is the range of the inputs."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval over n examples; NaN when n is 0."""

    value: float
    low: float
    high: float
    n: int


class Metric(Component, Protocol):
    """Pure: a function of stored rows, so that old reports can be scored again."""

    def __call__(self, rows: pd.DataFrame) -> Estimate:
        """`rows`: one cell's examples, plus the constant columns norm, eps, reference_eps."""


__all__ = [
    "Attack", "AttackFacts", "Bounds", "ChunkLoss", "Component", "Contender", "Dataset", "Defense",
    "Distance", "Draws", "Encoder", "Estimate", "Examples", "Goal", "Job", "Loss", "Metric", "Model", "Perturbed",
    "Seeds", "Split", "State", "Streams", "Threat",
]  # fmt: skip
