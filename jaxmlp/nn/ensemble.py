"""Several networks side by side that answer together.

Each member starts from a key of its own and drops units of its own. In training each member follows
its own loss, as if it were alone (`members_value_and_grad`); their answers are averaged only when
the network is used. A first axis of every parameter counts the members, so one program trains them
all (Lakshminarayanan, Pritzel and Blundell 2017: deep ensembles; Gorishniy, Kotelnikov and Babenko
2025: TabM, whose members share most of their parameters, which ours do not).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Float, Key

from jaxmlp.errors import check
from jaxmlp.nn.backprop import ValueAndGrad
from jaxmlp.nn.layers import Layer, given
from jaxmlp.nn.types import (
    Array,
    Cache,
    Outputs,
    Params,
    RandomKey,
    Scalar,
    Shape,
    Targets,
    Weights,
)

APART = 1_000_000  # the members' keys lie beyond those that layers draw from the same key

OfMembers = Float[Array, "K N O"]


class Mix(NamedTuple):
    """How the outputs of several networks become those of one.

    Attributes:
      forward: `z (K, N, O) -> y (N, O)`.
      backward: `(z, dy) -> dz`.
    """

    forward: Callable[[OfMembers], Float[Array, "N O"]]
    backward: Callable[[OfMembers, Float[Array, "N O"]], OfMembers]


def _mean(z: OfMembers) -> Float[Array, "N O"]:
    return jnp.mean(z, axis=0)


def _mean_backward(z: OfMembers, dy: Float[Array, "N O"]) -> OfMembers:
    return jnp.broadcast_to(dy[None] / len(z), z.shape)


def _log_mean_exp(log_p: OfMembers) -> Float[Array, "N O"]:
    return jax.nn.logsumexp(log_p, axis=0) - jnp.log(jnp.asarray(len(log_p), log_p.dtype))


def _softmax_mixed(z: OfMembers) -> Float[Array, "N O"]:
    return _log_mean_exp(jax.nn.log_softmax(z, axis=2))


def _softmax_mixed_backward(z: OfMembers, dy: Float[Array, "N O"]) -> OfMembers:
    log_p = jax.nn.log_softmax(z, axis=2)
    dlog_p = dy[None] * jax.nn.softmax(log_p, axis=0)  # of a member's share in the sum
    return dlog_p - jnp.exp(log_p) * jnp.sum(dlog_p, axis=2, keepdims=True)


def _sigmoid_mixed(z: OfMembers) -> Float[Array, "N O"]:
    return _log_mean_exp(jax.nn.log_sigmoid(z)) - _log_mean_exp(jax.nn.log_sigmoid(-z))


def _sigmoid_mixed_backward(z: OfMembers, dy: Float[Array, "N O"]) -> OfMembers:
    yes, no = (jax.nn.softmax(jax.nn.log_sigmoid(s), axis=0) for s in (z, -z))
    return dy[None] * (yes * jax.nn.sigmoid(-z) + no * jax.nn.sigmoid(z))


MEAN = Mix(_mean, _mean_backward)
"""The mean of the outputs, `y = sum_k z_k / K`; `dz_k = dy / K`."""

SOFTMAX = Mix(_softmax_mixed, _softmax_mixed_backward)
"""The logarithm of the mean probability, `y = log(sum_k a_k / K)` with `a_k = softmax(z_k)`.

So `softmax(y)` is that mean. With `u_k = a_k / sum_j a_j` and `d_k = dy u_k` it follows that
`dz_k = d_k - a_k sum_i d_ki`.
"""

SIGMOID = Mix(_sigmoid_mixed, _sigmoid_mixed_backward)
"""The logit of the mean probability, `y = log p - log(1 - p)` with `p = sum_k sigmoid(z_k) / K`.

With `a_k = sigmoid(z_k)`, `u_k = a_k / sum_j a_j` and `v_k = (1 - a_k) / sum_j (1 - a_j)`:
`dz_k = dy (u_k (1 - a_k) + v_k a_k)`.
"""


def ensemble(member: Layer, count: int, mix: Mix = MEAN) -> Layer:
    """A layer of several networks of the same form, whose outputs are mixed into one.

    `y = mix(f(x; w_1), ..., f(x; w_K))`, and `dx = sum_k dx_k`.

    Args:
      member: the network of one member, to outputs `(O,)`.
      count: the number of members, `K`.
      mix: how their outputs are mixed: `MEAN`, `SOFTMAX` or `SIGMOID`.

    Returns:
      A layer with the member's parameters, whose first axis counts the members. The first member
      starts, and drops units, as the network alone does.

    Raises:
      InputError: if there is no member.
    """
    check(count >= 1, "ensemble", "at least 1", count)

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        drawn = [member.init(k, shape, **given(dtype)) for k in _keys(key, count)]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *(p for p, _ in drawn)), drawn[0][1]

    def forward(
        params: Params, x: Float[Array, "N ..."], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N O"], Cache]:
        keys = None if key is None else _keys(key, count)
        axes = (0, None if key is None else 0)
        z = jax.vmap(lambda p, k: member.forward(p, x, k)[0], axes)(params, keys)
        return mix.forward(z), (z, x, keys)

    def backward(
        params: Params, cache: Cache, dy: Float[Array, "N O"]
    ) -> tuple[Params, Float[Array, "N ..."]]:
        z, x, keys = cache

        def backward_of(
            p: Params, dz: Float[Array, "N O"], k: RandomKey | None
        ) -> tuple[Params, Float[Array, "N ..."]]:
            _, own = member.forward(p, x, k)  # again: a cache may hold more than arrays
            return member.backward(p, own, dz)

        axes = (0, 0, None if keys is None else 0)
        dparams, dx = jax.vmap(backward_of, axes)(params, mix.backward(z, dy), keys)
        return dparams, jnp.sum(dx, axis=0)

    name, settings = f"ensemble of {count}: {member.name}", {"member": member, "mix": mix}
    return Layer(init, forward, backward, name, "ensemble", settings)


def members_value_and_grad(alone: ValueAndGrad, count: int, mix: Mix) -> ValueAndGrad:
    """The objective of an ensemble in training with its gradient: each member's own.

    The value is the mean of the members' losses, the outputs are mixed, and the gradient of each
    member is that of its own loss, as if it were trained alone.

    Args:
      alone: the objective of one member with its gradient, by hand or by machine.
      count: the number of members.
      mix: how their outputs are mixed.

    Returns:
      A function `(params, x, targets, weights=None, key=None) -> ((value, outputs), dparams)`.
    """

    def value_and_gradient(
        params: Params,
        x: Float[Array, "N ..."],
        targets: Targets,
        weights: Weights | None = None,
        key: RandomKey | None = None,
    ) -> tuple[tuple[Scalar, Outputs], Params]:
        keys = None if key is None else _keys(key, count)
        axes = (0, None, None, None, None if key is None else 0)
        (values, z), dparams = jax.vmap(alone, axes)(params, x, targets, weights, keys)
        return (jnp.mean(values), mix.forward(z)), dparams

    return value_and_gradient


def _keys(key: RandomKey, count: int) -> Key[jax.Array, "K"]:
    """Return a key for each member; the first has the key itself."""
    others = [jax.random.fold_in(key, APART + k) for k in range(1, count)]
    return jnp.stack([key, *others])
