"""A contender that is named but not yet trained: what a field of kind `contender` holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DEFAULT_MODEL = "mlp"  # what a defense stands over where nobody says


@dataclass(frozen=True)
class NamedContender:
    """A model, a defense that brings its own network, or a defense over a model: their instances.

    Core trains it, once for all cells that name it, and hands it to the attack in
    `oracle.contenders` under the field's name. In text the model underneath is one more
    parameter: `source=distillation,source.model=lenet`.
    """

    model: Any | None
    defense: Any | None

    @property
    def parts(self) -> tuple[Any, ...]:
        """The instances, what is named first last."""
        return tuple(part for part in (self.model, self.defense) if part is not None)


__all__ = ["DEFAULT_MODEL", "NamedContender"]
