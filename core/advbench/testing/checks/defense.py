"""What only defenses owe: their base stays as it was, and their twin exists."""

from __future__ import annotations

from advbench import AdvbenchError
from advbench.contract.params import items

from ..findings import Broken, DoesNotApply, require
from ..subject import Subject
from ..training import course


def check_base_is_untouched(subject: Subject) -> None:
    """The trained model underneath stands alone in the same run, as the defense's twin."""
    if subject.spec.base != "trained":
        raise DoesNotApply(f"its base is {subject.spec.base}: no trained model is handed to it")
    before, after = subject.once(course).base_digests
    require(
        before == after,
        f"Protecting its base changed the base's state, from digest {before} to {after}.", "Copy before training on.",
    )  # fmt: skip


def check_twin_can_be_made(subject: Subject) -> None:
    """The undefended twin, spelt with this defense's parameters, is an installed model for the same inputs."""
    template = subject.spec.twin
    if template is None:
        raise DoesNotApply("its twin is the model underneath")
    typed = template
    try:
        typed = template.format(**items(subject.instance, all=True))
        twin = subject.resolver.one("model", typed)
    except (AdvbenchError, LookupError, ValueError) as error:
        raise Broken(f"Its twin '{typed}' cannot be made: {error}", "Spell `twin` as one types a model.") from None
    absent = ", ".join(sorted(subject.spec.modalities - twin.spec.modalities))
    require(not absent, f"Its twin '{typed}' does not take {absent} inputs.", "Name a twin for all its inputs.")
