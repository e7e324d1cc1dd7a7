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

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxmlp.errors import InputError, check
from jaxmlp.nn.activations import fires, softplus, without_derivative
from jaxmlp.nn.loss_parameters import binary_cross_entropy_of as binary_cross_entropy_of
from jaxmlp.nn.loss_parameters import huber as huber
from jaxmlp.nn.loss_parameters import huber_of as huber_of
from jaxmlp.nn.loss_parameters import quantile as quantile
from jaxmlp.nn.loss_parameters import quantile_of as quantile_of
from jaxmlp.nn.mean_loss import Loss, loss, one_hot, times
from jaxmlp.nn.mean_loss import PerExample as PerExample
from jaxmlp.nn.mean_loss import ignoring as ignoring
from jaxmlp.nn.mean_loss import smoothed as smoothed
from jaxmlp.nn.mean_loss import softened as softened
from jaxmlp.nn.softmax import softmax_vjp
from jaxmlp.nn.types import Array, Outputs, Targets


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
    return -jnp.sum(times(p, jax.nn.log_softmax(z)), axis=1)


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
    return jnp.sum(times(p, softplus(-z)) + times(1 - p, softplus(z)), axis=1)


binary_cross_entropy.defgradient(lambda z, y: jax.nn.sigmoid(z) - one_hot(z, y))


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


@loss
def poisson(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return `l = sum_k e^(z_k) - y_k z_k`, for counts `y` whose mean is `e^z`.

    It is the negative logarithm of the Poisson probability `e^-m m^y / y!` with `m = e^z`, without
    the term `log y!`, which no weight changes. `dl/dz = e^z - y`, prediction minus target. `y` has
    the shape of `z`, each entry 0 or more (Nelder and Wedderburn 1972).
    """
    # beyond 1000 the exponential is infinite; infinity minus infinity would be NaN
    return jnp.sum(jnp.exp(z) - times(one_hot(z, y), jnp.minimum(z, 1000)), axis=1)


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
    return softmax_vjp(a, 2 * (a - one_hot(z, y)))


@loss
def perceptron(z: Outputs, y: Targets) -> Float[Array, "N"]:
    """Return `l = sum_k (h_k - y_k) z_k` with `h = 1` for `z >= 0`, else 0 (lecture rows E1, E2).

    It is `|z|` for a wrong answer and 0 for a right one. `h` counts as a constant, so
    `dl/dz = h - y`, and one step of gradient descent on one example is the perceptron's rule,
    `w <- w + alpha (y - h) x`. The step function is never differentiated.
    """
    return jnp.sum(times(jax.lax.stop_gradient(fires(z)) - one_hot(z, y), z), axis=1)


perceptron.defgradient(lambda z, y: fires(z) - one_hot(z, y))


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
