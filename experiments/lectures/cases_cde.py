"""The numbers of the errata of decks C, D and E."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.lectures.records import Case
from jaxmlp import nn, optim
from jaxmlp.data import Preprocessing
from jaxmlp.nn import activations, gradients, information, initializers, losses

WIDTHS = (5, 4, 3, 2)  # of the deck D network whose shapes are counted: L = 3
MISFIT = "shapes do not fit"


def algorithm_1() -> tuple[float, float]:
    """The arrays that get a gradient when the loop ends at layer 2, and at layer 1."""
    model = nn.sequential(nn.dense(4), nn.dense(4), nn.dense(3))
    params, _ = model.init(jax.random.key(0), (5,))
    x, y = jnp.ones((2, 5)), jnp.array([0, 1])
    found = [gradients.algorithm_1(model, losses.cross_entropy, k)(params, x, y) for k in (2, 1)]
    return len(jax.tree.leaves(found[0][1])), len(jax.tree.leaves(found[1][1]))


def lost_minus() -> tuple[float, float]:
    """The cross-entropy loss of label 1 at p = 1/4, printed and right, in bits."""
    y, p = jnp.array([0.0, 1.0]), jnp.array([0.75, 0.25])
    return float(jnp.log2(p[1])), float(information.cross_entropy(y, p))


def slope_at_zero() -> tuple[float, float]:
    """The deck's slope of ReLU at 0, and ours."""
    zero = jnp.zeros(1)
    return 1.0, float(activations.relu.derivative(zero, zero)[0])


def dropped_sigmoid() -> tuple[float, float]:
    """A sigmoid unit with weights and bias 0, and one whose output is dropped."""
    dropped = nn.dropout(0.5).forward((), jnp.full((1, 64), 0.9), jax.random.key(0))[0]
    return float(activations.sigmoid(jnp.zeros(()))), float(jnp.min(dropped))


def convexity() -> tuple[str, float]:
    """The smallest eigenvalue of the Hessian of a network's risk at one point."""

    def risk(w: jax.Array) -> jax.Array:
        z = (w[0] * jnp.tanh(w[1]))[None, None]
        return losses.binary_cross_entropy(z, jnp.ones((1, 1)))

    hessian = np.asarray(jax.hessian(risk)(jnp.zeros(2)))
    return "0 or more", float(np.linalg.eigvalsh(hessian)[0])


def information_of_a_bit() -> tuple[float, float]:
    """The information of the outcome 1, and the mean over both outcomes, in bits."""
    return float(-np.log2(0.25)), float(information.entropy(jnp.array([0.25, 0.75])))


Z9 = jnp.log(jnp.array([[9.0]]))  # the logit of f = 0.9


def no_minus() -> tuple[float, float]:
    """The logistic loss without its minus at y = 1, and with it."""
    return float(np.log(0.9)), float(losses.binary_cross_entropy(Z9, jnp.ones((1, 1))))


def wrong_term() -> tuple[float, float]:
    """The loss at y = 0 with log f, and with log(1 - f)."""
    return float(-np.log(0.9)), float(losses.binary_cross_entropy(Z9, jnp.zeros((1, 1))))


def slope_of_two() -> tuple[float, float]:
    """The slope y - f at y = 0, and the slope of the loss."""
    zero = jnp.zeros((1, 1))
    return 0 - 0.9, float(losses.binary_cross_entropy.gradient(Z9, zero)[0, 0])


def slope_of_many() -> tuple[float, float]:
    """The first entry of y - f, and of the slope of the loss."""
    z, y = jnp.array([[2.0, 0.0, 0.0]]), jnp.array([0])
    return float(1 - jax.nn.softmax(z)[0, 0]), float(losses.cross_entropy.gradient(z, y)[0, 0])


def epsilon_inside() -> tuple[float, float]:
    """The size of Adam's first step, with epsilon inside and outside the root."""
    w, g = jnp.zeros(1), jnp.full(1, 1e-8)
    rules = [optim.adam(1.0, epsilon_inside=inside) for inside in (True, False)]
    steps = [rule.update(g, rule.init(w), w)[0] for rule in rules]
    return float(-steps[0][0]), float(-steps[1][0])


def first_sum() -> tuple[float, float]:
    """The size of AdaGrad's first step, with a sum that starts at 0, and Optax's."""
    w, g = jnp.zeros(1), jnp.full(1, 0.1)
    rules = optim.adagrad(1.0), optax.adagrad(1.0)
    steps = [rule.update(g, rule.init(w), w)[0] for rule in rules]
    return float(-steps[0][0]), float(-steps[1][0])


def relu_approximates() -> tuple[str, float]:
    """The greatest error of 64 ReLU units that join 65 points of a sine."""
    knots, x = np.linspace(-np.pi, np.pi, 65), np.linspace(-np.pi, np.pi, 4001)
    slopes = np.diff(np.sin(knots)) / np.diff(knots)
    weights = np.diff(slopes, prepend=0.0)
    units = np.asarray(activations.relu(jnp.asarray(x[:, None] - knots[:-1])), float)
    return "no bound", float(np.max(np.abs(units @ weights - np.sin(x))))


def _from_zeros(hidden: activations.Activation, part: str) -> float:
    """The length of a gradient of the last layer where all weights are zero."""
    model = nn.mlp((8,), 3, hidden, initializers.zeros)
    params, _ = model.init(jax.random.key(0), (4,))
    x, y = jnp.ones((4, 4)), jnp.array([0, 0, 1, 2])
    _, gradient = nn.value_and_grad(model, losses.cross_entropy)(params, x, y)
    return float(jnp.linalg.norm(gradient[-1][part]))


def bias_from_zeros() -> tuple[float, float]:
    """The gradient of the last bias."""
    return 0.0, _from_zeros(activations.relu, "b")


def kernel_from_zeros() -> tuple[float, float]:
    """The gradient of the last kernel behind sigmoid units."""
    return 0.0, _from_zeros(activations.sigmoid, "W")


def layers_counted() -> tuple[float, float]:
    """The layers up to L + 1, and those that have parameters."""
    L = len(WIDTHS) - 1
    kernels = list(itertools.pairwise(WIDTHS))
    return len(range(1, L + 2)), len(kernels)


def hidden_passed() -> tuple[float, float]:
    """The hidden layers that the first chain rule passes, and those there are."""
    L = len(WIDTHS) - 1
    return len([f"h{layer}" for layer in range(1, L + 1)]), len(WIDTHS[1:-1])


def _product(*factors: np.ndarray) -> np.ndarray | None:
    """The product of matrices, or `None` if their shapes do not fit."""
    product = factors[0]
    for factor in factors[1:]:
        if product.shape[1] != factor.shape[0]:
            return None
        product = product @ factor
    return product


def _words(matrix: np.ndarray | None) -> str:
    return MISFIT if matrix is None else " x ".join(map(str, matrix.shape))


def shared_factor() -> tuple[str, str]:
    """The gradient of the first kernel of deck D with the kernel of layer l, and of l + 1."""
    W = {layer: np.ones((WIDTHS[layer], WIDTHS[layer - 1])) for layer in (1, 2, 3)}
    slope = {layer: np.eye(WIDTHS[layer]) for layer in (1, 2)}
    delta, x = np.ones((1, WIDTHS[3])), np.ones((WIDTHS[0], 1))
    found = []
    for kernel in (W[1], W[2]):
        row = _product(delta, W[3], slope[2], kernel, slope[1])
        found.append(_words(None if row is None else row.T @ x.T))
    return found[0], found[1]


def partial_sign() -> tuple[float, float]:
    """The quotient, and the derivative."""
    right = jax.grad(lambda w: w**2)(3.0)
    return 3.0**2 / 3.0, float(right)


def neurons() -> tuple[float, float]:
    """The number of the slide and that of Azevedo et al. (2009), in billions."""
    return 10, 86


def column_delta() -> tuple[str, str]:
    """The delta before the last, from a column and from a row."""
    column, kernel = np.ones((2, 1)), np.ones((2, 3))
    return _words(_product(column, kernel)), _words(_product(column.T, kernel))


def minmax() -> tuple[float, float]:
    """The smallest entry of a column over its maximum, and by min-max scaling."""
    x = np.array([[50.0], [75.0], [100.0]], np.float32)
    return float((x / x.max()).min()), float(Preprocessing.fit("minmax", x)(x).min())


def one_minimum() -> tuple[float, float]:
    """The global minimum, and where descent on single examples ends if all examples agree."""
    grid = np.linspace(-2, 2, 400_001)
    w = 1.0
    for _ in range(1000):
        w -= 0.01 * (4 * w**3 - 4 * w + 0.5)
    return float(grid[np.argmin(grid**4 - 2 * grid**2 + grid / 2)]), w


def _deck_e() -> tuple[np.ndarray, ...]:
    """Columns a3 - y, g'(z2), a1, g'(z1), x and kernels W3, W2 of 5-4-3-1, filled with ones."""
    shapes = ((1, 1), (3, 1), (4, 1), (4, 1), (5, 1), (1, 3), (3, 4))
    return tuple(np.ones(shape) for shape in shapes)


def second_kernel() -> tuple[str, str]:
    """The printed product for dL/dW2, and the right form."""
    error, g2, a1, _, _, w3, _ = _deck_e()
    return _words(_product(error, w3, g2, a1)), _words((w3.T @ error * g2) @ a1.T)


def first_kernel() -> tuple[str, str]:
    """The printed product for dL/dW1, and the right form."""
    error, g2, _, g1, x, w3, w2 = _deck_e()
    delta = w3.T @ error * g2
    return _words(_product(error, w3, g2, w2, g1, x)), _words((w2.T @ delta * g1) @ x.T)


def recap() -> tuple[float, float]:
    """The slope of the sigmoid as the recap has it, and as it is."""
    y, f, a2 = 0.0, 0.9, 1.0
    return y * (1 - f) * a2, f * (1 - f) * a2


def weights_near_one() -> tuple[float, float]:
    """N Var(W) for weights of size 1, and for scaled ones."""
    n = 784
    W = np.asarray(initializers.lecun_normal(jax.random.key(0), (n, 1024)), float)
    return n * 1.0, n * float(np.var(W))


def relu_has_no_slope() -> tuple[float, float]:
    """The jump of ReLU's slope at 0."""
    z = jnp.array([-1e-3, 1e-3])
    slopes = activations.relu.derivative(z, activations.relu(z))
    return 0.0, float(slopes[1] - slopes[0])


def entries_of_a_bias() -> tuple[float, float]:
    """The number of examples, and the entries of the first bias."""
    examples, features, units = 7, 5, 4
    params, _ = nn.dense(units).init(jax.random.key(0), (features,))
    return examples, params["b"].size


CASES: dict[int, tuple[Case, ...]] = {
    2: (no_minus, wrong_term),
    3: (slope_of_two, slope_of_many),
    4: (algorithm_1,),
    5: (lost_minus,),
    6: (slope_at_zero,),
    7: (minmax,),
    10: (epsilon_inside, first_sum),
    11: (relu_approximates,),
    12: (one_minimum,),
    13: (bias_from_zeros, kernel_from_zeros),
    20: (dropped_sigmoid,),
    21: (convexity,),
    22: (layers_counted, hidden_passed, shared_factor, partial_sign, neurons),
    23: (second_kernel, first_kernel, recap, weights_near_one, relu_has_no_slope),
    29: (column_delta,),
    30: (entries_of_a_bias,),
    31: (information_of_a_bit,),
}
