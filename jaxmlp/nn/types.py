"""The types that annotations name: arrays, keys, and the trees of parameters and caches.

`Float[Array, "N K"]` is an array of floating-point numbers with two axes. Within one function a
letter stands for one size, so that a result `Float[Array, "N K"]` has the shape of the argument.
`*F` stands for any number of axes, and `...` for any that are not compared. The tests check all of
it while they run; otherwise an annotation costs nothing.
"""

from typing import TYPE_CHECKING

import jax
import numpy as np
from jaxtyping import Float, Key, Num, PyTree

if TYPE_CHECKING:
    from jax import Array as Array
else:  # NumPy's arrays are welcome too, as in JAX's own functions
    Array = jax.Array | np.ndarray

Shape = tuple[int, ...]  # of one example, without the batch axis
RandomKey = Key[jax.Array, ""]

Params = PyTree  # of arrays: a layer's parameters, or their gradient
Cache = PyTree  # what a layer's `forward` leaves for its `backward`

Outputs = Float[Array, "N K"]  # a network's raw outputs
Targets = Num[Array, "..."]  # labels `(N,)` or numbers `(N, K)`, compared by the loss itself
Weights = Float[Array, "..."]  # one per example `(N,)`, compared by the loss itself
Scalar = Float[Array, ""]
