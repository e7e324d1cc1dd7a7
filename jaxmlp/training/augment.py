"""Random distortions of pictures, drawn anew in every step.

A distortion is a field of displacements `d` in pixels, drawn from a key. The new picture at pixel
`r` is the old one at `r + d(r)`, interpolated linearly (Simard, Steinkraus and Platt 2003). Fields
are added, so several of them cost one interpolation. Their sizes are proportional to the picture's
height; at 28 pixels they are the sizes that suit handwritten digits.
"""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxmlp.training.types import Array, RandomKey

Drawn = Float[Array, "{n} 2 {height} {width}"]  # by the arguments of a field
Fields = Float[Array, "fields 2 height width"]
Pictures = Float[Array, "N height width channels"]
Vectors = Float[np.ndarray, "{size} k"]
Field = Callable[[RandomKey, int, int, int], Fields]
Augment = Callable[[RandomKey, Pictures], Pictures]

SHARED = 8  # pictures of a batch that share a field, which makes the gather ten times as fast
KEPT = 0.999  # share of an elastic field's variance that the kept eigenvectors carry


def shift(key: RandomKey, n: int, height: int, width: int) -> Drawn:
    """Draw `n` fields that move the whole picture, `d = (a, b)` with `a, b` in U(-h/14, h/14).

    `h` is the picture's height.

    Args:
      key: random key.
      n: the number of fields.
      height: the picture's height in pixels.
      width: the picture's width in pixels.

    Returns:
      Displacements down and to the right, in pixels, `(n, 2, height, width)`.
    """
    d = jax.random.uniform(key, (n, 2, 1, 1), minval=-1, maxval=1) * (height / 14)
    return jnp.broadcast_to(d, (n, 2, height, width))


def flip(key: RandomKey, n: int, height: int, width: int) -> Drawn:
    """Draw `n` fields that mirror a picture left to right, `d(r) = (0, w - 1 - 2 c)`, or leave it.

    `c` is the column of the pixel and `w` the picture's width. Each of the two has a chance of one
    half. No strength scales this field.

    Args:
      key: random key.
      n: the number of fields.
      height: the picture's height in pixels.
      width: the picture's width in pixels.

    Returns:
      Displacements down and to the right, in pixels, `(n, 2, height, width)`.
    """
    mirrored = jax.random.bernoulli(key, shape=(n, 1, 1)).astype(float)
    across = jnp.arange(width - 1, -width, -2, dtype=mirrored.dtype)[None, None, :]
    right = jnp.broadcast_to(mirrored * across, (n, height, width))
    return jnp.stack([jnp.zeros_like(right), right], axis=1)


def affine(key: RandomKey, n: int, height: int, width: int) -> Drawn:
    """Draw `n` fields `d(r) = E r` with the entries of `E` in U(-0.15, 0.15).

    `r` is measured from the centre. Every such map is a sum of a rotation, a stretch and a shear.

    Args:
      key: random key.
      n: the number of fields.
      height: the picture's height in pixels.
      width: the picture's width in pixels.

    Returns:
      Displacements down and to the right, in pixels, `(n, 2, height, width)`.
    """
    E = jax.random.uniform(key, (n, 2, 2), minval=-0.15, maxval=0.15)
    pixels = np.indices((height, width)).reshape(2, -1)
    r = jnp.asarray(pixels - pixels.mean(axis=1, keepdims=True), E.dtype)
    return (E.reshape(-1, 2) @ r).reshape(n, 2, height, width)


def elastic(key: RandomKey, n: int, height: int, width: int) -> Drawn:
    """Draw `n` smooth fields: white noise after a Gaussian blur, with `sigma = h/7`, `s = h/20`.

    Such a field is a Gaussian process, `Cov(d(r), d(r')) = s^2 exp(-|r - r'|^2 / 4 sigma^2)`. It
    is smooth, so a few eigenvectors of the covariance along each axis, `B B^T`, carry 99.9 % of the
    variance, and `d = s B a B^T` with `a` standard normal needs few numbers: 98 instead of 1568 at
    28 x 28. At that size `sigma` and the deviation `s` agree with Simard's `sigma = 4`,
    `alpha = 34`.

    Args:
      key: random key.
      n: the number of fields.
      height: the picture's height in pixels.
      width: the picture's width in pixels.

    Returns:
      Displacements down and to the right, in pixels, `(n, 2, height, width)`.
    """
    down, right = (_eigenvectors(size, height / 7) for size in (height, width))
    basis = np.kron(down, right).T  # (kl, height * width)
    a = jax.random.normal(key, (n * 2, len(basis)))
    d = (height / 20) * (a @ jnp.asarray(basis, a.dtype))
    return d.reshape(n, 2, height, width)


def _eigenvectors(size: int, sigma: float) -> Vectors:
    """Return `B`, `(size, k)`; `B B^T` is the correlation of blurred noise along an axis."""
    r = np.arange(size)
    variances, vectors = np.linalg.eigh(np.exp(-((r[:, None] - r) ** 2) / (4 * sigma**2)))
    variances, vectors = variances[::-1], vectors[:, ::-1]
    k = int(np.searchsorted(np.cumsum(variances) / size, KEPT)) + 1
    return vectors[:, :k] * np.sqrt(variances[:k])


def warp(x: Pictures, d: Fields) -> Pictures:
    """Displace pictures, `y(r) = x(r + d(r))`, by bilinear interpolation.

    Outside the picture the nearest pixel of its border counts.

    Args:
      x: pictures, `(N, height, width, channels)`.
      d: fields, `(F, 2, height, width)`; each displaces `N / F` consecutive pictures.

    Returns:
      Pictures of the same shape.
    """
    n, height, width, channels = x.shape
    fields = len(d)
    row = jnp.clip(jnp.arange(height, dtype=d.dtype)[None, :, None] + d[:, 0], 0, height - 1)
    column = jnp.clip(jnp.arange(width, dtype=d.dtype)[None, None, :] + d[:, 1], 0, width - 1)
    top, left = jnp.floor(row), jnp.floor(column)
    down, right = row - top, column - left  # shares of the pixels below and to the right
    shares = jnp.stack(
        [(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right], axis=-1
    ).reshape(fields, height * width, 4)
    corner = (top * width + left).astype(jnp.int32).reshape(fields, height * width)
    # one row holds a pixel's four neighbours in all pictures of a field: (F, pixels, 4, N/F * C)
    pixels = x.reshape(fields, n // fields, height * width, channels).transpose(0, 2, 1, 3)
    pixels = pixels.reshape(fields, height * width, -1)
    around = jnp.stack([jnp.roll(pixels, -o, axis=1) for o in (0, 1, width, width + 1)], axis=2)
    read = jax.vmap(lambda rows, at: jnp.take(rows, at, axis=0, mode="clip"))(around, corner)
    y = jnp.einsum("fpqm,fpq->fpm", read, shares.astype(x.dtype))
    y = y.reshape(fields, height * width, n // fields, channels).transpose(0, 2, 1, 3)
    return y.reshape(x.shape)


def augmentation(fields: Sequence[Field], strength: float = 1.0) -> Augment:
    """A random distortion of batches, by the sum of some fields.

    Args:
      fields: the kinds of fields, each drawn from a key of its own.
      strength: the factor of the displacements; a `flip` is whole whatever the strength.

    Returns:
      A function `(key, x) -> x` of pictures `(N, height, width, channels)`.
    """

    def augment(key: RandomKey, x: Pictures) -> Pictures:
        n, height, width, _ = x.shape
        count = n // math.gcd(n, SHARED)
        keys = jax.random.split(key, len(fields))
        drawn = [
            (field is flip, field(k, count, height, width))
            for field, k in zip(fields, keys, strict=True)
        ]
        whole = [d for exact, d in drawn if exact]
        scaled = [d for exact, d in drawn if not exact]
        if scaled:
            whole.append(strength * sum(scaled[1:], scaled[0]))
        return warp(x, sum(whole[1:], whole[0]))

    return augment
