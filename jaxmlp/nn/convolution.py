"""Convolution of images, with its gradients by hand.

An image is `(H, W, C)`, a batch `(N, H, W, C)`. Backward, a pixel adds up the gradients of all
windows that contain it (lecture row B5).
"""

from collections.abc import Sequence
from typing import Literal

import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.initializers import Initializer, he_normal, zeros
from jaxmlp.nn.layers import Layer, check_bias, kernel_and_bias
from jaxmlp.nn.types import Array, Cache, Params, RandomKey, Shape
from jaxmlp.nn.windows import Margins, Padding, make_windows


def convolution(
    channels: int,
    window: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: Padding = "valid",
    kernel: Initializer = he_normal,
    bias: Initializer | Literal[False] = zeros,
    *,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Layer:
    """A layer that applies one kernel to every window of an image (lecture row C9).

    With `(p, q)` the pixel at cell `(u, v)` of window `(i, j)`, which `jaxmlp.nn.windows` defines,
    and `x = 0` outside the image:

        y[n,i,j,o]  = b[o] + sum_{u,v,c} W[u,v,c,o] x[n,p,q,c]

        dW[u,v,c,o] = sum_{n,i,j} x[n,p,q,c] dy[n,i,j,o]
        db[o]       = sum_{n,i,j} dy[n,i,j,o]
        dx[n,p,q,c] = sum_{u,v,o} W[u,v,c,o] dy[n,i,j,o]

    where the last sum is over the `u, v` for which there is a window with `i s = p + t - u d` and
    `j s' = q + l - v d'`. The kernel is not flipped, as is usual for networks; in signal processing
    this is a correlation.

    With `g` groups the input's channels and the outputs are divided into g equal parts, in order,
    and each part of the outputs sees its own part of the channels: the sum over `c` runs over
    `C / g` channels, and so does that over `o`. With `g = C` it is a depthwise convolution.

    Args:
      channels: the number of outputs per window.
      window: its rows and columns, or one number for both.
      stride: the rows and columns from one window to the next, or one number for both.
      padding: `valid` or `same`; or the number of rows and columns of zeros that are added at each
        side: one number, `(rows, columns)`, or `((top, bottom), (left, right))`.
      kernel: initializer of `W`, `(k, k', C / groups, channels)`.
      bias: initializer of `b`, `(channels,)`; `False` for a layer without it.
      dilation: the rows and columns from one cell of a window to the next, or one number for both.
      groups: `g`; it divides `C` and `channels`.

    Returns:
      A layer from `(H, W, C)` to `(I, J, channels)` with parameters `{"W", "b"}`, or `{"W"}`.

    Raises:
      InputError: if channels, window, stride, dilation or groups are not positive whole numbers,
        the padding is unknown, the bias is no initializer, or groups do not divide channels; when
        initialised, if the input is not an image, is smaller than a valid window, or has channels
        that groups do not divide.
    """
    for name, n in (("channels", channels), ("groups", groups)):
        check(isinstance(n, int) and n >= 1, name, "a whole number of at least 1", n)
    check(channels % groups == 0, "channels", f"a multiple of groups, {groups}", channels)
    check_bias(bias)
    windows = make_windows(window, stride, padding, dilation)

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        number = windows.number(shape, "convolution")
        expected = f"of channels that {groups} groups divide"
        check(shape[-1] % groups == 0, "the input of convolution", expected, shape)
        size = (*windows.size, shape[-1] // groups, channels)
        return kernel_and_bias(kernel, bias, key, size, dtype), (*number, channels)

    def forward(
        params: Params, x: Float[Array, "N H W C"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N I J O"], Cache]:
        y = _apply(
            x,  # (N, H, W, C)
            params["W"],  # (k, k', C / g, O), C / g summed over
            windows.margins(x.shape[1:]),
            windows.stride,
            cells_apart=windows.dilation,
            groups=groups,
        )
        return (y + params["b"][None, None, None, :] if "b" in params else y), x

    def backward(
        params: Params, x: Float[Array, "N H W C"], dy: Float[Array, "N I J O"]
    ) -> tuple[Params, Float[Array, "N H W C"]]:
        margins = windows.margins(x.shape[1:])
        dW = _apply(
            jnp.transpose(x, (3, 1, 2, 0)),  # (C, H, W, N), N summed over
            jnp.transpose(dy, (1, 2, 0, 3)),  # (I, J, N, O), a window whose cells are s apart
            margins,
            stride=windows.dilation,
            cells_apart=windows.stride,
            groups_of_images=groups,  # of the C images, each group with its own outputs
        )  # (C / g, k, k', O)
        dparams = {"W": jnp.transpose(dW, (1, 2, 0, 3))}
        if "b" in params:
            dparams["b"] = jnp.sum(dy, axis=(0, 1, 2))
        # the first pixel is row t of the first window's reach: row r - 1 - t of the flipped one's
        around = [(r - 1 - t, r - 1 - b) for r, (t, b) in zip(windows.reach, margins, strict=True)]
        dx = _apply(
            dy,  # (N, I, J, O), an image whose pixels are s apart
            _turned(params["W"], groups),  # (k, k', O / g, C), O / g summed over
            around,
            pixels_apart=windows.stride,
            cells_apart=windows.dilation,
            groups=groups,
        )
        return dparams, dx

    name, settings = f"convolution {channels} @ {windows}", {"windows": windows, "groups": groups}
    return Layer(init, forward, backward, name, "convolution", settings)


def _turned(W: Float[Array, "k l c O"], groups: int) -> Float[Array, "k l o C"]:
    """Return the kernel that takes outputs to channels: `W` flipped, `u` becoming `k - 1 - u`.

    `(k, k', C / g, O)` becomes `(k, k', O / g, C)`; within each group the axes change places.
    """
    *window, c, outputs = W.shape
    flipped = jnp.flip(W, axis=(0, 1)).reshape(*window, c, groups, outputs // groups)
    turned = jnp.transpose(flipped, (0, 1, 4, 3, 2))
    return turned.reshape(*window, outputs // groups, groups * c)


def _apply(
    x: Float[Array, "N H W C"],
    W: Float[Array, "k l c O"],
    margins: Margins,
    stride: Shape = (1, 1),
    pixels_apart: Shape = (1, 1),
    cells_apart: Shape = (1, 1),
    groups: int = 1,
    groups_of_images: int = 1,
) -> Float[Array, "n I J O"]:
    """Apply a kernel to every window of the images.

    Channels stay last: inside a loop XLA's convolution is several times slower in any other order.
    """
    order = ("NHWC", "HWIO", "NHWC")
    apart = pixels_apart, cells_apart
    return lax.conv_general_dilated(x, W, stride, margins, *apart, order, groups, groups_of_images)
