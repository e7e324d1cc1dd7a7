"""How far probabilities can be trusted: temperature scaling, and what a calibration curve shows."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.config.signature import Signature, encoded
from jaxmlp.nn import losses
from jaxmlp.nn.temperature import best_temperature

BINS = 15  # as in Guo et al. 2017


class Reliability(NamedTuple):
    """Examples in groups of similar probability, as a calibration curve shows them.

    Attributes:
      probability: the mean probability that the network gives in each group.
      share: how often it comes true.
      examples: how many examples are in the group.
    """

    probability: np.ndarray
    share: np.ndarray
    examples: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error, `sum_b n_b / N |share_b - probability_b|`."""
        weights = self.examples / self.examples.sum()
        return float(np.sum(weights * np.abs(self.share - self.probability)))


def temperature_of(signature: Signature, outputs: np.ndarray, y: np.ndarray) -> float | None:
    """Return the temperature that suits a network best.

    Args:
      signature: of the network, a classifier.
      outputs: its raw outputs for examples that it was not trained on, `(N, K)`.
      y: their targets, as the data set has them.

    Returns:
      `T`, or `None` if no temperature is best; see `jaxmlp.nn.temperature`.
    """
    many = signature.task == "multiclass"
    loss = losses.cross_entropy if many else losses.binary_cross_entropy
    with jax.enable_x64(True):
        z, targets = outputs.astype(np.float64), jnp.asarray(encoded(signature, y))
        return best_temperature(loss, jnp.asarray(z), targets)


def reliability(signature: Signature, answers: np.ndarray, y: np.ndarray) -> Reliability:
    """Return the calibration curve, with the number of examples in each group.

    Of two classes it takes the probability of the second, of labels that of each label, and of more
    classes that of the likeliest, which comes true where the answer is right.

    Args:
      signature: names the task.
      answers: probabilities, `(N, classes)`.
      y: the truth as a data set has it.

    Returns:
      The groups that have examples.
    """
    if signature.task == "multilabel":
        p, true = answers.ravel(), np.ravel(y)
    elif answers.shape[1] == 2:
        p, true = answers[:, 1], y == 1
    else:
        p, true = answers.max(axis=1), answers.argmax(axis=1) == y
    p, true = np.clip(p.astype(np.float64), 0, 1), true.astype(int)
    group = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], p)
    count, said, came = (np.bincount(group, w, minlength=BINS) for w in (None, p, true))
    here = count > 0
    return Reliability(said[here] / count[here], came[here] / count[here], count[here])
