"""Other ways to compute the gradient of `jaxmlp.nn.value_and_grad`, for comparison.

Each takes a model and a loss and returns a function with the same arguments and the same result,
`(params, x, targets, weights=None, key=None) -> ((value, outputs), gradient)`. Two of them are
exact, and one is approximate. All are slower than backpropagation, and they are here to show that.
Lecture rows B4, B7, C3.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Float, Integer, PyTree

from jaxmlp.errors import InputError, check
from jaxmlp.nn.backprop import ValueAndGrad, objective
from jaxmlp.nn.layers import Chain, Layer, in_order, parts
from jaxmlp.nn.losses import Loss
from jaxmlp.nn.types import Array, Cache, Outputs, Params, RandomKey, Scalar, Targets, Weights

Step = Callable[[Layer, Params, Cache, Array], tuple[Params, Array]]
Layers = tuple[Params, ...]  # something of each layer: its parameters, or their gradient
Means = tuple[tuple[Array, Layers], Array]  # ((value, gradients), outputs)
Mean = Callable[[Layers, Array, Array, Array], Means]


def algorithm_1(model: Layer, loss: Loss, down_to: int = 1) -> ValueAndGrad:
    """Backpropagation as lecture C writes it, one example after the other (lecture rows C3, D8).

    For each example n: go forward and store what every layer needs; compute `g = dl_n/dx_K`; then
    for `k = K, ..., 1`: emit `g dx_k/dw_k` and replace `g` by `g dx_k/dx_{k-1}`. The gradient is
    the running mean of what was emitted, `mean_n = ((n - 1) mean_{n-1} + new_n) / n`. With example
    weights, n is replaced by the sum of the weights so far, and 1 by the example's weight.

    In the printed algorithm the loop ends at `k = 2`, so it never emits the gradient of layer 1
    (erratum 4).

    Args:
      model: the network, a chain or a single layer.
      loss: the loss of its raw outputs.
      down_to: the last k; 2 is the printed version, whose gradient lacks the first layer.

    Returns:
      A function like `nn.value_and_grad(model, loss)`, but without a key: dropout draws the masks
      of a whole batch at once.

    Raises:
      InputError: if there is no layer `down_to`; when called, if there is a key.
    """
    layers = parts(model)
    check(1 <= down_to <= len(layers), "down_to", f"a layer from 1 to {len(layers)}", down_to)

    def step(layer: Layer, w: Params, cache: Cache, g: Array) -> tuple[Params, Array]:
        return layer.backward(w, cache, g)

    def running_mean(w: Layers, x: Array, targets: Targets, weights: Weights) -> Means:
        def add(carry: PyTree, example: PyTree) -> PyTree:
            total, mean = carry
            x_n, y_n, weight = example
            new, outputs = _one_example(layers, loss, step, w, x_n, y_n, down_to)
            total = total + weight
            share = jnp.where(weight > 0, weight / total, 0)  # without weights 1 / n
            mean = jax.tree.map(lambda m, d: (1 - share) * m + share * d, mean, new)
            return (total, mean), outputs

        weights = loss.counted(targets, weights)
        nothing = jnp.zeros((), x.dtype)
        mean = (nothing, jax.tree.map(jnp.zeros_like, w[down_to - 1 :]))
        (_, mean), outputs = jax.lax.scan(add, (nothing, mean), (x, targets, weights))
        return mean, outputs

    return _example_by_example(model, running_mean)


def jacobian_products(model: Layer, loss: Loss) -> ValueAndGrad:
    """The gradient as a product of Jacobian matrices, all of them formed (lecture rows B7, C3).

    For each example, from the loss down, with the row vector `g = dl/dx_k`: `dl/dw_k = g dx_k/dw_k`
    and `dl/dx_{k-1} = g dx_k/dx_{k-1}`. The result is the (weighted) mean over the examples.

    The numbers are those of `nn.value_and_grad`, whose layers compute the product without the
    matrix. For a dense layer from 784 to 128, `dx_k/dw_k` has 128 rows of 100,480 entries, and 785
    entries of a row are not zero: each example takes 51 MB of float32 to compute 0.4 MB.

    Args:
      model: the network, a chain or a single layer.
      loss: the loss of its raw outputs.

    Returns:
      A function like `nn.value_and_grad(model, loss)`, but without a key: dropout draws the masks
      of a whole batch at once.

    Raises:
      InputError: when called, if there is a key.
    """
    layers = parts(model)

    def step(layer: Layer, w: Params, cache: Cache, g: Array) -> tuple[Params, Array]:
        by_w, by_x = _matrices(layer, w, cache, g)
        row = g.ravel()
        return jax.tree.map(lambda J, leaf: (row @ J).reshape(leaf.shape), by_w, w), row @ by_x

    def weighted_mean(w: Layers, x: Array, targets: Targets, weights: Weights) -> Means:
        each, outputs = jax.lax.map(
            lambda example: _one_example(layers, loss, step, w, *example), (x, targets)
        )
        weights = loss.counted(targets, weights)
        share = weights / jnp.sum(weights)
        return jax.tree.map(lambda d: jnp.tensordot(share, d, 1), each), outputs

    return _example_by_example(model, weighted_mean)


def jacobians(
    layer: Layer, params: Params, x: Float[Array, "..."]
) -> tuple[Params, Float[Array, "outputs inputs"]]:
    """Return a layer's two Jacobian matrices at one example: lecture C, equation 5.

    Lecture rows B7, C3, C9.

    Row i is the result of the layer's `backward` for the i-th unit vector.

    Args:
      layer: any layer.
      params: its parameters.
      x: one example, without the batch axis.

    Returns:
      `dy/dparams`, for each parameter a matrix (outputs, entries of the parameter), and `dy/dx`, a
      matrix (outputs, inputs).
    """
    y, cache = layer.forward(params, x[None])
    return _matrices(layer, params, cache, y)


def _matrices(
    layer: Layer, params: Params, cache: Cache, y: Float[Array, "1 ..."]
) -> tuple[Params, Float[Array, "outputs inputs"]]:
    """Return the Jacobians from the cache; only the shape and type of `y` count."""
    units = jnp.eye(y.size, dtype=y.dtype).reshape(y.size, *y.shape)
    rows = jax.vmap(lambda unit: layer.backward(params, cache, unit))(units)
    return jax.tree.map(lambda J: J.reshape(y.size, -1), rows)


def _one_example(
    layers: tuple[Layer, ...],
    loss: Loss,
    step: Step,
    params: Layers,
    x: Float[Array, "..."],
    y: Targets,
    down_to: int = 1,
) -> tuple[tuple[Scalar, Layers], Float[Array, "K"]]:
    """Return one example's loss, the gradient of the layers from `down_to` on, and the outputs."""
    x_k, stored = x[None], []
    for layer, w in zip(layers, params, strict=True):
        shape = x_k.shape
        x_k, cache = layer.forward(w, x_k)
        stored.append((layer, w, cache, shape))
    g = loss.per_example_gradient(x_k, y[None])
    gradient: tuple[Params, ...] = ()
    for layer, w, cache, shape in reversed(stored[down_to - 1 :]):
        dw, g = step(layer, w, cache, g)
        g, gradient = g.reshape(shape), (dw, *gradient)
    return (loss.per_example(x_k, y[None])[0], gradient), x_k[0]


def _example_by_example(model: Layer, mean: Mean) -> ValueAndGrad:
    """A function like `nn.value_and_grad(model, loss)` that takes one example after the other.

    Args:
      model: a chain, or a single layer.
      mean: `(params of each layer, x, targets, weights) -> ((value, gradients), outputs)`, the
        weighted mean over the examples.

    Returns:
      The function. It raises `InputError` if there is a key.
    """

    def value_and_gradient(
        params: Params,
        x: Float[Array, "N ..."],
        targets: Targets,
        weights: Weights | None = None,
        key: RandomKey | None = None,
    ) -> tuple[tuple[Scalar, Outputs], Params]:
        if key is not None:
            raise InputError("key must be None: dropout cannot be drawn for one example at a time")
        w = tuple(p for _, p in in_order(model, params))
        ones = jnp.ones(len(x), x.dtype)
        (value, gradient), outputs = mean(w, x, targets, ones if weights is None else weights)
        return (value, outputs), gradient if isinstance(model, Chain) else gradient[0]

    return value_and_gradient


def finite_differences(
    model: Layer, loss: Loss, step: float | None = None, central: bool = True
) -> ValueAndGrad:
    """The gradient by differences: each weight in turn is moved a little (lecture row B4).

    Forward differences, as in the lecture: `dL/dw_i = (L(w + h e_i) - L(w)) / h`, with the error
    `h L''/2`. Central differences: `(L(w + h e_i) - L(w - h e_i)) / 2h`, with the error
    `h^2 L'''/6`. This truncation error is small if the step h is small; the round-off error,
    `eps L / h`, is small if h is large. Their sum is smallest near `eps^(1/2)` and `eps^(1/3)`, the
    defaults, where about eight and ten of float64's sixteen digits are right.

    Each weight needs one or two losses, and the cost of a loss is proportional to the number n of
    weights. So the total cost is proportional to n^2; that of backpropagation is proportional to n.

    Args:
      model: the network.
      loss: the loss of its raw outputs.
      step: h; `None` chooses the default.
      central: whether to step to both sides.

    Returns:
      A function like `nn.value_and_grad(model, loss)`. With a key all losses have the same dropout.

    Raises:
      InputError: if the step is not a positive number.
    """
    good = step is None or (step > 0 and math.isfinite(step))
    check(good, "step", "a finite positive number", step)
    value = objective(model, loss)

    def value_and_gradient(
        params: Params, *data: PyTree, **more: PyTree
    ) -> tuple[tuple[Scalar, Outputs], Params]:
        w, unravel = ravel_pytree(params)
        h = float(jnp.finfo(w.dtype).eps) ** (1 / 3 if central else 1 / 2) if step is None else step
        slope = slopes(
            lambda w: value(unravel(w), *data, **more)[0], w, jnp.arange(w.size), h, central
        )
        return value(params, *data, **more), unravel(slope)

    return value_and_gradient


def slopes(
    f: Callable[[Array], Array],
    w: Float[Array, "n"],
    indices: Integer[Array, "m"],
    step: float | Scalar,
    central: bool = True,
) -> Float[Array, "m"]:
    """Return `df/dw_i` of a function of a vector by differences, for some of the i.

    Lecture row B4.

    Args:
      f: a function from a vector to a scalar.
      w: the point, `(n,)`.
      indices: the i, `(m,)`.
      step: h; with a negative one, forward differences become backward differences.
      central: whether to step to both sides.

    Returns:
      Slopes `(m,)`.
    """
    if central:
        return jax.lax.map(
            lambda i: (f(w.at[i].add(step)) - f(w.at[i].add(-step))) / (2 * step), indices
        )
    start = f(w)
    return jax.lax.map(lambda i: (f(w.at[i].add(step)) - start) / step, indices)
