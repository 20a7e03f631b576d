"""Many votes: trained in threads, one seed each, and kept on disk one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import Any

from numpy.typing import NDArray

from .compiled import Float32
from .settings import Settings
from .store import VoteStore
from .training import Vote, feature_major, prepare, train_prepared


def train_votes(
    x: Float32,
    y: NDArray[Any],
    settings: Settings,
    seeds: Mapping[str, int],
    threads: int,
    progress: Callable[[int, int], None],
    store: VoteStore | None = None,
) -> list[Vote]:
    """Train one network per name and seed on x float32 (n, d) and y in {0, 1} (n,), in the order of `seeds`.

    Votes that `store` holds are taken from there, others are put there as they are done. `progress(votes done, votes
    in all)` is called from this thread. Threads change nothing but the time.
    """
    rows = prepare(feature_major(x), y)
    found = {name: store.load(name, seed) if store else None for name, seed in seeds.items()}
    votes = {name: vote for name, vote in found.items() if vote is not None}
    if votes:
        progress(len(votes), len(seeds))
    stopped = Event()

    def stop() -> None:
        if stopped.is_set():
            raise InterruptedError

    with ThreadPoolExecutor(threads) as pool:
        try:
            waiting: dict[Future[Vote], str] = {
                pool.submit(train_prepared, rows, settings, seed, stop): name
                for name, seed in seeds.items()
                if name not in votes
            }
            while waiting:
                # A timeout lets signals through on every platform.
                done, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in done:
                    name = waiting.pop(future)
                    votes[name] = future.result()  # raises what the vote raised
                    if store:
                        store.keep(name, seeds[name], votes[name])
                if done:
                    progress(len(votes), len(seeds))
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [votes[name] for name in seeds]
