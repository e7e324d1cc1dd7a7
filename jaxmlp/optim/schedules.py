"""Learning rates that change in the course of training: functions of the number of updates made."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from jaxmlp.errors import check

Schedule = Callable[[Array], Array]


def check_number(
    argument: str, expected: str, value: float | Array, good: Callable[[float], bool]
) -> None:
    """Reject a number that is not good; one that is only known at run time (traced) passes.

    Args:
      argument: what it is called.
      expected: what it must be.
      value: the number.
      good: the test.

    Raises:
      InputError: if the number is known and fails the test.
    """
    if not isinstance(value, jax.core.Tracer):
        check(bool(good(float(value))), argument, expected, value)


def is_size(x: float) -> bool:
    """Return whether the number is finite and not negative."""
    return 0 <= x < math.inf


def _check_rate(rate: float | Array, argument: str = "learning rate") -> None:
    check_number(argument, "a finite number of at least 0", rate, is_size)


def constant(rate: float | Array, argument: str = "learning rate") -> Schedule:
    """Return `eta_t = rate`.

    Args:
      rate: the learning rate.
      argument: what to call it in an error.

    Returns:
      A schedule.

    Raises:
      InputError: if the rate is negative or not finite.
    """
    _check_rate(rate, argument)
    return lambda t: jnp.asarray(rate, float)


def cosine(rate: float | Array, steps: int) -> Schedule:
    """Return half a cosine from the rate down to 0, `eta_t = rate (1 + cos(pi t / T)) / 2`.

    Loshchilov and Hutter (2017), without restarts.

    Args:
      rate: the learning rate at the start.
      steps: `T`, the number of updates after which it is 0.

    Returns:
      A schedule.

    Raises:
      InputError: if the rate is negative or not finite, or there is no step.
    """
    _check_rate(rate)
    check(steps >= 1, "steps", "at least 1", steps)
    return lambda t: rate * _glide(1, 0, jnp.asarray(t, float) / steps)


def one_cycle(
    peak: float | Array,
    steps: int,
    rise: float = 0.3,
    start: float = 1 / 25,
    end: float = 1e-4 / 25,
) -> Schedule:
    """Return a climb to the peak and a longer descent to almost nothing, both half cosines.

    Smith and Topin (2018): a high rate in the middle of training finds flat ground fast, the
    descent settles in it. With `c(a, b, u) = a + (b - a)(1 - cos(pi u)) / 2`:
    `c(start peak, peak, t / R)`
    for the first `R = rise steps` updates, then `c(peak, end peak, (t - R) / (steps - R))`.

    Args:
      peak: the highest learning rate.
      steps: the number of updates in all.
      rise: the share of them that climbs, in (0, 1).
      start: the rate at the start, as a share of the peak.
      end: the rate at the end, as a share of the peak.

    Returns:
      A schedule.

    Raises:
      InputError: if the peak is negative or not finite, there is no step, or `rise` is no share.
    """
    _check_rate(peak)
    check(steps >= 1, "steps", "at least 1", steps)
    check(0 < rise < 1, "rise", "in (0, 1)", rise)
    top = rise * steps

    def rate(t: Array) -> Array:
        t = jnp.asarray(t, float)
        up = _glide(start, 1, t / top)
        down = _glide(1, end, (t - top) / (steps - top))
        return peak * jnp.where(t < top, up, down)

    return rate


def _glide(a: float, b: float, u: Array) -> Array:
    """Return half a cosine from `a` at `u = 0` to `b` at `u = 1`, and constants beyond."""
    return a + (b - a) * (1 - jnp.cos(jnp.pi * jnp.clip(u, 0, 1))) / 2
