"""A small call of everything whose source code a chapter shows, for its notebook."""

EXAMPLES: dict[str, str] = {
    "jaxmlp.nn.softmax.softmax": """
import jax.numpy as jnp

softmax(jnp.array([[1000.0, 1003.0]]))  # the exercise below
""",
    "jaxmlp.nn.softmax.softmax_vjp": """
from jaxmlp.nn import softmax_jacobian

p, dp = jnp.array([0.2, 0.3, 0.5]), jnp.array([1.0, -2.0, 0.5])
softmax_vjp(p, dp), softmax_jacobian(p) @ dp  # the same, without the matrix
""",
    "jaxmlp.nn.losses.softmax_squared_error": """
z, y = jnp.array([[5.0, -5.0]]), jnp.array([1])  # sure and wrong
softmax_squared_error(z, y), softmax_squared_error.gradient(z, y, None)
""",
    "jaxmlp.nn.losses.cross_entropy": """
cross_entropy(z, y), cross_entropy.gradient(z, y, None)  # the same logits
""",
    "jaxmlp.nn.moments.sample_variance": """
import numpy as np

x = np.array([1.0, 2.0, 4.0, 8.0])
sample_variance(x), x.var()  # by n - 1, and by n
""",
    "jaxmlp.nn.initializers.variance_scaling": """
import jax

W = variance_scaling(2.0, "fan_in", "normal")(jax.random.key(0), (784, 128))
W.var() * 784  # the gain
""",
    "jaxmlp.nn.moments.gain_of": """
from jaxmlp.nn import activations

{f.name: round(gain_of(f), 3) for f in (activations.relu, activations.elu, activations.gelu)}
""",
    "jaxmlp.optim.descent.sgd": """
import jax.numpy as jnp

init, update = sgd(0.1)
w = jnp.array(2.0)
gradient = -2 * 3 * (10 - 3 * w)  # of (y - w x)^2 at x = 3, y = 10
step, _ = update(gradient, init(w), w)
gradient, w + step  # -24 and 4.4
""",
    "jaxmlp.nn.gates.mul": """
mul.backward((3.0, -4.0), -12.0, 1.0)  # x = 3, y = -4, f = -12, df = 1: they swap
""",
    "jaxmlp.nn.layers.dense": """
import jax

layer = dense(2)
params, _ = layer.init(jax.random.key(0), (3,))
z, cache = layer.forward(params, jnp.ones((4, 3)))
dparams, dx = layer.backward(params, cache, jnp.ones((4, 2)))
dparams, dx.shape
""",
    "jaxmlp.nn.losses.mae": """
z, y = jnp.array([[4.2], [3.8], [5.1]]), jnp.array([[5.0], [4.0], [4.9]])
mae(z, y), mae.gradient(z, y, None)
""",
    "jaxmlp.nn.activations.relu": """
z = jnp.array([-1.0, 0.0, 2.0])
relu(z), relu.derivative(z, relu(z))
""",
    "jaxmlp.nn.prelu.prelu": """
layer = prelu()
params, _ = layer.init(jax.random.key(0), (2,))
a, cache = layer.forward(params, jnp.array([[-1.0, 2.0]]))
a, layer.backward(params, cache, jnp.ones((1, 2)))
""",
    "jaxmlp.nn.losses.binary_cross_entropy": """
import jax.numpy as jnp

z, y = jnp.array([[0.0], [4.0]]), jnp.array([[1.0], [0.0]])
binary_cross_entropy(z, y), binary_cross_entropy.gradient(z, y, None)
""",
    "jaxmlp.nn.gradients.algorithm_1": """
import jax

from jaxmlp import nn

model, loss = nn.mlp((3,), 2), nn.losses.cross_entropy
params, _ = model.init(jax.random.key(0), (4,))
x, y = jnp.linspace(-1, 1, 20).reshape(5, 4), jnp.array([0, 1, 1, 0, 1])
_, one_by_one = jax.jit(algorithm_1(model, loss))(params, x, y)
_, at_once = jax.jit(nn.value_and_grad(model, loss))(params, x, y)
jax.tree.map(lambda a, b: float(abs(a - b).max()), one_by_one, at_once)  # the same gradient
""",
    "jaxmlp.nn.activations.softplus_of": """
z = jnp.array([-1.0, 0.0, 1.0])
{beta: softplus_of(beta)(z).tolist() for beta in (1.0, 10.0, 100.0)}  # towards ReLU
""",
    "jaxmlp.nn.pooling.max_pool": """
layer = max_pool(2)
a, cache = layer.forward((), jnp.arange(16.0).reshape(1, 4, 4, 1))
_, dx = layer.backward((), cache, jnp.ones_like(a))
a[0, :, :, 0], dx[0, :, :, 0]
""",
    "jaxmlp.optim.descent.momentum": """
init, update = momentum(0.1, 0.9)
w, state = jnp.array(1.0), init(jnp.array(1.0))
for _ in range(5):
    step, state = update(jnp.array(1.0), state, w)  # a slope of 1 everywhere
    print(float(step))  # the steps grow
    w += step
""",
    "jaxmlp.nn.noise.dropout": """
layer = dropout(0.5)
layer.forward((), jnp.ones((2, 8)), jax.random.key(0))[0], layer.forward((), jnp.ones((2, 8)))[0]
""",
    "jaxmlp.nn.information.cross_entropy": """
import numpy as np

q, p = np.array([[0.5, 0.25, 0.25]]), np.array([[0.25, 0.25, 0.5]])
cross_entropy(q, q), cross_entropy(q, p)  # bits: the entropy, and the price of a wrong table
""",
    "jaxmlp.nn.logic.xor_network": """
import jax.numpy as jnp

model, params = xor_network()
model(params, jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]))
""",
    "jaxmlp.nn.layers.sequential": """
import jax

from jaxmlp import nn

model = sequential(nn.dense(3), nn.activation(nn.activations.relu), nn.dense(2))
params, shape = model.init(jax.random.key(0), (4,))
outputs, caches = model.forward(params, jnp.ones((5, 4)))
dparams, dx = model.backward(params, caches, jnp.ones_like(outputs))
jax.tree.map(jnp.shape, dparams), dx.shape
""",
    "jaxmlp.nn.backprop.value_and_grad": """
x, y = jnp.linspace(-1, 1, 20).reshape(5, 4), jnp.array([0, 1, 1, 0, 1])
(loss, _), by_hand = jax.jit(value_and_grad(model, nn.losses.cross_entropy))(params, x, y)
by_machine = jax.jit(jax.grad(lambda w: nn.losses.cross_entropy(model(w, x), y)))(params)
loss, jax.tree.map(lambda a, b: float(abs(a - b).max()), by_hand, by_machine)
""",
    "jaxmlp.optim.adaptive.adam": """
init, update = adam(0.1)
w = jnp.array([1.0, 1.0])
step, _ = update(jnp.array([1000.0, 0.001]), init(w), w)
step  # the first step is as long for a small slope as for a large one
""",
    "jaxmlp.nn.losses.perceptron": """
import jax.numpy as jnp

z, y = jnp.array([[2.0], [-2.0]]), jnp.array([[1.0], [1.0]])  # one right, one wrong
perceptron(z, y), perceptron.gradient(z, y, None)
""",
    "jaxmlp.nn.activations.softplus": """
z = jnp.array([-30.0, 0.0, 30.0])
softplus(z), softplus.derivative(z, softplus(z))
""",
    "jaxmlp.nn.binary_network.gradient": """
import numpy as np

from jaxmlp.nn.binary_network import Weights

shapes = Weights((3, 4), (3, 1), (2, 3), (2, 1), (1, 2), (1, 1))
draw = np.random.default_rng(0).standard_normal
w = Weights(*(jnp.asarray(draw(shape)) for shape in shapes))
x, y = jnp.asarray(draw((4, 5))), jnp.array([[0.0, 1.0, 1.0, 0.0, 1.0]])
[slope.shape for slope in gradient(w, x, y)]
""",
    "jaxmlp.nn.layers.activation": """
from jaxmlp import nn

layer = activation(nn.activations.tanh)
a, cache = layer.forward((), jnp.array([[-2.0, 0.0, 2.0]]))
a, layer.backward((), cache, jnp.ones((1, 3)))[1]
""",
    "jaxmlp.optim.signs.lion": """
import jax.numpy as jnp

init, update = lion(0.1)
w = jnp.array([1.0, 1.0, 1.0])
step, _ = update(jnp.array([1000.0, 0.001, -3.0]), init(w), w)
step  # the sign alone
""",
    "jaxmlp.optim.muon.newton_schulz": """
import jax

G = jax.random.normal(jax.random.key(0), (6, 4))
jnp.linalg.svd(G)[1], jnp.linalg.svd(newton_schulz(G))[1]  # all near 1
""",
    "jaxmlp.optim.schedule_free.schedule_free": """
from jaxmlp import optim

init, update = schedule_free(optim.sgd(0.5), 0.5)
y = jnp.array([4.0])
state = init(y)
for _ in range(20):
    step, state = update(y, state, y)  # the gradient of y^2 / 2
    y = y + step
y, optim.judged_params(y, state)  # trained here, judged there
""",
    "jaxmlp.optim.sharpness.sharpness_aware": """
from jaxmlp import nn

model = nn.mlp((3,), 2)
params, _ = model.init(jax.random.key(0), (4,))
x, y = jnp.linspace(-1, 1, 20).reshape(5, 4), jnp.array([0, 1, 1, 0, 1])
plain = jax.jit(nn.value_and_grad(model, nn.losses.cross_entropy))
uphill = jax.jit(sharpness_aware(plain, 0.1))
plain(params, x, y)[1][-1]["b"], uphill(params, x, y)[1][-1]["b"]
""",
}
