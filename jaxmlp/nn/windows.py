"""The windows of a convolution or of pooling, and which pixels they contain.

An image is `(H, W, C)`, a batch `(N, H, W, C)`. Windows of `k x k'` cells lie on it every `s` rows
and `s'` columns, `I x J` of them. Cell `(u, v)` of window `(i, j)` is the pixel

    p = i s + u - t,    q = j s' + v - l

where `t` and `l` are the rows and columns by which the first windows overhang at the top and at the
left. With the padding "valid" no window overhangs: `t = l = 0` and `I = floor((H - k) / s) + 1`.
With "same", `I = ceil(H / s)`, and the overhang is divided equally between both ends; an odd row or
column is at the bottom or right, as in TensorFlow and JAX.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.types import Array, Shape

Margins = Sequence[tuple[int, int]]  # the overhang before and after the image, for each axis


class Windows(NamedTuple):
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
        """Return the number of windows along an axis, and their overhang before and after it.

        `before + n + after = (number - 1) s + k`; `after` is negative if no window sees the end.
        """
        k, s = self.size[axis], self.stride[axis]
        number = -(-n // s) if self.padding == "same" else (n - k) // s + 1
        out = (number - 1) * s + k - n
        before = max(out, 0) // 2
        return number, before, out - before

    def number(self, shape: Shape, layer: str) -> Shape:
        """Return `(I, J)`, the number of windows of an image; reject an image that has none."""
        argument = f"the input of {layer}"
        check(len(shape) == 3 and min(shape) >= 1, argument, "an image (H, W, C)", shape)
        room = [n >= k for n, k in zip(shape[:2], self.size, strict=True)]
        fits = self.padding == "same" or all(room)
        check(fits, argument, f"no smaller than its window, {self}", shape)
        return tuple(self._along(axis, n)[0] for axis, n in enumerate(shape[:2]))

    def margins(self, shape: Shape) -> list[tuple[int, int]]:
        """Return the overhang of windows over images `(N, H, W, C)`: `[(t, b), (l, r)]`."""
        return [self._along(axis, n)[1:] for axis, n in enumerate(shape[1:3])]

    def cut(
        self, x: Float[Array, "N H W C"], cell: Shape, outside: float
    ) -> Float[Array, "N I J C"]:
        """Return the pixel at cell `(u, v)` of every window, `x[n,p,q,c]`."""
        rows, columns = self._frame(x.shape, cell)
        edge = jnp.asarray(outside, x.dtype)
        framed = lax.pad(x, edge, ((0, 0, 0), (*rows, 0), (*columns, 0), (0, 0, 0)))
        return lax.slice(framed, (0, 0, 0, 0), framed.shape, (1, *self.stride, 1))

    def paste(
        self, y: Float[Array, "N I J C"], cell: Shape, shape: Shape
    ) -> Float[Array, "N H W C"]:
        """Return images of this shape with `y` at the pixels that `cut` reads, and 0 elsewhere."""
        frame, none = self._frame(shape, cell), jnp.zeros((), y.dtype)
        back = [(-b, -a, s - 1) for (b, a), s in zip(frame, self.stride, strict=True)]
        return lax.pad(y, none, ((0, 0, 0), *back, (0, 0, 0)))

    def _frame(self, shape: Shape, cell: Shape) -> list[tuple[int, int]]:
        """Return the margins that make cell `(u, v)` of the first window the first pixel."""
        axes = zip(self.margins(shape), self.size, cell, strict=True)
        return [(before - u, after - (k - 1 - u)) for (before, after), k, u in axes]


def make_windows(window: int | Sequence[int], stride: int | Sequence[int], padding: str) -> Windows:
    """Return the windows of a layer from its arguments.

    Args:
      window: the rows and columns of a window, or one number for both.
      stride: the rows and columns from one window to the next, or one number for both.
      padding: `valid` or `same`.

    Returns:
      The windows.

    Raises:
      InputError: if window or stride are not positive whole numbers, or the padding is unknown.
    """
    check(padding in ("valid", "same"), "padding", "valid or same", padding)
    return Windows(_pair("window", window), _pair("stride", stride), padding)


def _pair(argument: str, value: int | Sequence[int]) -> Shape:
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    good = len(pair) == 2 and all(isinstance(n, int) and n >= 1 for n in pair)
    check(good, argument, "a whole number of at least 1, or two of them", value)
    return pair
