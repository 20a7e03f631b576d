"""Turning an opponent of the plan into a contender: trained once, and always restored from what was stored."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch

from ..arena.draws import SeedPath
from ..contract.errors import AdvbenchError, PluginError, told
from ..contract.protocols import Contender, Job, Model, State
from ..contract.texts import one_line
from .cache import ContenderCache
from .datacheck import check_examples
from .encoding import Encoding, inner_of
from .estimate import row_seconds
from .freshness import lineage_key, training_key
from .isolation import check_contender, state_of
from .opponents import Opponent
from .packing import pack_state, unpack_state
from .plan import Cell
from .restored import EXAMPLES, check_restored

Progress = Callable[[int, int], None]
Note = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """A contender ready to be attacked. `log`: rows of training.parquet, without the digest."""

    contender: Contender
    digest: str
    seconds: float
    cached: bool
    log: tuple[dict[str, float], ...]


def obtain(
    cell: Cell, cache: ContenderCache, device: str, threads: int, progress: Progress, deadline: float | None = None,
    note: Note = lambda text: None,
) -> Trained:  # fmt: skip
    """Return the cell's contender, trained at most once per cache; `note` hears what its training has to tell.

    It comes from its stored state the first time too, so that a resumed run cannot differ. Raises
    PluginError if that does not answer as the trained one did.
    """
    key, encoding = training_key(cell, device), Encoding(cell.opponent.encoder)
    started = time.monotonic()
    stored = cache.load(key)
    rows: list[dict[str, float]] = []
    job = _job(cell, device, threads, progress, lambda row: rows.append(dict(row)), stored is None)
    job = replace(job, deadline=deadline, note=lambda text: note(f"{cell.opponent.text}: {one_line(text, 500)}"))
    if stored is not None:
        packed, meta = stored
        contender = encoding.over(_restore(cell.opponent, packed, encoding.job(job)), job.device)
        return Trained(contender, meta["digest"], time.monotonic() - started, True, tuple(meta["log"]))
    check_examples(cell.data, "train", job.train)
    check_examples(cell.data, "tune", job.tune)
    job, who = encoding.job(job), _author(cell.opponent)
    base = _base(cell, cache, device, threads, progress, deadline, note)
    rows += base.log if isinstance(base, Trained) else ()
    torch.set_num_threads(1)  # a trainer that gains from more takes job.threads; small ones lose by them
    lineage = lineage_key(cell, device)
    checkpoints = cache.checkpoints(key) if lineage is None else cache.shared(lineage)
    fitted = check_contender(_train(cell.opponent, base, replace(job, checkpoints=checkpoints)), who)
    packed = pack_state(state_of(fitted, who), who)
    contender = _restore(cell.opponent, packed, job)
    check_restored(fitted, contender, job.train.x[:EXAMPLES], cell.data.facts, job.device, who)
    digest = state_digest(unpack_state(packed))
    about = f"{cell.opponent.text} on {cell.data.component.text}, seed {cell.seed}"
    pace = row_seconds(contender, job.train, cell.data.facts.classes, job.device)
    cache.store(key, packed, {"digest": digest, "log": rows, "about": about, "row_seconds": pace})
    contender = encoding.over(contender, job.device)
    return Trained(contender, digest, time.monotonic() - started, False, tuple(rows))


def state_digest(state: State) -> str:
    """Hash of all that a contender's answers depend on."""
    digest = hashlib.sha256(json.dumps(dict(state.meta), sort_keys=True).encode())
    for name, tensor in sorted(state.arrays.items()):
        array = tensor.detach().cpu().contiguous()
        digest.update(f"{name}{array.dtype}{tuple(array.shape)}".encode())
        digest.update(array.reshape(-1).view(torch.uint8).numpy().tobytes() if array.numel() else b"")
    return digest.hexdigest()[:16]


def _job(
    cell: Cell,
    device: str,
    threads: int,
    progress: Progress,
    log: Callable[[Mapping[str, float]], None],
    training: bool,
) -> Job:
    """`training`: else a contender is only restored, which reads no examples; large splits take seconds."""
    dataset = cell.data.component.instance
    # The branch names the contender: two defenses trained in one run share no draw, but for those of one lineage.
    rng = SeedPath(cell.seed, "training", cell.data.facts.digest, cell.opponent.lineage or cell.opponent.text)
    return Job(
        train=dataset.load("train", None if training else (0,)),
        tune=dataset.load("tune", None if training else (0,)),
        facts=cell.data.facts,
        rng=rng,
        device=torch.device(device),
        threads=threads,
        progress=progress,
        log=log,
    )


def _base(
    cell: Cell,
    cache: ContenderCache,
    device: str,
    threads: int,
    progress: Progress,
    deadline: float | None,
    note: Note,
) -> Model | Trained | None:
    """What the cell's defense works on. A trained model is the very one that stands alone as its twin."""
    defense = cell.opponent.defense
    if defense is None or defense.spec.base == "none":
        return None
    below = base_of(cell)
    if below is not None:
        return obtain(below, cache, device, threads, progress, deadline)
    return _model(cell.opponent)


def base_of(cell: Cell) -> Cell | None:
    """The cell of the trained contender that the cell's defense wraps; None if it wraps none."""
    defense = cell.opponent.defense
    if defense is None or defense.spec.base != "trained":
        return None
    return replace(cell, opponent=replace(cell.opponent, defense=None, twin_of=None))


def _train(opponent: Opponent, base: Model | Trained | None, job: Job) -> Contender:
    if opponent.defense is None:
        return _model(opponent).fit(job)
    protected: Contender = opponent.defense.instance.protect(
        inner_of(base.contender) if isinstance(base, Trained) else base, job
    )
    return protected


def _restore(opponent: Opponent, packed: bytes, job: Job) -> Contender:
    """Raises PluginError if the plugin cannot read its own state."""
    state = unpack_state(packed)
    try:
        if opponent.defense is None:
            return _model(opponent).restore(state, job)
        base = opponent.model.instance if opponent.model is not None else None
        protected: Contender = opponent.defense.instance.restore(base, state, job)
        return protected
    except AdvbenchError:
        raise
    except Exception as error:
        raise PluginError(f"{_author(opponent)} must restore what its state() gave, got {told(error)}.") from error


def _model(opponent: Opponent) -> Model:
    assert opponent.model is not None
    model: Model = opponent.model.instance
    return model


def _author(opponent: Opponent) -> str:
    """Whose code makes the contender, for messages."""
    part = opponent.parts[-1]
    return f"{part.entry.source}: {part.kind} '{part.text}'"
