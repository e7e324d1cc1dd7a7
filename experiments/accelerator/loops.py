"""The compiled loop in this process: what a step costs, many runs at once, and bfloat16."""

import itertools
import re
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

from experiments.accelerator.plan import Notes, Plan
from experiments.bench.problem import operations, shape, stored, widths
from jaxmlp.config.complete import complete
from jaxmlp.config.options import Config
from jaxmlp.config.problem import ProblemInMemory, pose_problem
from jaxmlp.data import Dataset
from jaxmlp.sweep import devices
from jaxmlp.sweep.examples import DataCache
from jaxmlp.sweep.programs import Program, group_recipes
from jaxmlp.training import batches
from jaxmlp.training.step import take

SMALL, LARGE, HUGE = (128,), (1024, 1024), (4096, 4096)
BATCHES, AT_ONCE = (128, 512, 2048, 8192), (1, 8, 64)
COUNTED = 50  # steps of the loop whose length the compiler knows
LEAST = 0.1  # seconds of a measurement
ALIKE = 1.5  # a step with four times the examples that takes less than this is bound by launches
EVERY = "FUSION,CUBLAS,CUBLASLT,CUDNN,CUSTOM_CALL,CONDITIONAL,WHILE"
COMMAND_BUFFERS: dict[str, dict[str, Any]] = {  # kernels recorded once, and launched together
    "without_command_buffers": {"xla_gpu_enable_command_buffer": ""},
    "loop_in_a_command_buffer": {
        "xla_gpu_enable_command_buffer": EVERY,
        "xla_gpu_graph_min_graph_size": 1,
    },
}
NO_KERNEL = ("parameter", "constant", "tuple", "get-tuple-element", "bitcast", "while", "call")
SWEEP_EPOCHS, RATES, SEEDS = 2, 16, 16
ALONE = 8  # runs, one after the other


class Loop:
    """A compiled loop of steps, with the states of its runs.

    Args:
      problem: the training problem.
      runs: the number of runs at once, each with its own start and order.
      options: options for the compiler.
      counted: whether the compiler knows the number of steps, which is then `COUNTED`.
    """

    def __init__(
        self,
        problem: ProblemInMemory,
        runs: int = 1,
        options: dict[str, Any] | None = None,
        counted: bool = False,
    ) -> None:
        trainer, size = problem.trainer, problem.recipe.batch_size
        order = batches(problem.train.indices, size)[None]
        order = order[:, : len(problem.train.indices) // size]  # whole batches only
        run: Callable[..., Any] = _counted(trainer.step) if counted else trainer.run
        self._most = COUNTED if counted else order.shape[1]
        self._given = (problem.train.examples, jax.device_put(order))
        self._state = trainer.init(np.uint32(0))
        if runs > 1:
            rng = np.random.default_rng(0)
            orders = np.stack([rng.permuted(order, axis=2) for _ in range(runs)])
            self._given = (problem.train.examples, jax.device_put(orders))
            init: Callable[..., Any] = trainer.init
            self._state = jax.vmap(init)(np.arange(runs, dtype=np.uint32))
            run = jax.vmap(run, in_axes=(0, None, 0, None, None))
        self._least = self._most if counted else 1
        lowered = jax.jit(run, donate_argnums=0).lower(
            self._state, *self._given, np.int32(0), np.int32(1)
        )
        self.compiled = lowered.compile(compiler_options=options)

    def seconds(self, least: float = LEAST) -> float:
        """Return the seconds of a step, the median of three calls that take some time."""
        steps = self._least
        self._call(steps)  # loads kernels, and records command buffers
        while self._call(steps) < least and steps < self._most:
            steps = min(2 * steps, self._most)
        return statistics.median(self._call(steps) for _ in range(3)) / steps

    def _call(self, steps: int) -> float:
        began = time.perf_counter()
        self._state = self.compiled(self._state, *self._given, np.int32(0), np.int32(steps))[0]
        jax.block_until_ready(self._state.totals.loss)
        return time.perf_counter() - began

    def kernels(self) -> int:
        """Return the number of instructions of a step that the device is sent."""
        return kernels_of(self.compiled.as_text() or "")


def _counted(step: Callable[..., Any]) -> Callable[..., Any]:
    def run(state: Any, examples: Any, orders: Any, start: Any, stop: Any) -> tuple[Any]:
        def body(i: Any, state: Any) -> Any:
            return step(state, take(examples, orders[0, i % orders.shape[1]]))

        return (jax.lax.fori_loop(0, COUNTED, body, state),)

    return run


def kernels_of(program: str) -> int:
    """Return the number of instructions in the longest body of a loop in a compiled program."""
    parts = re.findall(r"^(?:ENTRY )?%?([\w.-]+) [^\n]*\{\n(.*?)^\}", program, re.M | re.S)
    text = dict(parts)
    bodies = {name for part in text.values() for name in re.findall(r"body=%?([\w.-]+)", part)}
    counts = [0]
    for name in bodies & text.keys():
        operations = re.findall(r" = .*? ([a-z][a-z0-9-]*)\(", text[name])
        counts.append(sum(each not in NO_KERNEL for each in operations))
    return max(counts)


def posed(
    plan: Plan, hidden: Sequence[int], batch: int, precision: str = "float32"
) -> ProblemInMemory:
    """Pose the problem of the digits: Adam at a constant rate, all examples for training."""
    settings: dict[str, Any] = {
        "optimizer": "adam",
        "schedule": "constant",
        "valid_size": 0,
        "epochs": 1,
    }
    config = Config(hidden=tuple(hidden), batch_size=batch, precision=precision, **settings)
    return pose_problem(config, digits(plan))


def digits(plan: Plan, rows: int | None = None) -> Dataset:
    """Return the digits, or the first rows of them."""
    x_train, y_train, x_test, y_test = stored(plan.data)
    names = tuple("0123456789")
    return Dataset("digits", x_train[:rows], y_train[:rows], x_test, y_test, "multiclass", names)


def step(plan: Plan, notes: Notes) -> None:
    """Note what a step of 784-128-10 costs: by batch size, runs at once and command buffers."""
    most = min(512 if plan.quick else 8192, len(stored(plan.data)[0]))
    sizes, many = [size for size in BATCHES if size <= most], AT_ONCE[: 2 if plan.quick else None]
    least = 0.0 if plan.quick else LEAST
    alone: dict[int, float] = {}
    for runs, batch in itertools.product(many, sizes):
        name = f"{shape(SMALL, batch)}, runs at once: {runs}"
        seconds = notes.attempt(name, _seconds, plan, SMALL, batch, "float32", least, runs)
        if seconds is not None:
            notes.keep(**{name: _costs(seconds, batch, runs)})
            alone |= {batch: seconds} if runs == 1 else {}
        if runs == 1 and batch == sizes[0]:
            _keep_variants(plan, notes, batch, least)
    if {128, 512} <= alone.keys():
        ratio = alone[512] / alone[128]
        notes.keep(step_at_512_over_step_at_128=ratio, bound_by_launches=ratio < ALIKE)


def _seconds(
    plan: Plan, hidden: Sequence[int], batch: int, precision: str, least: float, runs: int = 1
) -> float:
    return Loop(posed(plan, hidden, batch, precision), runs).seconds(least)


def _costs(seconds: float, batch: int, runs: int) -> dict[str, float]:
    flops = operations(batch * runs, widths(SMALL))
    return {
        "step_microseconds": 1e6 * seconds,
        "step_of_a_run_microseconds": 1e6 * seconds / runs,
        "examples_per_second": batch * runs / seconds,
        "products_gigaflop_per_second": flops / seconds / 1e9,
    }


def _keep_variants(plan: Plan, notes: Notes, batch: int, least: float) -> None:
    """Note a step in other loops: of known length, and with and without command buffers."""
    variants: dict[str, dict[str, Any]] = {"loop_of_known_length": {"counted": True}}
    if plan.gpu:
        variants |= {name: {"options": options} for name, options in COMMAND_BUFFERS.items()}
    else:
        notes.keep(command_buffers="not tried: they are for GPUs")
    for name, more in variants.items():
        loop = notes.attempt(name, partial(Loop, posed(plan, SMALL, batch), **more))
        seconds = None if loop is None else notes.attempt(name, loop.seconds, least)
        if loop is not None and seconds is not None:
            found = {"step_microseconds": 1e6 * seconds, "kernels_of_a_step": loop.kernels()}
            notes.keep(**{name: found})


def sweep(plan: Plan, notes: Notes) -> None:
    """Note the runs per second of 256 runs, several in one vmapped loop, and of one run alone."""
    rows, runs, in_one_loop = (
        (60_000, 256, (32, 64, 256)) if plan.accelerated else (5000, 256, (8,))
    )
    if plan.quick:
        rows, runs, in_one_loop = 500, 4, (2,)
    dataset = digits(plan, rows)
    points = itertools.product(np.geomspace(1e-4, 1e-2, RATES), range(SEEDS))
    recipes = [
        complete(Config(learning_rate=float(rate), seed=seed, epochs=SWEEP_EPOCHS), dataset)
        for rate, seed in itertools.islice(points, runs)
    ]
    ((own, varying),) = group_recipes(recipes, len(dataset.x_train))
    program = Program({i: recipes[i] for i in own}, varying, DataCache(dataset))
    count = sum(a * b + b for a, b in itertools.pairwise(widths(SMALL)))
    chosen = devices.loop_width(count, runs, 1, plan.platform)
    notes.keep(runs=runs, rows=rows, epochs=SWEEP_EPOCHS, runs_in_a_loop_by_our_choice=chosen)
    alone = notes.attempt("one run alone", _rate, program, 2 if plan.quick else ALONE, 1)
    if alone is not None:
        notes.keep(one_run_alone=alone)
    for width in dict.fromkeys((chosen, *in_one_loop)):
        found = notes.attempt(f"{width} in a loop", _rate, program, runs, width)
        if found is not None:
            gain = found["runs_per_second"] / alone["runs_per_second"] if alone else None
            notes.keep(**{f"{width}_runs_in_a_loop": found | {"over_one_run_alone": gain}})


def _rate(program: Program, runs: int, width: int) -> dict[str, float]:
    """Train runs, and return their number per second after what compiles.

    This is the first loop, or the first epoch if one loop holds all runs.
    """
    seen: list[tuple[float, float]] = []

    def note(moment: Any) -> bool:
        seen.append((moment.done, time.perf_counter()))
        return True

    began = time.perf_counter()
    with mock.patch.multiple(devices, MOST=width, SMALL=10**9):
        program.fit(list(program.recipes)[:runs], note)
    first = width / runs if width < runs else 1 / SWEEP_EPOCHS
    done, then = next(each for each in seen if each[0] >= 0.99 * first)
    last = seen[-1][1]
    return {
        "runs_per_second": (1 - done) * runs / (last - then),
        "seconds_with_compilation": last - began,
    }


def precision(plan: Plan, notes: Notes) -> None:
    """Note steps of large networks in float32, with exact products, and in bfloat16.

    On a GPU of NVIDIA, JAX computes products of float32 in TF32, with 10 bits of mantissa, unless
    the precision is `highest`.
    """
    cases: tuple[tuple[tuple[int, ...], int], ...] = ((LARGE, 512),)
    if plan.accelerated:
        cases = ((LARGE, 512), (LARGE, 8192), (HUGE, 8192))
    if plan.quick:
        cases = ((SMALL, 128),)
    for hidden, batch in cases:
        found: dict[str, Any] = {}
        for name, short, exact in (
            ("float32", "float32", None),
            ("float32_highest", "float32", "highest"),
            ("bfloat16", "bfloat16", None),
        ):
            piece = f"{shape(hidden, batch)}, {name}"
            with jax.default_matmul_precision(exact):
                least = 0.0 if plan.quick else 0.3
                seconds = notes.attempt(piece, _seconds, plan, hidden, batch, short, least)
            if seconds is not None:
                flops = operations(batch, widths(hidden))
                found[f"{name}_step_microseconds"] = 1e6 * seconds
                found[f"{name}_gigaflop_per_second"] = flops / seconds / 1e9
                notes.keep(**{shape(hidden, batch): found})
    _keep_products(plan, notes)
    from experiments.accelerator.runs import train

    for name in () if plan.quick else ("float32", "bfloat16"):
        line = ("--precision", name)
        accuracy = notes.attempt(name, train, plan, 0, f"precision-{name}", *line)
        if accuracy is not None:
            notes.keep(**{f"{name}_accuracy_percent": accuracy["accuracy_percent"]})


def _keep_products(plan: Plan, notes: Notes) -> None:
    """Note the best rate of a product of two square matrices in each type."""
    size = 64 if plan.quick else 8192 if plan.accelerated else 1024
    for name, kind, exact in (
        ("float32", jnp.float32, None),
        ("float32_highest", jnp.float32, "highest"),
        ("bfloat16", jnp.bfloat16, None),
    ):
        a, b = jax.random.normal(jax.random.key(0), (2, size, size), kind)
        with jax.default_matmul_precision(exact):
            multiply = jax.jit(lambda a, b: a @ b).lower(a, b).compile()
        jax.block_until_ready(multiply(a, b))
        best = float("inf")
        for _ in range(5):
            began = time.perf_counter()
            jax.block_until_ready(multiply(a, b))
            best = min(best, time.perf_counter() - began)
        notes.keep(**{f"product_{size}_{name}_gigaflop_per_second": 2 * size**3 / best / 1e9})
