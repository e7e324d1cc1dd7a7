"""Convolution and pooling of images, with their gradients by hand.

An image is `(H, W, C)`, a batch `(N, H, W, C)`. Windows of `k x k'` cells lie on it every `s` rows
and `s'` columns, and cell `(u, v)` of window `(i, j)` is the pixel

    p = i s + u - t,    q = j s' + v - l

where `t` and `l` are the rows and columns by which the first windows stand out at the top and at
the left. With the padding "valid" no window stands out, `t = l = 0`, and `floor((H - k) / s) + 1`
of them lie below each other; with "same" there are `ceil(H / s)`, and what they stand out is
shared between both ends, an odd one going to the bottom or right, as TensorFlow and JAX have it.

Backwards a pixel adds up what comes from all the windows that see it (B5).
"""

import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.initializers import Initializer, he_normal, zeros
from jaxmlp.nn.layers import Layer
from jaxmlp.nn.types import Array, Cache, Params, RandomKey, Shape

Margins = Sequence[tuple[int, int]]


def convolution(
    channels: int,
    window: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: str = "valid",
    kernel: Initializer = he_normal,
    bias: Initializer = zeros,
) -> Layer:
    """Return a layer that applies one kernel to every window of an image (C9).

    With `(p, q)` the pixel at cell `(u, v)` of window `(i, j)`, see above, and `x = 0` outside:

        y[n,i,j,o]  = b[o] + sum_{u,v,c} W[u,v,c,o] x[n,p,q,c]

        dW[u,v,c,o] = sum_{n,i,j} x[n,p,q,c] dy[n,i,j,o]
        db[o]       = sum_{n,i,j} dy[n,i,j,o]
        dx[n,p,q,c] = sum_{u,v,o} W[u,v,c,o] dy[n,i,j,o]    with i s = p + t - u, j s' = q + l - v

    the last over the `u, v` for which there is such a window. (As everywhere in this field the
    kernel is not flipped: what others call a correlation.)

    Args:
      channels: the number of outputs of a window.
      window: its rows and columns, or one number for both.
      stride: rows and columns from one window to the next, or one number for both.
      padding: `valid` or `same`.
      kernel: initializer of `W`, `(k, k', C, channels)`.
      bias: initializer of `b`, `(channels,)`.

    Returns:
      A layer from `(H, W, C)` to `(H', W', channels)` with parameters `{"W", "b"}`.

    Raises:
      InputError: if channels, window or stride are not positive whole numbers, or padding has
        another name; when initialised, if the input is no image, or smaller than a valid window.
    """
    good = isinstance(channels, int) and channels >= 1
    check(good, "channels", "a whole number of at least 1", channels)
    windows = _windows(window, stride, padding)

    def init(key: RandomKey, shape: Shape) -> tuple[Params, Shape]:
        number = windows.number(shape, "convolution")
        W = kernel(jax.random.fold_in(key, 0), (*windows.size, shape[-1], channels))
        b = bias(jax.random.fold_in(key, 1), (channels,))
        return {"W": W, "b": b}, (*number, channels)

    def forward(
        params: Params, x: Float[Array, "N H W C"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N I J O"], Cache]:
        y = _apply(
            x,  # (N, H, W, C)
            params["W"],  # (k, k', C, O), C summed over
            windows.margins(x.shape),
            windows.stride,
        )
        return y + params["b"][None, None, None, :], x

    def backward(
        params: Params, x: Float[Array, "N H W C"], dy: Float[Array, "N I J O"]
    ) -> tuple[Params, Float[Array, "N H W C"]]:
        margins = windows.margins(x.shape)
        dW = _apply(
            jnp.transpose(x, (3, 1, 2, 0)),  # (C, H, W, N), N summed over
            jnp.transpose(dy, (1, 2, 0, 3)),  # (H', W', N, O), a window whose cells are s apart
            margins,
            cells_apart=windows.stride,
        )  # (C, k, k', O)
        db = jnp.sum(dy, axis=(0, 1, 2))
        # the first pixel is cell t of the first window, so cell k - 1 - t of the flipped kernel
        around = [(k - 1 - t, k - 1 - b) for k, (t, b) in zip(windows.size, margins, strict=True)]
        flipped = jnp.flip(params["W"], axis=(0, 1))  # u becomes k - 1 - u
        dx = _apply(
            dy,  # (N, H', W', O), an image whose pixels are s apart
            jnp.transpose(flipped, (0, 1, 3, 2)),  # (k, k', O, C), O summed over
            around,
            pixels_apart=windows.stride,
        )
        return {"W": jnp.transpose(dW, (1, 2, 0, 3)), "b": db}, dx

    return Layer(init, forward, backward, f"convolution {channels} @ {windows}", "convolution")


def max_pool(
    window: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: str = "valid",
) -> Layer:
    """Return a layer that keeps the largest pixel of every window, channel by channel (C9).

    With `P(i,j)` the pixels of window `(i, j)` that lie inside the image:

        y[n,i,j,c]  = max_{(p,q) in P(i,j)} x[n,p,q,c],    reached at (p^, q^)
        dx[n,p,q,c] = sum of dy[n,i,j,c] over the windows whose (p^, q^) is (p, q)

    Of several largest pixels the first, row by row, counts as the one, as in JAX's own pooling;
    the lecture has one of them chosen at random, which is as good a subgradient.

    Args:
      window: its rows and columns, or one number for both; a few dozen cells at most, for they
        are gone through one by one.
      stride: rows and columns from one window to the next, or one number for both; by default
        windows touch.
      padding: `valid` or `same`.

    Returns:
      A layer from `(H, W, C)` to `(H', W', C)` without parameters.

    Raises:
      InputError: if window or stride are not positive whole numbers, or padding has another name;
        when initialised, if the input is no image, or smaller than a valid window.
    """
    windows = _windows(window, window if stride is None else stride, padding)

    def init(key: RandomKey, shape: Shape) -> tuple[Params, Shape]:
        return (), (*windows.number(shape, "max_pool"), shape[-1])

    def forward(
        params: Params, x: Float[Array, "N H W C"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N I J C"], Cache]:
        y, *others = (windows.cut(x, cell, outside=-jnp.inf) for cell in windows.cells())
        winner = jnp.zeros(y.shape, jnp.int32)  # the number of the cell where (p^, q^) is
        for number, x_cell in enumerate(others, start=1):
            larger = (x_cell > y) | jnp.isnan(x_cell)  # and not >=: the first of equals stays
            y = jnp.where(larger, x_cell, y)
            winner = jnp.where(larger, number, winner)
        return y, (winner, x.shape)

    def backward(
        params: Params, cache: Cache, dy: Float[Array, "N I J C"]
    ) -> tuple[Params, Float[Array, "N H W C"]]:
        winner, shape = cache
        return (), _sum(
            windows.paste(jnp.where(winner == number, dy, 0), cell, shape)
            for number, cell in enumerate(windows.cells())
        )

    return Layer(init, forward, backward, f"max_pool {windows}", "max_pool")


def average_pool(
    window: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: str = "valid",
) -> Layer:
    """Return a layer that takes the mean of every window, channel by channel.

    With `P(i,j)` the pixels of window `(i, j)` that lie inside the image, `|P(i,j)|` of them:

        y[n,i,j,c]  = sum_{(p,q) in P(i,j)} x[n,p,q,c] / |P(i,j)|
        dx[n,p,q,c] = sum of dy[n,i,j,c] / |P(i,j)| over the windows with (p, q) in P(i,j)

    The subsampling of LeCun, Bottou, Bengio and Haffner (1998), without its two learned numbers.

    Args:
      window: as for `max_pool`.
      stride: as for `max_pool`.
      padding: `valid` or `same`.

    Returns:
      A layer from `(H, W, C)` to `(H', W', C)` without parameters.

    Raises:
      InputError: as for `max_pool`.
    """
    windows = _windows(window, window if stride is None else stride, padding)

    def init(key: RandomKey, shape: Shape) -> tuple[Params, Shape]:
        return (), (*windows.number(shape, "average_pool"), shape[-1])

    def forward(
        params: Params, x: Float[Array, "N H W C"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N I J C"], Cache]:
        ones = jnp.ones((1, *x.shape[1:3], 1), x.dtype)
        total, inside = (
            _sum(windows.cut(image, cell, outside=0) for cell in windows.cells())
            for image in (x, ones)
        )
        return total / inside, (inside, x.shape)

    def backward(
        params: Params, cache: Cache, dy: Float[Array, "N I J C"]
    ) -> tuple[Params, Float[Array, "N H W C"]]:
        inside, shape = cache
        return (), _sum(windows.paste(dy / inside, cell, shape) for cell in windows.cells())

    return Layer(init, forward, backward, f"average_pool {windows}", "average_pool")


def _apply(
    x: Float[Array, "N H W C"],
    W: Float[Array, "k l C O"],
    margins: Margins,
    stride: Shape = (1, 1),
    pixels_apart: Shape = (1, 1),
    cells_apart: Shape = (1, 1),
) -> Float[Array, "N I J O"]:
    """Return what the kernel makes of every window of the images.

    Channels stay last: inside a loop XLA's convolution is several times slower in any other order.
    """
    order = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, W, stride, margins, pixels_apart, cells_apart, order)


def _sum(arrays: Iterable[Array]) -> Array:
    return functools.reduce(jnp.add, arrays)


class _Windows(NamedTuple):
    """The windows of a layer: their size `(k, k')`, stride `(s, s')` and padding."""

    size: Shape
    stride: Shape
    padding: str

    def __str__(self) -> str:
        return "x".join(map(str, self.size))

    def cells(self) -> list[Shape]:
        """Return the cells `(u, v)` of a window, row by row."""
        return list(itertools.product(*map(range, self.size)))

    def _along(self, axis: int, n: int) -> tuple[int, int, int]:
        """Return how many windows lie along an axis, and what they stand out before and after.

        `before + n + after = (number - 1) s + k`: `after` is negative if no window sees the end.
        """
        k, s = self.size[axis], self.stride[axis]
        number = -(-n // s) if self.padding == "same" else (n - k) // s + 1
        out = (number - 1) * s + k - n
        before = max(out, 0) // 2
        return number, before, out - before

    def number(self, shape: Shape, layer: str) -> Shape:
        """Return `(H', W')`, how many windows an image has, or say why it has none."""
        argument = f"the input of {layer}"
        check(len(shape) == 3 and min(shape) >= 1, argument, "an image (H, W, C)", shape)
        room = [n >= k for n, k in zip(shape[:2], self.size, strict=True)]
        fits = self.padding == "same" or all(room)
        check(fits, argument, f"no smaller than its window, {self}", shape)
        return tuple(self._along(axis, n)[0] for axis, n in enumerate(shape[:2]))

    def margins(self, shape: Shape) -> list[tuple[int, int]]:
        """Return what windows stand out of images `(N, H, W, C)`: `[(t, b), (l, r)]`."""
        return [self._along(axis, n)[1:] for axis, n in enumerate(shape[1:3])]

    def cut(
        self, x: Float[Array, "N H W C"], cell: Shape, outside: float
    ) -> Float[Array, "N I J C"]:
        """Return what cell `(u, v)` of every window sees, `x[n,p,q,c]`, `(N, H', W', C)`."""
        rows, columns = self._frame(x.shape, cell)
        edge = jnp.asarray(outside, x.dtype)
        framed = lax.pad(x, edge, ((0, 0, 0), (*rows, 0), (*columns, 0), (0, 0, 0)))
        return lax.slice(framed, (0, 0, 0, 0), framed.shape, (1, *self.stride, 1))

    def paste(
        self, y: Float[Array, "N I J C"], cell: Shape, shape: Shape
    ) -> Float[Array, "N H W C"]:
        """Return images `(N, H, W, C)` with `y` where `cut` took it from, and 0 elsewhere."""
        frame, none = self._frame(shape, cell), jnp.zeros((), y.dtype)
        back = [(-b, -a, s - 1) for (b, a), s in zip(frame, self.stride, strict=True)]
        return lax.pad(y, none, ((0, 0, 0), *back, (0, 0, 0)))

    def _frame(self, shape: Shape, cell: Shape) -> list[tuple[int, int]]:
        """Return the margins with which cell `(u, v)` of the first window is the first pixel."""
        axes = zip(self.margins(shape), self.size, cell, strict=True)
        return [(before - u, after - (k - 1 - u)) for (before, after), k, u in axes]


def _windows(window: int | Sequence[int], stride: int | Sequence[int], padding: str) -> _Windows:
    check(padding in ("valid", "same"), "padding", "valid or same", padding)
    return _Windows(_pair("window", window), _pair("stride", stride), padding)


def _pair(argument: str, value: int | Sequence[int]) -> Shape:
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    good = len(pair) == 2 and all(isinstance(n, int) and n >= 1 for n in pair)
    check(good, argument, "a whole number of at least 1, or two of them", value)
    return pair
