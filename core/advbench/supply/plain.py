"""Reading a pickle as data: its instructions are interpreted here, and none may call anything.

Old data sets come as pickles. This machine knows numbers, texts, bytes, lists, tuples, sets,
dictionaries, and those few makers of values that the caller allows by name; all else is refused.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from typing import Any

from ..contract.errors import DataError
from ..contract.texts import one_line

Makers = Mapping[tuple[str, str], Callable[..., Any]]
_MARK = object()
_MOST = 50_000_000  # instructions
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_PUSHES = frozenset(
    [
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "FLOAT",
        "BINFLOAT",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
    ]
)
_EMPTIES: Mapping[str, Callable[[], Any]] = {
    "EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set, "EMPTY_TUPLE": tuple,
}  # fmt: skip


def read_plain(data: bytes, who: str, makers: Makers | None = None) -> Any:
    """Return what the bytes describe. Texts of Python 2 come back as str in latin-1.

    makers: by (module, name), what may stand for a global and be called with plain arguments; an
    object it returns may have `set_state(state)`. Raises DataError for anything else.
    """
    machine = _Machine(who, makers or {})
    try:
        for count, (code, argument, _) in enumerate(pickletools.genops(data)):
            if count > _MOST:
                raise DataError(f"{who}: it must have at most {_MOST:,} instructions, got more. Do not use it.")
            if code.name == "STOP":
                return machine.stack.pop()
            machine.step(code.name, argument)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, MemoryError) as error:
        raise DataError(f"{who}: it must be whole, got: {one_line(error, 120)}. Get it again.") from None
    raise DataError(f"{who}: it must be whole, got no end. Get it again.")


def _flat(key: Any) -> Any:
    """The key again. Raises ValueError for tuples within tuples: hashing a long chain of them kills the process."""
    if isinstance(key, (tuple, frozenset)) and any(isinstance(one, (tuple, frozenset)) for one in key):
        raise ValueError("keys within keys")
    return key


class _Maker:
    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make


class _Machine:
    def __init__(self, who: str, makers: Makers) -> None:
        self.who, self.makers = who, makers
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Carry out one instruction. Raises DataError for those that could do harm."""
        if name in ("PROTO", "FRAME"):
            return
        if name in _PUSHES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _EMPTIES:
            self.stack.append(_EMPTIES[name]())
        elif name == "MARK":
            self.stack.append(_MARK)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if name == "MEMOIZE" else int(argument)] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[int(argument)])
        elif name in ("POP", "DUP", "POP_MARK"):
            self._shuffle(name)
        else:
            self._compose(name, argument)

    def _shuffle(self, name: str) -> None:
        if name == "DUP":
            self.stack.append(self.stack[-1])
        elif name == "POP":
            self.stack.pop()
        else:
            self._since_mark()

    def _compose(self, name: str, argument: Any) -> None:
        match name:
            case "LIST" | "TUPLE" | "FROZENSET":
                some = self._since_mark()
                made = {"LIST": list, "TUPLE": tuple, "FROZENSET": frozenset}[name](
                    map(_flat, some) if name == "FROZENSET" else some
                )
                self.stack.append(made)
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(name[-1])
                taken = tuple(self.stack[-count:])
                del self.stack[-count:]
                self.stack.append(taken)
            case "DICT":
                items = self._since_mark()
                self.stack.append(dict(zip(map(_flat, items[::2]), items[1::2], strict=True)))
            case "APPEND":
                one = self.stack.pop()
                self._target(list).append(one)
            case "APPENDS":
                some = self._since_mark()
                self._target(list).extend(some)
            case "ADDITEMS":
                some = self._since_mark()
                self._target(set).update(map(_flat, some))
            case "SETITEM":
                value, key = self.stack.pop(), self.stack.pop()
                self._target(dict)[_flat(key)] = value
            case "SETITEMS":
                items = self._since_mark()
                self._target(dict).update(zip(map(_flat, items[::2]), items[1::2], strict=True))
            case _:
                self._make(name, argument)

    def _make(self, name: str, argument: Any) -> None:
        """The instructions that name things, and call them."""
        if name in ("GLOBAL", "STACK_GLOBAL"):
            if name == "GLOBAL":
                module, _, what = str(argument).partition(" ")
            else:
                what, module = self.stack.pop(), self.stack.pop()
            if (module, what) not in self.makers:
                raise DataError(
                    f"{self.who}: it must hold plain data, got {module}.{what}. Do not open it with pickle."
                )
            self.stack.append(_Maker(self.makers[module, what]))
        elif name == "REDUCE":
            arguments, maker = self.stack.pop(), self.stack.pop()
            if not isinstance(maker, _Maker) or not isinstance(arguments, tuple):
                raise DataError(f"{self.who}: it must hold plain data, got a call of something. Do not use it.")
            for one in arguments:
                for inner in one if isinstance(one, (list, tuple)) else ():
                    _flat(inner)  # it may become a key, or be in a set
            plain = [one.make if isinstance(one, _Maker) else one for one in arguments]
            self.stack.append(maker.make(*plain))
        elif name == "BUILD":
            state = self.stack.pop()
            self.stack[-1].set_state(state)
        else:
            raise DataError(f"{self.who}: it must hold plain data, got the instruction {name}. Do not use it.")

    def _since_mark(self) -> list[Any]:
        start = len(self.stack) - 1
        while self.stack[start] is not _MARK:
            start -= 1
            if start < 0:
                raise ValueError("no beginning of a group")
        taken = self.stack[start + 1 :]
        del self.stack[start:]
        return taken

    def _target(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise ValueError(f"items for {type(self.stack[-1]).__name__} instead of {kind.__name__}")
        return self.stack[-1]
