"""What every component owes its users before it runs: a name, a summary, a source, help for every parameter."""

from __future__ import annotations

import re
import subprocess
import sys

from advbench import ParamError, RequestError
from advbench.catalog.registry import read
from advbench.contract.params import ParamInfo, describe

from ..findings import Broken, DoesNotApply, require
from ..subject import Subject

_KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_SUMMARY = 110
_HEAVY = ("torch", "pandas", "scipy", "sklearn", "numba")


def check_name_is_kebab_case(subject: Subject) -> None:
    """Lower-case words joined by hyphens, as in `random-noise`."""
    name = subject.spec.name
    require(bool(_KEBAB.fullmatch(name)), f"Its name is {name!r}.", "Use lower-case words joined by hyphens.")


def check_spec_is_complete(subject: Subject) -> None:
    """A summary of one printable line, not ending in a full stop."""
    summary = subject.spec.summary
    require(
        0 < len(summary) <= _LONGEST_SUMMARY and summary.isprintable() and not summary.endswith("."),
        f"Its summary has {len(summary)} characters: {summary[:60]!r}.",
        f"Say what it does in one line of at most {_LONGEST_SUMMARY} characters, without a full stop.",
    )
    cls = subject.entry.load()
    require(bool((cls.__doc__ or "").strip()), f"{cls.__qualname__} has no docstring.", "Say what is true of it.")


def check_paper_has_a_url(subject: Subject) -> None:
    """A source can be followed: title, plausible year, address."""
    paper = subject.spec.paper
    if paper is None:
        raise DoesNotApply("it names no paper")
    good = paper.url.startswith(("https://", "http://")) and 1900 < paper.year < 2100 and paper.title.strip()
    require(bool(good), f"Its paper is {paper.title!r}, {paper.year}, {paper.url!r}.", "Give title, year and address.")


def check_parameters_have_help(subject: Subject) -> None:
    """One line for each, that fits a table."""
    for info in _infos(subject):
        require(
            bool(info.help.strip()) and info.help.isprintable(),
            f"The help of {info.name} is {info.help[:40]!r}.", "Say in one line what it does.",
        )  # fmt: skip


def check_bad_parameters_are_refused_by_name(subject: Subject) -> None:
    """A wrong name or a value outside the limits ends in one line that names the parameter."""
    bad = {"no-such-parameter": "1"} | {info.name: text for info in _infos(subject) if (text := _outside(info))}
    for name, text in bad.items():
        typed = f"{subject.spec.name}:{name}={text}"
        try:
            subject.resolver.one(subject.kind, typed)
        except (ParamError, RequestError) as error:
            require(name in str(error), f"'{typed}' is refused without naming {name}: {error}", "Name it.")
        except Exception as error:
            raise Broken(
                f"'{typed}' raises {type(error).__name__}: {error}.", "Raise ValueError in __post_init__."
            ) from error
        else:
            raise Broken(f"'{typed}' is accepted.", "Give param() the limits that hold.")


def check_import_is_light(subject: Subject) -> None:
    """Registering imports no torch: `advbench list` and `--help` must not wait for it."""
    target = subject.entry.target
    if not isinstance(target, str):
        raise DoesNotApply("its class was registered directly, as one-file plugins do")
    package = target.partition(":")[0].rpartition(".")[0] or target.partition(":")[0]
    code = f"import sys, {package}; print([name for name in {_HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    found = done.stdout.strip() or done.stderr.strip()[-200:]
    require(found == "[]", f"Importing {package} imports {found}.", "Register 'module:Class' and import there.")


def check_registry_entry_matches(subject: Subject) -> None:
    """A distribution that the catalogue lists is listed with this component."""
    known = read()
    listed = known.offering(subject.kind, subject.spec.name)
    dist = subject.entry.source.dist
    if listed is None and not any(dist == other.get("dist") for other in known.plugins.values()):
        raise DoesNotApply(f"the catalogue does not list {dist}")
    said = f"lists it under {listed}" if listed else f"does not list it under {dist}"
    require(listed == dist, f"It comes with {dist}, but the catalogue {said}.", "Correct registry.toml.")


def _infos(subject: Subject) -> tuple[ParamInfo, ...]:
    return describe(subject.entry.load())


def _outside(info: ParamInfo) -> str | None:
    """Text that no value of this parameter can have; None if it takes any."""
    if info.kind is not None:
        return "no-such-component"
    limits = info.limits
    if limits.choices is not None:
        return "no-such-choice"
    if limits.ge is not None or limits.gt is not None:
        return str(int((limits.ge if limits.ge is not None else limits.gt) or 0) - 1)
    if limits.le is not None or limits.lt is not None:
        return str(int((limits.le if limits.le is not None else limits.lt) or 0) + 2)
    return "neither-number-nor-word" if info.type_words in ("a number", "a whole number", "true or false") else None
