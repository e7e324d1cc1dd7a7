"""The end of a sweep: the test of its best run, and the last files, picture and tables."""

import time
from typing import Any

from jaxmlp.cli.console import print_table, say
from jaxmlp.config.factory import arithmetic
from jaxmlp.config.options import Config
from jaxmlp.config.own_files import NO_FILES, with_parts
from jaxmlp.data import Dataset
from jaxmlp.errors import listed
from jaxmlp.runs import figures
from jaxmlp.runs.environment import device, versions
from jaxmlp.runs.folder import SUMMARY, Run
from jaxmlp.runs.summary import Finished, Outcome, finish_run, try_to_draw
from jaxmlp.runs.words import score_in_words
from jaxmlp.sweep.ensemble import end_of_run, make_ensemble
from jaxmlp.sweep.final import train_final_run
from jaxmlp.sweep.folder import ENSEMBLE, PICTURE, SweepFolder
from jaxmlp.sweep.picture import draw_sweep
from jaxmlp.sweep.results import best_run, ranking_table


def finish_sweep(
    folder: SweepFolder, dataset: Dataset, began: float, noted: list[int], quiet: bool
) -> tuple[bool, bool, list[int]]:
    """Measure the best run on the test part, write the last files, and print the tables.

    An interrupted sweep has no best run yet, and the test part stays unseen. With folds the best
    run is trained here, on all training examples.

    Args:
      folder: the sweep's folder.
      dataset: the data.
      began: `time.perf_counter()` at the start of the command.
      noted: the signal that interrupted the sweep, if runs are left to train.
      quiet: whether to print nothing.

    Returns:
      Whether the sweep has a best run, whether all pictures could be written, and the signal that
      interrupted it, if any.
    """
    best = None
    if not noted and folder.plan.folds is not None:
        best, noted = train_final_run(folder, dataset, quiet)
    elif not noted:
        _make_ensemble(folder, dataset)
        number, run = best_run(folder.configs), folder.move_best_run()
        if number is not None and run is not None:
            plan = folder.plan
            config = with_parts(run.config, NO_FILES, plan.config(plan.points[number]))
            best = _finish_best_run(run, config, dataset, began)
    found = best and best.summary
    summary = _summary(folder, dataset, found, bool(noted), time.perf_counter() - began)
    Run(folder.path).write_json(SUMMARY, summary)
    if not quiet:
        show_results(folder, summary)
    failure = try_to_draw(lambda: _draw(folder))
    return best is not None, failure is None and (best is None or best.drawn), noted


def show_results(folder: SweepFolder, summary: dict[str, Any]) -> None:
    """Print the table of the configurations, and where the best run lies.

    Args:
      folder: the sweep's folder.
      summary: what its `summary.json` says.
    """
    print_table(*ranking_table(folder.configs, folder.score))
    print_table(_rows(folder, summary))


def _draw(folder: SweepFolder) -> None:
    figure = draw_sweep(folder.configs, folder.score)
    if figure is not None:
        figures.save(figure, folder.path / PICTURE)


def _make_ensemble(folder: SweepFolder, dataset: Dataset) -> None:
    """Make the mean of the best runs, if the sweep shall have one and has enough good runs."""
    path, plan = folder.path / ENSEMBLE, folder.plan
    if plan.ensemble is None or path.exists():
        return
    found = folder.members()
    if not found:
        say(f"WARNING: no ensemble: fewer than {plan.ensemble} runs of one form have ended well")
        return
    runs = {
        i: (member, with_parts(Run(member).config, NO_FILES, plan.config(plan.points[i])))
        for i, member in found.items()
    }
    make_ensemble(path, runs, dataset, plan.origin["dataset_wanted"])


def _finish_best_run(run: Run, config: Config, dataset: Dataset, began: float) -> Finished:
    """Finish the best run as `jaxmlp.train` does."""
    with arithmetic(config.precision):
        problem, left = end_of_run(run, config, dataset)
        history, seconds = problem.history(left.best, left.records), time.perf_counter() - began
        wanted = run.origin["dataset_wanted"]
        outcome = Outcome(problem, dataset.source, wanted, left.state, history, False, seconds)
        return finish_run(outcome, run, quiet=True)


def _summary(
    folder: SweepFolder,
    dataset: Dataset,
    best: dict[str, Any] | None,
    interrupted: bool,
    seconds: float,
) -> dict[str, Any]:
    """Return the content of `summary.json`."""
    mean = folder.path / ENSEMBLE
    ensemble = Run(mean).read_json(SUMMARY) if mean.exists() else None
    search = folder.plan.search
    asked = {} if search is None else {"trials": search.trials, "asked": len(search.asked)}
    told = {} if folder.plan.ensemble is None else {"ensemble": ensemble and _scores(ensemble)}
    return {
        "dataset": dataset.name,
        "dataset_wanted": folder.plan.origin["dataset_wanted"],
        "provenance": dataset.provenance,
        "runs": len(folder.plan.points),
        "ended": len(folder.results),
        **asked,
        "interrupted": interrupted,
        "configurations": [config.to_dict(folder.score) for config in folder.configs],
        "best": best and _scores(best),
        **told,
        "seconds": seconds,
        "versions": versions(),
        "device": device(),
    }


def _scores(summary: dict[str, Any]) -> dict[str, Any]:
    """Return what a sweep says of a run that it keeps."""
    kept = ("valid_", "test_", "members")
    return {key: value for key, value in summary.items() if key.startswith(kept)}


def _rows(folder: SweepFolder, summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the rows of the last table."""
    rows = []
    if summary["best"]:
        value = summary["best"][f"test_{folder.score}"]
        shown = score_in_words(folder.score, value)
        learned = "" if folder.plan.folds is None else "learned all training examples, "
        rows.append(("best run", f"{folder.path}/best/, {learned}test {folder.score} {shown}"))
    if mean := summary.get("ensemble"):
        shown = score_in_words(folder.score, mean[f"test_{folder.score}"])
        which = listed([str(member["run"]) for member in mean["members"]], 20)
        words = f"mean of the runs {which}, test {folder.score} {shown}"
        rows.append(("ensemble", f"{folder.path}/{ENSEMBLE}/, {words}"))
    rows.append(("time", f"{summary['seconds']:.1f} s since the start of the command"))
    rows.append(("results", f"{folder.path}/"))
    if summary["interrupted"]:
        rows.append(("interrupted", f"continue with --resume {folder.path}"))
    return rows
