"""A trained network as the page holds it: dense layers, their activations, and what was learned."""

from typing import Any

import jax
import numpy as np

from jaxmlp.config.names import ACTIVATIONS, FORWARD_ONLY, LEARNED_ACTIVATIONS
from jaxmlp.data import Columns
from jaxmlp.errors import InputError, check
from jaxmlp.nn.layers import in_order
from jaxmlp.nn.noise import ONLY_IN_TRAINING
from jaxmlp.play.content import packed, scaling_record, without_folder
from jaxmlp.runs.network import Network

MOST_PARAMETERS = 500_000
EXAMPLES = 20  # of the test part, that the page shows
IDLE = ("flatten", *ONLY_IN_TRAINING)  # they change nothing of a vector outside training
ELEMENTWISE = ACTIVATIONS.names + LEARNED_ACTIVATIONS.names + FORWARD_ONLY.names


def run_record(name: str, network: Network, examples: np.ndarray | None = None) -> dict[str, Any]:
    """Return a trained network as the page holds it.

    Args:
      name: of the run.
      network: the network.
      examples: some inputs as the data set has them, `(N, ...)`, for the reader to try.

    Returns:
      What JSON can say.

    Raises:
      InputError: if the network has a part that the page does not know, or is too large.
    """
    signature, recipe = network.signature, network.recipe
    _check_kind(name, network)
    layers = _layers_of(name, network)
    shape = signature.input_shape
    picture = list(shape[:2]) if len(shape) == 3 and shape[2] == 1 else None
    precise = not signature.raw or recipe.precision == "float64"
    scaling = scaling_record(signature.preprocessing)
    if not precise:  # the run rounds these numbers, and so does the page
        rounded = {k: np.float32(scaling[k]).astype(float).tolist() for k in ("offset", "scale")}
        scaling |= rounded
    target = signature.target_preprocessing
    drawing = signature.drawing
    columns = signature.columns and Columns.from_dict(signature.columns)
    return {
        "name": name,
        "dataset": without_folder(recipe.dataset),
        "task": signature.task,
        "classes": list(signature.classes),
        "columns": columns and list(columns.input_names),
        "picture": picture,
        "light": signature.background == "light",
        "drawing": drawing and {"box": drawing.box, "centre": list(drawing.centre)},
        "preprocessing": scaling,
        "target_preprocessing": target and scaling_record(target),
        "temperature": signature.temperature,
        "threshold": signature.threshold,
        "dropout": recipe.dropout,
        "layers": layers,
        "examples": None if examples is None else packed(examples.reshape(len(examples), -1)),
    }


def _check_kind(name: str, network: Network) -> None:
    """Refuse what the page cannot compute."""
    signature, recipe = network.signature, network.recipe
    words = "an mlp, softmax_regression or perceptron for the page"
    check(recipe.model != "lenet", f"the model of {name}", words, recipe.model)
    check(recipe.ensemble == 1, f"the ensemble of {name}", "1 for the page", recipe.ensemble)
    words = "identity for the page"
    check(
        signature.output_activation == "identity",
        f"the output activation of {name}",
        words,
        signature.output_activation,
    )
    if signature.quantiles:
        raise InputError(f"{name} answers with quantiles, which the page does not show")
    many = sum(leaf.size for leaf in jax.tree.leaves(network.params))
    most = f"at most {MOST_PARAMETERS:,} for the page"
    check(many <= MOST_PARAMETERS, f"the number of parameters of {name}", most, many)


def _layers_of(name: str, network: Network) -> list[dict[str, Any]]:
    """Return the dense layers, each with the activation behind it."""
    layers: list[dict[str, Any]] = []
    params = jax.tree.map(np.asarray, network.params)
    for layer, own in in_order(network.model, params):
        if layer.kind == "dense":
            W = own["W"]
            sizes = {"inputs": W.shape[0], "outputs": W.shape[1]}
            layers.append({**sizes, "activation": "identity", "alpha": None})
            layers[-1] |= {"params": {"W": packed(W), "b": packed(own["b"])}}
        elif layer.kind in ELEMENTWISE and layers:
            layers[-1] |= {"activation": layer.kind, "alpha": layer.settings.get("alpha")}
            if own:
                layers[-1]["params"]["alpha"] = packed(own["alpha"])
        elif layer.kind not in IDLE:
            raise InputError(f"{name} has a layer {layer.name}, which the page does not know")
    return layers
