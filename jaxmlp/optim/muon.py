"""Muon: the momentum of a hidden matrix, made orthogonal (Jordan et al. 2024).

A step of plain descent follows the few directions in which the gradient of a matrix is large. Muon
replaces all singular values of the momentum by about 1, so that it moves as far in each direction.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxmlp.optim.adaptive import AdamState, adam
from jaxmlp.optim.base import (
    Array,
    Count,
    Leaf,
    Number,
    Optimizer,
    Params,
    Plain,
    Scalar,
    State,
    Updates,
    check_decay,
    count_up,
    make_optimizer,
    map_arrays,
    zero_count,
    zeros,
)
from jaxmlp.optim.schedules import Rate, schedule_of
from jaxmlp.optim.wrappers import with_weight_decay

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # a, b, c
ITERATIONS = 5
ROOT_MEAN_SQUARE = 0.2  # of a step over the rate, about that of AdamW
EPSILON = 1e-8  # keeps the divisor of a gradient of zeros from 0


def newton_schulz(G: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """Return about the nearest orthogonal matrix, by products alone.

    `X = G / |G|_F`, then five times `X <- a X + (b A + c A^2) X` with `A = X X^T`. If
    `G = U S V^T` is the singular value decomposition, the result is `U S' V^T`: every iteration
    maps each singular value by `s <- a s + b s^3 + c s^5`. The exact answer, the polar factor,
    is `U V^T`. The coefficients do not converge: they make small values grow fastest (3.4445 times
    in an iteration), and leave those from 0.003 on between 0.68 and 1.21, which is near enough.

    Args:
      G: a matrix.

    Returns:
      A matrix of the same shape; zeros for zeros.
    """
    a, b, c = NEWTON_SCHULZ
    X = G / (jnp.linalg.norm(G) + EPSILON)
    tall = X.shape[0] > X.shape[1]
    X = X.T if tall else X  # A has the shorter side
    for _ in range(ITERATIONS):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    return X.T if tall else X


class MuonState(NamedTuple):
    """What the rule remembers.

    Attributes:
      t: number of updates made, int32.
      m: the momentum of each hidden kernel.
      others: Adam's state of the other arrays.
    """

    t: Count
    m: list[Array]
    others: AdamState


def muon(
    learning_rate: Rate,
    mu: Number = 0.95,
    beta1: Number = 0.9,
    beta2: Number = 0.999,
    epsilon: Number = 1e-8,
    weight_decay: Number = 0.1,
    epsilon_inside: bool = False,
) -> Optimizer:
    """Muon for the hidden kernels, AdamW for all other arrays (Jordan et al. 2024).

    `m <- mu m + dw`, `u = dw + mu m` (Nesterov's form), and for a kernel of `n` rows and `k`
    columns `w <- w - eta_t 0.2 sqrt(max(n, k)) newton_schulz(u) - eta_t lambda w`. With this factor
    of Liu et al. (2025) the numbers of a step are as large as those of AdamW, so that one rate and
    one weight decay serve both rules. Jordan's own factor is `sqrt(max(1, k / n))`.

    Hidden kernels are arrays of two axes (dense) and of four (convolution), but for the last in the
    tree: the kernel of the output layer. A kernel of a convolution `(k, k', C, O)` is taken as the
    matrix of its product with windows, `(k k' C, O)`. The first kernel counts as hidden, since the
    inputs are dense numbers and no indices. Embeddings have three axes and learn by AdamW.

    Args:
      learning_rate: `eta`, a number or a schedule.
      mu: momentum of the hidden kernels, in [0, 1).
      beta1: decay of Adam's first moment, in [0, 1).
      beta2: decay of Adam's second moment, in [0, 1).
      epsilon: keeps Adam's divisor from 0.
      weight_decay: `lambda`, of all kernels.
      epsilon_inside: of Adam, see `adam`.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, `mu` or a beta lies outside [0, 1), epsilon
        is negative, or lambda is negative or not finite.
    """
    fixed = {"mu": check_decay("momentum", mu)}
    eta_of = schedule_of(learning_rate)
    rest = adam(learning_rate, beta1, beta2, epsilon, epsilon_inside)

    def rule(dw: Leaf, m: Leaf, eta: Scalar, mu: Plain) -> tuple[Leaf, Leaf]:
        m = mu * m + dw
        u = (dw + mu * m).reshape(-1, dw.shape[-1])
        size = ROOT_MEAN_SQUARE * max(u.shape) ** 0.5
        step = -eta * size * newton_schulz(u)
        return step.reshape(dw.shape), m

    def init(params: Params) -> MuonState:
        hidden, others = _split(params)
        return MuonState(zero_count(), zeros(hidden), rest.init(others))

    def update(
        gradients: Updates, state: MuonState, params: Params | None = None
    ) -> tuple[Updates, State]:
        hidden, others = _split(gradients)
        numbers = fixed | {"eta": eta_of(state.t)}
        steps, m = map_arrays(rule, hidden, state.m, **numbers)
        further, adams = rest.update(others, state.others)
        return _join(gradients, steps, further), MuonState(count_up(state.t), m, adams)

    return with_weight_decay(make_optimizer(init, update), learning_rate, weight_decay)


def is_hidden(tree: Updates) -> list[tuple[Any, bool]]:
    """Return the leaves of a tree, each with whether it is a hidden kernel.

    Args:
      tree: the parameters of a network or their gradients, in the order of its layers.

    Returns:
      A pair for each leaf, in the tree's order.
    """
    leaves = jax.tree.leaves(tree)
    kernels = [i for i, leaf in enumerate(leaves) if jnp.ndim(leaf) in (2, 4)]
    return [(leaf, i in kernels[:-1]) for i, leaf in enumerate(leaves)]


def _split(tree: Updates) -> tuple[list[Any], list[Any]]:
    """Return the hidden kernels, and the other leaves."""
    pairs = is_hidden(tree)
    return [leaf for leaf, good in pairs if good], [leaf for leaf, good in pairs if not good]


def _join(tree: Updates, hidden: Updates, others: Updates) -> Updates:
    """Return the tree that `_split` takes apart so, of the same structure as the given one."""
    parts = {True: iter(hidden), False: iter(others)}
    leaves = [next(parts[good]) for _, good in is_hidden(tree)]
    return jax.tree.unflatten(jax.tree.structure(tree), leaves)
