"""The numbers of the errata of decks A and B."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from experiments.lectures.records import Case
from jaxmlp import nn
from jaxmlp.nn import activations, information, initializers, losses

KEY = jax.random.key(0)
GRID = np.linspace(-10, 10, 20_001)
DENSITY = np.exp(-(GRID**2) / 2) / np.sqrt(2 * np.pi)


def normal_mean(function: Callable[[np.ndarray], np.ndarray]) -> float:
    """The mean of a function of a standard normal number, by the trapezoidal rule."""
    return float(np.trapezoid(function(GRID) * DENSITY, GRID))


def diagonal() -> tuple[float, float]:
    """The slope of squared error by the diagonal of the softmax's Jacobian, and by all of it."""
    z, y = jnp.array([[2.0, 0.0]]), jnp.array([1])
    a = jax.nn.softmax(z)[0, 0]
    return float(2 * a * a * (1 - a)), float(losses.softmax_squared_error.gradient(z, y)[0, 0])


def capped_loss() -> tuple[float, float]:
    """The loss with an epsilon, and from logits."""
    z, y = jnp.array([[50.0, 0.0]]), jnp.array([1])
    return float(-jnp.log(jax.nn.softmax(z)[0, 1] + 1e-9)), float(losses.cross_entropy(z, y))


def capped_slope() -> tuple[float, float]:
    """The slope of both by the first logit."""
    z, y = jnp.array([[50.0, 0.0]]), jnp.array([1])
    a = jax.nn.softmax(z)[0]
    printed = a[1] / (a[1] + 1e-9) * a[0]
    return float(printed), float(losses.cross_entropy.gradient(z, y)[0, 0])


def halved_variance() -> tuple[float, float]:
    """Half of the variance, and the variance behind ReLU."""
    return 0.5, _variance_behind_relu()


def _variance_behind_relu() -> float:
    return normal_mean(lambda z: _relu(z) ** 2) - normal_mean(_relu) ** 2


def _relu(z: np.ndarray) -> np.ndarray:
    return np.asarray(activations.relu(jnp.asarray(z)))


def literal_gain() -> tuple[float, float]:
    """What the slide's forms would demand with the right variance, and what keeps the variance."""
    return 1 / _variance_behind_relu(), 1 / normal_mean(lambda z: _relu(z) ** 2)


def product_for_difference() -> tuple[float, float]:
    """The extracted product, and the difference."""
    a, y = 0.9, 1.0
    z = jnp.log(jnp.array([[a, 1 - a]]))
    return a * y, float(losses.cross_entropy.gradient(z, jnp.array([0]))[0, 0])


HALVES, NINE = jnp.array([0.5, 0.5]), jnp.array([0.9, 0.1])


def distance_to_itself() -> tuple[float, float]:
    """The divergence, which is 0 here as a distance is, and the cross-entropy."""
    divergence = information.kl_divergence(HALVES, HALVES, base=np.e)
    return float(divergence), float(information.cross_entropy(HALVES, HALVES, base=np.e))


def asymmetry() -> tuple[float, float]:
    """What a distance changes when its ends are exchanged, and what cross-entropy does."""
    there, back = (
        float(information.cross_entropy(*pair, base=np.e))
        for pair in ((HALVES, NINE), (NINE, HALVES))
    )
    return 0.0, back - there


def gelu_gain() -> tuple[float, float]:
    """He's factor, and the one that keeps the second moment through GELU."""
    return 2.0, _gain(activations.gelu)


def elu_gain() -> tuple[float, float]:
    """He's factor, and the one for ELU."""
    return 2.0, _gain(activations.elu)


def leaky_gain() -> tuple[float, float]:
    """He's factor, and the one for leaky ReLU."""
    return 2.0, _gain(activations.leaky_relu)


def _gain(function: activations.Activation) -> float:
    return 1 / normal_mean(lambda z: np.asarray(function(jnp.asarray(z)), float) ** 2)


def xavier_bound() -> tuple[float, float]:
    """N times the variance of weights from the printed bound, and from the right one."""
    n, shape = 256, (256, 256)
    printed = initializers.uniform(float(np.sqrt(1 / n)))(KEY, shape)
    return float(n * jnp.var(printed)), float(n * jnp.var(initializers.lecun_uniform(KEY, shape)))


def xavier_condition() -> tuple[float, float]:
    """The variance that each condition demands for n = 256."""
    n = 256
    return float(n), float(np.var(np.asarray(initializers.lecun_normal(KEY, (n, 512)), float)))


def _prelu(alpha: float) -> tuple[float, float]:
    """PReLU at z = -1, and its slope there."""
    layer, z = nn.prelu(start=alpha), jnp.array([[-1.0]])
    params, _ = layer.init(KEY, (1,))
    a, cache = layer.forward(params, z)
    return float(a[0, 0]), float(layer.backward(params, cache, jnp.ones((1, 1)))[1][0, 0])


def prelu_slope() -> tuple[float, float]:
    """The slope as extracted, which is dL/da, and the right one."""
    return 1.0, _prelu(0.25)[1]


def prelu_maximum() -> tuple[float, float]:
    """The maximum, and PReLU."""
    return max(2.0 * -1.0, -1.0), _prelu(2.0)[0]


def categorical() -> tuple[float, float]:
    """The rounded terms, and the loss of the slide's three examples."""
    p = jnp.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1], [0.1, 0.6, 0.3]])
    right = losses.cross_entropy(jnp.log(p), jnp.array([1, 0, 2]))
    return 2.072 / 3, float(right)


def sigmoid_cut() -> tuple[float, float]:
    """The sigmoid's first four digits, and the sigmoid."""
    right = float(activations.sigmoid(jnp.array(5.7)))
    return np.floor(right * 1e4) / 1e4, right


SOFTMAX = jax.nn.softmax(jnp.array([1.5, 0.8, -0.5]))


def softmax_first() -> tuple[float, float]:
    """The quotient of rounded numbers, and the probability."""
    return 4.48 / 7.32, float(SOFTMAX[0])


def softmax_second() -> tuple[float, float]:
    """The same for the second class."""
    return 2.23 / 7.32, float(SOFTMAX[1])


def quadratic_slope() -> tuple[float, float]:
    """The ratio of slopes at errors 3 and 1, if they were quadratic, and as they are."""
    slopes = [
        float(losses.mse.gradient(jnp.array([[e]]), jnp.zeros((1, 1)))[0, 0]) for e in (3.0, 1.0)
    ]
    return 3**2 / 1**2, slopes[0] / slopes[1]


def product_shape() -> tuple[str, str]:
    """The shape of the product of both matrices."""
    c, h, d = 3, 5, 4
    shape = (np.ones((c, h)) @ np.ones((h, d))).shape
    return f"{c} x {h}", " x ".join(map(str, shape))


def index_twice() -> tuple[str, str]:
    """The forward pass with its indices in order; the printed one has no meaning."""
    w, a = np.array([[1, 2], [3, 4]]), np.array([1, 10])
    return "not defined", ", ".join(str(entry) for entry in np.einsum("ji,i->j", w, a))


def step_too_long() -> tuple[str, float]:
    """The error after a step with rate 0.2 in the deck's example, where it was 16."""
    w, eta, x, y = 2.0, 0.2, 3.0, 10.0
    assert (y - w * x) ** 2 == 16
    w += eta * 2 * x * (y - w * x)
    return "below 16", (y - w * x) ** 2


def steeper() -> tuple[str, str]:
    """The slopes of both derivatives at 0, and of both functions."""
    functions, h = (activations.tanh, activations.sigmoid), 1e-3
    zero, around = jnp.zeros(1), jnp.array([-h, h])
    slopes = [float(f.derivative(zero, f(zero))[0]) for f in functions]
    bends = [float(jnp.diff(f.derivative(around, f(around)))[0]) / (2 * h) for f in functions]
    return " and ".join(f"{b:.2g}" for b in bends), " and ".join(f"{s:.2g}" for s in slopes)


def halved_error() -> tuple[float, float]:
    """The losses of decks D and B for errors 2 and 4."""
    z, y = jnp.array([[2.0], [4.0]]), jnp.zeros((2, 1))
    return float(losses.half_mse(z, y)), float(losses.mse(z, y))


CASES: dict[int, tuple[Case, ...]] = {
    1: (xavier_bound, xavier_condition),
    8: (diagonal,),
    9: (capped_loss, capped_slope),
    14: (halved_variance, literal_gain),
    15: (prelu_slope,),
    16: (prelu_maximum,),
    17: (categorical, sigmoid_cut, softmax_first, softmax_second),
    18: (quadratic_slope,),
    19: (product_shape, index_twice),
    24: (product_for_difference,),
    25: (distance_to_itself, asymmetry),
    26: (gelu_gain, elu_gain, leaky_gain),
    27: (step_too_long,),
    28: (steeper,),
    32: (halved_error,),
}
