"""Second derivatives: the Hessian from hand-written gradients, and what it says of a risk.

`H = d^2 L / dw^2` has `n^2` numbers, which is why the lectures leave second-order steps to others
(lecture row C13). A product `H v` takes two gradients and no matrix (Pearlmutter 1994 has it
exactly; here it is a central difference). The smallest eigenvalue tells whether the risk is convex
at a point (lecture row C11), and the eigenvectors tell which directions are steep and which are
flat (lecture row D12).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.backprop import value_and_grad
from jaxmlp.nn.layers import Layer
from jaxmlp.nn.mean_loss import Loss
from jaxmlp.nn.types import Array, Params, Scalar, Targets, Weights

Vector = Float[Array, "n"]
Matrix = Float[Array, "n n"]
Gradient = Callable[[Array], Array]  # of a vector of all parameters, (n,) -> (n,)


class Flat(NamedTuple):
    """A risk as a function of one vector that holds all parameters.

    Attributes:
      w: the parameters, `(n,)`.
      value: `w -> L`.
      gradient: `w -> dL/dw`, by hand.
      restore: `w -> params`, a tree again.
    """

    w: Vector
    value: Callable[[Array], Scalar]
    gradient: Gradient
    restore: Callable[[Array], Params]


def flat_risk(
    model: Layer,
    loss: Loss,
    params: Params,
    x: Float[Array, "N ..."],
    targets: Targets,
    weights: Weights | None = None,
) -> Flat:
    """Return the mean loss of a network on some examples as a function of one vector.

    Args:
      model: the network.
      loss: the loss of its raw outputs.
      params: the parameters at which the vector starts.
      x: the inputs.
      targets: the targets.
      weights: of the examples, or `None`.

    Returns:
      The risk; value and gradient are compiled.
    """
    w, restore = ravel_pytree(params)
    both = value_and_grad(model, loss)

    @jax.jit
    def value(w: Vector) -> Scalar:
        return both(restore(w), x, targets, weights)[0][0]

    @jax.jit
    def gradient(w: Vector) -> Vector:
        return ravel_pytree(both(restore(w), x, targets, weights)[1])[0]

    return Flat(w, value, gradient, restore)


def hessian_vector(gradient: Gradient, w: Vector, v: Vector) -> Vector:
    """Return `H v = (g(w + h v) - g(w - h v)) / (2 h)`, from two gradients (lecture row C13).

    The step `h |v| = eps^(1/3) max(1, |w|)` balances the error of the difference, `h^2`, against
    that of rounding, `eps / h`: about 1e-10 of `|H|` in float64, 1e-4 in float32. Across a kink,
    as ReLU has it, the difference is that of the two sides.

    Args:
      gradient: `w -> dL/dw`.
      w: the point, `(n,)`.
      v: the direction, `(n,)`.

    Returns:
      The product, `(n,)`; 0 for the direction 0.
    """
    length = jnp.linalg.norm(v)
    step = jnp.finfo(w.dtype).eps ** (1 / 3) * jnp.maximum(1, jnp.linalg.norm(w))
    h = step / jnp.where(length > 0, length, 1)
    return (gradient(w + h * v) - gradient(w - h * v)) / (2 * h)


def hessian(gradient: Gradient, w: Vector) -> Matrix:
    """Return the whole Hessian, `n` products with unit vectors: `2 n` gradients, `n^2` numbers.

    Args:
      gradient: `w -> dL/dw`.
      w: the point, `(n,)`.

    Returns:
      `H`, made symmetric by the mean with its transpose.
    """
    rows = jax.lax.map(lambda v: hessian_vector(gradient, w, v), jnp.eye(w.size, dtype=w.dtype))
    return (rows + rows.T) / 2


def hessian_bytes(n: int, dtype: str = "float32") -> int:
    """Return the memory of a dense Hessian, `n^2` numbers (lecture row C13).

    The 101,770 parameters of 784-128-10 need 0.4 MB, their Hessian 41 GB.

    Args:
      n: the number of parameters.
      dtype: the type of a number.

    Returns:
      Bytes.

    Raises:
      InputError: if `n` is negative.
    """
    check(n >= 0, "n", "at least 0", n)
    return n * n * jnp.dtype(dtype).itemsize


def smallest_eigenvalue(gradient: Gradient, w: Vector) -> Scalar:
    """Return the smallest eigenvalue of the Hessian at a point (lecture row C11).

    A risk that is convex has none below 0 anywhere, up to the rounding of `hessian_vector`. This
    is so for logistic and softmax regression, `H = mean_n (diag(p) - p p^T) x x^T`, and not for
    networks with hidden units (erratum 21).

    Args:
      gradient: `w -> dL/dw`.
      w: the point, `(n,)`.

    Returns:
      The eigenvalue.
    """
    return jnp.linalg.eigvalsh(hessian(gradient, w))[0]


class Shares(NamedTuple):
    """How a gradient is divided among the eigenvectors of a Hessian.

    Attributes:
      curvatures: the eigenvalues, ascending: the flat directions first.
      shares: of the gradient's squared length, along each eigenvector; they sum to 1.
    """

    curvatures: Float[Array, "n"]
    shares: Float[Array, "n"]


def gradient_shares(H: Matrix, gradient: Vector) -> Shares:
    """Return the gradient's share along each eigenvector of the Hessian (lecture row D12).

    On a quadratic with `H u_i = lambda_i u_i` and the distance `sum_i c_i u_i` from the minimum,
    the gradient is `sum_i lambda_i c_i u_i`, so its shares are `(lambda_i c_i)^2` of their sum.
    Where all `c_i` are alike they are as the squares of the curvatures: at a condition number of
    100 the steep direction has 10,000 times the share of the flat one, with the same way to go.

    Args:
      H: a symmetric matrix, `(n, n)`.
      gradient: `(n,)`.

    Returns:
      Curvatures and shares.

    Raises:
      InputError: if the gradient is 0, which has no direction.
    """
    check(bool(jnp.any(gradient != 0)), "the gradient", "different from 0", 0)
    curvatures, u = jnp.linalg.eigh(H)
    along = (u.T @ gradient) ** 2
    return Shares(curvatures, along / jnp.sum(along))
