"""Keras on JAX: `Sequential`, `compile`, `fit`.

Its mixed precision is the policy `mixed_bfloat16` for all layers; the loss is in float32.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np

from experiments.bench.peers import Session
from experiments.bench.problem import Problem, arrays

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def start(problem: Problem) -> Session:
    """A session of Keras, whose one-cycle schedule is a cosine decay after a warm-up."""
    keras.utils.set_random_seed(problem.seed)
    keras.config.set_dtype_policy(POLICIES[problem.precision])
    x, y, x_test, y_test = arrays(problem)
    model = keras.Sequential(
        [
            keras.Input((x.shape[1],)),
            *(keras.layers.Dense(width, activation="relu") for width in problem.hidden),
            keras.layers.Dense(int(y_test.max()) + 1),
        ]
    )
    if problem.smoothing:
        y = keras.utils.to_categorical(y)
        loss = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=problem.smoothing
        )
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        optimizer=keras.optimizers.Adam(_rate(problem, len(x))),
        loss=loss,
        metrics=["accuracy"],
    )

    def train(epochs: int) -> None:
        model.fit(x, y, batch_size=problem.batch_size, epochs=epochs, verbose=0)

    def predict(n: int) -> np.ndarray:
        if n == 1:  # its documentation advises against `predict` for a few examples
            return np.asarray(model(x_test[:1])).argmax(axis=1)
        return model.predict(x_test[:n], batch_size=1000, verbose=0).argmax(axis=1)

    return Session(train, predict)


def _rate(problem: Problem, rows: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if problem.schedule == "constant":
        return problem.learning_rate
    assert problem.epochs is not None
    steps = problem.epochs * -(-rows // problem.batch_size)
    peak, rise = problem.learning_rate, int(0.3 * steps)
    return keras.optimizers.schedules.CosineDecay(
        peak / 25, steps - rise, alpha=1e-4, warmup_target=peak, warmup_steps=rise
    )
