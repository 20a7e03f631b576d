"""Fetching one file over https: bounded, resumed where it was broken off, checked, renamed when whole."""

from __future__ import annotations

import errno
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from ..contract.errors import DataError
from ..contract.texts import one_line
from .archive import CHUNK
from .digests import check_file
from .resource import Remote
from .watch import Watch

Opener = Callable[[urllib.request.Request], Any]
_TRIES, _SILENCE = 3, 30.0  # further tries after a broken connection; seconds without a byte
_BROKEN = (urllib.error.URLError, http.client.HTTPException, OSError)


class _StaysEncrypted(urllib.request.HTTPRedirectHandler):
    """Follows no redirect away from https."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        if req.full_url.startswith("https://") and not newurl.startswith("https://"):
            raise urllib.error.URLError(f"redirected to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def open_address(request: urllib.request.Request) -> Any:
    """The answer to a request, through the machine's proxies and certificates."""
    return urllib.request.build_opener(_StaysEncrypted).open(request, timeout=_SILENCE)


def download(remote: Remote, target: Path, watch: Watch, opener: Opener = open_address) -> None:
    """Put the file at `target`; what came before a break stays beside it and is not asked for again.

    Raises DataError if it cannot be had or is not the one announced; OSError when the disk is full.
    """
    part = target.with_name(f"{target.name}.part")
    trouble = ""
    for _ in range(_TRIES):
        try:
            with opener(_request(remote, part)) as answer:
                _receive(remote, answer, part, watch)
        except _BROKEN as error:
            if _is_ours(error):
                raise
            trouble = one_line(getattr(error, "reason", error), 200) or type(error).__name__
            if getattr(error, "code", 500) in (401, 403, 404, 410):
                break  # asking again changes nothing
        if part.exists() and part.stat().st_size == remote.size:
            _finish(remote, part, target)
            return
    kept = part.stat().st_size if part.exists() else 0
    more = f" {kept:,} of {remote.size:,} bytes are kept; fetching again goes on from there." if kept else ""
    raise DataError(f"{remote.url}: {trouble or 'the connection ended early'}.{more}")


def _is_ours(error: BaseException) -> bool:
    """Trouble of this machine's disk, which no further try mends."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)


def _request(remote: Remote, part: Path) -> urllib.request.Request:
    request = urllib.request.Request(remote.url, headers={"User-Agent": "advbench", "Accept-Encoding": "identity"})
    have = part.stat().st_size if part.exists() else 0
    if have >= remote.size:  # from another version, or altered
        part.unlink()
    elif have:
        request.add_header("Range", f"bytes={have}-")
    return request


def _receive(remote: Remote, answer: IO[bytes], part: Path, watch: Watch) -> None:
    goes_on = getattr(answer, "status", 200) == 206
    done = part.stat().st_size if goes_on and part.exists() else 0
    with part.open("ab" if goes_on else "wb") as out:
        while block := answer.read(CHUNK):
            done += len(block)
            if done > remote.size:
                out.truncate(0)
                raise DataError(f"{remote.url}: it must have {remote.size:,} bytes, got more. It is another version.")
            out.write(block)
            watch.progress(remote.name, done, remote.size)
        out.flush()
        os.fsync(out.fileno())


def _finish(remote: Remote, part: Path, target: Path) -> None:
    try:
        check_file(part, remote.url, remote.sha256, remote.size)
    except DataError:
        part.unlink()  # going on from it would never end well
        raise
    os.replace(part, target)
