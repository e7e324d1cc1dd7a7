"""Update rules trained side by side on digits of 14 x 14 pixels, each at its own best rate.

Held-out digits choose the rate of each rule from a grid of equal length; test digits judge it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments import style
from experiments.descent import orders, over_seeds
from experiments.framework import Numbers, Settings
from experiments.statistics import spread
from experiments.training import digits
from experiments.tuning import best
from jaxmlp import nn, optim

HELD = 1000
FRESH = 100  # the first seed; sizes and grids were chosen by trials on the seeds 0 to 9


class Rival(NamedTuple):
    """A way of training.

    Attributes:
      rule: `(rate, steps) -> optimizer`.
      longer: how many times as many steps it takes.
      radius: of sharpness-aware minimisation; 0 for none.
    """

    rule: Callable[[Any, int], optim.Optimizer]
    longer: int = 1
    radius: float = 0.0


class Arena(NamedTuple):
    """The problem that all rivals solve.

    Attributes:
      model: the network.
      parts: training, held-out and test digits, each `(x, y)`.
      starts: the parameters at the start of each seed.
      orders: the examples of each step, `(seeds, steps, batch)`, enough for the longest.
      steps: the number of steps of a rival that takes no longer.
    """

    model: nn.Layer
    parts: Any
    starts: Any
    orders: jax.Array
    steps: int


def make_arena(
    settings: Settings,
    n: int,
    epochs: int,
    hidden: tuple[int, ...],
    *,
    batch: int = 64,
    wrong: float = 0.0,
    longest: int = 1,
) -> Arena:
    """Lay out a problem on digits.

    Args:
      settings: give the data set, and half the number of seeds.
      n: the number of training digits.
      epochs: passes over them.
      hidden: the widths of the hidden layers.
      batch: examples in a step.
      wrong: the share of the training labels that are replaced by random ones.
      longest: how many times as many steps the longest rival takes.

    Returns:
      The arena.
    """
    (x, y), (x_test, y_test) = digits(settings, n + HELD, 2000)
    x, test = _coarse(x), (_coarse(x_test), y_test)
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(n) < wrong, rng.integers(10, size=n), y[:n]).astype(y.dtype)
    parts = jax.tree.map(jnp.asarray, ((x[:n], noisy), (x[n:], y[n:]), test))
    steps = epochs * (n // batch)
    settings = settings._replace(seeds=settings.many, first=FRESH)  # a run is cheap
    order = orders(settings, epochs * longest, n, batch)
    model = nn.mlp(hidden, 10)
    starts = over_seeds(lambda key: model.init(key, x.shape[1:])[0], settings)
    return Arena(model, parts, starts, order.reshape(settings.seeds, -1, batch), steps)


def grid(settings: Settings, low: float, high: float) -> np.ndarray:
    """Return the rates to try, at equal ratios from `low` to `high`: six, or four if quick."""
    return np.geomspace(low, high, 4 if settings.quick else 6)


def _coarse(x: np.ndarray) -> np.ndarray:
    """Return pictures of 14 x 14 pixels, each the mean of four."""
    return x.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(x), -1)


def compete(
    arena: Arena, rivals: dict[str, Rival], rates: dict[str, Any], by: str = "held"
) -> Numbers:
    """Train every rival at every rate and seed, and choose its rate on the held-out digits.

    Args:
      arena: the problem.
      rivals: the ways of training, by name.
      rates: the grid of each, in rising order, all of one length.
      by: what is lowest at the best rate: the loss on held-out digits (`held`), or the share of
        them that are wrong (`held_error`).

    Returns:
      For each name `rates`, `place` of the best rate, `at_edge`, and by seed and rate, each
      `(seeds, rates)`: `held`, `held_error`, the loss on test digits (`test`), the test accuracy
      (`accuracy`), all at the parameters that are judged; and `trained`, the test loss at the
      parameters of training.
    """
    assert len({len(grid) for grid in rates.values()}) == 1  # an equal budget
    return {name: _at_rates(arena, rival, rates[name], by) for name, rival in rivals.items()}


def _at_rates(arena: Arena, rival: Rival, grid: Any, by: str) -> Numbers:
    steps = arena.steps * rival.longer
    one = partial(_learn, arena.model, rival, steps)
    over_rates = jax.vmap(one, (0, None, None, None))
    over = jax.jit(jax.vmap(over_rates, (None, 0, 0, None)))
    found = over(jnp.asarray(grid), arena.starts, arena.orders[:, :steps], arena.parts)
    numbers = {name: np.asarray(values) for name, values in found.items()}
    chosen = best(list(grid), numbers[by].T)
    return {"rates": list(grid), "place": chosen.place, "at_edge": chosen.at_edge, **numbers}


def _learn(
    model: nn.Layer, rival: Rival, steps: int, rate: Any, params: Any, order: Any, parts: Any
) -> Any:
    """Train once, and measure the end."""
    (x, y), *judging = parts
    rule, loss = rival.rule(rate, steps), nn.losses.cross_entropy
    gradient: Any = nn.value_and_grad(model, loss)
    if rival.radius:
        gradient = optim.sharpness_aware(gradient, rival.radius)

    def step(carry: Any, rows: Any) -> tuple[Any, None]:
        params, state = carry
        _, slope = gradient(params, x[rows], y[rows])
        updates, state = rule.update(slope, state, params)
        return (jax.tree.map(jnp.add, params, updates), state), None

    (trained, state), _ = jax.lax.scan(step, (params, rule.init(params)), order)
    judged = optim.judged_params(trained, state)
    (x_held, y_held), (x_test, y_test) = judging
    held, outputs = model(judged, x_held), model(judged, x_test)
    return {
        "held": loss(held, y_held),
        "held_error": jnp.mean(jnp.argmax(held, axis=1) != y_held),
        "test": loss(outputs, y_test),
        "accuracy": jnp.mean(jnp.argmax(outputs, axis=1) == y_test),
        "trained": loss(model(trained, x_test), y_test),
    }


def tuned(numbers: Numbers, name: str, measure: str = "test") -> np.ndarray:
    """Return a rival's measure at its own best rate, `(seeds,)`.

    Args:
      numbers: what `compete` returned, maybe after a journey through JSON.
      name: the rival.
      measure: `held`, `test`, `accuracy` or `trained`.

    Returns:
      One number for each seed.
    """
    own = numbers[name]
    return np.array(own[measure], float)[:, own["place"]]


def rates_in_words(numbers: Numbers, names: Any) -> str:
    """Return the best rate of each rival in words, and whether it lies at an edge of its grid."""
    parts = []
    for name in names:
        own = numbers[name]
        edge = " (at an edge of its grid)" if own["at_edge"] else ""
        parts.append(f"{name} {own['rates'][own['place']]:.2g}{edge}")
    return f"Best rates: {', '.join(parts)}."


def draw_rates(panel: Any, numbers: Numbers, names: Any, measure: str = "test") -> None:
    """Draw a measure against the rate for each rival, and mark its best rate.

    Args:
      panel: the panel to draw in.
      numbers: what `compete` returned.
      names: the rivals.
      measure: `test` or `accuracy`.
    """
    for i, name in enumerate(names):
        own = numbers[name]
        values, place = np.array(own[measure], float), own["place"]
        style.band(panel, own["rates"], values, name, i, marker=style.MARKERS[i], ms=5)
        at = (own["rates"][place], values[:, place].mean())
        panel.plot(*at, style.MARKERS[i], ms=11, mfc="none", color=style.COLOURS[i], mew=2)
    words = "test loss, nats" if measure == "test" else "test accuracy"
    panel.set(xscale="log", xlabel="learning rate (ring: chosen on held-out digits)", ylabel=words)
    style.plain_ticks(panel.xaxis)
    panel.legend(frameon=False)


def draw_ends(panel: Any, ends: dict[str, Any], words: str) -> None:
    """Draw each seed's end as a point, and the mean with the deviation over seeds beside it.

    Args:
      panel: the panel to draw in.
      ends: `(seeds,)` by name.
      words: what is measured.
    """
    for i, (name, values) in enumerate(ends.items()):
        colour = style.COLOURS[i]
        panel.plot(values, np.full(len(values), i - 0.12), ".", color=colour, alpha=0.7)
        panel.errorbar(
            np.mean(values), i + 0.12, xerr=spread(values), color=colour, fmt=style.MARKERS[i]
        )
        panel.text(np.mean(values), i + 0.2, name, va="top", ha="center")
    panel.set(yticks=[], ylim=(len(ends) - 0.2, -0.5), xlabel=words)
