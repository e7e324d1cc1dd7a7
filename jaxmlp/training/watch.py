"""A look inside a network in training: what its layers put out, and how they would move.

All numbers belong to one set of examples, the probe, and to one state of the training. The look is
a pure function of both, compiled apart from the training, which it cannot change.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.nn.health import health
from jaxmlp.nn.layers import Layer, in_order, parts
from jaxmlp.nn.noise import ONLY_IN_TRAINING
from jaxmlp.optim.base import Params, length_of
from jaxmlp.training.mesh import put_whole
from jaxmlp.training.parts import Part
from jaxmlp.training.step import Examples, TrainState
from jaxmlp.training.trainer import Trainer
from jaxmlp.training.types import Array, Bins, Count, Edges, Scalar

PROBE = 256  # examples at most
BINS = 30  # of a histogram
STREAM = 2**32 - 2  # of random numbers; no epoch has this number, see `jaxmlp.training.orders`
UNCHANGED = ("flatten", *ONLY_IN_TRAINING)  # layers that change no value of an evaluated network


class Values(NamedTuple):
    """The values of one layer, over all examples and units.

    Attributes:
      mean, deviation: of the values; the deviation divides by their number less 1.
      counts: how many values lie in each bin of the histogram.
      edges: the ends of the bins, of equal width from the smallest to the largest value.
    """

    mean: Scalar
    deviation: Scalar
    counts: Bins
    edges: Edges


class LayerSeen(NamedTuple):
    """What was seen of one layer. A number that the layer does not have is `None`.

    Attributes:
      output: the values that it puts out.
      apart: how far the units of an example lie apart: the root of the mean, over the examples, of
        the variance over the units. Units that are all alike give 0.
      units: the number of its units; in an image, of its channels.
      gradient: the norm of the gradient of its parameters.
      update: the norm of the step that its parameters would take next.
      weights: the norm of its parameters.
      dead: the share of its units whose slope is 0 on every example; of activations.
      saturated: the share of values where it is saturated; of the sigmoid and tanh.
    """

    output: Values
    apart: Scalar
    units: Count
    gradient: Scalar | None
    update: Scalar | None
    weights: Scalar | None
    dead: Scalar | None
    saturated: Scalar | None


class Seen(NamedTuple):
    """What was seen of a network.

    Attributes:
      loss: the loss of the probe.
      layers: the layers that change values, first to last.
    """

    loss: Scalar
    layers: tuple[LayerSeen, ...]


Look = Callable[[TrainState, Examples], Seen]


def make_look(trainer: Trainer, network: Layer, several: bool) -> Look:
    """The compiled look inside a network (lecture rows B11, E8).

    The gradient is that of the probe's loss without dropout. The step is the one that training
    would take next if the probe were its batch, with dropout and all else that belongs to a step.

    Args:
      trainer: the compiled functions of the training.
      network: the network, or one member of several.
      several: whether the parameters are those of several members; then the first one is seen.

    Returns:
      `(state, probe) -> seen`; it changes neither.
    """

    def first(tree: Params) -> Params:
        return jax.tree.map(lambda leaf: leaf[0], tree) if several else tree

    def look(state: TrainState, probe: Examples) -> Seen:
        x, params = trainer.judge.prepare(probe.x), state.params
        (loss, _), gradient = trainer.objective(params, x, probe.targets, probe.weights, None)
        stepped = trainer.step(state, probe).params
        update = jax.tree.map(lambda new, old: new - old, stepped, params)
        norms = [_norms(network, first(tree)) for tree in (gradient, update, params)]
        return Seen(loss, _look_through(network, first(params), x, norms))

    return jax.jit(look)


def seen_layers(network: Layer) -> list[tuple[int, str]]:
    """Return the number and the name of each layer of a network that is seen, in their order.

    Args:
      network: the network, or one member of several.

    Returns:
      Numbers, counted from 1 over all layers, with names such as "dense 128".
    """
    layers = enumerate(parts(network), 1)
    return [(number, layer.name) for number, layer in layers if layer.kind not in UNCHANGED]


def probe_of(train: Part, seed: int) -> Examples:
    """Return the examples of the probe, which the seed alone chooses.

    Args:
      train: the training part.
      seed: the run's seed.

    Returns:
      At most 256 of them, in the order of their indices, on the device.
    """
    stream, train = np.random.default_rng([seed, STREAM]), train.sample
    chosen = np.sort(stream.choice(train.indices, min(PROBE, len(train.indices)), replace=False))
    return Examples(*put_whole(tuple(np.asarray(a)[chosen] for a in train.on_host)))


def _norms(network: Layer, tree: Params) -> list[Scalar | None]:
    """Return the norm of each layer's part of a tree; `None` where it has none."""
    own = [part for _, part in in_order(network, tree)]
    return [length_of(part) if jax.tree.leaves(part) else None for part in own]


def _look_through(
    network: Layer, params: Params, x: Array, norms: list[list[Scalar | None]]
) -> tuple[LayerSeen, ...]:
    """Pass the probe through the layers; return what is seen of each that changes values."""
    outputs, caches = [], []
    for layer, p in in_order(network, params):
        x, cache = layer.forward(p, x)
        outputs.append(x)
        caches.append(cache)
    state = {found.layer: found for found in health(network, params, tuple(caches))}
    seen = []
    for number, _ in seen_layers(network):
        y, found = outputs[number - 1], state.get(number)
        dead = None if found is None else jnp.mean(jnp.asarray(found.dead, jnp.float32))
        saturated = None if found is None else found.saturated
        values, apart = _values_of(y)
        units = jnp.asarray(y.shape[-1], jnp.int32)
        gradient, update, weights = (norm[number - 1] for norm in norms)
        seen.append(LayerSeen(values, apart, units, gradient, update, weights, dead, saturated))
    return tuple(seen)


def _wide(y: Array) -> Array:
    """Return values in a type in which many of them can be added up."""
    return y if y.dtype == jnp.float64 else y.astype(jnp.float32)


def _values_of(y: Array) -> tuple[Values, Scalar]:
    """Return mean, deviation and histogram of a layer's values, and how far its units lie apart.

    The variance of all values is the mean of the variances over the units of an example, plus the
    variance of the examples' means; the first of the two tells the units apart.
    """
    y = _wide(y)
    means, within = jnp.mean(y, axis=-1), jnp.mean(jnp.var(y, axis=-1))
    variance = (within + jnp.var(means)) * (y.size / max(1, y.size - 1))
    counts, edges = _histogram(y.reshape(-1))
    return Values(jnp.mean(means), jnp.sqrt(variance), counts, edges), jnp.sqrt(within)


def _histogram(y: Array) -> tuple[Bins, Edges]:
    """Return how many finite values lie in each bin, and the edges of the bins."""
    good = jnp.isfinite(y)
    low, high = jnp.min(y, where=good, initial=jnp.inf), jnp.max(y, where=good, initial=-jnp.inf)
    room = jnp.where(low == high, jnp.asarray(0.5, y.dtype), 0)  # for values that are all the same
    low, high = low - room, high + room
    place = jnp.clip((y - low) / (high - low) * BINS, 0, BINS - 1)
    bins = jnp.where(good, place.astype(jnp.int32), BINS)  # the last one is not kept
    counts = jnp.zeros(BINS + 1, jnp.int32).at[bins].add(1)[:-1]
    return counts, jnp.linspace(low, high, BINS + 1, dtype=y.dtype)
