"""Losses of a batch, each beside its gradient with respect to the network's raw output.

A loss is written for one example, `l(z, y)` with `z` the raw output (logits), and its gradient
`dl/dz` stands above it. `Loss` does the rest, once: the mean over the batch, and example weights
`w_n`, which make it the weighted mean `sum_n w_n l_n / sum_n w_n`. An example of weight 0 does not
count at all.

Where an output activation belongs to the loss (softmax, sigmoid) it is inside: logits come in, no
probability is ever formed before its logarithm is taken (A5). Several outputs are summed, as the
lectures have it, not averaged.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax import Array

from jaxmlp.errors import check

PerExample = Callable[[Array, Array], Array]


@dataclass(frozen=True, eq=False)
class Loss:
    """The (weighted) mean of a loss over a batch, with its gradient.

    Attributes:
      name: the name it is known by.
      per_example: `(outputs (N, K), targets) -> losses (N,)`.
      per_example_gradient: `(outputs (N, K), targets) -> dl_n/dz_n (N, K)`.
    """

    name: str
    per_example: PerExample = field(repr=False)
    per_example_gradient: PerExample = field(repr=False)

    def __call__(self, outputs: Array, targets: Array, weights: Array | None = None) -> Array:
        """Return `L = sum_n w_n l(z_n, y_n) / sum_n w_n`.

        Args:
          outputs: the network's raw outputs `z`, `(N, K)`.
          targets: integer labels `(N,)` where the loss is for classes, else `(N, K)`.
          weights: one per example `(N,)`, not all zero; `None` weighs all alike.

        Returns:
          A scalar.

        Raises:
          InputError: if the shapes do not fit.
        """
        return jnp.vdot(_shares(outputs, weights), self.per_example(outputs, targets))

    def gradient(self, outputs: Array, targets: Array, weights: Array | None = None) -> Array:
        """Return `dL/dz_n = (w_n / sum_m w_m) dl_n/dz_n`, shape `(N, K)`.

        Args:
          outputs: as for the value.
          targets: as for the value.
          weights: as for the value.

        Returns:
          An array of the shape of `outputs`.

        Raises:
          InputError: if the shapes do not fit.
        """
        return _shares(outputs, weights)[:, None] * self.per_example_gradient(outputs, targets)


def _shares(outputs: Array, weights: Array | None) -> Array:
    """Return each example's share in the mean, `w_n / sum_m w_m`, shape `(N,)`."""
    check(outputs.ndim == 2, "outputs", "of shape (N, K)", outputs.shape)
    n = len(outputs)
    if weights is None:
        return jnp.full(n, 1 / n, outputs.dtype)
    check(weights.shape == (n,), "weights", f"of shape ({n},)", weights.shape)
    return weights / jnp.sum(weights)


def with_gradient(per_example_gradient: PerExample) -> Callable[[PerExample], Loss]:
    """Make the decorated function of `(outputs, targets)` a `Loss` with this gradient."""

    def decorate(per_example: PerExample) -> Loss:
        made = Loss(per_example.__name__, per_example, per_example_gradient)
        object.__setattr__(made, "__doc__", per_example.__doc__)
        return made

    return decorate


def distribution(targets: Array, outputs: Array) -> Array:
    """Return the targets as one distribution over the classes per example (A2, one-hot).

    Args:
      targets: integer labels `(N,)`, or numbers `(N, K)`, which are returned as they are.
      outputs: the network's outputs `(N, K)`, for the number of classes and the element type.

    Returns:
      Numbers of the shape and type of the outputs.

    Raises:
      InputError: if the shape of the targets is neither.
    """
    if jnp.issubdtype(targets.dtype, jnp.integer):
        n = outputs.shape[:1]
        check(targets.shape == n, "labels", f"of shape {n}", targets.shape)
        return jax.nn.one_hot(targets, outputs.shape[1], dtype=outputs.dtype)
    check(targets.shape == outputs.shape, "targets", f"of shape {outputs.shape}", targets.shape)
    return targets.astype(outputs.dtype)


@with_gradient(lambda z, y: jax.nn.softmax(z) - distribution(y, z))
def cross_entropy(z: Array, y: Array) -> Array:
    """Return the softmax cross-entropy, `l = -sum_i y_i log a_i` with `a = softmax(z)`.

    Its gradient is `dl/dz = a - y`: prediction minus target, which does not fade where the network
    is sure and wrong (A4, B9, C2, D6). `y` is a label or a distribution, which sums to one.
    """
    return -jnp.sum(distribution(y, z) * jax.nn.log_softmax(z), axis=1)


@with_gradient(lambda z, y: jax.nn.sigmoid(z) - distribution(y, z))
def binary_cross_entropy(z: Array, y: Array) -> Array:
    """Return `l = -sum_k y_k log a_k + (1 - y_k) log(1 - a_k)` with `a = sigmoid(z)`.

    One output for two classes, or many independent ones (B9, C2, E3, E6). From the logits it is
    `softplus(z) - y z`, and `dl/dz = a - y`. `y` is 0, 1 or a probability, of the shape of `z`;
    labels are taken one-hot.
    """
    return jnp.sum(jnp.logaddexp(z, jnp.zeros_like(z)) - distribution(y, z) * z, axis=1)


@with_gradient(lambda z, y: 2 * (z - distribution(y, z)))
def mse(z: Array, y: Array) -> Array:
    """Return the squared error `l = sum_k (z_k - y_k)^2`, with the mean's 1/N (A3, B9).

    `dl/dz = 2 (z - y)`. Labels are taken one-hot.
    """
    return jnp.sum((z - distribution(y, z)) ** 2, axis=1)
