"""The layers of a recipe's network in words, with shapes and parameters (lecture row E14)."""

from pathlib import Path

from jaxmlp.config.factory import build_member
from jaxmlp.config.recipe import Recipe
from jaxmlp.config.signature import Signature, task_of
from jaxmlp.errors import listed, shortened
from jaxmlp.nn.summary import compact, summary, summary_text

NAMED, LONGEST = 10, 90  # classes that are named, and letters of a line


def layers_in_words(recipe: Recipe, signature: Signature) -> str:
    """Return the layers of a network as a table of at most 16 lines (lecture row E14).

    Args:
      recipe: what the run is made of.
      signature: what the network expects and returns.

    Returns:
      Lines: a heading, a line for each layer with parameters, and the total.
    """
    outputs = task_of(signature).outputs(len(signature.classes))
    rows = summary(build_member(recipe, outputs), signature.input_shape)
    return summary_text(compact(rows, signature.input_shape), recipe.ensemble)


def network_in_words(recipe: Recipe, signature: Signature, run: Path | None) -> str:
    """Return what a network is, on one screen: its run, data and task, and its layers.

    Args:
      recipe: what the run is made of.
      signature: what the network expects and returns.
      run: the folder of the run, if there is one.

    Returns:
      The lines.
    """
    names = signature.classes
    what = {"regression": "values", "multilabel": "labels"}.get(signature.task, "classes")
    rows = [
        ("run", "" if run is None else str(run)),
        ("data", recipe.dataset),
        ("task", f"{signature.task}, {len(names)} {what}: {listed(names, NAMED)}"),
        ("input", " x ".join(map(str, signature.input_shape))),
    ]
    lines = [f"{name:<8}{shortened(text, LONGEST)}" for name, text in rows if text]
    return "\n".join(["Network", *lines, "", layers_in_words(recipe, signature)])
