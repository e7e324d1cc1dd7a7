"""The shapes in annotations are checked in every test: a call that breaks them is an error here."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from jaxmlp import nn
from jaxmlp.nn import losses

X = jnp.ones((5, 2))
DENSE = nn.dense(3)
PARAMS = {"W": jnp.ones((2, 3)), "b": jnp.ones(3)}
WRONG = {
    "a batch axis is missing": lambda: DENSE.forward(PARAMS, X[0]),
    "the batches differ": lambda: DENSE.backward(PARAMS, X, jnp.ones((4, 3))),
    "numbers are integers": lambda: DENSE.forward(PARAMS, jnp.ones((5, 2), int)),
    "the key is a seed": lambda: nn.dropout(0.5).forward((), X, 0),
    "a gradient has another shape": lambda: SHORT.gradient(X, X),
    "an activation changes the shape": lambda: FIRST(X),
}
SHORT = nn.Loss("short", losses.mse.per_example, lambda z, y: jnp.tile(z, 2))
FIRST = nn.activations.elementwise(lambda z: z[:1])


@pytest.mark.parametrize("name", WRONG)
def test_wrong_shapes_are_noticed(name):
    with pytest.raises(TypeCheckError):
        WRONG[name]()


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_arrays_of_numpy_and_of_jax_are_welcome(kind):
    outputs = DENSE(PARAMS, kind(X))
    assert outputs.shape == (5, 3)
    assert losses.mse(outputs, kind(np.ones((5, 3)))).shape == ()


def test_annotations_hold_while_jax_transforms():
    each = jax.vmap(lambda x: DENSE(PARAMS, x[None])[0])
    assert jax.jit(each)(X).shape == (5, 3)
    assert jax.eval_shape(DENSE, PARAMS, X).shape == (5, 3)
