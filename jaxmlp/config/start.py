"""The start of a run from the weights of another network (fine-tuning)."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxmlp.config.signature import Signature
from jaxmlp.errors import InputError, check, listed, shown
from jaxmlp.optim.base import Params

MOST = 8  # names that a line shows


@dataclass(frozen=True)
class Start:
    """A trained network at which another run starts.

    Its inputs are scaled as before. Its last layer is kept if it answers the same question, which
    means the same task and the same classes or targets; otherwise the last layer is begun anew.

    Attributes:
      run: the folder of its run.
      signature: what it expects and returns.
      params: its parameters; `None` for a run that goes on and has left the start.
    """

    run: str
    signature: Signature
    params: Params | None

    def adapt(self, signature: Signature) -> Signature:
        """Return the signature of the new run, with the scaling of this network.

        Args:
          signature: what the new run would expect and return if it started by itself.

        Returns:
          The signature.

        Raises:
          InputError: if the inputs have another shape.
        """
        own, shape = self.signature, signature.input_shape
        what = f"the shape of an example with init_from {self.run}"
        check(own.input_shape == shape, what, f"{own.input_shape}, as there", shape)
        kept: dict[str, Any] = {
            "preprocessing": own.preprocessing,
            **own.pictures._asdict(),
        }
        if self.same_answers(signature):
            kept["target_preprocessing"] = own.target_preprocessing
        return dataclasses.replace(signature, **kept)

    def same_answers(self, signature: Signature) -> bool:
        """Return whether this network answers the question of a run."""
        own = self.signature
        return (own.task, own.classes) == (signature.task, signature.classes)

    def place(self, fresh: Params, signature: Signature) -> Params:
        """Return parameters to start from.

        Args:
          fresh: the parameters with which the run would start by itself, a tuple of layers'.
          signature: what the run expects and returns.

        Returns:
          Parameters of the structure and types of the fresh ones.

        Raises:
          InputError: if this network has other layers.
        """
        assert self.params is not None  # only a run that has a checkpoint has none
        learned = [i for i, layer in enumerate(fresh) if jax.tree.leaves(layer)]
        old = [layer for layer in self.params if jax.tree.leaves(layer)]
        kept = learned if self.same_answers(signature) else learned[:-1]
        placed = list(fresh)
        good = len(old) == len(learned)
        for i, layer in zip(kept, old, strict=False):
            good = good and _shapes(layer) == _shapes(fresh[i])
            if good:
                placed[i] = jax.tree.map(lambda w, own: np.asarray(w, own.dtype), layer, fresh[i])
        if not good:
            raise InputError(f"init_from {self.run} has other layers than this network")
        return tuple(placed)

    def in_words(self, signature: Signature) -> str:
        """Return in one line what a run takes from this network."""
        text = f"weights and scaling of {self.run}"
        if self.same_answers(signature):
            return text
        then, now = (listed([*map(shown, s.classes)], MOST) for s in (self.signature, signature))
        return f"{text}; the last layer is begun anew: it answered {then}, now {now}"


def _shapes(tree: Any) -> Any:
    return jax.tree.map(np.shape, tree)
