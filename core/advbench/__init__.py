"""advbench: does this defense really hold?

Public names are imported when first used, so that the command line never waits for torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "contract.edits": "edits",
    "contract.engines": "Answer Crew Done Engine Lost Setup Task Trouble",
    "contract.wording": "Wording",
    "contract.types": "Access Bounds Coverage Modality Norm StopReason Threat Verdict",
    "contract.specs": "AttackSpec DatasetSpec DefenseSpec DistanceSpec EncoderSpec EngineSpec MetricSpec ModelSpec"
    " Paper",
    "contract.facts": "AttackFacts Column ContenderFacts DatasetFacts EncoderFacts",
    "contract.params": "component param spec_of",
    "contract.labelled": "LabelledDataset",
    "contract.protocols": "Attack Contender Dataset Defense Draws Encoder Estimate Examples Goal Job Loss ChunkLoss"
    " Metric Model Perturbed Seeds Split State Streams",
    "contract.errors": "AdvbenchError BudgetSpent ContestError DataAbsent DataError InputError ParamError PluginError"
    " ReportError RequestError",
    "supply.resource": "Address Package Place Remote Resource",
    "supply.arrays": "ArrayWriter Arrays",
    "supply.keep": "keep_file",
    "supply.plain": "read_plain",
    "supply.supplies": "Supplied Supply",
    "catalog.hookspecs": "Register hookimpl",
    "arena.draws": "SeedPath",
    "arena.goal": "ClassGoal",
    "arena.networks": "LocalOracle TorchContender",
    "arena.oracle": "GradientOracle LabelOracle Oracle ScoreOracle",
    "bench.cache": "ContenderCache",
    "bench.work": "Worker",
    "records.intervals": "mean_interval median_interval quantile quantile_interval wilson",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = ["__version__", *sorted(_HOME_OF)]  # noqa: PLE0604

if TYPE_CHECKING:
    from .arena.draws import SeedPath as SeedPath
    from .arena.goal import ClassGoal as ClassGoal
    from .arena.networks import LocalOracle as LocalOracle
    from .arena.networks import TorchContender as TorchContender
    from .arena.oracle import GradientOracle as GradientOracle
    from .arena.oracle import LabelOracle as LabelOracle
    from .arena.oracle import Oracle as Oracle
    from .arena.oracle import ScoreOracle as ScoreOracle
    from .bench.cache import ContenderCache as ContenderCache
    from .bench.work import Worker as Worker
    from .catalog.hookspecs import Register as Register
    from .catalog.hookspecs import hookimpl as hookimpl
    from .contract.edits import edits as edits
    from .contract.engines import (
        Answer as Answer,
    )  # fmt: skip
    from .contract.engines import (
        Crew as Crew,
    )
    from .contract.engines import (
        Done as Done,
    )
    from .contract.engines import (
        Engine as Engine,
    )
    from .contract.engines import (
        Lost as Lost,
    )
    from .contract.engines import (
        Setup as Setup,
    )
    from .contract.engines import (
        Task as Task,
    )
    from .contract.engines import (
        Trouble as Trouble,
    )
    from .contract.errors import (
        AdvbenchError as AdvbenchError,
    )  # fmt: skip
    from .contract.errors import (
        BudgetSpent as BudgetSpent,
    )
    from .contract.errors import (
        ContestError as ContestError,
    )
    from .contract.errors import (
        DataAbsent as DataAbsent,
    )
    from .contract.errors import (
        DataError as DataError,
    )
    from .contract.errors import (
        InputError as InputError,
    )
    from .contract.errors import (
        ParamError as ParamError,
    )
    from .contract.errors import (
        PluginError as PluginError,
    )
    from .contract.errors import (
        ReportError as ReportError,
    )
    from .contract.errors import (
        RequestError as RequestError,
    )
    from .contract.facts import (
        AttackFacts as AttackFacts,
    )  # fmt: skip
    from .contract.facts import (
        Column as Column,
    )
    from .contract.facts import (
        ContenderFacts as ContenderFacts,
    )
    from .contract.facts import (
        DatasetFacts as DatasetFacts,
    )
    from .contract.facts import (
        EncoderFacts as EncoderFacts,
    )
    from .contract.labelled import LabelledDataset as LabelledDataset
    from .contract.params import component as component
    from .contract.params import param as param
    from .contract.params import spec_of as spec_of
    from .contract.protocols import (
        Attack as Attack,
    )  # fmt: skip
    from .contract.protocols import (
        ChunkLoss as ChunkLoss,
    )
    from .contract.protocols import (
        Contender as Contender,
    )
    from .contract.protocols import (
        Dataset as Dataset,
    )
    from .contract.protocols import (
        Defense as Defense,
    )
    from .contract.protocols import (
        Draws as Draws,
    )
    from .contract.protocols import (
        Encoder as Encoder,
    )
    from .contract.protocols import (
        Estimate as Estimate,
    )
    from .contract.protocols import (
        Examples as Examples,
    )
    from .contract.protocols import (
        Goal as Goal,
    )
    from .contract.protocols import (
        Job as Job,
    )
    from .contract.protocols import (
        Loss as Loss,
    )
    from .contract.protocols import (
        Metric as Metric,
    )
    from .contract.protocols import (
        Model as Model,
    )
    from .contract.protocols import (
        Perturbed as Perturbed,
    )
    from .contract.protocols import (
        Seeds as Seeds,
    )
    from .contract.protocols import (
        Split as Split,
    )
    from .contract.protocols import (
        State as State,
    )
    from .contract.protocols import (
        Streams as Streams,
    )
    from .contract.specs import (
        AttackSpec as AttackSpec,
    )  # fmt: skip
    from .contract.specs import (
        DatasetSpec as DatasetSpec,
    )
    from .contract.specs import (
        DefenseSpec as DefenseSpec,
    )
    from .contract.specs import (
        DistanceSpec as DistanceSpec,
    )
    from .contract.specs import (
        EncoderSpec as EncoderSpec,
    )
    from .contract.specs import (
        EngineSpec as EngineSpec,
    )
    from .contract.specs import (
        MetricSpec as MetricSpec,
    )
    from .contract.specs import (
        ModelSpec as ModelSpec,
    )
    from .contract.specs import (
        Paper as Paper,
    )
    from .contract.types import (
        Access as Access,
    )  # fmt: skip
    from .contract.types import (
        Bounds as Bounds,
    )
    from .contract.types import (
        Coverage as Coverage,
    )
    from .contract.types import (
        Modality as Modality,
    )
    from .contract.types import (
        Norm as Norm,
    )
    from .contract.types import (
        StopReason as StopReason,
    )
    from .contract.types import (
        Threat as Threat,
    )
    from .contract.types import (
        Verdict as Verdict,
    )
    from .contract.wording import Wording as Wording
    from .records.intervals import mean_interval as mean_interval
    from .records.intervals import median_interval as median_interval
    from .records.intervals import quantile as quantile
    from .records.intervals import quantile_interval as quantile_interval
    from .records.intervals import wilson as wilson
    from .supply.arrays import Arrays as Arrays
    from .supply.arrays import ArrayWriter as ArrayWriter
    from .supply.keep import keep_file as keep_file
    from .supply.plain import read_plain as read_plain
    from .supply.resource import (
        Address as Address,
    )  # fmt: skip
    from .supply.resource import (
        Package as Package,
    )
    from .supply.resource import (
        Place as Place,
    )
    from .supply.resource import (
        Remote as Remote,
    )
    from .supply.resource import (
        Resource as Resource,
    )
    from .supply.supplies import Supplied as Supplied
    from .supply.supplies import Supply as Supply


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'advbench' has no attribute '{name}'")
    return getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)
