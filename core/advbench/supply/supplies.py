"""What ties a component to its resource and to the arrays made of it."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ..contract.errors import AdvbenchError, DataAbsent, DataError, PluginError, told
from .archive import free_space
from .arrays import Arrays, ArrayWriter, make_arrays, open_arrays
from .download import Opener, open_address
from .obtain import obtained
from .place import cache_folder
from .resource import Resource
from .watch import Watch

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=,+-]*")  # names a folder, and leads nowhere else


@dataclass(frozen=True, kw_only=True)
class Supply:
    """One thing that a component needs, made once from its resource into arrays in the cache.

    spelling: what a user types to name it, `ucr:ECG5000`.  key: the folder's name; equal keys
    hold equal arrays.  make: reads the resource's files from a folder, creates arrays, returns
    notes.  digest: of the arrays as published; None = it differs from user to user.  needs: other
    supplies, of other resources, that are fetched before it and belong to it.
    """

    spelling: str
    key: str
    resource: Resource
    make: Callable[[Path, ArrayWriter], Mapping[str, Any]]
    digest: str | None = None
    room: int = 0  # bytes of the arrays, about; asked for before anything is fetched
    needs: tuple[Supply, ...] = ()

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise PluginError(f"{self.spelling}: its key must be letters, digits and '._=,+-', got {self.key!r}.")

    @property
    def folder(self) -> Path:
        """Where its arrays lie, or will."""
        return cache_folder() / "data" / self.key

    @property
    def command(self) -> str:
        """The command that makes it present."""
        path = "" if self.resource.sources else " --path FOLDER"
        return f"advbench data fetch {self.spelling}{path}"

    def find(self) -> Arrays | None:
        """The arrays, if they and all that they need were made. Raises DataError if they are damaged."""
        return None if any(other.find() is None for other in self.needs) else open_arrays(self.folder)

    def open(self) -> Arrays:
        """The arrays. Raises DataAbsent with the command that fetches them."""
        found = self.find()
        if found is None:
            raise DataAbsent(f"{self.spelling}: its data must be on this machine, got none. Run: {self.command}")
        return found

    def is_whole(self) -> bool:
        """Whether all is here, as far as sizes tell; fetching mends what is damaged."""
        try:
            return self.find() is not None
        except DataError:
            return False

    def fetch(
        self,
        *,
        path: Path | None = None,
        offline: bool = False,
        again: bool = False,
        any_version: bool = False,
        watch: Watch | None = None,
        opener: Opener = open_address,
    ) -> Arrays:
        """Obtain the resource and make the arrays; first those that it needs, if they are not whole or `again`.

        `any_version` accepts other contents than published.
        """
        watch = watch or Watch()
        for other in self.needs:
            if again or not other.is_whole():
                other.fetch(offline=offline, again=again, watch=watch, opener=opener)
        needed = self.room + self.resource.size
        if free_space(self.folder) < needed:
            hint = "Make room, or choose another cache with ADVBENCH_CACHE_DIR."
            raise DataError(f"{self.spelling}: it needs about {needed / 1024**2:,.0f} MiB free, got less. {hint}")
        with obtained(self.resource, path=path, offline=offline, watch=watch, opener=opener) as files:
            watch.working(f"converting {self.spelling}")
            about = {"spelling": self.spelling, "license": self.resource.license, "origin": files.origin}
            return make_arrays(
                self.folder, lambda writer: self._made(files.folder, writer), about, self._checker(any_version)
            )

    def _made(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        """What `make` makes. Files are as strangers left them: whatever it stumbles over is the files' fault."""
        try:
            return self.make(folder, writer)
        except AdvbenchError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise DataError(
                f"{self.spelling}: its files must be in the known layout, got {told(error)}. Get them again."
            ) from error

    def _checker(self, any_version: bool) -> Callable[[str], None]:
        def check(digest: str) -> None:
            if self.digest is not None and digest != self.digest and not any_version:
                raise DataError(
                    f"{self.spelling}: its contents must be those published (digest {self.digest[:12]}…), got"
                    f" {digest[:12]}…. Get the published files, or say --any-version to use these as they are."
                )

        return check


@runtime_checkable
class Supplied(Protocol):
    """A component, of whatever kind, that needs something from outside."""

    def supply(self) -> Supply: ...
