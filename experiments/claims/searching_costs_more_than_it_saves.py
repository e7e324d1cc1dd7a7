r"""Line search and second-order steps cost more than they save, in evaluations and in bytes.

A network 49-4-10 learns digits of 7 x 7 pixels until its training loss is 1 nat. Four ways are
compared: descent on mini-batches and descent on all examples, each at its best rate; descent on all
examples with a line search, which halves the rate until the loss falls far enough; and Newton's
step with a line search. The effort is counted in evaluations of the loss of all examples; a
gradient counts as three, and the Hessian of n parameters as n gradients. The bytes are those that
the compiled programs need (deck C, "Stochastic Gradient Descent").

Only the rates are tuned, at no charge: a line search needs no rate, so this favours descent. The
verdict says what is left when all trials of rates are charged. Newton's step is damped so that the
Hessian is positive definite. A better damping cannot help it if a single step costs more than all
of descent.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

from experiments import style, timing
from experiments.descent import orders, over_seeds
from experiments.framework import (
    BEFORE,
    HOLDS,
    About,
    Numbers,
    Settings,
    Threshold,
    Verdict,
    word_of,
)
from experiments.statistics import paired, spread
from experiments.training import digits
from experiments.tuning import best, edge_sentence
from jaxmlp import nn
from jaxmlp.optim.search import backtracking, newton_step

ABOUT = About(
    rows=("C13",),
    section="Stochastic Gradient Descent",
    formula=r"\eta_t = \max \{ 2^{-k} : L(w_t + \eta d) \leq L(w_t) + c \, \eta \, g^T d \},"
    r" \qquad d = -(H + \lambda I)^{-1} g",
    number="evaluations of the loss to 1 nat, line search over mini-batches",
    unit="ratio",
    thresholds=(
        Threshold(
            "to reach a training loss of 1 nat, descent with a line search (main clause) and"
            " Newton's steps take more evaluations than descent on mini-batches; a paired 95 % t"
            " interval of the logarithms over the seeds decides. Line search also takes more than"
            " descent on all examples at a fixed rate. The bytes of the Hessian grow with an"
            " exponent between 1.6 and 2.4 in the number of parameters, those of a gradient with"
            " one below 1.4",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=20,
)
WAYS = ("mini-batches", "all examples", "line search", "Newton")
GOAL, N, BATCH, HIDDEN = 1.0, 128, 8, 4
GRADIENT = 3  # evaluations that a gradient counts as
RATES = tuple(0.05 * 2.0**k for k in range(8))
PASSES = {"mini-batches": 30, "all examples": 300}
SEARCHES, NEWTONS = 400, 40  # steps at most
LEAST_CURVATURE = 0.01  # of the damped Hessian


class Problem(NamedTuple):
    """The training loss as a function of a vector of parameters, with its derivatives."""

    value: Callable[..., jax.Array]
    gradient: Callable[..., tuple[jax.Array, jax.Array]]
    hessian: Callable[..., jax.Array]
    n: int


def run(settings: Settings) -> Numbers:
    """Count the evaluations that each way takes, and measure the bytes of growing networks."""
    (x, y), _ = digits(settings, N, 1)
    data = jnp.asarray(x.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(-1, 49)), jnp.asarray(y)
    model, problem = _problem(HIDDEN)
    starts = list(over_seeds(lambda key: ravel_pytree(model.init(key, (49,))[0])[0], settings))
    numbers: Numbers = {"n": problem.n, "traces": {}, "rates": {}}
    for way in WAYS[:2]:
        traces, chosen = _descents(way, problem, starts, data, settings)
        numbers["traces"][way], numbers["rates"][way] = traces, (chosen.rate, chosen.at_edge)
    value, gradient, hessian = (
        jax.jit(lambda w, f=f: f(w, *data))
        for f in (problem.value, problem.gradient, problem.hessian)
    )
    searched = Problem(value, gradient, hessian, problem.n)
    for way in WAYS[2:]:
        numbers["traces"][way] = [_search(way == "Newton", searched, w) for w in starts]
    widths = (2, 8) if settings.quick else (2, 4, 8, 16)
    numbers["parameters"], numbers["bytes"] = _bytes(widths, data)
    return numbers


def _problem(hidden: int) -> tuple[nn.Layer, Problem]:
    """Return the network, and its loss as a function of a vector of parameters."""
    model = nn.mlp((hidden,), 10, nn.activations.tanh)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), (49,))[0])
    zeros, unravel = ravel_pytree(
        jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    )
    of_tree = nn.value_and_grad(model, nn.losses.cross_entropy)

    def value(w: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        return nn.losses.cross_entropy(model(unravel(w), x), y)

    def gradient(w: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        (found, _), g = of_tree(unravel(w), x, y)
        return ravel_pytree(g)[0], found

    def hessian(w: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        H = jax.jacfwd(lambda w: gradient(w, x, y)[0])(w)
        return (H + H.T) / 2

    return model, Problem(value, gradient, hessian, zeros.size)


def _descents(way: str, problem: Problem, starts: list[Any], data: Any, settings: Settings) -> Any:
    """Descend at every rate and seed; return the traces of the best rate, and the choice."""
    passes, size = PASSES[way], BATCH if way == "mini-batches" else N
    batches = orders(settings, passes, N, size)

    def train(w: jax.Array, batches: jax.Array, rate: jax.Array) -> jax.Array:
        def one(w: jax.Array, rows: jax.Array) -> tuple[jax.Array, None]:
            return w - rate * problem.gradient(w, data[0][rows], data[1][rows])[0], None

        def epoch(w: jax.Array, order: jax.Array) -> tuple[jax.Array, jax.Array]:
            w, _ = jax.lax.scan(one, w, order)
            return w, problem.value(w, *data)

        return jax.lax.scan(epoch, w, batches)[1]

    everywhere = jax.jit(jax.vmap(jax.vmap(train, (None, None, 0)), (0, 0, None)))
    losses = np.asarray(everywhere(jnp.stack(starts), batches, jnp.asarray(RATES, jnp.float32)))
    efforts = GRADIENT * np.arange(1, passes + 1)
    reached = np.apply_along_axis(lambda run: _effort((efforts, run)), 2, losses)
    chosen = best(RATES, reached.T)
    return [(efforts, run[chosen.place]) for run in losses], chosen


def _effort(trace: Any) -> float:
    """Return the evaluations after which the loss is at the goal, infinite if it never is."""
    efforts, losses = (np.asarray(part, float) for part in trace)
    there = losses <= GOAL
    return float(efforts[np.argmax(there)]) if there.any() else np.inf


def _search(newton: bool, problem: Problem, w: jax.Array) -> tuple[list[int], list[float]]:
    """Search along the gradient or along Newton's step until the goal; return effort and loss."""
    efforts, losses, rate = [0], [float(problem.value(w))], 0.5
    for _ in range(NEWTONS if newton else SEARCHES):
        if losses[-1] <= GOAL:
            break
        g, _ = problem.gradient(w)
        direction = -g
        if newton:
            H = problem.hessian(w)
            damping = max(0.0, LEAST_CURVATURE - float(np.linalg.eigvalsh(np.asarray(H))[0]))
            direction, rate = newton_step(g, H, damping), 0.5
        found = backtracking(problem.value, w, direction, float(g @ direction), 2 * rate)
        w, rate = w + found.rate * direction, found.rate
        gradients = 1 + problem.n if newton else 1
        # the gradient has given the loss at w already
        efforts.append(efforts[-1] + GRADIENT * gradients + found.evaluations - 1)
        losses.append(found.value)
    return efforts, losses


def _bytes(widths: Any, data: Any) -> tuple[list[int], dict[str, list[int]]]:
    """Return the numbers of parameters, and the bytes of a gradient and of the Hessian."""
    parameters: list[int] = []
    found: dict[str, list[int]] = {"gradient": [], "Hessian": []}
    for hidden in widths:
        _, problem = _problem(hidden)
        parameters.append(problem.n)

        for name, function in (("gradient", problem.gradient), ("Hessian", problem.hessian)):
            # few examples, so that the numbers of the parameters are what takes the memory
            program, _ = timing.compiled(
                function, jnp.zeros(problem.n), *(part[:1] for part in data)
            )
            found[name].append(timing.memory(program))
    return parameters, found


def plot(numbers: Numbers) -> Figure:
    """Draw the loss against the evaluations, and the bytes against the parameters."""
    figure, ((left, right),) = style.figure(1, 2)
    for i, (way, traces) in enumerate(numbers["traces"].items()):
        for k, (efforts, losses) in enumerate(traces):
            shown = (np.asarray(efforts) > 0) & (np.asarray(efforts) <= _effort((efforts, losses)))
            look = {"color": style.COLOURS[i], "ls": style.LINES[i], "lw": 1.2}
            x, y = (np.asarray(values)[shown] for values in (efforts, losses))
            left.plot(x, y, label=None if k else way, **look)
    left.axhline(GOAL, color="k", lw=0.8)
    left.set(xscale="log", xlabel="evaluations of the loss of all examples")
    left.set(ylabel="training loss, nats (every seed)", ylim=(0.8, 2.6))
    left.legend(frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1))
    for i, (way, values) in enumerate(numbers["bytes"].items()):
        kib = np.array(values) / 2**10
        style.band(right, numbers["parameters"], kib, way, 3 * i, marker="os"[i])
    right.set(xscale="log", yscale="log", xlabel="parameters n", ylabel="memory, KiB")
    style.plain_ticks(right.xaxis)
    right.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the evaluations to the goal, and how the bytes grow."""
    taken = {
        way: np.array([_effort(t) for t in traces]) for way, traces in numbers["traces"].items()
    }
    mini, whole, search, newton = (taken[way] for way in WAYS)
    growth = {
        name: float(timing.exponents(numbers["parameters"], np.array(values)[:, None])[0])
        for name, values in numbers["bytes"].items()
    }
    ratio, step = search / mini, GRADIENT * (numbers["n"] + 1)
    means = ", ".join(f"{way} {values.mean():.0f}" for way, values in taken.items())
    edges = [way for way, (_, at_edge) in numbers["rates"].items() if at_edge]
    gigabytes = 4 * 101_770**2 / 2**30
    return Verdict(
        word_of(
            _more(search, mini),
            _more(newton, mini),
            _more(search, whole),
            1.6 <= growth["Hessian"] <= 2.4 and growth["gradient"] < 1.4,
        ),
        float(ratio.mean()),
        spread(ratio),
        f"Evaluations to {GOAL:g} nat: {means}. If each of the {len(RATES)} rates is tried for as"
        f" long, mini-batches take {len(RATES) * mini.mean():.0f} in all, and descent on all"
        f" examples {len(RATES) * whole.mean():.0f}: a line search needs no such trials, which can"
        f" make up for its own evaluations. A single step of Newton costs {step} with"
        f" {numbers['n']} parameters. The bytes of its Hessian grow as n to the power"
        f" {growth['Hessian']:.2f}, those of a gradient as n to the power"
        f" {growth['gradient']:.2f}: the Hessian of 784-128-10 would fill {gigabytes:.0f} GiB."
        + edge_sentence(edges),
    )


def _more(a: np.ndarray, b: np.ndarray) -> bool | None:
    """Whether a way is shown to take more evaluations; one that never arrives takes more."""
    if not np.isfinite(a).all():
        return bool(np.isfinite(b).all()) or None
    return paired(np.log(a), np.log(b)).above
