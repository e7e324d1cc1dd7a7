"""Remarks on units that learn nothing on the training examples: dead ones and saturated ones."""

from typing import Any

from jaxmlp.explain.rows import source
from jaxmlp.explain.typeset import Remark
from jaxmlp.runs.inspection import Inspected

MOST = 10_000  # examples that are looked at
SATURATED = 0.5  # the share of saturated pairs of example and unit from which it is said


def remarks_of(inspected: Inspected, params: Any) -> dict[int, Remark]:
    """Return what is to be said of the activations of a network (see `jaxmlp.nn.health`).

    Args:
      inspected: the network with its data.
      params: its parameters.

    Returns:
      Remarks by the number of the layer in its chain, from 1.
    """
    import jax.numpy as jnp

    from jaxmlp.nn.health import STEEPEST, health
    from jaxmlp.nn.layers import Chain

    model = inspected.model
    if not isinstance(model, Chain):  # an ensemble, whose layers are inside
        return {}
    used = inspected.train[:MOST]
    x = jnp.asarray(inspected.signature.preprocessing(inspected.dataset.x_train[used]), "float64")
    _, caches = model.forward(params, x)
    found = {}
    for state in health(model, params, caches):
        dead, units = int(jnp.sum(state.dead)), len(state.dead)
        kind = model.layers[state.layer - 1].kind
        if dead:
            verb = "is" if dead == 1 else "are"
            words = f"{dead} of {units} units {verb} dead: on all {len(used)} training examples the"
            words += " slope is 0, so no gradient passes and these units cannot learn."
            found[state.layer] = Remark(words, source("dead"), loud=True)
        elif state.saturated is not None and state.saturated >= SATURATED:
            words = f"{float(state.saturated):.0%} of the slopes on {len(used)} training examples"
            words += f" are below a tenth of the steepest, {STEEPEST[kind]:g}: the units are"
            words += " saturated, and little gradient passes."
            found[state.layer] = Remark(words, source(f"saturated {kind}"), loud=True)
    return found
