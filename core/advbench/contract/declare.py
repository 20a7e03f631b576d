"""Declaring parameters: once, on the fields of a component's class, and read back from there."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any, TypeVar, get_type_hints

from .errors import PluginError
from .specs import Spec
from .texts import article, describe_type, format_value, is_supported, parse_value

T = TypeVar("T")
_KEY = "advbench"
_SPEC = "__advbench_spec__"
SAME = "same as the default"  # for ParamInfo.paper


@dataclass(frozen=True)
class Limits:
    """What a parameter's value must satisfy; each element's, for a list."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    choices: tuple[Any, ...] | None = None

    def __str__(self) -> str:
        if self.choices is not None:
            return "one of " + ", ".join(f"'{format_value(choice)}'" for choice in self.choices)
        signs = ((">=", self.ge), (">", self.gt), ("<=", self.le), ("<", self.lt))
        return " and ".join(f"{sign} {format_value(limit)}" for sign, limit in signs if limit is not None)

    def allow(self, value: Any) -> bool:
        """None and words such as 'auto' have no size: only `choices` can exclude them."""
        if self.choices is not None:
            return value in self.choices
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return True
        return (
            not math.isnan(value)
            and (self.ge is None or value >= self.ge)
            and (self.gt is None or value > self.gt)
            and (self.le is None or value <= self.le)
            and (self.lt is None or value < self.lt)
        )


@dataclass(frozen=True)
class ParamInfo:
    """One declared parameter. `kind` is set when the value is another component.

    settings: parameters with which the default component starts, as one types them.
    """

    name: str
    annotation: Any
    default: Any
    help: str
    limits: Limits
    unit: str | None
    paper: Any
    positional: bool
    kind: str | None
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def default_words(self) -> str:
        settings = (f"{self.name}.{key}={text}" for key, text in self.settings.items())
        return ", ".join([format_value(self.default), *settings])

    @property
    def type_words(self) -> str:
        return article(self.kind) if self.kind else describe_type(self.annotation)


def param(
    default: T,
    *,
    help: str,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: Sequence[T] | None = None,
    unit: str | None = None,
    paper: Any = SAME,
    positional: bool = False,
) -> T:
    """Declare a dataclass field with its help text and limits.

    `paper` is the value used in the paper when it differs from `default`: `advbench show`
    prints both, so that a weakened default is never hidden. At most one field of a class is
    `positional`: it takes the item typed without `=`, as in `ucr:ECG5000`.
    """
    limits = Limits(ge, gt, le, lt, tuple(choices) if choices is not None else None)
    meta = {"help": help, "limits": limits, "unit": unit, "paper": paper, "positional": positional, "kind": None}
    return field(default=default, metadata={_KEY: meta})


def component(
    kind: str,
    *,
    help: str,
    default: str | None = None,
    settings: Mapping[str, str] | None = None,
    positional: bool = False,
) -> Any:
    """Declare a field that holds another component of that kind, named as on the command line.

    Core resolves the name; the field then holds the instance. `none` leaves it None. `default`
    is a name alone; `settings` are parameters of it, as texts, that start elsewhere than on its
    own: `settings={"steps": "10"}`. They hold while the field has that name. Of kind
    `contender`, for attacks alone, it holds a NamedContender: a model, or a defense (with its
    model), which core trains first.
    """
    meta = {
        "help": help, "limits": Limits(), "unit": None, "paper": SAME, "positional": positional, "kind": kind,
        "settings": dict(settings or {}),
    }  # fmt: skip
    return field(default=default, metadata={_KEY: meta})


def describe(cls: type) -> tuple[ParamInfo, ...]:
    """Read the parameters of a component class, in their order.

    Raises PluginError if the class is not a frozen dataclass, a field was not declared by
    param() or component(), or a default could not be typed by a user.
    """
    return _describe(cls)


@functools.cache
def _describe(cls: Any) -> tuple[ParamInfo, ...]:
    # Its own decorator, not one inherited: fields of an undecorated subclass would be ignored.
    settings = cls.__dict__.get("__dataclass_params__")
    if settings is None or not settings.frozen:
        raise PluginError(f"{cls.__qualname__}: a component must be a frozen dataclass. Add @dataclass(frozen=True).")
    try:
        hints = get_type_hints(cls)
    except (NameError, TypeError) as error:
        raise PluginError(f"{cls.__qualname__}: types of fields must be importable, got {error}.") from error
    infos = []
    for item in dataclasses.fields(cls):
        meta = item.metadata.get(_KEY)
        if meta is None or item.default is MISSING or not meta["help"].strip():
            raise PluginError(f"{cls.__qualname__}: field '{item.name}' must be declared by param(default, help=...).")
        info = ParamInfo(name=item.name, annotation=hints[item.name], default=item.default, **meta)
        infos.append(dataclasses.replace(info, default=_default(cls.__qualname__, info)))
    if sum(info.positional for info in infos) > 1:
        raise PluginError(f"{cls.__qualname__}: at most one field may be positional.")
    return tuple(infos)


def _default(who: str, info: ParamInfo) -> Any:
    """The default as it would be if typed, so that 1 for a float hashes like 1.0. Raises PluginError."""
    who, default = f"{who}: field '{info.name}'", info.default
    if info.kind is not None:
        if default is not None and (not isinstance(default, str) or not default.replace("-", "").isalnum()):
            raise PluginError(f"{who} must have the name of {article(info.kind)} or None as default, got {default!r}.")
        if info.settings and default in (None, "none"):
            raise PluginError(f"{who} must have a default to have settings, got none and {dict(info.settings)}.")
        return None if default == "none" else default
    if not is_supported(info.annotation):
        raise PluginError(
            f"{who} must be float, int, bool, str, Path, Literal of texts, tuple[X, ...] of these or a union,"
            f" got {info.type_words}."
        )
    try:
        typed = parse_value(format_value(default), info.annotation)
    except ValueError:
        typed = MISSING
    if typed != default:
        raise PluginError(f"{who} must have a default that can be typed as {info.type_words}, got {default!r}.")
    if not all(info.limits.allow(part) for part in parts(typed)):
        raise PluginError(f"{who} must have a default that is {info.limits}, got {format_value(default)}.")
    return typed


def parts(value: Any) -> tuple[Any, ...]:
    """The elements of a list, or the value itself: what limits are checked on."""
    return value if isinstance(value, tuple) else (value,)


def attach(cls: type, spec: Spec) -> None:
    """Remember under which spec a class was registered."""
    known = cls.__dict__.get(_SPEC)
    if known is not None and known != spec:
        raise PluginError(f"{spec.name}: class {cls.__qualname__} must serve one name, but also serves '{known.name}'.")
    setattr(cls, _SPEC, spec)


def is_component(value: object) -> bool:
    """Whether this is an instance of a registered class."""
    return hasattr(type(value), _SPEC)


def spec_of(instance: object) -> Any:
    """The spec of a component instance; its static kind is the caller's to know."""
    return getattr(type(instance), _SPEC)
