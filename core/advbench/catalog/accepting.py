"""What a plugin must look like to be taken in: its module, and every component that it registers."""

from __future__ import annotations

import inspect
from typing import Any

import pluggy

from ..contract.errors import PluginError, did_you_mean
from ..contract.fitting import misfit
from ..contract.specs import Spec
from ..contract.texts import article, one_line
from . import hookspecs
from .grammar import NAME

_HOOKS = frozenset(name for name in vars(hookspecs) if name.startswith("advbench_"))


def refuse_module(manager: pluggy.PluginManager, name: str, module: Any) -> str | None:
    """Why pluggy or we cannot accept this module; None registers it."""
    api = getattr(module, "ADVBENCH_API", hookspecs.API_VERSION)
    if api != hookspecs.API_VERSION:
        return (
            f"it must be written for plugin API {hookspecs.API_VERSION} of advbench, but says {api}."
            " Install a release of it that fits."
        )
    for own in dir(module):
        value = inspect.getattr_static(module, own, None)
        # `import advbench_zoo.attack` leaves a module of that first name behind, which is no hook.
        routine = inspect.isroutine(value)
        marked = routine and isinstance(getattr(value, "advbench_impl", None), dict)
        if routine and (marked or own.startswith("advbench_")) and own not in _HOOKS:
            return f"a hook must be one of advbench's, got '{own}'. {did_you_mean(own, _HOOKS)}"
        if own in _HOOKS and not marked:
            return f"hook '{own}' must be marked with @hookimpl, got it bare. Add the decorator."
    if manager.is_registered(module):
        return "a module must belong to one plugin, got one that is loaded already. Uninstall one of the two."
    try:
        manager.register(module, name=name)
    except (pluggy.PluginValidationError, ValueError) as error:
        if manager.is_registered(module):
            manager.unregister(module)
        return f"its hooks must fit advbench's, got: {error}."
    return None


def check_component(kind: str, wanted: type[Spec], spec: Any, target: Any) -> None:
    """Raise PluginError unless this is a spec of that kind with fields of their types, and a class."""
    if not isinstance(spec, wanted):
        got = f"{type(spec).__name__} for {one_line(repr(getattr(spec, 'name', spec)), 60)}"
        raise PluginError(f"registering {article(kind)} must use {wanted.__name__}, got {got}.")
    if not isinstance(spec.name, str) or not NAME.fullmatch(spec.name):
        got = one_line(repr(spec.name), 60)
        raise PluginError(f"a name must be lower-case words joined by '-', got {got}. Rename it.")
    if flaw := misfit(spec) or (misfit(spec.paper) if spec.paper is not None else None):
        raise PluginError(f"{kind} '{spec.name}': {flaw}. Correct its {wanted.__name__}.")
    if not isinstance(target, type) and not (isinstance(target, str) and ":" in target):
        raise PluginError(f"{kind} '{spec.name}' must be a class or 'module:Class', got {target!r}.")
