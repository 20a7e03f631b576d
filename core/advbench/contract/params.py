"""Parameters at work: parsed from text, checked, listed, hashed and stored, all as they were declared."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .declare import SAME, Limits, ParamInfo, attach, component, describe, is_component, param, parts, spec_of
from .errors import ParamError, RequestError, did_you_mean
from .named import DEFAULT_MODEL, NamedContender
from .texts import article, format_value, parse_value

T = TypeVar("T")
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
            chosen = own.get(name, info.default)
            start = info.settings if chosen == info.default else {}
            values[name] = _inner(who, info, chosen, {**start, **nested.get(name, {})}, resolve)
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
        try:
            return resolve(info.kind, name.strip(), raw)
        except RequestError as error:
            if isinstance(error, ParamError):  # it says whose parameter is meant
                raise
            raise RequestError(f"{who}: {info.name}: {error}") from error
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
        for part in parts(getattr(instance, info.name)):
            if info.kind is None and not info.limits.allow(part):
                wanted, got = str(info.limits) or info.type_words, format_value(part)
                raise ParamError(f"{who}: {info.name} must be {wanted}, got {got}. {_sentence(info.help)}")


def _sentence(help: str) -> str:
    text = help.strip()
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")


def values(instance: object) -> dict[str, Any]:
    """All parameters, spelled out, as JSON-able values: what is hashed and stored."""
    return {info.name: _jsonable(getattr(instance, info.name)) for info in describe(type(instance))}


def _jsonable(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_jsonable(part) for part in value]
    if is_component(value):
        return {"name": spec_of(value).name, "params": values(value)}
    if isinstance(value, NamedContender):
        return [_jsonable(part) for part in value.parts]
    if isinstance(value, float) and not math.isfinite(value):
        return format_value(value)
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)


def items(instance: object, *, all: bool = False, prefix: str = "") -> dict[str, str]:
    """Parameters as typed texts, with dotted names; only those that differ from the default, or all."""
    if isinstance(instance, NamedContender):
        return _items_of_contender(instance, all=all, prefix=prefix)
    texts: dict[str, str] = {}
    for info in describe(type(instance)):
        value = getattr(instance, info.name)
        if info.kind is not None and value is not None:
            name = name_of(value)
            if all or name != info.default:
                texts[prefix + info.name] = name
            start = info.settings if name == info.default else {}
            texts |= {f"{prefix}{info.name}.{key}": text for key, text in _beside(start, value, all).items()}
        elif all or value != info.default:
            texts[prefix + info.name] = format_value(value)
    return texts


def name_of(value: object) -> str:
    """By which name a component, or a contender, is typed."""
    named = value.parts[-1] if isinstance(value, NamedContender) else value
    return str(spec_of(named).name)


def _items_of_contender(contender: NamedContender, *, all: bool, prefix: str) -> dict[str, str]:
    texts = items(contender.parts[-1], all=all, prefix=prefix)
    if contender.model is not None and contender.defense is not None:
        name = name_of(contender.model)
        texts |= {f"{prefix}model": name} if all or name != DEFAULT_MODEL else {}
        texts |= items(contender.model, all=all, prefix=f"{prefix}model.")
    return texts


def inner(instance: object) -> list[Any]:
    """The components in the fields of an instance, those of a contender one by one."""
    held = [getattr(instance, info.name) for info in describe(type(instance)) if info.kind is not None]
    return [
        part
        for value in held
        if value is not None
        for part in (value.parts if isinstance(value, NamedContender) else (value,))
    ]


def contender_fields(instance: object) -> dict[str, NamedContender]:
    """The contenders in the fields of an instance, by field; empty ones are left out."""
    held = {info.name: getattr(instance, info.name) for info in describe(type(instance)) if info.kind == "contender"}
    return {name: value for name, value in held.items() if value is not None}


def _beside(start: Mapping[str, str], value: object, all: bool) -> dict[str, str]:
    """The items of a component that begins with `start` instead of its own defaults."""
    shown, whole = items(value, all=all), items(value, all=True)
    if all or not start:
        return shown
    kept = {key for key in shown if key not in start} | {key for key in start if whole[key] != start[key]}
    return {key: text for key, text in whole.items() if key in kept}


__all__ = [
    "SAME", "Limits", "ParamInfo", "attach", "build", "check", "component", "contender_fields", "describe",
    "inner", "items", "name_of", "param", "spec_of", "values",
]  # fmt: skip
