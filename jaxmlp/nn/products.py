"""The matrix product, which takes most of a step's time, and the type of its operands.

A layer calls `product` forward and backward; in which type the operands are multiplied is no
concern of its own. Within `operands_in("bfloat16")` they are rounded to bfloat16, which has the
exponents of float32 and 8 bits of mantissa, and their products are added up in float32
(Kalamkar et al. 2019: A study of bfloat16 for deep learning training). All else stays in float32.
"""

import contextlib
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
from jax.experimental.layout import Layout, with_layout_constraint
from jaxtyping import Float

from jaxmlp.nn.types import Array

Operands = Literal["bfloat16"]
Left: TypeAlias = Float[Array, "N K"]
Right: TypeAlias = Float[Array, "K M"]
Result: TypeAlias = Float[Array, "N M"]

INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}  # of processors that multiply bfloat16 fast
EXPONENT, MANTISSA = 8, 7  # bits of bfloat16, beside the sign and the leading one
ROW_MAJOR = Layout((0, 1))

_operands: ContextVar[Operands | None] = ContextVar("operands", default=None)
_spread: ContextVar[bool] = ContextVar("spread", default=False)


def product(a: Left, b: Right) -> Result:
    """The matrix product `c = a b`, with its operands in the type that is asked for.

    `c[n,m] = sum_k a[n,k] b[k,m]`; with `dc = dL/dc`: `da = dc b^T`, `db = a^T dc`.

    Args:
      a: `(N, K)`.
      b: `(K, M)`.

    Returns:
      `(N, M)`, of the operands' own type.
    """
    return a @ b if _operands.get() is None else _short(a, b)


@contextlib.contextmanager
def operands_in(dtype: Operands, spread: bool = False) -> Iterator[None]:
    """A context in which functions that are called, or traced, multiply in this type.

    It decorates a function too: `operands_in("bfloat16")(value_and_grad(model, loss))` is the same
    gradient with short operands in its products. Parameters stay in float32, where they keep the
    many small updates that 8 bits of mantissa would round to nothing (Micikevicius et al. 2018); so
    do sums, activations and gradients. The network itself answers in float32, as it does
    everywhere else. Layers that write `x @ W` and do not call `product` stay as they are.

    Args:
      dtype: the type to which `product` rounds its operands.
      spread: whether the operands are spread over several devices. XLA cannot split what a layout
        is asked for, so processors then multiply the rounded operands in float32.

    Yields:
      Nothing.
    """
    before = _operands.set(dtype), _spread.set(spread)
    try:
        yield
    finally:
        _operands.reset(before[0])
        _spread.reset(before[1])


@cache
def has_fast_bfloat16() -> bool:
    """Whether the device that computes multiplies bfloat16 faster than float32.

    So do TPUs, GPUs of NVIDIA from compute capability 8 on and other makers' GPUs that XLA
    supports. Of a processor the instructions tell, which only Linux lists.
    """
    device = jax.devices()[0]
    if device.platform == "cpu":
        return _processor_has_bfloat16()
    capability = getattr(device, "compute_capability", None)  # "8.0" of NVIDIA's, "gfx90a" of AMD's
    first = str(capability).partition(".")[0]
    return int(first) >= 8 if first.isdecimal() else True


@cache
def _processor_has_bfloat16() -> bool:
    """Whether this computer's processor has instructions for bfloat16."""
    listed = Path("/proc/cpuinfo")
    if sys.platform != "linux" or not listed.exists():
        return False
    flags = (line for line in listed.read_text().splitlines() if line.startswith("flags"))
    return bool(INSTRUCTIONS & {*next(flags, "").split()})


@jax.custom_vjp
def _short(a: Left, b: Right) -> Result:
    """The product of operands rounded to bfloat16, on each kind of device as it does it best."""
    fast = _processor_has_bfloat16() and not _spread.get()
    on_processor = _row_major if fast else _rounded
    return jax.lax.platform_dependent(a, b, cpu=on_processor, default=_plain)


def _short_forward(a: Left, b: Right) -> tuple[Result, tuple[Left, Right]]:
    return _short(a, b), (a, b)


def _short_backward(operands: tuple[Left, Right], dc: Result) -> tuple[Left, Right]:
    # the rule of JAX would transpose a product of bfloat16, which XLA refuses on a processor
    a, b = operands
    return _short(dc, b.T), _short(a.T, dc)


_short.defvjp(_short_forward, _short_backward)


def _plain(a: Left, b: Right) -> Result:
    """The product as accelerators have it: bfloat16 times bfloat16, added up in float32.

    Where the compiler fuses it with its neighbours, an operand may keep more than 8 bits.
    """
    short = a.astype(jnp.bfloat16), b.astype(jnp.bfloat16)
    return jax.lax.dot(*short, preferred_element_type=jnp.float32).astype(a.dtype)


@jax.jit  # outside of a compiled function an array has no layout to ask for
def _row_major(a: Left, b: Right) -> Result:
    """The product with its operands and its result row by row in memory.

    XLA would take `x.T` as `x` read the other way round. For this it has no fast product of
    bfloat16, and with a result in float32 none at all. So a transposed operand is written down.
    """
    left, right = (with_layout_constraint(w.astype(jnp.bfloat16), ROW_MAJOR) for w in (a, b))
    c = jax.lax.dot(left, right, preferred_element_type=jnp.float32)
    return with_layout_constraint(c, ROW_MAJOR).astype(a.dtype)


def _rounded(a: Left, b: Right) -> Result:
    """The same numbers on a processor without such instructions: rounded, but kept in float32."""
    left, right = (jax.lax.reduce_precision(w, EXPONENT, MANTISSA) for w in (a, b))
    return left @ right
