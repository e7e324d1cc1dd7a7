"""Losses of a batch, each with its gradient with respect to the network's raw output below it.

A loss is written for one example, `l(z, y)`, where `z` is the raw output (logits). Its gradient
`dl/dz` follows below it, as `defjvp` follows a function in JAX. The class `Loss` adds the rest: the
mean over the batch, or with example weights `w_n` the weighted mean `sum_n w_n l_n / sum_n w_n`. An
example of weight 0 does not count.

If a loss has an output activation (softmax, sigmoid), the activation is inside the loss. Its
argument is the logits, so no probability is computed before its logarithm (A5). The losses of
several outputs are summed, as in the lectures, not averaged.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxmlp.errors import InputError, check
from jaxmlp.nn.activations import without_derivative
from jaxmlp.nn.types import Array, Outputs, Scalar, Targets, Weights

PerExample = Callable[[Outputs, Targets], Array]


def _not_defined(z: Outputs, y: Targets) -> Float[Array, "N K"]:
    raise InputError("this loss has no gradient yet; define it by defgradient")


@dataclass(frozen=True, eq=False)
class Loss:
    """The (weighted) mean of a loss over a batch, with its gradient.

    Attributes:
      name: the name it is known by.
      per_example: `(outputs (N, K), targets) -> losses (N,)`.
      per_example_gradient: `(outputs (N, K), targets) -> dl_n/dz_n (N, K)`, given here or below
        the loss by `defgradient`.
    """

    name: str
    per_example: PerExample = field(repr=False)
    per_example_gradient: PerExample = field(repr=False, default=_not_defined)

    def defgradient(self, per_example_gradient: PerExample) -> PerExample:
        """Define the gradient `(outputs, targets) -> dl_n/dz_n`, once, below the loss.

        Args:
          per_example_gradient: the gradient of each example's loss, `(N, K)`.

        Returns:
          The same function, so that this can be its decorator.
        """
        object.__setattr__(self, "per_example_gradient", per_example_gradient)
        return per_example_gradient

    def __call__(
        self, outputs: Float[Array, "..."], targets: Targets, weights: Weights | None = None
    ) -> Scalar:
        """Return `L = sum_n w_n l(z_n, y_n) / sum_n w_n`.

        Args:
          outputs: the network's raw outputs `z`, `(N, K)`.
          targets: integer labels `(N,)` or numbers `(N, K)`.
          weights: one per example `(N,)`, not all zero; with `None` all weights are equal.

        Returns:
          A scalar. The mean of nothing is NaN: of no examples, or of weights that are all zero.

        Raises:
          InputError: if the shapes do not fit, or a label is out of range.
        """
        shares = _shares(outputs, weights)
        if shares.shape == (0,):
            return jnp.full((), jnp.nan, outputs.dtype)
        return jnp.sum(jnp.where(shares == 0, 0, shares * self.per_example(outputs, targets)))

    def gradient(
        self, outputs: Float[Array, "*N_K"], targets: Targets, weights: Weights | None = None
    ) -> Float[Array, "*N_K"]:
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
        shares = _shares(outputs, weights)[:, None]
        return jnp.where(shares == 0, 0, shares * self.per_example_gradient(outputs, targets))


def _shares(outputs: Float[Array, "..."], weights: Weights | None) -> Float[Array, "N"]:
    """Return each example's share in the mean, `w_n / sum_m w_m`, shape `(N,)`."""
    check(outputs.ndim == 2, "outputs", "of shape (N, K)", outputs.shape)
    n = outputs.shape[0]
    if weights is None:
        return jnp.broadcast_to(1 / jnp.asarray(n, outputs.dtype), (n,))
    check(weights.shape == (n,), "weights", f"of shape ({n},)", weights.shape)
    return weights / jnp.sum(weights)


def loss(per_example: PerExample) -> Loss:
    """Make the decorated function of `(outputs, targets)` a `Loss`; its gradient follows below."""
    made = Loss(per_example.__name__, per_example)
    object.__setattr__(made, "__doc__", per_example.__doc__)
    return made


def one_hot(outputs: Outputs, targets: Targets) -> Float[Array, "N K"]:
    """Return the targets as a distribution over the classes, one row per example (A2).

    Args:
      outputs: the network's outputs `(N, K)`, for the number of classes and the element type.
      targets: integer labels `(N,)` in `[0, K)`, or numbers `(N, K)`, which do not change.

    Returns:
      Numbers of the shape and type of the outputs. A row is NaN where a label is out of range and
      its value is not known yet, under `jax.jit`.

    Raises:
      InputError: if the targets have another shape, a label is out of range, or there is only one
        output for the labels.
    """
    if targets.shape == outputs.shape or not jnp.issubdtype(targets.dtype, jnp.integer):
        check(targets.shape == outputs.shape, "targets", f"of shape {outputs.shape}", targets.shape)
        return targets.astype(outputs.dtype)
    n, classes = outputs.shape
    check(targets.shape == (n,), "labels", f"of shape ({n},)", targets.shape)
    if classes == 1:
        raise InputError("labels need an output for each class; for one output give y as (N, 1)")
    if not isinstance(targets, jax.core.Tracer):
        labels = np.asarray(targets)
        bad = labels[(labels < 0) | (labels >= classes)]
        check(bad.size == 0, "labels", f"in [0, {classes})", int(bad[0]) if bad.size else None)
    known = (targets >= 0) & (targets < classes)
    rows = jax.nn.one_hot(targets, classes, dtype=outputs.dtype)
    return jnp.where(known[:, None], rows, jnp.nan)


@loss
def cross_entropy(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return the softmax cross-entropy, `l = -sum_i y_i log a_i` with `a = softmax(z)`.

    Its gradient is `dl/dz = a sum_i y_i - y`: prediction minus target, since a label or a
    distribution sums to one. It stays large where the network is sure and wrong (A4, B9, C2, D6). A
    class with `y_i = 0` adds nothing, even where its logit is minus infinity.
    """
    p = one_hot(z, y)
    return -jnp.sum(jnp.where(p == 0, 0, p * jax.nn.log_softmax(z)), axis=1)


@cross_entropy.defgradient
def _(z: Outputs, y: Targets) -> Float[Array, "N K"]:
    p = one_hot(z, y)
    if y.shape == z.shape:  # any numbers, which need not sum to one
        return jax.nn.softmax(z) * jnp.sum(p, axis=1, keepdims=True) - p
    return jax.nn.softmax(z) - p


@loss
def binary_cross_entropy(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return `l = -sum_k y_k log a_k + (1 - y_k) log(1 - a_k)` with `a = sigmoid(z)`.

    It is for one output that separates two classes, or for several independent outputs (B9, C2, E3,
    E6). Computed from the logits: `l = sum_k softplus(z_k) - y_k z_k`, and `dl/dz = a - y`. `y` has
    the shape of `z`, each entry 0, 1 or a probability. Labels become one-hot rows.
    """
    return jnp.sum(jnp.logaddexp(z, jnp.zeros_like(z)) - one_hot(z, y) * z, axis=1)


binary_cross_entropy.defgradient(lambda z, y: jax.nn.sigmoid(z) - one_hot(z, y))


@loss
def mse(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return the squared error `l = sum_k (z_k - y_k)^2`, with the mean's 1/N (A3, B9).

    `dl/dz = 2 (z - y)`. Labels become one-hot rows.
    """
    return jnp.sum((z - one_hot(z, y)) ** 2, axis=1)


mse.defgradient(lambda z, y: 2 * (z - one_hot(z, y)))


@loss
def half_mse(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return `l = sum_k (z_k - y_k)^2 / 2`, with the mean's 1/(2N) (D6); `dl/dz = z - y`."""
    return mse.per_example(z, y) / 2


half_mse.defgradient(lambda z, y: z - one_hot(z, y))


@loss
def mae(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return the absolute error `l = sum_k |z_k - y_k|` (B9); `dl/dz = sign(z - y)`, 0 at 0.

    Every error has the same slope, so outliers count less than in the squared error. The code says
    `r sign(r)`, because for `|r|` `jax.grad` returns the slope 1 at 0.
    """
    r = z - one_hot(z, y)
    return jnp.sum(r * jnp.sign(r), axis=1)


mae.defgradient(lambda z, y: jnp.sign(z - one_hot(z, y)))


@loss
def huber(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return the sum over the outputs of `r^2 / 2` for `|r| <= 1`, else `|r| - 1/2`, `r = z - y`.

    This is the squared error near the target and the absolute error far from it. `dl/dz = r`,
    clipped to [-1, 1] (Huber 1964).
    """
    r = jnp.abs(z - one_hot(z, y))
    return jnp.sum(jnp.where(r <= 1, r**2 / 2, r - 0.5), axis=1)


huber.defgradient(lambda z, y: jnp.clip(z - one_hot(z, y), -1, 1))


@loss
def softmax_squared_error(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return `l = sum_i (a_i - y_i)^2` with `a = softmax(z)` (A3).

    The softmax Jacobian is `da_i/dz_j = a_i (delta_ij - a_j)`. It has entries outside its diagonal
    `a_i (1 - a_i)`, which the lecture leaves out (erratum 8). With `g = 2 (a - y)` it follows that
    `dl/dz_j = a_j (g_j - sum_i g_i a_i)`. This vanishes where the network is sure, right or wrong.
    """
    return jnp.sum((jax.nn.softmax(z) - one_hot(z, y)) ** 2, axis=1)


@softmax_squared_error.defgradient
def _(z: Outputs, y: Targets) -> Float[Array, "N K"]:
    a = jax.nn.softmax(z)
    g = 2 * (a - one_hot(z, y))
    return a * (g - jnp.sum(a * g, axis=1, keepdims=True))


@loss
def perceptron(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return `l = sum_k (h_k - y_k) z_k` with `h = 1` for `z >= 0`, else 0 (E1).

    It is `|z|` for a wrong answer and 0 for a right one. `h` counts as a constant, so
    `dl/dz = h - y`, and one step of gradient descent on one example is the perceptron's rule,
    `w <- w + alpha (y - h) x`. The step function is never differentiated.
    """
    return jnp.sum((jax.lax.stop_gradient(_fires(z)) - one_hot(z, y)) * z, axis=1)


perceptron.defgradient(lambda z, y: _fires(z) - one_hot(z, y))


def _fires(z: Outputs) -> Float[Array, "N K"]:
    return (z >= 0).astype(z.dtype)


quadratic = Loss("quadratic", mse.per_example, mse.per_example_gradient)
"""Tomasi's name for the squared error `|z - y|^2` of one example (C2)."""


@loss
def zero_one(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return 0 where the largest output is that of the target's class, else 1 (C2).

    This is what a classifier should minimise, but it is piecewise constant, so descent cannot use
    it. To ask for its gradient is an error.
    """
    wrong = jnp.argmax(z, axis=1) != jnp.argmax(one_hot(z, y), axis=1)
    return without_derivative(lambda z: wrong.astype(z.dtype), "the zero-one loss")(z)


@zero_one.defgradient
def _(z: Outputs, y: Targets) -> Float[Array, "N K"]:
    raise InputError("the zero-one loss has no gradient to learn from; use cross_entropy")


def softened(outputs: Outputs, targets: Targets, smoothing: float) -> Float[Array, "N K"]:
    """Return the softened targets `(1 - s) y + s / K`, `(N, K)`; see `smoothed`."""
    return (1 - smoothing) * one_hot(outputs, targets) + smoothing / outputs.shape[1]


def smoothed(loss: Loss, smoothing: float) -> Loss:
    """The loss with softened targets `(1 - s) y + s / K` (Szegedy et al. 2016).

    Args:
      loss: a loss for classes.
      smoothing: `s`, the part of the target that is spread over all classes.

    Returns:
      A loss.

    Raises:
      InputError: if the smoothing is outside [0, 1).
    """
    check(0 <= smoothing < 1, "label smoothing", "in [0, 1)", smoothing)

    return Loss(
        f"{loss.name}, smoothed by {smoothing:g}",
        lambda z, y: loss.per_example(z, softened(z, y, smoothing)),
        lambda z, y: loss.per_example_gradient(z, softened(z, y, smoothing)),
    )
