"""Find a learning rate: `python -m jaxmlp.find_rate [options of train]`.

The range test (lecture rows B3, C5; Smith 2017) trains for a few steps while the rate grows from
far too small to far too large. It shows the rate at which the loss falls fastest, and the rate at
which the loss is lowest, before it grows again.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxmlp.cli.parser import Parser, add_fields, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.config.options import Config, config_from
from jaxmlp.config.own_files import files_from
from jaxmlp.errors import check

if TYPE_CHECKING:
    from jaxmlp.config.problem import ProblemInMemory

PROG = program_name("find_rate")
MEMORY = 0.9  # the weight of the past in the running mean that smooths the losses
LEAST = 10  # losses that are enough for a result
MOST = 1_000_000  # steps
IDLE = (  # fields that change nothing in a range test: it has its own rates, and no epochs
    *("learning_rate", "schedule", "schedule_end", "restarts", "plateau_patience", "shuffle"),
    *("epochs", "patience", "monitor", "min_improvement", "min_decrease", "min_change"),
    "init_from",  # it looks at a network that starts by itself
)


def make_parser() -> Parser:
    """The command's argument parser."""
    parser = Parser(prog=PROG, description="Find a learning rate by a range test.")
    test = parser.add_argument_group("the test")
    text = "learning rate of the first step; default 1e-5"
    test.add_argument("--lowest", type=float, default=1e-5, metavar="X", help=text)
    text = "learning rate after the last step; default 10"
    test.add_argument("--highest", type=float, default=10.0, metavar="X", help=text)
    text = "number of steps; default 200"
    test.add_argument("--steps", type=int, default=200, metavar="N", help=text)
    text = "start from the configuration of a run, its config.json"
    test.add_argument("--config", metavar="FILE", help=text)
    test.add_argument("--picture", metavar="FILE", help="draw loss against rate into a PNG file")
    parser.add_parts_arguments(changed=False)
    parser.add_data_argument()
    add_fields(parser, Config, skip=IDLE)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    given = vars(make_parser().parse_args(arguments))
    lowest, highest, steps, file, picture = (
        given.pop(name) for name in ("lowest", "highest", "steps", "config", "picture")
    )
    parts = files_from(given)
    check(highest < np.inf, "--highest", "finite", highest)
    check(0 < lowest < highest, "--lowest", f"positive and less than {highest:g}", lowest)
    check(steps >= 20, "--steps", "at least 20", steps)
    check(steps <= MOST, "--steps", f"at most {MOST}", steps)
    if picture:
        good = Path(picture).parent.is_dir() and not Path(picture).is_dir()
        check(good, "--picture", "a file in a folder that exists", picture)
    rates, losses = _test_rates(config_from(given, file, parts), lowest, highest, steps)
    steepest, best = suggestion(rates, losses)

    from jaxmlp.cli.console import print_table

    print_table(
        [
            ("the loss falls fastest at", f"{steepest:.2g}"),
            ("the loss is lowest at", f"{best:.2g}"),
            ("suggested rate", f"{steepest:.2g}"),
            ("suggested peak for one_cycle", f"{best / 10:.2g}"),
        ]
    )
    if picture:
        from jaxmlp.runs import figures

        figures.save(figures.range_test(rates, losses, steepest), Path(picture))
    return 0


def _test_rates(
    config: Config, lowest: float, highest: float, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Load the data, run the range test, and return the rates with their losses."""
    from jaxmlp.config.factory import arithmetic
    from jaxmlp.config.problem import pose_problem
    from jaxmlp.optim.schedules import exponential
    from jaxmlp.runs.data import load_data

    data = load_data(config)
    # with a rate, so that no clipping comes with a default one
    config = dataclasses.replace(config, learning_rate=lowest)
    with arithmetic(config.precision):
        rate = exponential(lowest, steps, highest)
        losses = range_test(pose_problem(config, data, rate), steps)
        enough = len(losses) >= LEAST and min(losses) < losses[0]
        check(enough, "--lowest", "a rate at which the loss falls before it grows", lowest)
        return np.asarray(rate(np.arange(len(losses)))), losses


def range_test(problem: "ProblemInMemory", steps: int) -> np.ndarray:
    """Train while the rate grows, and return the smoothed loss at every rate.

    Args:
      problem: the training problem, with a rate that grows geometrically.
      steps: the number of steps; the test stops early if the loss exceeds four times its lowest.

    Returns:
      The losses, smoothed by a running mean without the bias of its start at zero.
    """
    from jaxmlp.training import begin
    from jaxmlp.training.step import Totals

    trainer = problem.trainer
    state, _ = begin(trainer, problem.recipe.seed)
    losses: list[float] = []
    mean = 0.0
    for order in _batches(problem, steps):
        state = state._replace(totals=Totals.zero())
        state, _ = trainer.run(state, problem.train.examples, order, 0, 1)
        mean = MEMORY * mean + (1 - MEMORY) * float(state.totals.loss / state.totals.weight)
        smooth = mean / (1 - MEMORY ** (len(losses) + 1))
        if not np.isfinite(smooth) or (losses and smooth > 4 * min(losses)):
            break
        losses.append(smooth)
    return np.array(losses)


def _batches(problem: "ProblemInMemory", steps: int) -> Iterator[np.ndarray]:
    """Yield a full batch of indices for each step, `(1, 1, batch)`, from shuffle after shuffle."""
    from jaxmlp.training.orders import shuffling

    rng = shuffling(problem.recipe.seed, 0)
    indices, size = problem.train.indices, problem.recipe.batch_size
    left = indices[:0]
    for _ in range(steps):
        if len(left) < size:
            left = np.concatenate([left, rng.permutation(indices)])
        batch, left = left[:size], left[size:]
        yield batch.reshape(1, 1, size).astype(np.int32)


def suggestion(rates: np.ndarray, losses: np.ndarray) -> tuple[float, float]:
    """Return the rate at which the loss falls fastest, and the rate at which it is lowest.

    Fastest means the most negative slope `dL / d(log rate)` before the lowest loss.

    Args:
      rates: the learning rates, which grow.
      losses: the smoothed loss at each rate.

    Returns:
      The two rates.
    """
    lowest = int(np.argmin(losses))
    slopes = np.gradient(losses, np.log(rates))[: lowest + 1]
    return float(rates[int(np.argmin(slopes))]), float(rates[lowest])


if __name__ == "__main__":
    run_process(main)
