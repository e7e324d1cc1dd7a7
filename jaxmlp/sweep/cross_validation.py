"""Cross-validation from Python: one configuration, judged by each part of its training examples."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxmlp.config.complete import complete
from jaxmlp.config.factory import arithmetic
from jaxmlp.config.folds import fold_parts
from jaxmlp.config.options import Config
from jaxmlp.data import with_task
from jaxmlp.errors import InputError, check
from jaxmlp.runs.data import with_whole_paths
from jaxmlp.runs.fit import data_of
from jaxmlp.runs.network import Network
from jaxmlp.runs.words import in_digits
from jaxmlp.sweep.examples import DataCache
from jaxmlp.sweep.programs import Program, group_recipes
from jaxmlp.training.lockstep import OK, Member


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What `cross_validate` returns; the entries of each part belong to the folds, in their order.

    Attributes:
      score: the name of the score: `accuracy` or `r2`.
      scores: the score of each fold's own examples, `(folds,)`; NaN where training diverged.
      losses: their mean loss, `(folds,)`.
      networks: the network that has learned the other folds; `None` where training diverged.
      held: the indices of the fold's own examples in the training set.
    """

    score: str
    scores: np.ndarray
    losses: np.ndarray
    networks: tuple[Network | None, ...]
    held: tuple[np.ndarray, ...]

    @property
    def mean(self) -> float:
        """The mean score over the folds; NaN if one diverged."""
        return float(self.scores.mean())

    @property
    def deviation(self) -> float:
        """The standard deviation of the score over the folds, with n - 1 in the divisor."""
        return float(self.scores.std(ddof=1))

    def __str__(self) -> str:
        """Return the line that one would print."""
        mean, deviation = in_digits(self.mean), in_digits(self.deviation)
        return f"{self.score} {mean} ± {deviation} over {len(self.scores)} folds"


def cross_validate(config: Config, data: Any = None, *, folds: int = 5) -> CrossValidation:
    """Train a configuration on all folds but one, as often as there are folds, and judge each.

        score = 1/K sum_k score(network without fold k, fold k)

    Each training example validates once (lecture row C5). The folds are stratified by class, or
    made of whole groups; the configuration's seed draws them. Scaling, weights of classes and all
    else that is fitted sees only what a network learns from; what a table's missing cells and
    categories become is decided by all of its training rows. The parameters are those of the
    last epoch, unless the configuration names another `monitor`: so the examples that judge a
    network have not chosen it. The test part stays unseen. The runs train side by side, and each
    is the run of `fit` with `Config(fold="k/K")`.

    Args:
      config: what is trained, and how.
      data: what it learns from, as in `fit`.
      folds: the number of folds, at least 2.

    Returns:
      Scores, losses and networks of all folds.

    Raises:
      InputError: if the configuration and the data do not fit together, or the data cannot be
        dealt out in so many folds.
    """
    whole = isinstance(folds, int | np.integer) and not isinstance(folds, bool)
    check(whole and folds >= 2, "folds", "a whole number of at least 2", folds)
    reasons = {"fold": "all folds are trained", "init_from": "each fold starts by itself"}
    for name, why in reasons.items():
        if getattr(config, name) is not None:
            raise InputError(f"{name} does not apply: {why}, got {getattr(config, name)}")
    config = with_whole_paths(config)
    dataset = with_task(data_of(config, data), config.task)
    words = [f"{k + 1}/{folds}" for k in range(folds)]
    held = tuple(fold_parts(dataset, word, config.seed)[1] for word in words)
    given = dataclasses.replace(config, dataset=dataset.name)
    recipes = [complete(dataclasses.replace(given, fold=word), dataset) for word in words]
    cache, ended = DataCache(dataset), dict[int, Member]()
    networks: list[Network | None] = [None] * folds
    with arithmetic(config.precision):
        for own, varying in group_recipes(recipes, len(dataset.x_train)):
            program = Program({i: recipes[i] for i in own}, varying, cache)
            for member in program.train(own):
                ended[member.number] = member
                if member.status == OK:
                    params = jax.tree.map(np.asarray, member.history.best.params)
                    signature = program.data[member.number].signature
                    networks[member.number] = Network(recipes[member.number], signature, params)
    pairs = np.array([_means(ended[i]) for i in range(folds)])
    return CrossValidation(program.task.score, pairs[:, 1], pairs[:, 0], tuple(networks), held)


def _means(member: Member) -> tuple[float, float]:
    """Return loss and score of a fold, by the parameters that its run keeps."""
    if member.status != OK:
        return math.nan, math.nan
    return float(member.history.best.loss), float(member.history.best.score)
