"""Seconds per epoch of ours and of other libraries, each in a process of its own."""

from typing import Any

from experiments.accelerator.plan import Notes, Plan
from experiments.bench.epochs import LARGE, ROWS, SMALL
from experiments.bench.measures import ratios, summary
from experiments.bench.peers import OURS
from experiments.bench.problem import Problem, shape
from experiments.bench.workers import Failed, Worker, workers

SHAPES = ((SMALL, 128), (LARGE, 512))
LARGER = (
    (SMALL, (512, 2048, 8192)),
    (LARGE, (2048, 8192)),
)  # batches that only ours are tried with
ROUNDS = 3


def epochs(plan: Plan, notes: Notes) -> None:
    """Note the seconds of an epoch after the first, and the libraries' times over ours.

    The libraries' loops are those of their tutorials: on JAX each batch comes from the host, in
    PyTorch all data lie on the device.
    """
    for hidden, batch in SHAPES[: 1 if plan.quick else None]:
        names = {name: _problem(plan, hidden, batch) for name in (OURS, *plan.libraries)}
        _keep(plan, notes, shape(hidden, batch), names)
    for hidden, sizes in LARGER if not plan.quick else ():
        for batch in sizes:
            _keep(plan, notes, shape(hidden, batch), {OURS: _problem(plan, hidden, batch)})


def _problem(plan: Plan, hidden: tuple[int, ...], batch: int) -> Problem:
    rows = 1000 if plan.quick else None if plan.accelerated else ROWS[hidden]
    return Problem(data=plan.data, rows=rows, hidden=hidden, batch_size=batch)


def _keep(plan: Plan, notes: Notes, name: str, problems: dict[str, Problem]) -> None:
    rounds = 1 if plan.quick else ROUNDS
    with workers(list(problems)) as crew:
        ready: dict[str, Worker] = {}
        for library, worker in crew.items():
            try:
                worker.ask("start", problem=problems[library].to_dict())
                worker.ask("train")
                ready[library] = worker
            except Failed as error:
                notes.fail(f"{name}, {library}", error)
        times: dict[str, list[float]] = {library: [] for library in ready}
        for _ in range(rounds):
            for library, worker in ready.items():
                times[library].append(worker.seconds("train"))
            notes.keep(**{name: _compared(problems[OURS], times)})


def _compared(problem: Problem, times: dict[str, list[float]]) -> dict[str, Any]:
    found = {
        "rows": problem.rows or "all",
        "epoch_seconds": {library: summary(of) for library, of in times.items()},
    }
    return found | ({"time_over_ours": ratios(times, OURS)} if OURS in times else {})
