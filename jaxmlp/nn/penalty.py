"""The L2 penalty of the kernels, a term of the objective with its gradient."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxmlp.nn.backprop import ValueAndGrad
from jaxmlp.nn.types import Array, Outputs, Params, RandomKey, Scalar, Targets, Weights


def with_penalty(value_and_grad: ValueAndGrad, alpha: float | Scalar) -> ValueAndGrad:
    """The objective with an L2 penalty, `L + alpha / (2 sum_n w_n) |W|^2`.

    `|W|^2` is the sum of the squares of all kernels, the arrays of two or more axes; biases are
    free. The gradient of a kernel is `dW + alpha / (sum_n w_n) W`. The weights `w_n` of a batch's
    examples are 1 if none are given, so the sum is their number. This is the penalty of
    scikit-learn's MLP. A batch of `N` examples feels `alpha / N`, the more the smaller it is: over
    an epoch the steps add up to `alpha` times the number of batches over `N`.

    With gradient descent it equals weight decay `alpha / N` (`jaxmlp.optim.with_weight_decay`). An
    adaptive rule divides the penalty's gradient by the size of the whole gradient, too, and decay
    is not divided (Loshchilov and Hutter 2019).

    Args:
      value_and_grad: the objective with its gradient.
      alpha: the strength, at least 0; it may be traced.

    Returns:
      A function with the same arguments and the same structure of results.
    """

    def penalised(
        params: Params,
        x: Float[Array, "N ..."],
        targets: Targets,
        weights: Weights | None = None,
        key: RandomKey | None = None,
    ) -> tuple[tuple[Scalar, Outputs], Params]:
        (value, outputs), dparams = value_and_grad(params, x, targets, weights, key)
        total = jnp.asarray(x.shape[0] if weights is None else jnp.sum(weights), value.dtype)
        share = jnp.asarray(alpha, value.dtype) / total
        squares = jax.tree.reduce(jnp.add, jax.tree.map(_square, params), jnp.zeros_like(value))

        def add(dw: Float[Array, "..."], w: Float[Array, "..."]) -> Float[Array, "..."]:
            return dw + share.astype(dw.dtype) * w if w.ndim > 1 else dw

        return (value + share / 2 * squares, outputs), jax.tree.map(add, dparams, params)

    return penalised


def _square(w: Float[Array, "..."]) -> Scalar:
    """Return the sum of the squares of a kernel; 0 of anything else."""
    return jnp.sum(w * w) if w.ndim > 1 else jnp.zeros((), w.dtype)
