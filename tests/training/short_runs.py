"""Runs without a folder: where they end, and their history."""

from jaxmlp.config.problem import pose_problem
from jaxmlp.training import History, begin, fit


def run(config, dataset, rules=None, records=None):
    """Return the problem, where a run of it ended, and its history."""
    problem = pose_problem(config, dataset)
    return problem, *solve(problem, rules, records)


def solve(problem, rules=None, records=None):
    """Return where a run of a problem ended, and its history."""
    recipe = problem.recipe
    state, best = begin(problem.trainer, recipe.seed)
    history = History(problem.task, best, problem.rate_of, rules)
    if records is not None:
        history.records = records
    *_, last = fit(
        problem.trainer,
        problem.train,
        problem.valid,
        state,
        history,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        shuffle=recipe.shuffle,
    )
    return last, history
