"""Parameters: declared once, then listed, parsed, checked, hashed and stored from that one place."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any, TypeVar, get_args, get_type_hints

from .errors import ParamError, PluginError, did_you_mean
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
    """One declared parameter. `kind` is set when the value is another component."""

    name: str
    annotation: Any
    default: Any
    help: str
    limits: Limits
    unit: str | None
    paper: Any
    positional: bool
    kind: str | None

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


def component(kind: str, *, help: str, default: str | None = None, positional: bool = False) -> Any:
    """Declare a field that holds another component of that kind, named as on the command line.

    Core resolves the name; the field then holds the instance. `none` leaves it None. `default`
    is a name alone: its parameters have defaults of their own.
    """
    meta = {"help": help, "limits": Limits(), "unit": None, "paper": SAME, "positional": positional, "kind": kind}
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
    if not all(info.limits.allow(part) for part in _parts(typed)):
        raise PluginError(f"{who} must have a default that is {info.limits}, got {format_value(default)}.")
    return typed


Resolver = Callable[[str, str, Mapping[str, str]], Any]  # kind, name, its own raw parameters


def build(cls: type[T], who: str, raw: Mapping[str, str], resolve: Resolver) -> T:
    """Turn typed texts into a checked instance.

    Dotted names (`attack.steps`) belong to the component in that field. Raises ParamError
    naming the component, the parameter, its limit and the value, with the nearest known name.
    """
    infos = {info.name: info for info in describe(cls)}
    own, nested = _split_dotted(who, raw, infos)
    values: dict[str, Any] = {}
    for name, info in infos.items():
        if info.kind is not None:
            values[name] = _inner(who, info, own.get(name, info.default), nested.get(name, {}), resolve)
        else:
            values[name] = _parse(who, info, own[name]) if name in own else info.default
    try:
        instance = cls(**values)
    except ValueError as error:  # from an author's __post_init__: parameters that contradict each other
        raise ParamError(f"{who}: {error}") from None
    check(instance, who)
    return instance


def _split_dotted(
    who: str, raw: Mapping[str, str], infos: Mapping[str, ParamInfo]
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    own: dict[str, str] = {}
    nested: dict[str, dict[str, str]] = {}
    positional = next((info.name for info in infos.values() if info.positional), None)
    for key, text in raw.items():
        head, dot, rest = key.partition(".")
        if not key:
            if positional is None:
                known = f"It has {', '.join(infos)}." if infos else "It has no parameters."
                raise ParamError(f"{who}: a parameter must be written as name=value, got '{text}'. {known}")
            head = positional
        if head not in infos:
            raise ParamError(f"{who}: it has no parameter '{head}'. {did_you_mean(head, infos)}")
        if dot and infos[head].kind is None:
            words = infos[head].type_words
            raise ParamError(f"{who}: {head} must be {words}, got '{key}={text}'. Write {head}=VALUE.")
        if dot:
            nested.setdefault(head, {})[rest] = text
        elif head in own:
            raise ParamError(f"{who}: {head} must be given once, got '{own[head]}' and '{text}'. Remove one.")
        else:
            own[head] = text
    return own, nested


def _inner(who: str, info: ParamInfo, name: str | None, raw: Mapping[str, str], resolve: Resolver) -> Any:
    """The component in a field, or None."""
    assert info.kind is not None
    if name is not None and name.strip().lower() != "none":
        if not name.strip().replace("-", "").isalnum():
            hint = f"Its parameters are written {info.name}.key=value."
            raise ParamError(f"{who}: {info.name} must be the name of {article(info.kind)}, got '{name}'. {hint}")
        return resolve(info.kind, name.strip(), raw)
    if raw:
        key, text = next(iter(raw.items()))
        got = f"{info.name}.{key}={text}"
        raise ParamError(
            f"{who}: {info.name} must be {article(info.kind)} to have parameters, got none and '{got}'. Name one."
        )
    return None


def _parse(who: str, info: ParamInfo, text: str) -> Any:
    try:
        return parse_value(text, info.annotation)
    except ValueError:
        wanted = str(info.limits) if info.limits.choices is not None else info.type_words
        raise ParamError(f"{who}: {info.name} must be {wanted}, got '{text}'. {_sentence(info.help)}") from None


def check(instance: object, who: str) -> None:
    """Raise ParamError if any value is outside its limits."""
    for info in describe(type(instance)):
        for part in _parts(getattr(instance, info.name)):
            if info.kind is None and not info.limits.allow(part):
                wanted, got = str(info.limits) or info.type_words, format_value(part)
                raise ParamError(f"{who}: {info.name} must be {wanted}, got {got}. {_sentence(info.help)}")


def _parts(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _sentence(help: str) -> str:
    text = help.strip()
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")


def values(instance: object) -> dict[str, Any]:
    """All parameters, spelled out, as JSON-able values: what is hashed and stored."""
    return {info.name: _jsonable(getattr(instance, info.name)) for info in describe(type(instance))}


def _jsonable(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_jsonable(part) for part in value]
    if hasattr(type(value), _SPEC):
        return {"name": spec_of(value).name, "params": values(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return format_value(value)
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)


def items(instance: object, *, all: bool = False, prefix: str = "") -> dict[str, str]:
    """Parameters as typed texts, with dotted names; only those that differ from the default, or all."""
    texts: dict[str, str] = {}
    for info in describe(type(instance)):
        value = getattr(instance, info.name)
        if info.kind is not None and value is not None:
            name = spec_of(value).name
            if all or name != info.default:
                texts[prefix + info.name] = name
            texts |= items(value, all=all, prefix=f"{prefix}{info.name}.")
        elif all or value != info.default:
            texts[prefix + info.name] = format_value(value)
    return texts


def attach(cls: type, spec: Spec) -> None:
    """Remember under which spec a class was registered."""
    known = cls.__dict__.get(_SPEC)
    if known is not None and known != spec:
        raise PluginError(f"{spec.name}: class {cls.__qualname__} must serve one name, but also serves '{known.name}'.")
    setattr(cls, _SPEC, spec)


def spec_of(instance: object) -> Any:
    """The spec of a component instance; its static kind is the caller's to know."""
    return getattr(type(instance), _SPEC)


def optional(annotation: Any) -> bool:
    """Whether a parameter may be `none`."""
    return type(None) in get_args(annotation)
