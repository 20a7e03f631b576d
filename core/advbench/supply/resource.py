"""What a component needs from outside, and where it may be had. Plain declarations, no work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ..contract.errors import PluginError

Client: TypeAlias = Literal["pip", "npm", "apt"]
_HEX = frozenset("0123456789abcdef")
_DEPTH = 5  # levels below a folder that are searched


@dataclass(frozen=True)
class Remote:
    """One file at an address, known before it is asked for. size: bytes."""

    url: str
    sha256: str
    size: int

    def __post_init__(self) -> None:
        if not self.url.startswith("https://"):
            raise PluginError(f"{self.url}: an address must begin with https://, got another. Use an https mirror.")
        _check_pin(self.url, self.sha256, self.size)

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Address:
    """Files at official addresses, all of them needed. `members`: what to take out of an archive."""

    files: tuple[Remote, ...]
    members: tuple[str, ...] = ("*",)

    def __str__(self) -> str:
        return self.files[0].url.rpartition("/")[0] if len(self.files) > 1 else self.files[0].url


@dataclass(frozen=True, kw_only=True)
class Package:
    """One archive by package name, had through the machine's own client and whatever mirror that uses.

    `members`: patterns of what to take out of it. size: bytes of the archive.
    """

    client: Client
    name: str
    version: str
    sha256: str
    size: int
    members: tuple[str, ...] = ("*",)

    def __post_init__(self) -> None:
        _check_pin(str(self), self.sha256, self.size)

    def __str__(self) -> str:
        return f"{self.client} package {self.name} {self.version}"


@dataclass(frozen=True)
class Place:
    """A folder in which some installed package puts the files."""

    path: str

    def __str__(self) -> str:
        return self.path


Source: TypeAlias = Address | Package | Place


@dataclass(frozen=True, kw_only=True)
class Resource:
    """Something from outside.

    layouts: each a set of glob patterns; a folder serves if every pattern of one set is found in
    it, or in a folder somewhere below it.  sources: tried in this order, after a folder that the
    user names.  home: a page for people, shown when nothing else helps.
    """

    name: str
    license: str
    home: str
    layouts: tuple[tuple[str, ...], ...]
    sources: tuple[Source, ...] = ()

    @property
    def size(self) -> int:
        """Bytes to download from the first source that has a size; 0 if none has."""
        for source in self.sources:
            if isinstance(source, Package):
                return source.size
            if isinstance(source, Address):
                return sum(file.size for file in source.files)
        return 0

    def within(self, folder: Path) -> Path | None:
        """The folder, this one or the nearest below it, that holds all files of one layout, or None."""
        level = [folder]
        for _ in range(_DEPTH):
            for root in level:
                if any(all(any(root.glob(pattern)) for pattern in layout) for layout in self.layouts):
                    return root
            level = [below for root in level for below in sorted(root.glob("*/")) if not below.name.startswith(".")]
        return None


def _check_pin(who: str, sha256: str, size: int) -> None:
    if len(sha256) != 64 or not set(sha256) <= _HEX or size <= 0:
        raise PluginError(f"{who}: sha256 and size must be known beforehand, got '{sha256}' and {size}. Look them up.")
