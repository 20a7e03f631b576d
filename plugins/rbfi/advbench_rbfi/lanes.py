"""Sixteen float32 numbers that a kernel works on at once, `a * b + c` and so on.

Compilers turn loops into such steps only where they can prove that no two arrays overlap, which they cannot here. So
kernels say it themselves; which registers of the machine hold sixteen numbers, and how many of them, is left to LLVM.
Machine code kept on disk is renewed when the kernels' own file changes: after a change here, touch that one too.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic, models, overload, register_model

LANES = 16
_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_BITS = ir.VectorType(ir.IntType(32), LANES)
_INDEX = ir.IntType(64)
_FUSED = ("contract",)  # a product and a sum, but no difference, may be rounded once


class Lanes(types.Type):
    """What the compiler knows of such numbers."""

    def __init__(self) -> None:
        super().__init__("Lanes")


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Lanes) -> None:
        super().__init__(manager, kind, _VECTOR)  # type: ignore[no-untyped-call]


_LANES = Lanes()
_Emit = Callable[..., Any]


def _primitive(typed: Callable[..., tuple[Any, _Emit]]) -> Any:
    """What kernels call: types of its arguments -> its signature, and what writes its instructions."""
    return intrinsic(typed)


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """Where the numbers lie that start `at` numbers into the memory of an array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), _VECTOR.as_pointer())


@_primitive
def load(typing: Any, array: Any, at: Any) -> tuple[Any, _Emit]:
    """Sixteen numbers of a float32 array in C order, from the at-th of its memory on."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_place(context, builder, signature.args[0], *args), align=4)

    return _LANES(array, types.intp), emit


@_primitive
def store(typing: Any, array: Any, at: Any, value: Any) -> tuple[Any, _Emit]:
    """Write them there."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _place(context, builder, signature.args[0], *args[:2]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, _LANES), emit


@_primitive
def every(typing: Any, value: Any) -> tuple[Any, _Emit]:
    """The same float32 number in all lanes."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        nothing, first = ir.Constant(_VECTOR, ir.Undefined), ir.Constant(ir.IntType(32), 0)
        single = builder.insert_element(nothing, args[0], first)
        return builder.shuffle_vector(single, nothing, ir.Constant(_BITS, [0] * LANES))

    return _LANES(types.float32), emit


def _pairwise(make: Callable[[Any, Any, Any], Any]) -> Any:
    """A function of two of them, lane by lane."""

    @_primitive
    def pairwise(typing: Any, a: Any, b: Any) -> tuple[Any, _Emit]:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return make(builder, *args)

        return _LANES(_LANES, _LANES), emit

    return pairwise


def _larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _scaled(builder: Any, p: Any, n: Any) -> Any:
    exponent = builder.shl(builder.bitcast(n, _BITS), ir.Constant(_BITS, [23] * LANES))
    return builder.bitcast(builder.add(builder.bitcast(p, _BITS), exponent), _VECTOR)


larger = _pairwise(_larger)  # max(a, b); b where one of them is NaN
scaled = _pairwise(_scaled)  # p 2^n, n being what the lowest bits of the float32 n spell; p 2^n must be a normal number
_sum = _pairwise(lambda builder, a, b: builder.fadd(a, b, flags=_FUSED))
_difference = _pairwise(lambda builder, a, b: builder.fsub(a, b))  # so that t * t - z is 0 where z was made of t
_product = _pairwise(lambda builder, a, b: builder.fmul(a, b, flags=_FUSED))


def _operator(sign: Any, function: Any) -> None:
    def joined(a: Any, b: Any) -> Any:
        return function(a, b)

    @overload(sign)
    def chosen(a: Any, b: Any) -> Any:
        return joined if isinstance(a, Lanes) and isinstance(b, Lanes) else None


_operator(operator.add, _sum)
_operator(operator.sub, _difference)
_operator(operator.mul, _product)


def _folded(make: Callable[[Any, Any, Any], Any]) -> Any:
    """One number of sixteen: halves are put together until one is left, in this order and no other."""

    @_primitive
    def folded(typing: Any, value: Any) -> tuple[Any, _Emit]:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            (found,) = args
            half = LANES // 2
            while half:
                turned = ir.Constant(_BITS, [(lane + half) % LANES for lane in range(LANES)])
                found = make(builder, found, builder.shuffle_vector(found, found, turned))
                half //= 2
            return builder.extract_element(found, ir.Constant(ir.IntType(32), 0))

        return types.float32(_LANES), emit

    return folded


largest_lane = _folded(_larger)
sum_of_lanes = _folded(lambda builder, a, b: builder.fadd(a, b))


@_primitive
def first_at_least(typing: Any, value: Any, limit: Any) -> tuple[Any, _Emit]:
    """The first lane whose number is at least that of the limit; LANES if there is none."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        reached = builder.bitcast(builder.fcmp_ordered(">=", *args), ir.IntType(LANES))
        or_end = builder.or_(builder.zext(reached, _INDEX), _INDEX(1 << LANES))
        return builder.cttz(or_end, ir.IntType(1)(1))

    return types.intp(_LANES, _LANES), emit
