"""Cross-entropy of probabilities, and the chain rule from the loss over `p` to delta, in steps.

The slides go from the loss to the probabilities, and from these to the logits (lecture rows A4, D6,
E6):

    p = softmax(z)                    p = sigmoid(z)
    l = -sum_i y_i log p_i            l = -sum_k y_k log p_k + (1 - y_k) log(1 - p_k)
    dl/dp = -y / p                    dl/dp = (p - y) / (p (1 - p))
    dp/dz = diag(p) - p p^T           dp/dz = p (1 - p)
    delta = dl/dz = p - y             delta = dl/dz = p - y

`jaxmlp.nn.softmax` has the Jacobian on the left. Training takes both steps at once
(`jaxmlp.nn.losses`), because a probability that rounds to 0 or 1 has lost its logarithm.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.mean_loss import one_hot
from jaxmlp.nn.types import Array, Outputs, Scalar, Targets


def cross_entropy(p: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return `l = -sum_i y_i log p_i` of each example: `-log p_c` for the class c.

    Lecture rows A4, B9, D13.

    Args:
      p: probabilities `(N, K)`.
      y: labels `(N,)`, or one-hot rows or distributions `(N, K)`.

    Returns:
      One loss per example, `(N,)`, in nats.

    Raises:
      InputError: if a probability is outside (0, 1), or the targets do not fit.
    """
    _check_inside(p)
    return -jnp.sum(one_hot(p, y) * jnp.log(p), axis=1)


def cross_entropy_slope(p: Outputs, y: Targets) -> Float[Array, "N K"]:
    """Return `dl/dp = -y / p` of `cross_entropy` (lecture rows A4, D6).

    Each probability counts as a variable of its own here; that they sum to one is the softmax's
    part of the chain.

    Args:
      p: probabilities `(N, K)`.
      y: labels `(N,)`, or one-hot rows or distributions `(N, K)`.

    Returns:
      `(N, K)`.

    Raises:
      InputError: if a probability is outside (0, 1), or the targets do not fit.
    """
    _check_inside(p)
    return -one_hot(p, y) / p


def binary_cross_entropy(p: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return `l = -sum_k y_k log p_k + (1 - y_k) log(1 - p_k)` of each example.

    Lecture rows B9, C11, E6.

    For one output it is `-log p` where `y = 1` and `-log(1 - p)` where `y = 0`, so that
    `l(1, p) = l(0, 1 - p)`.

    Args:
      p: probabilities of yes, `(N, K)`.
      y: 0, 1 or a probability for each, `(N, K)`; or labels `(N,)`.

    Returns:
      One loss per example, `(N,)`, in nats.

    Raises:
      InputError: if a probability is outside (0, 1), or the targets do not fit.
    """
    _check_inside(p)
    yes = one_hot(p, y)
    return -jnp.sum(yes * jnp.log(p) + (1 - yes) * jnp.log1p(-p), axis=1)


def binary_cross_entropy_slope(p: Outputs, y: Targets) -> Float[Array, "N K"]:
    """Return `dl/dp = (p - y) / (p (1 - p))` of `binary_cross_entropy` (lecture rows D6, E6).

    Args:
      p: probabilities of yes, `(N, K)`.
      y: 0, 1 or a probability for each, `(N, K)`; or labels `(N,)`.

    Returns:
      `(N, K)`.

    Raises:
      InputError: if a probability is outside (0, 1), or the targets do not fit.
    """
    _check_inside(p)
    return (p - one_hot(p, y)) / (p * (1 - p))


def squared_error_slope(p: Outputs, y: Targets) -> Float[Array, "N K"]:
    """Return `dl/dp = 2 (p - y)` of the squared error of probabilities (lecture row A3).

    Args:
      p: probabilities `(N, K)`.
      y: labels `(N,)`, or one-hot rows or distributions `(N, K)`.

    Returns:
      `(N, K)`.

    Raises:
      InputError: if the targets do not fit.
    """
    return 2 * (p - one_hot(p, y))


def likelihood(p: Outputs, y: Targets, independent: bool = False) -> Scalar:
    """Return the probability that the model gives to all targets together (lecture row D13).

    For classes it is `prod_n prod_k p_nk^y_nk`. For independent yes-or-no outputs it is
    `prod_n prod_k p_nk^y_nk (1 - p_nk)^(1 - y_nk)`. The examples are independent, so their
    probabilities multiply. `-log` turns the product into the sum of the examples' cross-entropies:
    least cross-entropy is greatest likelihood. The product itself is 0 in floating point after some
    hundred examples, so no one computes it to learn.

    Args:
      p: probabilities `(N, K)`.
      y: labels `(N,)`, or 0 and 1 `(N, K)`.
      independent: whether each output is a yes or no of its own.

    Returns:
      A scalar.

    Raises:
      InputError: if a probability is outside (0, 1), or the targets do not fit.
    """
    _check_inside(p)
    yes = one_hot(p, y)
    return jnp.prod(p**yes * (1 - p) ** (1 - yes) if independent else p**yes)


def _check_inside(p: Outputs) -> None:
    """Reject numbers that are no probabilities, or whose logarithm is infinite.

    Under `jax.jit` a number is not known yet; what is outside then gives an infinity or NaN.
    """
    if not isinstance(p, jax.core.Tracer):
        numbers = np.asarray(p)
        bad = numbers[~((numbers > 0) & (numbers < 1))]
        check(bad.size == 0, "probabilities", "in (0, 1)", float(bad[0]) if bad.size else None)
