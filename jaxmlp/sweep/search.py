"""A search by a model: each batch of trials is chosen by the scores of the trials before it.

The model is Optuna's tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl 2011,
"Algorithms for Hyper-Parameter Optimization"). It splits the trials so far into the better ones and
the others, estimates a density of each, `l(x)` and `g(x)`, and of points drawn from `l` it asks for
the one with the highest `l(x) / g(x)`. The first ten trials are drawn at random.

What is asked depends on the trials before, the seed and the number of the batch, and on nothing
else. So a search that was interrupted goes on as if it had not been.
"""

import itertools
import math
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.cli.extras import need
from jaxmlp.config.own_parts import looks_own
from jaxmlp.errors import InputError, check, shown
from jaxmlp.sweep.axes import Axis, Range, parse_space
from jaxmlp.sweep.results import ConfigResult
from jaxmlp.sweep.space import MOST, SEED, Point, format_point, without_repeats

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

BATCH = 10  # trials, as many as Optuna's model wants to see before it chooses
CORNERS = 1000  # of the space, that are checked before the first run


class Search(NamedTuple):
    """How a sweep searches, and what it has asked for.

    Attributes:
      trials: their number in all; one that repeats another is counted and not trained again.
      batch: the number of trials that are asked for at once.
      space: the fields to search, as words of the command line.
      asked: of each trial so far the number of its configuration, counted from 0.
    """

    trials: int
    batch: int
    space: tuple[str, ...]
    asked: tuple[int, ...] = ()

    @property
    def axes(self) -> dict[str, Axis]:
        """From what the values of each field are taken."""
        return parse_space(self.space, "--search")

    @property
    def complete(self) -> bool:
        """Whether all trials have been asked for."""
        return len(self.asked) == self.trials

    @property
    def batches(self) -> list[range]:
        """The numbers of the configurations that each batch has added."""
        ends = [max(self.asked[: end + self.batch]) + 1 for end in self._begins]
        return [range(a, b) for a, b in itertools.pairwise([0, *ends])]

    @property
    def _begins(self) -> range:
        return range(0, len(self.asked), self.batch)

    def ask(self, configs: Sequence[ConfigResult], seed: int) -> tuple["Search", list[Point]]:
        """Ask for the next batch.

        Args:
          configs: the results of the configurations that were asked for, in their order.
          seed: of the sweep.

        Returns:
          The search with one more batch, and the new configurations in it.
        """
        optuna, axes = load_optuna(), self.axes
        study = optuna.create_study(
            direction="maximize", sampler=_sampler(optuna, seed, len(self._begins))
        )
        study.add_trials(self.frozen(configs))
        known, asked = [config.point for config in configs], [*self.asked]
        kinds = {name: _distribution(optuna, axis) for name, axis in axes.items()}
        for _ in range(min(self.batch, self.trials - len(asked))):
            given = study.ask(kinds).params
            point = {name: _value(axis, given[name]) for name, axis in axes.items()}
            if point not in known:
                known.append(point)
            asked.append(known.index(point))
        return self._replace(asked=tuple(asked)), known[len(configs) :]

    def frozen(self, configs: Sequence[ConfigResult]) -> list["FrozenTrial"]:
        """Return the trials so far, as Optuna has them.

        The value of a trial is the mean validation score over its runs. A trial with a run that
        diverged has no value: it counts as pruned, which is worse than every value.

        Args:
          configs: the results of the configurations, in their order.
        """
        optuna, axes = load_optuna(), self.axes
        state = optuna.trial.TrialState
        kinds = {name: _distribution(optuna, axis) for name, axis in axes.items()}
        trials = []
        for number in self.asked:
            config = configs[number]
            good = config.complete and not config.diverged and math.isfinite(config.score)
            ended = state.COMPLETE if good else state.PRUNED
            spread = config.complete and not math.isnan(config.deviation)
            trials.append(
                optuna.trial.create_trial(
                    state=ended if config.complete else state.RUNNING,
                    value=config.score if good else None,
                    params={name: _param(axes[name], config.point[name]) for name in axes},
                    distributions=kinds,
                    user_attrs={"runs": [i + 1 for i in config.runs]}
                    | ({"deviation": config.deviation} if spread else {}),
                )
            )
        return trials

    def corners(self) -> list[Point]:
        """Return the points at the ends of all ranges, with all choices; of very many, some."""
        ends = {name: axis.ends for name, axis in self.axes.items()}
        if math.prod(map(len, ends.values())) <= CORNERS:
            return [
                dict(zip(ends, each, strict=True)) for each in itertools.product(*ends.values())
            ]
        rng = np.random.default_rng(0)
        return [{n: e[rng.integers(len(e))] for n, e in ends.items()} for _ in range(CORNERS)]


def new_search(trials: int, batch: int | None, words: Sequence[str]) -> Search:
    """Return a search that has asked for nothing yet.

    Args:
      trials: their number.
      batch: the number of trials that are asked for at once, if the user has chosen it.
      words: the fields to search, as the user writes them.

    Raises:
      InputError: if a field or a value is unknown, cannot be searched, or Optuna is missing.
    """
    load_optuna()
    size = min(BATCH, trials) if batch is None else batch
    check(1 <= size <= trials, "--search-batch", f"from 1 to {trials}, all trials", size)
    search = Search(trials, size, tuple(words))
    for word, (name, axis) in zip(words, search.axes.items(), strict=True):
        if name == SEED:
            raise InputError("seed does not apply to --search: give the seeds to --grid")
        if isinstance(axis, Range):
            least = 1 if axis.log else -math.inf
            whole = axis.low.is_integer() and axis.high.is_integer() and axis.low >= least
            need = "whole numbers, with log from 1 on"
            check(whole or not axis.whole, f"LOW and HIGH of {name}", need, word)
        elif any(map(looks_own, axis.words)):
            raise InputError(f"parts of one's own do not apply to --search, got {word}")
    return search


def check_search(search: Search, points: Sequence[Point]) -> None:
    """Reject a search whose trials are not those of the points of its sweep.

    Args:
      search: what was read from a file.
      points: of all runs.

    Raises:
      InputError: if something is wrong with it.
    """
    check(search.batch <= search.trials <= MOST, "batch", "at most all trials", search.batch)
    whole = len(search.asked) % search.batch == 0 or search.complete
    check(whole and 0 < len(search.asked) <= search.trials, "asked", "of whole batches", None)
    first = [*dict.fromkeys(search.asked)]
    check(first == [*range(len(first))], "asked", "numbered in their order", shown(first))
    repeats, rest = divmod(len(points), len(first))
    check(rest == 0, "asked", f"{len(points)} runs, as many of each", len(first))
    axes = search.axes
    for number in range(len(first)):
        own = [without_repeats(p) for p in points[number * repeats : (number + 1) * repeats]]
        inside = own[0].keys() == axes.keys() and all(_has(axes[n], v) for n, v in own[0].items())
        need = "runs of one configuration in the space"
        check(
            inside and own == own[:1] * repeats, f"trial {number + 1}", need, format_point(own[0])
        )


def load_optuna() -> ModuleType:
    """Return Optuna, which prints nothing but errors.

    Raises:
      InputError: says how to install it.
    """
    need(("optuna",), "optuna", "--search")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _sampler(optuna: ModuleType, seed: int, batch: int) -> Any:
    """Return a new sampler for a batch: it takes trials that have no value yet for bad ones."""
    own = int(np.random.SeedSequence([seed, batch]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=own, constant_liar=True)


def _distribution(optuna: ModuleType, axis: Axis) -> "BaseDistribution":
    """Return the values of a field as Optuna has them."""
    kinds = optuna.distributions
    if not isinstance(axis, Range):
        return kinds.CategoricalDistribution(axis.words)
    if axis.whole:
        return kinds.IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return kinds.FloatDistribution(axis.low, axis.high, log=axis.log)


def _value(axis: Axis, param: Any) -> Any:
    """Return the value of a run, from Optuna's."""
    if isinstance(axis, Range):
        return type(param)(min(max(axis.rounded(param), axis.low), axis.high))
    return axis.values[axis.words.index(param)]


def _param(axis: Axis, value: Any) -> Any:
    """Return Optuna's value, from that of a run."""
    return value if isinstance(axis, Range) else axis.words[axis.values.index(value)]


def _has(axis: Axis, value: Any) -> bool:
    """Return whether a field can have a value."""
    if not isinstance(axis, Range):
        return value in axis.values
    return isinstance(value, int | float) and axis.low <= value <= axis.high
