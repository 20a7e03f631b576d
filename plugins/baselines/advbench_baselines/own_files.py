"""Reading a user's file: there, what it says it is, and never a pickle."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from advbench import DataAbsent, DataError

_PICKLE, _PROTOCOLS = b"\x80", (b"\x02", b"\x03", b"\x04", b"\x05")  # its first two bytes


def require_file(who: str, path: Path | None, wanted: str) -> Path:
    """The path, once looked at. Raises DataError if it is absent or a pickle, with the safe way."""
    if path is None:
        raise DataAbsent(f"{who}: path must be {wanted}, got none. Write {who}:path=FILE.")
    if not path.is_file():
        raise DataError(f"{who}: path must be {wanted}, got '{path}', which is not there. Check where you stand.")
    kind = pickled(path)
    if kind:
        raise DataError(
            f"{who}: path must be {wanted}, got {kind}. Pickles run whatever code they hold. Export the model with"
            " torch.jit.save(torch.jit.trace(model.eval(), x), FILE) or torch.onnx.export, or build it in a module of"
            " yours that loads weights by safetensors, and use python:MODULE.NAME."
        )
    return path


def pickled(path: Path) -> str | None:
    """What kind of pickle this is; None if it is none. TorchScript archives hold code beside their data."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        stored = any(name.endswith("/data.pkl") for name in names) and not any("/code/" in name for name in names)
        return "what torch.save writes, a pickle" if stored else None
    with path.open("rb") as file:
        head = file.read(2)
    return "a pickle" if head[:1] == _PICKLE and head[1:] in _PROTOCOLS else None


def digest(data: bytes) -> str:
    """Tells one file from another."""
    return hashlib.sha256(data).hexdigest()
