"""Small networks with random parameters, without a run: they cost no training."""

import jax
import numpy as np

from jaxmlp.config.factory import arithmetic, build_model
from jaxmlp.config.options import Config
from jaxmlp.config.recipe import recipe_of
from jaxmlp.config.signature import Signature
from jaxmlp.data import Preprocessing
from jaxmlp.runs.network import Network


def network_of(task, shape, outputs, columns=None, raw=False, model="mlp", mean=1.7e9, **options):
    """A network with random parameters, biases too."""
    rng = np.random.default_rng(0)
    loss = {"binary": "binary_cross_entropy", "multilabel": "binary_cross_entropy"}
    losses = loss.get(task, "mse" if task == "regression" else "cross_entropy")
    chosen = {"hidden": () if model == "lenet" else (6,)} | options
    config = Config(
        model=model, task=task, valid_size=0, loss=losses, optimizer="sgd", learning_rate=0.1,
        batch_size=1, epochs=1, preprocessing="auto", monitor="score", schedule="constant",
        **{"dropout": 0.0} | chosen,
    )  # fmt: skip
    recipe = recipe_of(config)
    features = shape[-1:]
    kind = "zscore" if raw else "robust"
    scaling = Preprocessing(kind, rng.normal(size=features), rng.uniform(0.5, 2, features))
    target = Preprocessing("zscore", np.full(outputs, mean), np.full(outputs, 0.01))
    signature = Signature(
        shape,
        task,
        losses,
        tuple(f"class {k} é" for k in range(2 if task == "binary" else outputs)),
        scaling,
        raw=raw,
        target_preprocessing=target if task == "regression" else None,
        columns=columns,
        output_activation=recipe.output_activation,
    )
    with arithmetic(recipe.precision):
        return Network(recipe, signature, drawn(build_model(recipe, outputs), shape))


def drawn(model, shape):
    """Parameters at random, without a program of JAX to make them."""
    rng = np.random.default_rng(1)
    like = jax.eval_shape(lambda key: model.init(key, shape)[0], jax.random.key(0))

    def draw(p):
        deviation = np.sqrt(max(p.shape[-1], 1) / p.size)
        return rng.normal(0, deviation, p.shape).astype(p.dtype)

    return jax.tree.map(draw, like)
