"""Losses of a batch, each with its gradient with respect to the network's raw output below it.

A loss is written for one example, `l(z, y)`, where `z` is the raw output (logits). Its gradient
`dl/dz` follows below it, as `defjvp` follows a function in JAX. The class `Loss` adds the rest: the
mean over the batch, or with example weights `w_n` the weighted mean `sum_n w_n l_n / sum_n w_n`. An
example of weight 0 does not count.

If a loss has an output activation (softmax, sigmoid), the activation is inside the loss. Its
argument is the logits, so no probability is computed before its logarithm (lecture row A5). The
losses of several outputs are summed, as in the lectures, not averaged.

At the ends, value and gradient hold these rules, by hand as by machine:

- A NaN stays visible: an output or a target that is NaN makes its example's loss NaN, and its own
  entry of the gradient.
- At `z = +-inf` they are the limits. A term whose factor is 0 is 0, also where the other factor is
  infinite. With a softmax, minus infinity rules a class out; plus infinity gives NaN, and so does
  a row of nothing but minus infinity, because there is no limit.
- A finite loss that is too large for its type is infinite: a squared error from 1e19 on in float32.
"""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxmlp.errors import InputError, Shown, check, shown
from jaxmlp.nn.activations import without_derivative
from jaxmlp.nn.mean_loss import Loss, loss, one_hot
from jaxmlp.nn.mean_loss import PerExample as PerExample
from jaxmlp.nn.mean_loss import ignoring as ignoring
from jaxmlp.nn.mean_loss import smoothed as smoothed
from jaxmlp.nn.mean_loss import softened as softened
from jaxmlp.nn.types import Array, Outputs, Targets


def _times(factor: Float[Array, "N K"], value: Float[Array, "N K"]) -> Float[Array, "N K"]:
    """Return the product; where the factor is 0 it is 0, even if the value is infinite."""
    return jnp.where(factor == 0, 0, factor * value)


def _check_choice(z: Outputs) -> None:
    """Reject a softmax of one output: it is always 1, and its gradient always 0."""
    words = "at least 2 for a softmax; one output takes binary_cross_entropy, or mse for numbers"
    check(z.shape[1] > 1, "the number of outputs", words, z.shape[1])


@loss
def cross_entropy(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return the softmax cross-entropy, `l = -sum_i y_i log a_i` with `a = softmax(z)`.

    Its gradient is `dl/dz = a sum_i y_i - y`: prediction minus target, since a label or a
    distribution sums to one. It stays large where the network is sure and wrong (lecture rows A4,
    B9, C2, D6). A class with `y_i = 0` adds nothing, even where its logit is minus infinity.

    Raises:
      InputError: if there is only one output, of which the softmax is always 1.
    """
    p = one_hot(z, y)
    _check_choice(z)
    return -jnp.sum(_times(p, jax.nn.log_softmax(z)), axis=1)


@cross_entropy.defgradient
def _(z: Outputs, y: Targets) -> Float[Array, "N K"]:
    p = one_hot(z, y)
    if y.shape == z.shape:  # any numbers, which need not sum to one
        return jax.nn.softmax(z) * jnp.sum(p, axis=1, keepdims=True) - p
    return jax.nn.softmax(z) - p


@functools.partial(loss, independent=True)
def binary_cross_entropy(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return `l = -sum_k y_k log a_k + (1 - y_k) log(1 - a_k)` with `a = sigmoid(z)`.

    It is for one output that separates two classes, or for several independent outputs (lecture
    rows B9, C2, E3, E6). `dl/dz = a - y`. Computed from the logits: `-log a = log(1 + e^-z)`, the
    softplus of `-z`, and `-log(1 - a)` is that of `z`. `y` has the shape of `z`, each entry 0, 1 or
    a probability. Labels become one-hot rows.
    """
    p = one_hot(z, y)
    return jnp.sum(_times(p, _softplus(-z)) + _times(1 - p, _softplus(z)), axis=1)


binary_cross_entropy.defgradient(lambda z, y: jax.nn.sigmoid(z) - one_hot(z, y))


def binary_cross_entropy_of(pos_weight: float | Sequence[float]) -> Loss:
    """The binary cross-entropy in which a yes weighs more, or less, than a no.

    `l = -sum_k p_k y_k log a_k + (1 - y_k) log(1 - a_k)` with `a = sigmoid(z)`;
    `dl/dz = (1 - y) a - p y (1 - a)`. If the data have `p` times as many examples of no as of yes,
    both answers weigh alike. The mean is still over the number of examples, as in PyTorch.

    Args:
      pos_weight: `p`, one positive number for all outputs, or one for each.

    Returns:
      A loss.

    Raises:
      InputError: if a weight is not positive and finite; when called, if their number is not that
        of the outputs.
    """
    weights = tuple(np.ravel(pos_weight).tolist())
    good = len(weights) > 0 and all(0 < p < math.inf for p in weights)
    check(good, "pos_weight", "positive and finite", pos_weight)

    def yes_and_no(z: Outputs, y: Targets) -> tuple[Float[Array, "N K"], Float[Array, "N K"]]:
        expected = f"one number, or one for each of {z.shape[1]} outputs"
        got = Shown(f"{len(weights)} numbers")
        check(len(weights) in (1, z.shape[1]), "pos_weight", expected, got)
        p = one_hot(z, y)
        return jnp.asarray(weights, z.dtype)[None, :] * p, 1 - p

    def per_example(z: Outputs, y: Targets) -> Float[Array, "N"]:
        yes, no = yes_and_no(z, y)
        return jnp.sum(_times(yes, _softplus(-z)) + _times(no, _softplus(z)), axis=1)

    def gradient(z: Outputs, y: Targets) -> Float[Array, "N K"]:
        yes, no = yes_and_no(z, y)
        return no * jax.nn.sigmoid(z) - yes * jax.nn.sigmoid(-z)

    name = f"binary_cross_entropy, a yes weighs {' '.join(f'{p:g}' for p in weights)}"
    return Loss(name, per_example, gradient, independent=True)


def _softplus(z: Outputs) -> Float[Array, "N K"]:
    return jnp.logaddexp(z, jnp.zeros_like(z))


@loss
def mse(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return the squared error `l = sum_k (z_k - y_k)^2`, with the mean's 1/N.

    Lecture rows A3, B9.

    `dl/dz = 2 (z - y)`. Labels become one-hot rows.
    """
    return jnp.sum((z - one_hot(z, y)) ** 2, axis=1)


mse.defgradient(lambda z, y: 2 * (z - one_hot(z, y)))


@loss
def half_mse(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return `l = sum_k (z_k - y_k)^2 / 2`, with the mean's 1/(2N); `dl/dz = z - y`.

    Lecture row D6.
    """
    return mse.per_example(z, y) / 2


half_mse.defgradient(lambda z, y: z - one_hot(z, y))


@loss
def mae(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return the absolute error `l = sum_k |z_k - y_k|`; `dl/dz = sign(z - y)`, 0 at 0.

    Lecture row B9.

    Every error has the same slope, so outliers count less than in the squared error. The code says
    `r sign(r)`, because for `|r|` `jax.grad` returns the slope 1 at 0.
    """
    r = z - one_hot(z, y)
    return jnp.sum(r * jnp.sign(r), axis=1)


mae.defgradient(lambda z, y: jnp.sign(z - one_hot(z, y)))


def huber_of(delta: float) -> Loss:
    """The squared error near the target and the absolute error far from it (Huber 1964).

    The sum over the outputs of `r^2 / 2` for `|r| <= delta`, else `delta (|r| - delta / 2)`, with
    `r = z - y`. `dl/dz = c` with `c = r`, clipped to `[-delta, delta]`, and both cases of the loss
    are `c (r - c / 2)`.

    Args:
      delta: the error from which on the loss is linear.

    Returns:
      A loss.

    Raises:
      InputError: if delta is not positive and finite.
    """
    check(0 < delta < math.inf, "delta", "positive and finite", delta)
    delta = float(delta)  # a NumPy number would change the type of the loss

    def clipped(r: Float[Array, "N K"]) -> Float[Array, "N K"]:
        return jnp.where(jnp.abs(r) <= delta, r, delta * jnp.sign(r))

    def per_example(z: Outputs, y: Targets) -> Float[Array, "N"]:
        r = z - one_hot(z, y)
        c = clipped(r)
        return jnp.sum(c * (r - c / 2), axis=1)

    def gradient(z: Outputs, y: Targets) -> Float[Array, "N K"]:
        return clipped(z - one_hot(z, y))

    return Loss("huber" if delta == 1 else f"huber {delta:g}", per_example, gradient)


huber = huber_of(1.0)
"""The Huber loss with `delta = 1`: `r^2 / 2` for `|r| <= 1`, else `|r| - 1/2`."""


def quantile_of(quantiles: Sequence[float]) -> Loss:
    """The quantile loss, whose minimum is a quantile of the targets (Koenker and Bassett 1978).

    With Q quantiles `q`, the outputs of a value are Q in a row, and its target stands Q times in a
    row. The loss is the sum over the outputs of `q r` for `r >= 0`, else `(q - 1) r`, with
    `r = y - z`. It is also called the pinball loss. `dl/dz = -q` below the target, `1 - q` above
    it, and 0 at it. So above its minimum lie as many targets as a share `1 - q`.

    Args:
      quantiles: each in (0, 1).

    Returns:
      A loss.

    Raises:
      InputError: if there is no quantile, or one is outside (0, 1); when called, if the number of
        outputs is not a multiple of theirs.
    """
    q = tuple(float(each) for each in quantiles)
    check(len(q) > 0 and all(0 < each < 1 for each in q), "quantiles", "in (0, 1)", shown(q))

    def slopes(z: Outputs, y: Targets) -> Float[Array, "N K"]:
        expected = f"a multiple of {len(q)}, the number of quantiles"
        check(z.shape[1] % len(q) == 0, "the number of outputs", expected, z.shape[1])
        r, each = one_hot(z, y) - z, jnp.asarray([q * (z.shape[1] // len(q))], z.dtype)
        return jnp.where(r > 0, each, jnp.where(r < 0, each - 1, r))  # r is 0, or NaN

    def per_example(z: Outputs, y: Targets) -> Float[Array, "N"]:
        return jnp.sum(_times(slopes(z, y), one_hot(z, y) - z), axis=1)

    def gradient(z: Outputs, y: Targets) -> Float[Array, "N K"]:
        return -slopes(z, y)

    name = "quantile" if q == (0.5,) else f"quantile {' '.join(f'{each:g}' for each in q)}"
    return Loss(name, per_example, gradient)


quantile = quantile_of((0.5,))
"""The quantile loss of the median: half the absolute error."""


@loss
def poisson(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return `l = sum_k e^(z_k) - y_k z_k`, for counts `y` whose mean is `e^z`.

    It is the negative logarithm of the Poisson probability `e^-m m^y / y!` with `m = e^z`, without
    the term `log y!`, which no weight changes. `dl/dz = e^z - y`, prediction minus target. `y` has
    the shape of `z`, each entry 0 or more (Nelder and Wedderburn 1972).
    """
    # beyond 1000 the exponential is infinite; infinity minus infinity would be NaN
    return jnp.sum(jnp.exp(z) - _times(one_hot(z, y), jnp.minimum(z, 1000)), axis=1)


poisson.defgradient(lambda z, y: jnp.exp(z) - one_hot(z, y))


@loss
def softmax_squared_error(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return `l = sum_i (a_i - y_i)^2` with `a = softmax(z)` (lecture row A3).

    The softmax Jacobian is `da_i/dz_j = a_i (delta_ij - a_j)`. It has entries outside its diagonal
    `a_i (1 - a_i)`, which the lecture leaves out (erratum 8). With `g = 2 (a - y)` it follows that
    `dl/dz_j = a_j (g_j - sum_i g_i a_i)`. This vanishes where the network is sure, right or wrong.
    """
    p = one_hot(z, y)
    _check_choice(z)
    return jnp.sum((jax.nn.softmax(z) - p) ** 2, axis=1)


@softmax_squared_error.defgradient
def _(z: Outputs, y: Targets) -> Float[Array, "N K"]:
    a = jax.nn.softmax(z)
    g = 2 * (a - one_hot(z, y))
    return a * (g - jnp.sum(a * g, axis=1, keepdims=True))


@loss
def perceptron(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return `l = sum_k (h_k - y_k) z_k` with `h = 1` for `z >= 0`, else 0 (lecture rows E1, E2).

    It is `|z|` for a wrong answer and 0 for a right one. `h` counts as a constant, so
    `dl/dz = h - y`, and one step of gradient descent on one example is the perceptron's rule,
    `w <- w + alpha (y - h) x`. The step function is never differentiated.
    """
    return jnp.sum(_times(jax.lax.stop_gradient(_fires(z)) - one_hot(z, y), z), axis=1)


perceptron.defgradient(lambda z, y: _fires(z) - one_hot(z, y))


def _fires(z: Outputs) -> Float[Array, "N K"]:
    return jnp.heaviside(z, 1)


quadratic = Loss("quadratic", mse.per_example, mse.per_example_gradient)
"""Tomasi's name for the squared error `|z - y|^2` of one example (lecture row C2)."""


@loss
def zero_one(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return 0 where the largest output is that of the target's class, else 1.

    It is 0 in the decision region of the class. Lecture rows C1, C2.

    This is what a classifier should minimise, but it is piecewise constant, so descent cannot use
    it. To ask for its gradient is an error.
    """
    p = one_hot(z, y)
    wrong = (jnp.argmax(z, axis=1) != jnp.argmax(p, axis=1)).astype(z.dtype)
    seen = jnp.where(jnp.isnan(jnp.sum(p, axis=1)), jnp.nan, wrong)
    return without_derivative(
        lambda z: jnp.where(jnp.any(jnp.isnan(z), axis=1), jnp.nan, seen), "the zero-one loss"
    )(z)


@zero_one.defgradient
def _(z: Outputs, y: Targets) -> Float[Array, "N K"]:
    raise InputError("the zero-one loss has no gradient to learn from; use cross_entropy")
