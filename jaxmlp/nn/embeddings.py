"""Embeddings of numbers: each input becomes several units of its own before they are mixed.

A kernel sees a number only as a multiple of itself, so a network learns steps and waves of one
input slowly. An embedding offers pieces of a line, or waves, to begin with (Gorishniy, Rubachev and
Babenko 2022). Both end in a small dense layer for each input, `a = relu(e W_f + b_f)`.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Bool, Float

from jaxmlp.errors import check
from jaxmlp.nn.initializers import he_normal
from jaxmlp.nn.layers import Layer, given
from jaxmlp.nn.types import Array, Cache, Params, RandomKey, Shape

# for inputs whose median is 0 and whose quartiles are about 1 apart, as `robust` scaling makes them
KNOTS = (-3.0, -1.5, -0.85, -0.5, -0.24, 0.0, 0.24, 0.5, 0.85, 1.5, 3.0)
Pieces = Float[Array, "N F T"]  # T numbers for each of F inputs


def piecewise(units: int = 8, knots: Sequence[float] = KNOTS) -> Layer:
    """An embedding by pieces of a line between knots, the same knots for every input.

    `e_t = (x - k_(t-1)) / (k_t - k_(t-1))`, clipped to [0, 1] but for the two ends, which go on;
    `a = relu(e W_f + b_f)` for input `f`. So each unit is piecewise linear in its input. With
    `da = dL/da` and `dz = da` where `a > 0`: `dW_f = e^T dz`, `db_f = sum_n dz_n`,
    `de = dz W_f^T`, and `dx = sum_t de_t / (k_t - k_(t-1))` over the pieces that `x` lies in. The
    paper takes an input's quantiles as its knots; here the scaling of the inputs does that work, so
    that the layer needs no data.

    Args:
      units: the number of units of each input.
      knots: `k_0 < k_1 < ... < k_T`.

    Returns:
      A layer from `(F,)` to `(F units,)` with parameters `{"W", "b"}`: `W` is `(F, T, units)`.

    Raises:
      InputError: if `units` is below 1, or the knots are not two or more that rise; when
        initialised, if the input is not a vector.
    """
    k = np.asarray(knots, np.float64)
    check(units >= 1, "units", "at least 1", units)
    check(len(k) > 1 and bool((np.diff(k) > 0).all()), "knots", "two or more that rise", knots)
    width, pieces = np.diff(k), len(k) - 1
    least = np.where(np.arange(pieces) == 0, -math.inf, 0.0)
    most = np.where(np.arange(pieces) == pieces - 1, math.inf, 1.0)

    def pieces_of(x: Float[Array, "N F"]) -> tuple[Pieces, Bool[Array, "N F T"]]:
        """Return `e`, and which pieces `x` lies in."""
        along = (x[:, :, None] - _like(k[:-1], x)) / _like(width, x)
        low, high = _like(least, x), _like(most, x)
        return jnp.clip(along, low, high), (along > low) & (along < high)

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        return _start(key, shape, pieces, units, dtype), (shape[0] * units,)

    def forward(
        params: Params, x: Float[Array, "N F"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N FU"], Cache]:
        e, inside = pieces_of(x)
        a = _units(params, e)
        return _flat(a), (e, inside, a)

    def backward(
        params: Params, cache: Cache, da: Float[Array, "N FU"]
    ) -> tuple[Params, Float[Array, "N F"]]:
        e, inside, a = cache
        dparams, de = _units_backward(params, e, a, da)
        dx = jnp.sum(jnp.where(inside, de / _like(width, de), 0), axis=2)
        return dparams, dx

    name = f"piecewise {pieces} to {units}"
    return Layer(init, forward, backward, name, "piecewise")


def periodic(units: int = 8, waves: int = 8, spread: float = 0.3) -> Layer:
    """An embedding by waves whose frequencies are learned.

    `v = 2 pi x c_f`, `e = (sin v, cos v)` and `a = relu(e W_f + b_f)` for input `f`. With `de` as
    in `piecewise`, `dv = de_sin cos v - de_cos sin v`, `dc_f = 2 pi sum_n x_n dv_n` and
    `dx = 2 pi sum dv c_f`.

    Args:
      units: the number of units of each input.
      waves: the number of frequencies of each input.
      spread: the standard deviation of the frequencies at the start, in waves a unit of the input.

    Returns:
      A layer from `(F,)` to `(F units,)` with parameters `{"W", "b", "c"}`: `W` is
      `(F, 2 waves, units)`. `c` is flat, `(F waves,)`, so that a weight decay leaves it alone.

    Raises:
      InputError: if `units` or `waves` is below 1, or the spread is not positive and finite; when
        initialised, if the input is not a vector.
    """
    check(units >= 1, "units", "at least 1", units)
    check(waves >= 1, "waves", "at least 1", waves)
    check(0 < spread < math.inf, "spread", "positive and finite", spread)

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        params = _start(key, shape, 2 * waves, units, dtype)
        drawn = jax.random.normal(jax.random.fold_in(key, 1), (shape[0] * waves,), dtype or float)
        params["c"] = (spread * drawn).astype(params["W"].dtype)
        return params, (shape[0] * units,)

    def frequencies(params: Params) -> Float[Array, "1 F waves"]:
        return 2 * math.pi * params["c"].reshape(1, -1, waves)

    def forward(
        params: Params, x: Float[Array, "N F"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N FU"], Cache]:
        v = x[:, :, None] * frequencies(params)
        e = jnp.concatenate([jnp.sin(v), jnp.cos(v)], axis=2)
        a = _units(params, e)
        return _flat(a), (x, e, a)

    def backward(
        params: Params, cache: Cache, da: Float[Array, "N FU"]
    ) -> tuple[Params, Float[Array, "N F"]]:
        x, e, a = cache
        dparams, de = _units_backward(params, e, a, da)
        (sin, cos), (dsin, dcos) = (jnp.split(both, 2, axis=2) for both in (e, de))
        dv = dsin * cos - dcos * sin
        dparams["c"] = 2 * math.pi * jnp.sum(x[:, :, None] * dv, axis=0).reshape(-1)
        return dparams, jnp.sum(dv * frequencies(params), axis=2)

    return Layer(init, forward, backward, f"periodic {waves} to {units}", "periodic")


def _like(numbers: np.ndarray, x: Array) -> Float[Array, "1 1 T"]:
    return jnp.asarray(numbers, x.dtype)[None, None, :]


def _start(
    key: RandomKey, shape: Shape, pieces: int, units: int, dtype: DTypeLike | None
) -> dict[str, Array]:
    check(len(shape) == 1, "the input of an embedding", "a vector", shape)
    kernel = he_normal(jax.random.fold_in(key, 0), (pieces, shape[0] * units), **given(dtype))
    W = kernel.reshape(pieces, shape[0], units).transpose(1, 0, 2)
    return {"W": W, "b": jnp.zeros(shape[0] * units, W.dtype)}


def _units(params: Params, e: Pieces) -> Float[Array, "N F U"]:
    """Return `a = relu(e W_f + b_f)` of each input."""
    W = params["W"]
    z = jnp.einsum("nft,ftu->nfu", e, W) + params["b"].reshape(1, len(W), -1)
    return jax.nn.relu(z)


def _flat(a: Float[Array, "N F U"]) -> Float[Array, "N FU"]:
    return a.reshape(a.shape[0], a.shape[1] * a.shape[2])  # also of no examples


def _units_backward(
    params: Params, e: Pieces, a: Float[Array, "N F U"], da: Float[Array, "N FU"]
) -> tuple[dict[str, Array], Pieces]:
    """Return the gradients of `W` and `b`, and `de`."""
    dz = jnp.where(a > 0, da.reshape(a.shape), 0)
    dparams = {"W": jnp.einsum("nft,nfu->ftu", e, dz), "b": jnp.sum(dz, axis=0).reshape(-1)}
    return dparams, jnp.einsum("nfu,ftu->nft", dz, params["W"])
