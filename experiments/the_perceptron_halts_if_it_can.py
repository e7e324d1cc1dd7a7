r"""The perceptron stops learning where a line separates the classes, and nowhere else.

Points in the unit disc at a margin of at least gamma from a random line: the mistakes made until
none is left, against the bound. Then a tenth of the labels is flipped, and the perceptron goes on
for as many epochs beside logistic regression on the same examples (deck E, "The Perceptron
Algorithm" and its difference from logistic regression).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from matplotlib.figure import Figure

from experiments import style
from experiments.framework import CONDITIONALLY, FAILS, HOLDS, About, Numbers, Settings, Verdict
from experiments.training import over_seeds
from jaxmlp import nn, optim

ABOUT = About(
    rows=("E1", "E2"),
    section="The perceptron: supervised binary classifier; difference from logistic regression",
    formula=r"\theta_j \leftarrow \theta_j + \alpha (y - h_\theta(x)) x_j, \qquad"
    r" \text{mistakes} \leq \Big(\frac{R}{\gamma}\Big)^2",
    threshold="every run on separable classes halts within the bound; on overlapping classes no run"
    " has an epoch without a mistake, and over the last half of the epochs its accuracy varies at"
    " least five times as much as logistic regression's",
    expected=HOLDS,
    seconds=10,
)
MARGINS = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.4])
RADIUS2 = 2.0  # the largest |(x, 1)|^2
N = 100
FLIPPED = 0.1


def run(settings: Settings) -> Numbers:
    """Count mistakes against the margin, and follow two learners on overlapping classes."""
    epochs = 300 if settings.quick else 1000
    mistakes = over_seeds(
        lambda key: jax.vmap(
            lambda gamma: _learn(nn.losses.perceptron, 1.0, *_points(key, gamma), epochs)[0]
        )(jnp.asarray(MARGINS, jnp.float32)),
        settings,
    )
    chosen = {
        "perceptron": (nn.losses.perceptron, 1.0),
        "logistic regression": (nn.losses.binary_cross_entropy, 0.02),
    }
    overlapping = {}
    for name, (loss, rate) in chosen.items():

        def noisy(key: Array, loss: nn.Loss = loss, rate: float = rate) -> tuple[Array, Array]:
            x, y = _points(key, jnp.float32(0.1))
            flip = jax.random.bernoulli(jax.random.fold_in(key, 9), FLIPPED, y.shape)
            return _learn(loss, rate, x, jnp.where(flip, 1 - y, y), 100)

        wrong, accuracy = over_seeds(noisy, settings)
        overlapping[name] = {"mistakes": wrong, "accuracy": accuracy}
    return {"margins": MARGINS, "mistakes": mistakes, "overlapping": overlapping}


def _points(key: Array, gamma: Array) -> tuple[Array, Array]:
    """Draw points in the unit disc, pushed away from a line through it to the margin at least."""
    keys = jax.random.split(key, 3)
    angle = jax.random.uniform(keys[0], maxval=2 * jnp.pi)
    normal = jnp.stack([jnp.cos(angle), jnp.sin(angle)])
    far = jax.random.uniform(keys[1], (N,), minval=gamma, maxval=1.0)
    y = (jnp.arange(N) % 2).astype(jnp.float32)
    across = far * (2 * y - 1)
    along = jnp.sqrt(1 - far**2) * jax.random.uniform(keys[2], (N,), minval=-1.0)
    x = across[:, None] * normal + along[:, None] * jnp.stack([-normal[1], normal[0]])
    return x, y[:, None]


def _learn(loss: nn.Loss, rate: float, x: Array, y: Array, epochs: int) -> tuple[Array, Array]:
    """Show the examples one by one; return each epoch's mistakes and the accuracy after it."""
    model = nn.mlp((), 1, kernel=nn.initializers.zeros)
    gradient, optimizer = nn.value_and_grad(model, loss), optim.sgd(rate)
    params, _ = model.init(jax.random.key(0), (2,))

    def show(state, example):  # type: ignore[no-untyped-def]
        params, opt_state = state
        x_n, y_n = example
        (_, z), g = gradient(params, x_n[None], y_n[None])
        updates, opt_state = optimizer.update(g, opt_state, params)
        return (jax.tree.map(jnp.add, params, updates), opt_state), (z[0, 0] >= 0) != (y_n[0] > 0.5)

    def epoch(state, _):  # type: ignore[no-untyped-def]
        state, wrong = jax.lax.scan(show, state, (x, y))
        right = (model(state[0], x) >= 0) == (y > 0.5)
        return state, (jnp.sum(wrong), jnp.mean(right))

    return jax.lax.scan(epoch, (params, optimizer.init(params)), None, length=epochs)[1]


def plot(numbers: Numbers) -> Figure:
    """Draw mistakes against the margin with their bound, and accuracy by epoch."""
    figure, ((left, right),) = style.figure(1, 2)
    margins = np.array(numbers["margins"])
    total = np.sum(numbers["mistakes"], axis=2)
    style.band(left, list(margins), total, "mistakes made", 0, marker="o")
    style.band(left, list(margins), RADIUS2 / margins**2, r"bound $(R/\gamma)^2$", 1)
    left.set_xscale("log")
    left.set_yscale("log")
    left.set_xlabel(r"margin $\gamma$")
    left.set_ylabel("mistakes until there are none")
    for i, (name, runs) in enumerate(numbers["overlapping"].items()):
        accuracy = 100 * np.array(runs["accuracy"])[0]
        style.band(right, range(1, 1 + len(accuracy)), accuracy, name, i)
    right.set_xlabel("epoch on overlapping classes (seed 0)")
    right.set_ylabel("training accuracy, %")
    for panel in (left, right):
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare mistakes with the bound, and how restless the two learners are."""
    mistakes, margins = np.array(numbers["mistakes"]), np.array(numbers["margins"])
    share = np.sum(mistakes, axis=2) * margins**2 / RADIUS2
    halts = bool(np.all(mistakes[:, :, -1] == 0) and np.all(share <= 1))
    runs = {name: np.array(part["accuracy"]) for name, part in numbers["overlapping"].items()}
    half = runs["perceptron"].shape[1] // 2
    restless = {name: float(np.mean(np.std(a[:, half:], axis=1))) for name, a in runs.items()}
    means = {name: float(np.mean(a[:, half:])) for name, a in runs.items()}
    never = bool(np.all(np.array(numbers["overlapping"]["perceptron"]["mistakes"]) > 0))
    checks = (halts, never, restless["perceptron"] >= 5 * restless["logistic regression"])
    return Verdict(
        HOLDS if all(checks) else CONDITIONALLY if any(checks) else FAILS,
        float(np.max(share)),
        None,
        f"With a margin the perceptron {'always halts' if halts else 'does not always halt'}, with"
        f" at most {np.max(share):.0%} of the mistakes that the bound allows. With {FLIPPED:.0%} of"
        f" the labels flipped it {'never halts' if never else 'may still halt'}: its accuracy is"
        f" {means['perceptron']:.1%} ± {restless['perceptron']:.1%} from epoch to epoch, logistic"
        f" regression's {means['logistic regression']:.1%} ±"
        f" {restless['logistic regression']:.1%}.",
    )
