"""Convolution of images, with its gradients by hand.

An image is `(H, W, C)`, a batch `(N, H, W, C)`. Backward, a pixel adds up the gradients of all
windows that contain it (B5).
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.initializers import Initializer, he_normal, zeros
from jaxmlp.nn.layers import Layer
from jaxmlp.nn.types import Array, Cache, Params, RandomKey, Shape
from jaxmlp.nn.windows import Margins, make_windows


def convolution(
    channels: int,
    window: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: str = "valid",
    kernel: Initializer = he_normal,
    bias: Initializer = zeros,
) -> Layer:
    """A layer that applies one kernel to every window of an image (C9).

    With `(p, q)` the pixel at cell `(u, v)` of window `(i, j)`, which `jaxmlp.nn.windows` defines,
    and `x = 0` outside the image:

        y[n,i,j,o]  = b[o] + sum_{u,v,c} W[u,v,c,o] x[n,p,q,c]

        dW[u,v,c,o] = sum_{n,i,j} x[n,p,q,c] dy[n,i,j,o]
        db[o]       = sum_{n,i,j} dy[n,i,j,o]
        dx[n,p,q,c] = sum_{u,v,o} W[u,v,c,o] dy[n,i,j,o]    with i s = p + t - u, j s' = q + l - v

    where the last sum is over the `u, v` for which there is such a window. The kernel is not
    flipped, as is usual for networks; in signal processing this is a correlation.

    Args:
      channels: the number of outputs per window.
      window: its rows and columns, or one number for both.
      stride: the rows and columns from one window to the next, or one number for both.
      padding: `valid` or `same`.
      kernel: initializer of `W`, `(k, k', C, channels)`.
      bias: initializer of `b`, `(channels,)`.

    Returns:
      A layer from `(H, W, C)` to `(I, J, channels)` with parameters `{"W", "b"}`.

    Raises:
      InputError: if channels, window or stride are not positive whole numbers, or the padding is
        unknown; when initialised, if the input is not an image, or is smaller than a valid window.
    """
    good = isinstance(channels, int) and channels >= 1
    check(good, "channels", "a whole number of at least 1", channels)
    windows = make_windows(window, stride, padding)

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
            jnp.transpose(dy, (1, 2, 0, 3)),  # (I, J, N, O), a window whose cells are s apart
            margins,
            cells_apart=windows.stride,
        )  # (C, k, k', O)
        db = jnp.sum(dy, axis=(0, 1, 2))
        # the first pixel is cell t of the first window: cell k - 1 - t of the flipped kernel
        around = [(k - 1 - t, k - 1 - b) for k, (t, b) in zip(windows.size, margins, strict=True)]
        flipped = jnp.flip(params["W"], axis=(0, 1))  # u becomes k - 1 - u
        dx = _apply(
            dy,  # (N, I, J, O), an image whose pixels are s apart
            jnp.transpose(flipped, (0, 1, 3, 2)),  # (k, k', O, C), O summed over
            around,
            pixels_apart=windows.stride,
        )
        return {"W": jnp.transpose(dW, (1, 2, 0, 3)), "b": db}, dx

    return Layer(init, forward, backward, f"convolution {channels} @ {windows}", "convolution")


def _apply(
    x: Float[Array, "N H W C"],
    W: Float[Array, "k l C O"],
    margins: Margins,
    stride: Shape = (1, 1),
    pixels_apart: Shape = (1, 1),
    cells_apart: Shape = (1, 1),
) -> Float[Array, "N I J O"]:
    """Apply a kernel to every window of the images.

    Channels stay last: inside a loop XLA's convolution is several times slower in any other order.
    """
    order = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, W, stride, margins, pixels_apart, cells_apart, order)
