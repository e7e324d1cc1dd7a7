"""Units that learn nothing: dead ones, and saturated ones (lecture row B11).

A unit whose activation has the slope 0 on every example passes no gradient back, so neither its
kernel nor its bias moves: it is dead on these examples. This is what happens to ReLU. The slopes of
the sigmoid and of tanh are never 0, but tiny far from 0: the unit is saturated there.

All of it is read off the slopes `f'(z)`, which a layer's `backward` returns for `da = 1`.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Bool, Float

from jaxmlp.errors import check
from jaxmlp.nn import activations
from jaxmlp.nn.activations import Activation
from jaxmlp.nn.layers import Layer, in_order
from jaxmlp.nn.types import Array, Cache, Params, Scalar

STEEPEST = {"sigmoid": 0.25, "tanh": 1.0}  # the slope at 0 of those that saturate at both ends
LEARNED = ("prelu",)


class Health(NamedTuple):
    """The state of the units after one activation.

    Attributes:
      layer: the number of the layer in its chain, counted from 1.
      name: the name of the activation.
      dead: for each unit (in an image: each channel), whether its slope is 0 on every example.
      saturated: the share of all pairs of example and unit where a sigmoid or tanh is saturated;
        `None` for an activation that does not saturate at both ends.
    """

    layer: int
    name: str
    dead: Bool[Array, "F"]
    saturated: Scalar | None

    @property
    def dead_share(self) -> float:
        """The share of the units that are dead."""
        return float(jnp.mean(self.dead))


def dead_units(slopes: Float[Array, "N *P F"]) -> Bool[Array, "F"]:
    """Return for each unit whether its slope is 0 on every example (lecture row B11).

    Args:
      slopes: `f'(z)`, `(N, F)`; of images `(N, H, W, F)`, whose units are the channels.

    Returns:
      Whether each unit is dead.

    Raises:
      InputError: if there is no example: every unit would be dead.
    """
    check(slopes.size > 0, "the number of slopes", "at least 1", slopes.size)
    return jnp.all(slopes == 0, axis=tuple(range(slopes.ndim - 1)))


def saturated_share(slopes: Float[Array, "N *F"], steepest: float, share: float = 0.1) -> Scalar:
    """Return the share of slopes below a tenth of the steepest one (lecture row B11).

    For the sigmoid this is where `|z| > 3.64`, for tanh, which is `2 sigmoid(2 z) - 1`, where
    `|z| > 1.82`.

    Args:
      slopes: `f'(z)` of every example and unit.
      steepest: the slope of the activation at 0: 1/4 for the sigmoid, 1 for tanh.
      share: below this share of the steepest slope a unit counts as saturated.

    Returns:
      A share in [0, 1].

    Raises:
      InputError: if the steepest slope is not positive, or the share lies outside (0, 1).
    """
    check(steepest > 0, "steepest", "positive", steepest)
    check(0 < share < 1, "share", "in (0, 1)", share)
    return jnp.mean(jnp.asarray(slopes < share * steepest, slopes.dtype))


def health(model: Layer, params: Params, caches: Cache) -> tuple[Health, ...]:
    """Return the state of the units of a network on some examples (lecture row B11).

    Args:
      model: a chain of layers.
      params: its parameters.
      caches: what `model.forward` kept of these examples.

    Returns:
      A record for each activation, first to last.
    """
    found = []
    for number, ((layer, p), cache) in enumerate(
        zip(in_order(model, params), caches, strict=True), 1
    ):
        if not is_activation(layer):
            continue
        z = cache[0] if isinstance(cache, tuple) else cache  # prelu keeps z alone
        _, slopes = layer.backward(p, cache, jnp.ones_like(z))
        steepest = STEEPEST.get(layer.kind)
        saturated = None if steepest is None else saturated_share(slopes, steepest)
        found.append(Health(number, layer.name, dead_units(slopes), saturated))
    return tuple(found)


def is_activation(layer: Layer) -> bool:
    """Return whether a layer applies an activation, fixed or learned."""
    known = isinstance(getattr(activations, layer.kind, None), Activation)
    return known or layer.kind in (*LEARNED, "rounded_relu")
