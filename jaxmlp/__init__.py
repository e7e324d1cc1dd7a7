"""The executable textbook of training neural networks.

Every formula is a pure JAX function, every gradient is written by hand and proved equal to
`jax.grad`. Layers, losses and backpropagation live in `jaxmlp.nn`, update rules in `jaxmlp.optim`,
data in `jaxmlp.data`, the training loop in `jaxmlp.training`; `python -m jaxmlp.train` is the front
door.
"""

__version__ = "0.1.0"
