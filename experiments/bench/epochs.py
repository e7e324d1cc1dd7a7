"""Seconds per epoch after the first: the networks side by side, dropout, and a tiny table."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from experiments.bench.measures import Times, ratios, summary
from experiments.bench.peers import OURS, VARIANTS
from experiments.bench.plan import Plan
from experiments.bench.problem import Problem, operations, shape, widths
from experiments.bench.products import LIBRARIES
from experiments.bench.workers import Worker, workers

SMALL, MIDDLE, LARGE = (128,), (512, 512), (1024, 1024)
ROWS = {
    SMALL: None,
    MIDDLE: 30_000,
    LARGE: 20_000,
}  # of 60,000: fewer for large networks, which take longer
HEADLINES = ((SMALL, 128), (MIDDLE, 128), (LARGE, 512))  # these are trained in every variant
COMPARISONS = {  # name -> the variant of the peers, and ours; "" is the plain way, in float32
    "ratios": ("", ""),
    "tuned": ("tuned", ""),
    "short": ("", "bfloat16"),
    "mixed": ("bfloat16", "bfloat16"),
}
SHAPES = tuple((hidden, batch) for hidden in ROWS for batch in (128, 512))
SQUARES = (512, 1024, 2048, 3072)
TINY = Problem(rows=150, features=4, classes=3, hidden=(16,), batch_size=32)


def side_by_side(plan: Plan) -> dict[str, Any]:
    """Return each library's time for an epoch over ours, for each network.

    `rows` is the number of examples. `ratios` compares the plain ways, in float32. `tuned` compares
    the peers with their own options for speed. `short` compares the peers in float32 with ours in
    bfloat16, and `mixed` each peer in its own mixed precision with ours in bfloat16. `gain` is a
    library's time in float32 over its time in mixed precision. `best` is `short` if bfloat16 makes
    ours faster, else `ratios`.
    """
    return {shape(*each): _one_shape(plan, *each) for each in SHAPES[: 1 if plan.quick else None]}


def _one_shape(plan: Plan, hidden: tuple[int, ...], batch_size: int) -> dict[str, Any]:
    variants = VARIANTS if (hidden, batch_size) in HEADLINES else {}
    options: dict[str, dict[str, Any]] = {name: {} for name in plan.libraries}
    for variant, (more, having) in variants.items():
        options |= {f"{name} {variant}": more for name in plan.libraries if name in having}
    with workers(list(options)) as crew:
        for name, worker in crew.items():
            problem = _digits(plan, hidden, batch_size, **options[name])
            worker.ask("start", problem=problem.to_dict())
        times = interleaved(crew, plan.rounds)
    return {
        "rows": problem.rows or 60_000,
        **compared(times),
        "seconds": {name: summary(of) for name, of in times.items()},
    }


def compared(times: Times) -> dict[str, Any]:
    """Return every comparison of the variants that were timed, by the names of `side_by_side`.

    Args:
      times: the seconds of each worker, by `library` or `library variant`.

    Returns:
      For each name a summary for each library, none where a variant was not timed.
    """
    ways: dict[str, dict[str, Sequence[float]]] = defaultdict(dict)
    for name, seconds in times.items():
        library, _, variant = name.partition(" ")
        ways[variant][library] = seconds
    found = {
        name: ratios(ways[theirs] | {OURS: ways[ours][OURS]}, OURS) if OURS in ways[ours] else {}
        for name, (theirs, ours) in COMPARISONS.items()
    }
    found["gain"] = {
        name: summary(_divided(ways[""][name], of)) for name, of in ways["bfloat16"].items()
    }
    faster = OURS in found["gain"] and found["gain"][OURS]["median"] > 1
    return found | {"best": found["short" if faster else "ratios"]}


def _digits(plan: Plan, hidden: tuple[int, ...], batch: int, **more: Any) -> Problem:
    rows = 2000 if plan.quick else ROWS[hidden]
    return Problem(data=plan.data, rows=rows, hidden=hidden, batch_size=batch, **more)


def interleaved(crew: dict[str, Worker], rounds: int, epochs: int = 1) -> Times:
    """Return each worker's seconds for a turn in each round; a first round is not counted.

    Args:
      crew: workers that have started a session.
      rounds: the number of rounds that count.
      epochs: the number of epochs in a turn.

    Returns:
      For each worker the seconds of its turns, one per round.
    """
    turns = [
        {name: worker.seconds("train", epochs=epochs) for name, worker in crew.items()}
        for _ in range(rounds + 1)
    ]
    return {name: [turn[name] for turn in turns[1:]] for name in crew}


def dropout(plan: Plan) -> dict[str, Any]:
    """Return our time for a step of 784-1024-1024-10 at 128 with dropout over that without it."""
    times = _ours(plan, {"with": {"dropout": 0.2}, "without": {}})
    return {"cost": ratios(times, f"{OURS} without")[f"{OURS} with"]}


def _ours(plan: Plan, variants: dict[str, dict[str, Any]]) -> Times:
    hidden = SMALL if plan.quick else LARGE
    with workers([f"{OURS} {name}" for name in variants]) as crew:
        for more, worker in zip(variants.values(), crew.values(), strict=True):
            worker.ask("start", problem=_digits(plan, hidden, 128, **more).to_dict())
        return interleaved(crew, plan.rounds)


def tiny(plan: Plan) -> dict[str, Any]:
    """Return each library's time for an epoch of 4-16-3 on 150 rows over ours."""
    with workers(plan.libraries) as crew:
        for worker in crew.values():
            worker.ask("start", problem=TINY.to_dict())
        times = interleaved(crew, plan.rounds, epochs=5 if plan.quick else 100)
    return {"ratios": ratios(times, OURS)}


def limit(plan: Plan) -> dict[str, Any]:
    """Return the rate of our epoch over the best rate of a product of matrices in the same round.

    The best rate is taken over all sizes and libraries. Both rates count the operations of matrix
    products only.
    """
    shapes = HEADLINES[: 1 if plan.quick else None]
    libraries = [name for name, owner in LIBRARIES.items() if owner in (*plan.libraries, "sklearn")]
    ours = [f"{OURS} {shape(*each)}" for each in shapes]
    with workers([*ours, *(LIBRARIES[name] + " products" for name in libraries)]) as crew:
        work = {}
        for name, (hidden, batch) in zip(ours, shapes, strict=True):
            problem = _digits(plan, hidden, batch)
            crew[name].ask("start", problem=problem.to_dict())
            crew[name].ask("train")
            work[name] = operations(problem.rows or 60_000, widths(hidden))
        best, rates = [], {name: [] for name in ours}  # type: tuple[list[Any], dict[str, Any]]
        for _ in range(plan.rounds):
            for name in ours:
                rates[name].append(work[name] / crew[name].seconds("train") / 1e9)
            best.append(max(_products(crew, libraries, plan.quick)))
    highest = [rate for rate, _, _ in best]
    return {
        "shares": {
            name.removeprefix(f"{OURS} "): summary(_divided(of, highest))
            for name, of in rates.items()
        },
        "gflops": {"limit": summary(highest)} | {name: summary(of) for name, of in rates.items()},
        "best": sorted({f"{library} {size}" for _, library, size in best}),
    }


def _divided(values: Sequence[float], by: Sequence[float]) -> list[float]:
    return [a / b for a, b in zip(values, by, strict=True)]


def _products(
    crew: dict[str, Worker], libraries: Sequence[str], quick: bool
) -> list[tuple[float, str, int]]:
    """Return the rate, the library and the size of every product."""
    found = []
    for size in SQUARES[: 1 if quick else None]:
        for library in libraries:
            answer = crew[LIBRARIES[library] + " products"].ask(
                "product", library=library, size=size
            )
            found.append((answer["rate"], library, size))
    return found
