"""What a run costs in steps, compilations and bytes sent to the device: none more than it needs."""

from typing import NamedTuple

import jax
import numpy as np
import pytest

from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import load
from jaxmlp.training import begin, clock, fit, judge, loop, measure
from jaxmlp.training.layout import together

BATCH, EPOCHS = 128, 3


class Traffic(NamedTuple):
    """What was counted over a run.

    Attributes:
      together: how many epochs a call of the compiled loop may go through.
      steps: the number of steps in an epoch.
      pieces: for each call of the compiled loop, its steps, counted over the whole run.
      placed: the bytes put on the device explicitly, for each call.
      passed: the bytes that calls of the compiled loop took along from the host, but for bounds.
      sizes: how many programs the run, the evaluation and the start have compiled.
      state: at the end.
    """

    together: int
    steps: int
    pieces: list
    placed: list
    passed: list
    sizes: tuple
    state: object


def on_host(tree):
    """Return the bytes of those leaves that each call must send to the device."""
    return sum(np.asarray(a).nbytes for a in jax.tree.leaves(tree) if not isinstance(a, jax.Array))


@pytest.fixture(scope="module", params=[(0, EPOCHS), (137, 1), (137, EPOCHS)], ids=str)
def traffic(request):
    """A run of three epochs, with everything that crosses to the device counted."""
    data = load("digits")
    valid, together = request.param
    config = Config(hidden=(16,), epochs=EPOCHS, batch_size=BATCH, valid_size=valid)
    problem = pose_problem(config, data)
    pieces, placed, passed = [], [], []
    put, run = jax.device_put, problem.trainer.run

    def counted_put(x, *more, **named):
        placed.append(on_host(x))
        return put(x, *more, **named)

    def counted_run(state, examples, orders, start, stop):
        first = int(state.step)
        pieces.append(range(first, first + stop - start))
        passed.append(on_host((state, examples, orders)))
        return run(state, examples, orders, start, stop)

    trainer = problem.trainer._replace(run=counted_run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.jax, "device_put", counted_put)
        patch.setattr(clock, "PACE", 3600.0)  # looks in between would depend on the machine
        patch.setattr(judge, "EXAMPLES_AT_ONCE", together * len(data.x_train))
        state, best = begin(trainer, 0)
        history = problem.history(best)
        progress = list(
            fit(
                trainer,
                problem.train,
                problem.valid,
                state,
                history,
                epochs=EPOCHS,
                batch_size=BATCH,
                seed=0,
            )
        )
        sent = placed.copy()
        for part in (problem.train, problem.test):
            measure(trainer.judge, history.best.params, part)
    compiled = (run, trainer.judge.evaluate, trainer.init)
    sizes = tuple(function._cache_size() for function in compiled)
    steps = -(-(len(data.x_train) - valid) // BATCH)
    return Traffic(together, steps, pieces, sent, passed, sizes, progress[-1].state)


def test_every_step_is_taken_once(traffic):
    taken = [step for piece in traffic.pieces for step in piece]
    assert taken == list(range(EPOCHS * traffic.steps))


def test_one_program_each_is_compiled(traffic):
    assert traffic.sizes == (1, 1, 1)


def test_epochs_send_their_order_and_nothing_else(traffic):
    size = 4 * traffic.steps * BATCH  # int32
    assert traffic.placed == EPOCHS // traffic.together * [traffic.together * size]
    assert set(traffic.passed) == {0}


@pytest.mark.parametrize(
    ("first", "second"), [("uint8", "uint8"), ("float32", "float32"), ("uint8", "float32")]
)
def test_parts_laid_together_are_the_device_s_own(first, second):
    """What lies at a multiple of 64 bytes is not copied once more."""
    a, b = np.arange(21).reshape(7, 3).astype(first), np.full((2, 3), 0.5).astype(second)
    both = together(a, b)
    assert both.dtype == np.result_type(a, b)
    np.testing.assert_array_equal(both, [*a, *b])
    device = jax.devices("cpu")[0]
    assert jax.device_put(both, device).unsafe_buffer_pointer() == both.ctypes.data


@pytest.mark.parametrize("many", [1, 2])
def test_later_epochs_compile_nothing(many, monkeypatch):
    """Counted by JAX itself, over everything that a run does."""
    monkeypatch.setattr(judge, "EXAMPLES_AT_ONCE", 4 * many)
    compilations = []

    def note(event, seconds, **more):
        if event == "/jax/core/compile/backend_compile_duration":
            compilations.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        problem = pose_problem(
            Config(dataset="xor", hidden=(4,), epochs=6, batch_size=2), load("xor")
        )
        state, best = begin(problem.trainer, 0)
        counts = []
        for now in fit(
            problem.trainer,
            problem.train,
            problem.valid,
            state,
            problem.history(best),
            epochs=6,
            batch_size=2,
            seed=0,
        ):
            if now.record:
                counts.append(len(compilations))
    finally:
        jax.monitoring.unregister_event_duration_listener(note)
    assert len(counts) >= 6 // many
    assert counts[0] > 0
    assert counts[1:] == counts[:-1]
