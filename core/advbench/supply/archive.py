"""Taking files out of archives that nobody has to trust: zip and wheel, tar, Debian packages.

Nothing is written outside the folder, no link or device is made, and the size of what comes
out is bounded before and while it is written.
"""

from __future__ import annotations

import errno
import fnmatch
import io
import lzma
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ..contract.errors import DataError
from ..contract.texts import one_line

CHUNK = 1 << 20
_DAMAGED = (
    EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, ValueError, RuntimeError, struct.error,
    LookupError, TypeError, OverflowError, MemoryError,
)  # fmt: skip
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO})  # not the archive's fault
_NAMING = (
    tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
)  # fmt: skip
_LONGEST_NAME = 1 << 16  # bytes of a header that is there for a name


@dataclass(frozen=True)
class Limits:
    """ratio: bytes out per byte of the archive.  total: bytes out.  members: entries of any kind."""

    ratio: int = 200
    total: int = 400 * 1024**3
    members: int = 3_000_000

    def bytes_out(self, archive: Path) -> int:
        """The most that may come out of this one."""
        return min(self.total, max(CHUNK, self.ratio * archive.stat().st_size))


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    regular: bool
    content: IO[bytes] | None  # None of what is not regular


def is_archive(path: Path) -> bool:
    """Whether `unpack` reads it. A single compressed file is none."""
    if zipfile.is_zipfile(path) or _is_debian(path):
        return True
    try:
        return tarfile.is_tarfile(path)
    except (OSError, *_DAMAGED):
        return False


def unpack(archive: Path, into: Path, members: tuple[str, ...] = ("*",), limits: Limits | None = None) -> list[Path]:
    """Write the members that match a pattern into a folder, and return where they are.

    Raises DataError on damage, on a name that leads elsewhere, on a wanted link or device, and
    on more content than the limits allow; OSError when the disk is full.
    """
    limits = limits or Limits()
    allowed, seen, written = limits.bytes_out(archive), 0, []
    try:
        for count, member in enumerate(_members(archive)):
            name = _safe(archive, member.name)
            seen += member.size
            if count >= limits.members or seen > allowed:
                raise DataError(
                    f"{archive.name}: unpacked, it must have at most {allowed:,} bytes in {limits.members:,} members,"
                    f" got more. It looks like a decompression bomb: get it from another source."
                )
            if not any(fnmatch.fnmatchcase(str(name), pattern) for pattern in members):
                continue
            if not member.regular or member.content is None:
                raise DataError(f"{archive.name}: members must be plain files, got '{name}', a link or device.")
            path = into.joinpath(*name.parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            _copy(member, path, archive)
            written.append(path)
    except (OSError, *_DAMAGED) as error:
        if isinstance(error, OSError) and error.errno in _DISK:
            raise
        raise DataError(  # among them names that are too long, or taken already
            f"{archive.name}: it must be a whole archive, got: {one_line(error, 200)}. Fetch it again."
        ) from None
    if not written:
        wanted = ", ".join(members)
        raise DataError(f"{archive.name}: it must contain {wanted}, got none of them. It is another version.")
    return written


def _copy(member: _Member, path: Path, archive: Path) -> None:
    """Exactly as many bytes as announced: a member that holds more is lying."""
    assert member.content is not None
    left = member.size
    with path.open("xb") as out:
        while block := member.content.read(min(CHUNK, left + 1)):
            left -= len(block)
            if left < 0:
                raise DataError(
                    f"{archive.name}: '{path.name}' must have {member.size:,} bytes, got more. It is altered."
                )
            out.write(block)
    if left:
        raise DataError(
            f"{archive.name}: '{path.name}' must have {member.size:,} bytes, got {left:,} fewer. Fetch it again."
        )


def _safe(archive: Path, name: str) -> PurePosixPath:
    """The member's path, which stays inside. Raises DataError."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or any(c in name for c in "\\:\0"):
        raise DataError(
            f"{archive.name}: members must lie inside the archive, got '{one_line(name, 80)}'. Do not use it."
        )
    return path


def _members(archive: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        yield from _zip(archive)
    elif _is_debian(archive):
        with _debian_data(archive) as data, tarfile.open(fileobj=data, mode="r|*", tarinfo=_Info) as tar:
            yield from _tar(tar)
    else:
        with tarfile.open(archive, mode="r|*", tarinfo=_Info) as tar:
            yield from _tar(tar)


class _Info(tarfile.TarInfo):
    """A header of a tar. Those that hold names are read at once, so what they claim is looked at before.

    Files with holes are refused: a map of them that never ends would be read for ever.
    """

    def _proc_member(self, tarfile_: tarfile.TarFile) -> Any:
        if self.type in _NAMING and self.size > _LONGEST_NAME:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("a file with holes")
        return super()._proc_member(tarfile_)  # type: ignore[misc]  # made to be overridden

    def _proc_gnusparse_10(self, *_: Any) -> None:
        raise tarfile.ReadError("a file with holes")


def _zip(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            if info.is_dir():
                continue
            kind = (info.external_attr >> 16) & 0o170000
            if kind not in (0, 0o100000):
                yield _Member(info.filename, info.file_size, False, None)
                continue
            with file.open(info) as content:
                yield _Member(info.filename, info.file_size, True, content)


def _tar(tar: tarfile.TarFile) -> Iterator[_Member]:
    for info in tar:
        if not info.isdir():
            yield _Member(info.name, info.size, info.isreg(), tar.extractfile(info) if info.isreg() else None)


def _is_debian(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8) == b"!<arch>\n"


class _Slice(io.RawIOBase):
    """The next `size` bytes of an open file."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file, self.left = file, size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self.file.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(block)
        return block

    def close(self) -> None:
        self.file.close()
        super().close()


def _debian_data(path: Path) -> _Slice:
    """The data part of a Debian package, which is an `ar` of three members (deb(5))."""
    with path.open("rb") as file:
        file.seek(8)
        while len(header := file.read(60)) == 60:
            name, size = header[:16].decode("ascii", "replace").strip().rstrip("/"), int(header[48:58])
            if size < 0:  # would be looked for again and again
                break
            if name.startswith("data.tar"):
                found = path.open("rb")
                found.seek(file.tell())
                return _Slice(found, size)
            file.seek(size + size % 2, io.SEEK_CUR)
    raise DataError(f"{path.name}: a Debian package must have a data part, got none. Fetch it again.")


def free_space(folder: Path) -> int:
    """Bytes free where this folder is, or will be."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return shutil.disk_usage(existing).free
