"""`advbench doctor`: what is here, what is missing, and the command that fixes it."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from pathlib import Path

from .. import __version__
from .console import PluginFiles, err, escape, out, resolver, tell_broken, verb


@verb
def doctor(plugin: PluginFiles = None) -> None:
    """Check versions, devices, folders and plugins."""
    from ..bench.cache import cache_folder
    from ..bench.freshness import versions  # brings torch, which --help must not wait for

    found = resolver(plugin)
    _line("advbench", f"{__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    _line("libraries", ", ".join(f"{name} {version}" for name, version in versions().items() if name != "python"))
    _line("devices", _devices())
    _line("catalogue", str(found.registry.path))
    for name, folder in (("cache", cache_folder()), ("reports", Path("reports").absolute())):
        _line(name, f"{folder} ({_state(folder)})")
    _line("plugins", ", ".join(str(source) for source in found.installed.sources))
    here = {source.dist for source in found.installed.sources}
    for dist in sorted({str(plugin["dist"]) for plugin in found.registry.plugins.values()} - here):
        err.print(f"[yellow]not installed:[/] {dist}. Run: pip install {dist}")
    tell_broken(found.installed)


def _line(name: str, text: str) -> None:
    out.print(f"[bold]{name:<10}[/] {escape(text)}", soft_wrap=True)


def _devices() -> str:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    cuda = [torch.cuda.get_device_name(i) for i in range(count)]
    return ", ".join([f"cpu ({os.cpu_count()} cores)", *(f"cuda:{i} ({name})" for i, name in enumerate(cuda))])


def _state(folder: Path) -> str:
    """Whether files can be made there, or in the nearest folder that exists."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not existing.is_dir():
        return f"{existing} is a file: move it away"
    try:
        with tempfile.TemporaryFile(dir=existing):
            free = shutil.disk_usage(existing).free / 1024**3
            return f"writable, {free:.0f} GiB free"
    except OSError as error:
        return f"not writable: {error.strerror}; choose another folder"
