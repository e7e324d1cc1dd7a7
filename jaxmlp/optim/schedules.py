"""Learning rates that change during training: functions of `t`, the number of updates made.

A run of `T` updates uses the rates at `t = 0` to `T - 1`. A falling schedule reaches its end at
`t = T`, when the run is over, as in the papers, PyTorch and Optax: no update of it has a rate of 0.
Only `one_cycle` reaches its end at the last update, `t = T - 1`, as in PyTorch. Beyond its end a
schedule is constant, but for `step` and `exponential`, which go on.
"""

import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Int

from jaxmlp.errors import check
from jaxmlp.optim.base import Number, check_decay, check_not_negative, check_number

Steps = Int[ArrayLike, "*steps"]  # numbers of updates made
Values = Float[Array, "*steps"]  # one for each of them
Schedule = Callable[..., Float[Array, "..."]]  # of the number of updates made
Rate = Number | Schedule


def schedule_of(rate: Rate, argument: str = "learning rate") -> Schedule:
    """Return a schedule unchanged, and turn a number into a constant schedule."""
    return rate if callable(rate) else constant(rate, argument)


def constant(rate: Number, argument: str = "learning rate") -> Schedule:
    """A constant rate, `eta_t = rate`.

    Args:
      rate: the learning rate.
      argument: its name in an error message.

    Returns:
      A schedule.

    Raises:
      InputError: if the rate is negative or not finite.
    """
    value = check_not_negative(argument, rate)
    return lambda t: jnp.asarray(value, float)


def cosine(rate: Number, steps: int, end: float = 0.0) -> Schedule:
    """Half a cosine from the rate down to its end, `eta_t = c(rate, end rate, t / T)`.

    `c(a, b, u) = b + (a - b)(1 + cos(pi u)) / 2`. The end is reached at `t = T`. Loshchilov and
    Hutter (2017), without restarts.

    Args:
      rate: the learning rate at the start.
      steps: `T`, the number of updates after which the end is reached.
      end: the rate at the end, as a share of the rate, in [0, 1].

    Returns:
      A schedule.

    Raises:
      InputError: if the rate is negative or not finite, `steps` is below 1, or `end` lies outside
        [0, 1].
    """
    top = check_not_negative("learning rate", rate)
    check(steps >= 1, "steps", "at least 1", steps)
    check(0 <= end <= 1, "end", "in [0, 1]", end)
    return lambda t: top * _half_cosine(1, end, jnp.asarray(t, float) / steps)


def cosine_restarts(
    rate: Number, steps: int, restarts: int = 3, end: float = 0.0, growth: float = 1.0
) -> Schedule:
    """Half cosines one after the other, each from the rate down to its end.

    `eta_t = c(rate, end rate, (t - b_i) / (b_{i+1} - b_i))` for `b_i <= t < b_{i+1}`, with `c` as
    in `cosine`. The periods begin at whole updates `b_i`, and each is `growth` times as long as the
    one before; the last ends at `t = T`. A restart leads out of a narrow valley, and the fall into
    a flatter one ("SGDR", Loshchilov and Hutter 2017, whose `T_mult` is the growth). If there are
    fewer updates than periods, each update is a period.

    Args:
      rate: the learning rate at the start of each period.
      steps: `T`, the total number of updates.
      restarts: how many times the rate goes back to its start.
      end: the rate at the end of each period, as a share of the rate, in [0, 1].
      growth: the length of a period divided by that of the period before, at least 1.

    Returns:
      A schedule.

    Raises:
      InputError: if the rate is negative or not finite, `steps` is below 1, `restarts` lies outside
        [1, 1000], `end` outside [0, 1], or `growth` is below 1 or not finite.
    """
    top = check_not_negative("learning rate", rate)
    check(steps >= 1, "steps", "at least 1", steps)
    check(1 <= restarts <= 1000, "restarts", "from 1 to 1000", restarts)
    check(0 <= end <= 1, "end", "in [0, 1]", end)
    check(1 <= growth < math.inf, "growth", "a finite number of at least 1", growth)
    shares = np.cumsum(growth ** np.arange(-restarts, 1.0))  # of the last period, which is 1
    begun = np.unique(np.rint(steps * shares / shares[-1]).astype(np.int32))
    edges = np.concatenate([[0], begun[begun > 0]]).astype(np.int32)

    def schedule(t: Steps) -> Values:
        t = jnp.asarray(t, jnp.int32)
        passed = jnp.searchsorted(edges, t, side="right")
        period = jnp.clip(passed - 1, 0, len(edges) - 2)
        begin, stop = jnp.asarray(edges)[period], jnp.asarray(edges)[period + 1]
        u = jnp.asarray(t - begin, float) / jnp.asarray(stop - begin, float)
        return top * _half_cosine(1, end, u)

    return schedule


def step(rate: Number, steps: int, drops: int = 3, factor: float = 0.1) -> Schedule:
    """A staircase, `eta_t = rate factor^floor(t (drops + 1) / steps)`.

    The last of the drops is at `t = steps drops / (drops + 1)`, and the next at `t = steps`.

    Args:
      rate: the learning rate at the start.
      steps: the total number of updates.
      drops: how many times the rate falls, at equal distances.
      factor: the factor of each fall, in (0, 1).

    Returns:
      A schedule.

    Raises:
      InputError: if the rate is negative or not finite, `steps` or `drops` is below 1, or the
        factor lies outside (0, 1).
    """
    top = check_not_negative("learning rate", rate)
    check(steps >= 1, "steps", "at least 1", steps)
    check(drops >= 1, "drops", "at least 1", drops)
    check(0 < factor < 1, "factor", "in (0, 1)", factor)

    # the first update of each stair, in whole numbers: rounding may delay a drop by one update
    stairs = np.array([-(-steps * k // (drops + 1)) for k in range(1, drops + 1)], np.int32)

    def schedule(t: Steps) -> Values:
        whole, rest = jnp.divmod(jnp.asarray(t), steps)
        stair = jnp.searchsorted(jnp.asarray(stairs, rest.dtype), rest, side="right")
        fallen = whole * (drops + 1) + stair.astype(rest.dtype)
        return top * factor ** jnp.asarray(fallen, float)

    return schedule


def exponential(start: Number, steps: int, end: Number) -> Schedule:
    """A geometric rise or fall, `eta_t = start (end / start)^(t / steps)`.

    The end is reached at `t = steps`, and the schedule goes on. Rising, it is the range test that
    finds a learning rate (lecture rows B3, C5; Smith 2017).

    Args:
      start: the rate at the start.
      steps: the total number of updates.
      end: the rate at the end.

    Returns:
      A schedule.

    Raises:
      InputError: if a rate is not positive and finite, or `steps` is below 1.
    """
    first, last = (
        check_number(name, "a finite positive number", rate, lambda x: 0 < x < math.inf)
        for name, rate in (("start", start), ("end", end))
    )
    check(steps >= 1, "steps", "at least 1", steps)
    return lambda t: first * (last / first) ** (jnp.asarray(t, float) / steps)


def warmup_cosine(rate: Number, steps: int, warmup: float = 0.1, end: float = 0.0) -> Schedule:
    """A straight rise from 0 to the rate, then half a cosine down to its end.

    `eta_t = rate t / R` for the first `R` updates, `warmup steps` rounded to a whole number, then
    `eta_t = c(rate, end rate, (t - R) / (steps - R))`, with `c` as in `cosine`. So the rate is
    reached at `t = R`, and the end at `t = steps`. The fall: Loshchilov and Hutter (2017); the
    rise: Goyal et al. (2017).

    Args:
      rate: the highest learning rate.
      steps: the total number of updates.
      warmup: the share of the updates in which the rate rises, in (0, 1).
      end: the rate at the end, as a share of the rate, in [0, 1].

    Returns:
      A schedule.

    Raises:
      InputError: if the rate is negative or not finite, `steps` is below 1, `warmup` lies outside
        (0, 1), or `end` outside [0, 1].
    """
    top = check_not_negative("learning rate", rate)
    check(steps >= 1, "steps", "at least 1", steps)
    check(0 < warmup < 1, "warmup", "in (0, 1)", warmup)
    check(0 <= end <= 1, "end", "in [0, 1]", end)
    R = min(round(warmup * steps), steps - 1)  # 0, without a rise, where there are few updates

    def schedule(t: Steps) -> Values:
        t = jnp.asarray(t, float)
        fall = _half_cosine(1, end, (t - R) / (steps - R))
        return top * jnp.where(t < R, t / max(R, 1), fall)

    return schedule


def sutskever(mu_max: Number = 0.99, every: int = 250) -> Schedule:
    """A momentum that grows, `mu_t = min(1 - 2^(-1 - log2(floor(t / every) + 1)), mu_max)`.

    It grows from 1/2 to its maximum, since momentum helps most late in training, where gradients
    are small (lecture rows C4 and C14, figure 4; Sutskever et al. 2013). With a momentum `mu` the
    updates sum over about `1 / (1 - mu) = 2 floor(t / every) + 2` gradients, so this memory grows
    as a straight line. Until the maximum is reached, at `t = every (1 / (2 (1 - mu_max)) - 1)`,
    rounded up to a multiple of `every`, it is always a fixed share of the time that has passed.

    Args:
      mu_max: the greatest momentum, in [0, 1).
      every: the number of updates between two values.

    Returns:
      A schedule for `mu`.

    Raises:
      InputError: if the maximum lies outside [0, 1), or `every` is below 1.
    """
    greatest = check_decay("momentum", mu_max)
    check(every >= 1, "every", "at least 1", every)

    def schedule(t: Steps) -> Values:
        stage = jnp.floor(jnp.asarray(t, float) / every) + 1
        return jnp.minimum(1 - 1 / (2 * stage), jnp.asarray(greatest, float))

    return schedule


def one_cycle(
    peak: Number,
    steps: int,
    rise: float = 0.3,
    start: float = 1 / 25,
    end: float = 1e-4 / 25,
) -> Schedule:
    """A rise to the peak and a longer fall to almost 0, both half cosines.

    With `R = rise steps - 1`, rounded to a whole number, and `c` as in `cosine`:
    `eta_t = c(start peak, peak, t / R)` up to `t = R`, then
    `eta_t = c(peak, end peak, (t - R) / (steps - 1 - R))`. So the first update has the start,
    update `R` the peak, and the last, `t = steps - 1`, the end, as in PyTorch's `OneCycleLR`, whose
    peak may lie between two updates; Optax's schedule ends at `t = steps`. A run of two updates has
    the peak and the end, a run of one update the end, as in PyTorch. A high rate in the middle of
    training finds a flat region fast; the fall settles in it (Smith and Topin 2018).

    Args:
      peak: the highest learning rate.
      steps: the total number of updates.
      rise: the share of the updates in which the rate rises, in (0, 1).
      start: the rate at the start, as a share of the peak, in [0, 1].
      end: the rate at the end, as a share of the peak, in [0, 1].

    Returns:
      A schedule.

    Raises:
      InputError: if the peak is negative or not finite, `steps` is below 1, `rise` lies outside
        (0, 1), or `start` or `end` outside [0, 1].
    """
    highest = check_not_negative("learning rate", peak)
    check(steps >= 1, "steps", "at least 1", steps)
    check(0 < rise < 1, "rise", "in (0, 1)", rise)
    check(0 <= start <= 1, "start", "in [0, 1]", start)
    check(0 <= end <= 1, "end", "in [0, 1]", end)
    # from three updates on, start, peak and end have an update each
    R = min(max(round(rise * steps) - 1, 1), steps - 2)

    def schedule(t: Steps) -> Values:
        t = jnp.asarray(t, float)
        up = _half_cosine(start, 1, t / max(R, 1))
        down = _half_cosine(1, end, (t - R) / (steps - 1 - R))
        return highest * jnp.where(t < R, up, down)

    return schedule


def _half_cosine(a: float | int, b: float | int, u: Values) -> Values:
    """Return `c(a, b, u)`: half a cosine from `a` at `u = 0` to `b` at `u = 1`, constant beyond."""
    # (1 + cos(pi u)) / 2, in a form that is exact at both ends and precise near u = 1
    return b + (a - b) * jnp.sin(jnp.pi / 2 * (1 - jnp.clip(u, 0, 1))) ** 2
