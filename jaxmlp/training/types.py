"""The types that annotations name: arrays, random keys, and trees of arrays.

`Float[Array, "N K"]` is an array of floating-point numbers with two axes. Within one function a
name stands for one size. `*F` stands for any number of axes, and `...` for axes that are not
compared. The tests check all of it while they run; otherwise an annotation costs nothing.
"""

from typing import TypeVar

import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Int, Integer, PyTree, Shaped

from jaxmlp.nn.types import Array as Array
from jaxmlp.nn.types import Outputs as Outputs
from jaxmlp.nn.types import RandomKey as RandomKey
from jaxmlp.nn.types import Scalar as Scalar

AnyArray = jax.Array | np.ndarray
Count = Int[Array, ""]
Truth = Bool[Array, ""]
Whole = Integer[ArrayLike, ""]  # a whole number, Python's or traced

Inputs = Shaped[Array, "N *F"]  # one example a row
Targets = Shaped[Array, "N *K"]  # labels `(N,)` or numbers `(N, K)`, as the loss takes them
PerExample = Float[Array, "N"]
Bins = Int[Array, "bins"]  # of a histogram: how many values each holds
Edges = Float[Array, "edges"]  # between and around them

Row = Int[Array, "batch"]  # the indices of a step's examples; -1 fills the row up
Order = Int[Array, "steps batch"]  # the rows of an epoch
Orders = Int[Array, "epochs steps batch"]

# on the host
Indices = Int[np.ndarray, "n"]
HostInputs = Shaped[np.ndarray, "N *F"]
HostTargets = Shaped[np.ndarray, "n *K"]
HostOutputs = Float[np.ndarray, "n K"]
HostRow = Int[np.ndarray, "batch"]
HostOrder = Int[np.ndarray, "steps batch"]

AnyTree = PyTree[ArrayLike]
Tree = TypeVar("Tree")  # a tree of arrays; what a function returns has the same structure
Shapes = PyTree[jax.ShapeDtypeStruct]
