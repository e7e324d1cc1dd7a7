"""Learning rates that change during training: functions of `t`, the number of updates made."""

import math
from collections.abc import Callable

import jax.numpy as jnp
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


def cosine(rate: Number, steps: int) -> Schedule:
    """Half a cosine from the rate down to 0, `eta_t = rate (1 + cos(pi t / T)) / 2`.

    Loshchilov and Hutter (2017), without restarts.

    Args:
      rate: the learning rate at the start.
      steps: `T`, the number of updates after which it is 0.

    Returns:
      A schedule.

    Raises:
      InputError: if the rate is negative or not finite, or `steps` is below 1.
    """
    top = check_not_negative("learning rate", rate)
    check(steps >= 1, "steps", "at least 1", steps)
    return lambda t: top * _half_cosine(1, 0, jnp.asarray(t, float) / steps)


def step(rate: Number, steps: int, drops: int = 3, factor: float = 0.1) -> Schedule:
    """A staircase, `eta_t = rate factor^floor(t (drops + 1) / steps)`.

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
    # in whole numbers: rounding t (drops + 1) / steps may delay a drop by one update
    return lambda t: top * factor ** jnp.asarray(jnp.asarray(t) * (drops + 1) // steps, float)


def exponential(start: Number, steps: int, end: Number) -> Schedule:
    """A geometric rise or fall, `eta_t = start (end / start)^(t / steps)`.

    Rising, it is the range test that finds a learning rate (B3, C5; Smith 2017).

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


def warmup_cosine(rate: Number, steps: int, warmup: float = 0.1) -> Schedule:
    """A straight rise from 0 to the rate, then half a cosine down to 0.

    `eta_t = rate t / R` for the first `R = warmup steps` updates, then
    `eta_t = rate (1 + cos(pi (t - R) / (steps - R))) / 2`. The fall: Loshchilov and Hutter (2017);
    the rise: Goyal et al. (2017).

    Args:
      rate: the highest learning rate.
      steps: the total number of updates.
      warmup: the share of the updates in which the rate rises, in (0, 1).

    Returns:
      A schedule.

    Raises:
      InputError: if the rate is negative or not finite, `steps` is below 1, or `warmup` lies
        outside (0, 1).
    """
    top = check_not_negative("learning rate", rate)
    check(steps >= 1, "steps", "at least 1", steps)
    check(0 < warmup < 1, "warmup", "in (0, 1)", warmup)
    R = warmup * steps

    def schedule(t: Steps) -> Values:
        t = jnp.asarray(t, float)
        return top * jnp.where(t < R, t / R, _half_cosine(1, 0, (t - R) / (steps - R)))

    return schedule


def sutskever(mu_max: Number = 0.99, every: int = 250) -> Schedule:
    """A momentum that grows, `mu_t = min(1 - 2^(-1 - log2(floor(t / every) + 1)), mu_max)`.

    It grows from 1/2 to its maximum, since momentum helps most late in training, where gradients
    are small (C4, figure 4; Sutskever et al. 2013).

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

    With `c(a, b, u) = a + (b - a)(1 - cos(pi u)) / 2`: `eta_t = c(start peak, peak, t / R)` for the
    first `R = rise steps` updates, then `eta_t = c(peak, end peak, (t - R) / (steps - R))`. A high
    rate in the middle of training finds a flat region fast; the fall settles in it (Smith and Topin
    2018).

    Args:
      peak: the highest learning rate.
      steps: the total number of updates.
      rise: the share of the updates in which the rate rises, in (0, 1).
      start: the rate at the start, as a share of the peak.
      end: the rate at the end, as a share of the peak.

    Returns:
      A schedule.

    Raises:
      InputError: if the peak is negative or not finite, `steps` is below 1, or `rise` lies outside
        (0, 1).
    """
    highest = check_not_negative("learning rate", peak)
    check(steps >= 1, "steps", "at least 1", steps)
    check(0 < rise < 1, "rise", "in (0, 1)", rise)
    top = rise * steps

    def schedule(t: Steps) -> Values:
        t = jnp.asarray(t, float)
        up = _half_cosine(start, 1, t / top)
        down = _half_cosine(1, end, (t - top) / (steps - top))
        return highest * jnp.where(t < top, up, down)

    return schedule


def _half_cosine(a: float | int, b: float | int, u: Values) -> Values:
    """Return half a cosine from `a` at `u = 0` to `b` at `u = 1`, and constants beyond."""
    return a + (b - a) * (1 - jnp.cos(jnp.pi * jnp.clip(u, 0, 1))) / 2
