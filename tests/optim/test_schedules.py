"""Schedules against Optax's."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp.optim import momentum, schedules

pytestmark = pytest.mark.usefixtures("compile_quickly")

PERIOD = {"init_value": 0.3, "peak_value": 0.3, "warmup_steps": 0, "end_value": 0.03}
CASES = {
    "constant": (schedules.constant(0.3), optax.constant_schedule(0.3)),
    "cosine": (schedules.cosine(0.3, 40), optax.cosine_decay_schedule(0.3, 40)),
    "step": (
        schedules.step(0.3, 40, drops=3),
        optax.piecewise_constant_schedule(0.3, {10: 0.1, 20: 0.1, 30: 0.1, 40: 0.1}),
    ),
    "exponential": (
        schedules.exponential(1e-4, 40, 10.0),
        optax.exponential_decay(1e-4, 40, 1e5),
    ),
    "warmup_cosine": (
        schedules.warmup_cosine(0.3, 40),
        optax.warmup_cosine_decay_schedule(0.0, 0.3, 4, 40),
    ),
    "cosine with an end": (
        schedules.cosine(0.3, 40, 0.1),
        optax.cosine_decay_schedule(0.3, 40, alpha=0.1),
    ),
    "warmup_cosine with an end": (
        schedules.warmup_cosine(0.3, 40, 0.25, 0.1),
        optax.warmup_cosine_decay_schedule(0.0, 0.3, 10, 40, 0.03),
    ),
    "cosine_restarts": (
        schedules.cosine_restarts(0.3, 40, 3, 0.1),
        optax.sgdr_schedule([PERIOD | {"decay_steps": 10}] * 4),
    ),
    "cosine_restarts, each twice as long": (
        schedules.cosine_restarts(0.3, 35, 2, 0.1, growth=2.0),
        optax.sgdr_schedule([PERIOD | {"decay_steps": 5 * 2**i} for i in range(3)]),
    ),
    # Optax's ends at t = steps: its 39 are our 40, and its peak lies at int(39 pct_start) = 11
    "one_cycle": (
        schedules.one_cycle(0.3, 40),
        optax.cosine_onecycle_schedule(39, 0.3, pct_start=11.5 / 39),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_optax(name):
    ours, theirs = CASES[name]
    steps = np.arange(50)
    with jax.numpy_dtype_promotion("standard"):
        expected = [float(theirs(t)) for t in steps]
    np.testing.assert_allclose([float(ours(t)) for t in steps], expected, rtol=1e-12, atol=1e-16)


def test_momentum_grows_as_sutskever_et_al_have_it():
    """Lecture row C4, figure 4: 1 - 2^(-1 - log2(floor(t / 250) + 1)), at most mu_max."""
    t = np.array([0, 249, 250, 500, 2_000, 10_000, 10**6])
    printed = np.minimum(1 - 2.0 ** (-1 - np.log2(t // 250 + 1)), 0.95)
    np.testing.assert_allclose(schedules.sutskever(0.95)(t), printed, rtol=1e-12)
    assert list(printed[:3]) == [0.5, 0.5, 0.75]


def test_the_memory_of_a_growing_momentum_is_a_straight_line():
    """1 / (1 - mu) is 2, 4, 6, ...; the maximum of 0.95 is reached at t = 9 x 250.

    Lecture row C14.
    """
    mu = schedules.sutskever(0.95)
    t = 250 * np.arange(12)
    memory = 1 / (1 - np.asarray(mu(t)))
    np.testing.assert_allclose(memory, np.minimum(2 * np.arange(12) + 2, 20), rtol=1e-9)
    assert float(mu(2249)) < float(mu(2250)) == pytest.approx(0.95, rel=1e-12)


def test_momentum_with_a_schedule_sums_the_gradients_that_it_remembers():
    """Under a constant gradient the speed nears eta g / (1 - mu) after each growth of mu.

    Lecture row C14.
    """
    optimizer = momentum(0.1, schedules.sutskever(0.9, every=200))
    state, speeds = optimizer.init(jnp.zeros(1)), []
    for t in range(800):
        update, state = optimizer.update(jnp.ones(1), state)
        if t % 200 == 199:
            speeds.append(-float(update[0]))
    np.testing.assert_allclose(speeds, 0.1 * np.array([2, 4, 6, 8]), rtol=1e-6)


def test_a_staircase_drops_at_the_right_update():
    """In floating point 23 of 380 lengths dropped one update late."""
    t = np.arange(400)
    for steps in range(20, 400):
        rates = np.asarray(schedules.step(1.0, steps, 6, 0.5)(t))[:steps]
        np.testing.assert_allclose(rates, 0.5 ** (t[:steps] * 7 // steps), rtol=1e-6)
    assert float(jax.jit(schedules.step(1.0, 49, 6, 0.5))(7)) == 0.5


@pytest.mark.parametrize("steps", [10, 40])
def test_equals_pytorch(steps):
    """The rates of the updates of a run; PyTorch has one more where it ends at `t = steps`."""
    torch = pytest.importorskip("torch")

    def theirs(make, many):
        optimizer = torch.optim.SGD([torch.zeros(1)], 0.3)
        schedule, rates = make(optimizer), []
        for t in range(many):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if t + 1 < many:
                schedule.step()
        return rates

    lr, t = torch.optim.lr_scheduler, np.arange(steps + 1)
    one_cycle = theirs(lambda o: lr.OneCycleLR(o, 0.3, total_steps=steps), steps)
    np.testing.assert_allclose(schedules.one_cycle(0.3, steps)(t[:-1]), one_cycle, rtol=1e-9)
    cosine = theirs(lambda o: lr.CosineAnnealingLR(o, steps, 0.03), steps + 1)
    np.testing.assert_allclose(schedules.cosine(0.3, steps, 0.1)(t), cosine, rtol=1e-9)
    warm = theirs(lambda o: lr.CosineAnnealingWarmRestarts(o, steps // 2, 1, 0.03), steps)
    ours = schedules.cosine_restarts(0.3, steps, 1, 0.1)(t[:-1])
    np.testing.assert_allclose(ours, warm, rtol=1e-9)


ENDS = {  # the schedule of a run, where it reaches its end, and the end
    "cosine": (lambda n: schedules.cosine(0.3, n), 0, 0.0),
    "cosine with an end": (lambda n: schedules.cosine(0.3, n, 0.5), 0, 0.15),
    "warmup_cosine": (lambda n: schedules.warmup_cosine(0.3, n), 0, 0.0),
    "cosine_restarts": (lambda n: schedules.cosine_restarts(0.3, n, 4, 0.5), 0, 0.15),
    "exponential": (lambda n: schedules.exponential(0.3, n, 0.01), 0, 0.01),
    "one_cycle": (lambda n: schedules.one_cycle(0.3, n), -1, 0.3e-4 / 25),
    "one_cycle, most of it rising": (lambda n: schedules.one_cycle(0.3, n, 0.99), -1, 0.3e-4 / 25),
}


@pytest.mark.parametrize("name", ENDS)
def test_the_end_is_reached_where_it_is_said(name):
    """At `t = steps`, or at the last update; and no length of a run divides 0 by 0."""
    make, shift, end = ENDS[name]
    with jax.debug_nans(True):
        for steps in (1, 2, 3, 5, 33):
            rates = np.asarray(make(steps)(np.arange(steps + 1)))
            assert rates[steps + shift] == pytest.approx(end, rel=1e-9, abs=1e-15), steps
            assert np.all((rates >= 0) & (rates <= 0.3 * (1 + 1e-12)))
            assert np.all(rates[: steps + shift] > end) or name.startswith("warmup"), steps


@pytest.mark.parametrize(
    "make",
    [schedules.warmup_cosine, schedules.one_cycle, schedules.cosine_restarts],
    ids=lambda make: make.__name__,
)
def test_the_peak_is_reached_by_an_update_of_every_run(make):
    """It lies at a whole step, whatever the number of steps; one update of one_cycle is its end."""
    for steps in (2, 3, 7, 15, 25):
        assert float(np.max(make(0.3, steps)(np.arange(steps)))) == pytest.approx(0.3, rel=1e-12)


def test_restarts_are_at_whole_updates():
    """11 updates in 4 periods: at 0, 3, 6 and 8; and more periods than updates are one each."""
    rates = np.asarray(schedules.cosine_restarts(1.0, 11, 3)(np.arange(12)))
    assert list(np.flatnonzero(rates == 1)) == [0, 3, 6, 8]
    assert list(np.asarray(schedules.cosine_restarts(1.0, 3, 9)(np.arange(4)))) == [1, 1, 1, 0]


def test_no_count_of_updates_is_too_great_for_a_schedule():
    """`t (drops + 1)` is greater than the greatest int32; the rate must not rise again."""
    most = np.int32(2**31 - 1)
    for make in (
        schedules.step,
        schedules.cosine,
        schedules.cosine_restarts,
        schedules.one_cycle,
        schedules.warmup_cosine,
    ):
        assert 0 <= float(jax.jit(make(0.3, 1000))(most)) < 1e-4


@pytest.mark.parametrize("steps", [1, 2, 3, 1000, 2**30, 2**31 - 1])
def test_a_staircase_of_any_length_falls_on_time(steps):
    """In whole numbers of Python, which have no end."""
    rate = jax.jit(schedules.step(1.0, steps, 3))
    for t in {0, steps // 4, max(0, steps // 2 - 1), steps // 2, steps - 1}:
        assert float(rate(np.int32(t))) == pytest.approx(0.1 ** (t * 4 // steps))


@pytest.mark.parametrize("make", [schedules.cosine, schedules.warmup_cosine])
def test_no_update_of_a_long_fall_has_a_rate_of_0(make):
    """`1 + cos` cancels near the end; the sine does not."""
    steps = 100_000
    t = np.arange(steps - 10, steps, dtype=np.int32)
    rates = np.asarray(jax.jit(make(1.0, steps))(t), float)
    rise = 0.1 * steps if make is schedules.warmup_cosine else 0
    u = (t - rise) / (steps - rise)
    np.testing.assert_allclose(rates, np.sin(np.pi / 2 * (1 - u)) ** 2, rtol=0.02)
    assert np.all(rates > 0)
