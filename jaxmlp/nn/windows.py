"""The windows of a convolution or of pooling, and which pixels they contain.

An image is `(H, W, C)`, a batch `(N, H, W, C)`. Windows of `k x k'` cells lie on it every `s` rows
and `s'` columns, `I x J` of them. Neighbouring cells are `d` rows and `d'` columns apart, 1 unless
a window is dilated. Cell `(u, v)` of window `(i, j)` is the pixel

    p = i s + u d - t,    q = j s' + v d' - l

where `t` and `l` are the rows and columns by which the first windows overhang at the top and at the
left. A window reaches over `r = (k - 1) d + 1` rows. With the padding "valid" no window overhangs:
`t = l = 0` and `I = floor((H - r) / s) + 1`. With "same", `I = ceil(H / s)`, and the overhang is
divided equally between both ends; an odd row or column is at the bottom or right, as in TensorFlow
and JAX. With numbers, `t` rows are added at the top and `b` at the bottom, as in PyTorch, where
`t = b`: `I = floor((t + H + b - r) / s) + 1`.
"""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.types import Array, Shape

Margins = Sequence[tuple[int, int]]  # the overhang before and after the image, for each axis
Sides = tuple[tuple[int, int], tuple[int, int]]
Padding = str | int | Sequence[int] | Sequence[Sequence[int]]  # as a user gives it


class Windows(NamedTuple):
    """The windows of a layer: size `(k, k')`, stride `(s, s')`, padding, dilation `(d, d')`.

    The padding is `same`, or numbers of rows and columns, `((t, b), (l, r))`; 0 is "valid".
    """

    size: Shape
    stride: Shape
    padding: str | Sides
    dilation: Shape = (1, 1)

    def __str__(self) -> str:
        return "x".join(map(str, self.size))

    def cells(self) -> list[Shape]:
        """Return the cells `(u, v)` of a window, row by row."""
        return list(itertools.product(*map(range, self.size)))

    @property
    def reach(self) -> Shape:
        """The rows and columns over which a window reaches, `((k - 1) d + 1, (k' - 1) d' + 1)`."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.size, self.dilation, strict=True))

    def _along(self, axis: int, n: int) -> tuple[int, int, int]:
        """Return the number of windows along an axis, and their overhang before and after it.

        `before + n + after = (number - 1) s + r`; `after` is negative if no window sees the end.
        """
        r, s = self.reach[axis], self.stride[axis]
        if isinstance(self.padding, str):  # "same"
            number = -(-n // s)
            before = max((number - 1) * s + r - n, 0) // 2
        else:
            before, end = self.padding[axis]
            number = (before + n + end - r) // s + 1
        return number, before, (number - 1) * s + r - n - before

    def number(self, shape: Shape, layer: str) -> Shape:
        """Return `(I, J)`, the number of windows of an image; reject an image that has none."""
        argument = f"the input of {layer}"
        check(len(shape) == 3 and min(shape) >= 1, argument, "an image (H, W, C)", shape)
        number = tuple(self._along(axis, n)[0] for axis, n in enumerate(shape[:2]))
        window = str(self)
        if self.reach != self.size:
            window += f", whose cells reach over {'x'.join(map(str, self.reach))}"
        check(min(number) >= 1, argument, f"no smaller than its window, {window}", shape)
        return number

    def margins(self, shape: Shape) -> list[tuple[int, int]]:
        """Return the overhang of windows over images `(H, W, C)`: `[(t, b), (l, r)]`."""
        return [self._along(axis, n)[1:] for axis, n in enumerate(shape[:2])]

    def cut(
        self, x: Float[Array, "N H W C"], cell: Shape, outside: float
    ) -> Float[Array, "N I J C"]:
        """Return the pixel at cell `(u, v)` of every window, `x[n,p,q,c]`."""
        rows, columns = self._frame(x.shape[1:], cell)
        edge = jnp.asarray(outside, x.dtype)
        framed = lax.pad(x, edge, ((0, 0, 0), (*rows, 0), (*columns, 0), (0, 0, 0)))
        return lax.slice(framed, (0, 0, 0, 0), framed.shape, (1, *self.stride, 1))

    def paste(
        self, y: Float[Array, "N I J C"], cell: Shape, shape: Shape
    ) -> Float[Array, "N H W C"]:
        """Return images `(H, W, C)` with `y` at the pixels that `cut` reads, and 0 elsewhere."""
        frame, none = self._frame(shape, cell), jnp.zeros((), y.dtype)
        back = [(-b, -a, s - 1) for (b, a), s in zip(frame, self.stride, strict=True)]
        return lax.pad(y, none, ((0, 0, 0), *back, (0, 0, 0)))

    def _frame(self, shape: Shape, cell: Shape) -> list[tuple[int, int]]:
        """Return the margins that make cell `(u, v)` of the first window the first pixel."""
        axes = zip(self.margins(shape), self.reach, self.dilation, cell, strict=True)
        return [(before - u * d, after - (r - 1 - u * d)) for (before, after), r, d, u in axes]


def make_windows(
    window: int | Sequence[int],
    stride: int | Sequence[int],
    padding: Padding,
    dilation: int | Sequence[int] = 1,
) -> Windows:
    """Return the windows of a layer from its arguments.

    Args:
      window: the rows and columns of a window, or one number for both.
      stride: the rows and columns from one window to the next, or one number for both.
      padding: `valid` or `same`; or the number of rows and columns that are added at each side, of
        rows and of columns, or `((top, bottom), (left, right))`.
      dilation: the rows and columns from one cell to the next, or one number for both.

    Returns:
      The windows.

    Raises:
      InputError: if window, stride or dilation are not positive whole numbers, or the padding is
        neither a known name nor whole numbers of at least 0.
    """
    pairs = _pair("window", window), _pair("stride", stride), _pair("dilation", dilation)
    return Windows(*pairs[:2], _sides(padding), pairs[2])


def _sides(padding: Padding) -> str | Sides:
    """Return `same`, or the rows and columns at `((top, bottom), (left, right))`."""
    if isinstance(padding, str):
        check(padding in ("valid", "same"), "padding", "valid or same", padding)
        return padding if padding == "same" else ((0, 0), (0, 0))
    axes: Any = padding if isinstance(padding, list | tuple) else (padding, padding)
    sides = [tuple(axis) if isinstance(axis, list | tuple) else (axis, axis) for axis in axes]
    shaped = [len(side) for side in sides] == [2, 2]
    good = shaped and all(_whole(n) and n >= 0 for side in sides for n in side)
    expected = "valid or same, a whole number of at least 0, two of them, or two pairs"
    check(good, "padding", expected, padding)
    return sides[0], sides[1]


def _whole(n: object) -> bool:
    return isinstance(n, int) and not isinstance(n, bool)


def _pair(argument: str, value: int | Sequence[int]) -> Shape:
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    good = len(pair) == 2 and all(_whole(n) and n >= 1 for n in pair)
    check(good, argument, "a whole number of at least 1, or two of them", value)
    return pair
