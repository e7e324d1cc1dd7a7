"""Where a diverging run first went wrong: the layer is named, whatever the model is made of."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn, optim
from jaxmlp.nn import activations, losses
from jaxmlp.training import (
    MULTICLASS,
    Diverged,
    Examples,
    History,
    Split,
    begin,
    fit,
    make_judge,
    make_trainer,
)

pytestmark = pytest.mark.usefixtures("compile_quickly")

N, FEATURES, CLASSES = 12, 2, 3


def train(model, x, learning_rate):
    """Train the model with the squared error, far too fast."""
    examples = Examples(
        jnp.asarray(x), jnp.arange(N, dtype=jnp.int32) % CLASSES, jnp.ones(N, jnp.float32)
    )
    judge = make_judge(model, losses.mse, MULTICLASS, lambda x: x)
    gradient = nn.value_and_grad(model, losses.mse)
    trainer = make_trainer(judge, gradient, optim.sgd(learning_rate), (FEATURES,))
    everything = Split(examples, np.arange(N, dtype=np.int32), N)
    state, best = begin(trainer, 0)
    history = History(MULTICLASS, best, lambda epoch: learning_rate)
    for _ in fit(trainer, everything, None, state, history, epochs=20, batch_size=4, seed=0):
        pass


# with inputs of size s and a rate r, kernels of one layer become r s^2, and its outputs r s^3
FAST = (1e3, 1e31)
DEEP = nn.sequential(nn.dense(4), nn.activation(activations.identity), nn.dense(CLASSES))


@pytest.mark.parametrize(
    ("model", "size", "rate", "expected"),
    [
        (nn.dense(CLASSES), *FAST, "layer 1 (dense 3), its output"),
        (nn.sequential(nn.dense(CLASSES)), *FAST, "layer 1 (dense 3), its output"),
        (DEEP, 1, 1e30, "layer 3 (dense 3), its output"),
        (nn.dense(CLASSES), 1, 1e30, "the loss"),
    ],
    ids=["one layer", "a chain of one", "a chain", "the loss"],
)
def test_what_is_affected_first_is_named(model, size, rate, expected):
    x = np.random.default_rng(0).normal(size=(N, FEATURES)).astype(np.float32) * np.float32(size)
    with pytest.raises(Diverged) as caught:
        train(model, x, rate)
    assert caught.value.layer == expected
    assert str(caught.value).endswith(f"first affected: {expected}")


def test_the_input_is_named():
    x = np.full((N, FEATURES), np.inf, np.float32)
    with pytest.raises(Diverged) as caught:
        train(nn.dense(CLASSES), x, 0.1)
    assert caught.value.layer == "the input"
