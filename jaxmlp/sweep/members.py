"""Which runs of a sweep make an ensemble: the best ones among those that are alike."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from jaxmlp.config.recipe import Recipe
from jaxmlp.errors import InputError, check
from jaxmlp.sweep.examples import PreparedData
from jaxmlp.sweep.results import RunResult
from jaxmlp.training.lockstep import OK

FORM = (  # the fields that say what a network computes, and how it is judged
    *("task", "model", "hidden", "activation", "output_activation", "alpha", "layer_norm"),
    *("embed", "loss", "quantiles", "preprocessing", "precision", "calibrate"),
    *("false_positive_cost", "false_negative_cost"),
)
RANDOM = ("dropout", "input_dropout", "input_noise")  # each a layer where it is not 0


class Chosen(NamedTuple):
    """The runs that make an ensemble.

    Attributes:
      runs: their numbers, the best one first.
      results: the result of each.
    """

    runs: tuple[int, ...]
    results: tuple[RunResult, ...]


def kind_of(recipe: Recipe, data: PreparedData) -> Hashable:
    """Return what two runs must have in common to be members of one ensemble.

    Args:
      recipe: of the run.
      data: what it trains on.
    """
    inside, target = data.signature.preprocessing, data.signature.target_preprocessing
    scales = str(inside.to_dict()), str(target and target.to_dict())
    split = data.valid.tobytes() if recipe.calibrate else b""  # its examples set the temperature
    form = tuple(getattr(recipe, name) for name in FORM)
    return form, tuple(getattr(recipe, name) > 0 for name in RANDOM), scales, split


def check_count(
    count: int | None, kinds: Sequence[Hashable], recipes: Sequence[Recipe], runs: int
) -> None:
    """Reject an ensemble that no result of the sweep could give.

    Args:
      count: the number of members, if there is to be an ensemble.
      kinds: what `kind_of` says of each run.
      recipes: of each run.
      runs: the number of all runs, of which a search does not know all kinds yet.

    Raises:
      InputError: if there are fewer runs of one kind, or they are ensembles already.
    """
    if count is None:
        return
    if recipes[0].fold is not None:
        raise InputError("--best-as-ensemble does not apply with --folds: the best learns them all")
    for recipe in recipes:
        check(recipe.ensemble == 1, "ensemble with --best-as-ensemble", "1", recipe.ensemble)
    most = max(Counter(kinds).values()) + runs - len(kinds)
    need = f"from 2 to {most}, the runs with one form and one scale of inputs"
    check(2 <= count <= most, "--best-as-ensemble", need, count)


def candidates(
    count: int, kinds: Sequence[Hashable], results: dict[int, RunResult], more: bool = False
) -> list[Chosen]:
    """Return the best runs of each kind that has enough, by their validation scores.

    Args:
      count: the number of members.
      kinds: what `kind_of` says of each run.
      results: the results of the runs that have ended.
      more: whether runs follow, of which nothing is known yet.

    Returns:
      For each kind the best runs so far, at most `count`; the best kind first: that with the
      highest mean score of `count` runs, and of equal ones with the lowest loss. Where a sweep
      halves its runs, those of higher rungs come first.
    """
    groups: dict[Hashable, list[int]] = {}
    for i, kind in enumerate(kinds):
        groups.setdefault(kind, []).append(i)
    found = []
    for own in groups.values():
        ended = [i for i in own if i in results and results[i].status == OK]
        if more or len(own) >= count:
            best = sorted(ended, key=lambda i: (*_rank([results[i]]), i))[:count]
            found.append(Chosen(tuple(best), tuple(results[i] for i in best)))
    return sorted(found, key=lambda chosen: (-len(chosen.runs), *_rank(chosen.results)))


def _rank(results: Sequence[RunResult]) -> tuple[float, float, float]:
    rungs, scores, losses = (
        [result.numbers.get(name, 0.0) for result in results] or [0.0]
        for name in ("rung", "valid_score", "valid_loss")
    )
    return -float(np.mean(rungs)), -float(np.mean(scores)), float(np.mean(losses))
