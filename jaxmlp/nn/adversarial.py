"""Adversarial training: each batch is learned beside the worst batch near it."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.backprop import ValueAndGrad, ValueAndGrads
from jaxmlp.nn.types import Array, Outputs, Params, RandomKey, Scalar, Targets, Weights


def adversarial(value_and_grads: ValueAndGrads, epsilon: Scalar | float) -> ValueAndGrad:
    """The gradient of `(L(w, x) + L(w, x')) / 2` with `x' = x + epsilon sign(dL/dx)`.

    To first order `x'` is the input with the greatest loss among those that differ from `x` by at
    most `epsilon` in each number (the fast gradient sign method, Goodfellow, Shlens and Szegedy
    2015, equation 7 and section 6). `x'` counts as a constant: the derivative of a sign is 0. A
    step costs two gradients.

    Args:
      value_and_grads: the objective with its gradients of parameters and inputs, by hand or by
        machine: `(params, x, ...) -> ((value, outputs), (dparams, dx))`.
      epsilon: the greatest change of a prepared input, positive.

    Returns:
      A function `(params, x, targets, weights=None, key=None) -> ((value, outputs), dparams)`. The
      value and the outputs are those at `x`. Both gradients see the same dropout.

    Raises:
      InputError: if epsilon is not positive and finite.
    """
    if not isinstance(epsilon, jax.core.Tracer):  # the argument of a program is checked before
        allowed = 0 < float(epsilon) < math.inf
        check(allowed, "adversarial", "a finite positive number", epsilon)

    def value_and_gradient(
        params: Params,
        x: Float[Array, "N ..."],
        targets: Targets,
        weights: Weights | None = None,
        key: RandomKey | None = None,
    ) -> tuple[tuple[Scalar, Outputs], Params]:
        value, (dparams, dx) = value_and_grads(params, x, targets, weights, key)
        worst = x + jnp.asarray(epsilon, x.dtype) * jnp.sign(dx).astype(x.dtype)
        _, (dworst, _) = value_and_grads(params, worst, targets, weights, key)
        return value, jax.tree.map(lambda a, b: (a + b) / 2, dparams, dworst)

    return value_and_gradient
