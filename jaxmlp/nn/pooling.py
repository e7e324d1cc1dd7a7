"""Pooling of images, with its gradients by hand.

An image is `(H, W, C)`, a batch `(N, H, W, C)`. Backward, a pixel adds up the gradients of all
windows that contain it (lecture row B5).
"""

import functools
from collections.abc import Iterable, Sequence

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.layers import Layer
from jaxmlp.nn.types import Array, Cache, Params, RandomKey, Shape
from jaxmlp.nn.windows import Padding, Windows, make_windows


def max_pool(
    window: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: Padding = "valid",
) -> Layer:
    """A layer that keeps the largest pixel of every window, for each channel (lecture row C9).

    With `P(i,j)` the pixels of window `(i, j)` that lie inside the image:

        y[n,i,j,c]  = max_{(p,q) in P(i,j)} x[n,p,q,c],    reached at (p^, q^)
        dx[n,p,q,c] = sum of dy[n,i,j,c] over the windows whose (p^, q^) is (p, q)

    If several pixels are largest, the first one counts, row by row, as in JAX's own pooling. The
    lecture chooses one of them at random, which is also a subgradient.

    Args:
      window: its rows and columns, or one number for both. It has a few dozen cells at most,
        because the code treats them one after the other.
      stride: the rows and columns from one window to the next, or one number for both; by default
        windows touch.
      padding: `valid` or `same`; or numbers of rows and columns, each smaller than the window, as
        for `convolution`. No pixel outside the image is the largest.

    Returns:
      A layer from `(H, W, C)` to `(I, J, C)` without parameters.

    Raises:
      InputError: if window or stride are not positive whole numbers, or the padding is unknown or
        not smaller than the window; when initialised, if the input is not an image, or is smaller
        than a valid window.
    """
    windows = _pooling_windows(window, stride, padding)

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        return (), (*windows.number(shape, "max_pool"), shape[-1])

    def forward(
        params: Params, x: Float[Array, "N H W C"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N I J C"], Cache]:
        y, *others = (windows.cut(x, cell, outside=-jnp.inf) for cell in windows.cells())
        winner = jnp.zeros(y.shape, jnp.int32)  # the number of the cell where (p^, q^) is
        for number, x_cell in enumerate(others, start=1):
            larger = (x_cell > y) | jnp.isnan(x_cell)  # not >=: of equals the first stays
            y = jnp.where(larger, x_cell, y)
            winner = jnp.where(larger, number, winner)
        return y, (winner, x.shape[1:])

    def backward(
        params: Params, cache: Cache, dy: Float[Array, "N I J C"]
    ) -> tuple[Params, Float[Array, "N H W C"]]:
        winner, shape = cache
        return (), _sum(
            windows.paste(jnp.where(winner == number, dy, 0), cell, shape)
            for number, cell in enumerate(windows.cells())
        )

    settings = {"windows": windows}
    return Layer(init, forward, backward, f"max_pool {windows}", "max_pool", settings)


def average_pool(
    window: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: Padding = "valid",
) -> Layer:
    """A layer that takes the mean of every window, for each channel.

    With `P(i,j)` the pixels of window `(i, j)` that lie inside the image, `|P(i,j)|` of them:

        y[n,i,j,c]  = sum_{(p,q) in P(i,j)} x[n,p,q,c] / |P(i,j)|
        dx[n,p,q,c] = sum of dy[n,i,j,c] / |P(i,j)| over the windows with (p, q) in P(i,j)

    The divisor counts the pixels inside the image, never the padding: as in TensorFlow, and as in
    PyTorch with `count_include_pad=False`; PyTorch's default divides by `k k'` everywhere.

    This is the subsampling of LeCun, Bottou, Bengio and Haffner (1998) without its two learned
    numbers.

    Args:
      window: as for `max_pool`.
      stride: as for `max_pool`.
      padding: as for `max_pool`.

    Returns:
      A layer from `(H, W, C)` to `(I, J, C)` without parameters.

    Raises:
      InputError: as for `max_pool`.
    """
    windows = _pooling_windows(window, stride, padding)

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        return (), (*windows.number(shape, "average_pool"), shape[-1])

    def forward(
        params: Params, x: Float[Array, "N H W C"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N I J C"], Cache]:
        ones = jnp.ones((1, *x.shape[1:3], 1), x.dtype)
        total, inside = (
            _sum(windows.cut(image, cell, outside=0) for cell in windows.cells())
            for image in (x, ones)
        )
        return total / inside, (inside, x.shape[1:])

    def backward(
        params: Params, cache: Cache, dy: Float[Array, "N I J C"]
    ) -> tuple[Params, Float[Array, "N H W C"]]:
        inside, shape = cache
        return (), _sum(windows.paste(dy / inside, cell, shape) for cell in windows.cells())

    settings = {"windows": windows}
    return Layer(init, forward, backward, f"average_pool {windows}", "average_pool", settings)


def _pooling_windows(
    window: int | Sequence[int], stride: int | Sequence[int] | None, padding: Padding
) -> Windows:
    """Return the windows, each of which has a pixel inside the image."""
    windows = make_windows(window, window if stride is None else stride, padding)
    if not isinstance(windows.padding, str):
        sides = zip(windows.padding, windows.size, strict=True)
        good = all(max(side) < k for side, k in sides)
        check(good, "padding", f"smaller than the window, {windows}", windows.padding)
    return windows


def _sum(arrays: Iterable[Array]) -> Array:
    return functools.reduce(jnp.add, arrays)
