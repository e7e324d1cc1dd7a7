"""The mesh: the devices that train one network together, and what lies on which of them.

The examples are split over the devices, and so are the examples of each batch. The parameters are
on every device, or, if they are sharded, are gathered for each step. So XLA computes a batch's
gradient as the sum over the devices' shares: each layer multiplies its own rows, and
`dW = x^T dz` adds up over them. One device is a mesh of one.

All else is the same for any number of devices: the examples of each batch, and the random numbers,
which JAX draws by their place in an array. Only sums round in another way.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmlp.errors import InputError, check
from jaxmlp.training.types import Array, Row, Tree

AXIS = "examples"
ROWS, WHOLE = PartitionSpec(AXIS), PartitionSpec()

_mesh: ContextVar[Mesh | None] = ContextVar("mesh", default=None)
_sharded: ContextVar[bool] = ContextVar("sharded", default=False)


def usual_devices() -> int:
    """Return how many devices train a network if nobody says: all accelerators, or one processor.

    Each of several processes counts one processor. More devices of it would share the cores that
    one of them uses alone.
    """
    return jax.process_count() if jax.default_backend() == "cpu" else jax.device_count()


def make_mesh(many: Any = None) -> Mesh:
    """Arrange devices along the axis of the examples.

    Args:
      many: their number; `None` for all accelerators, or one processor.

    Returns:
      The mesh.

    Raises:
      InputError: if there are not so many devices.
    """
    there = jax.devices()
    expected = f"from 1 to {len(there)}, as many as JAX finds here"
    if there[0].platform == "cpu":
        expected += " (JAX_NUM_CPU_DEVICES makes several of a processor)"
    many = usual_devices() if many is None else many
    whole = isinstance(many, int | np.integer) and not isinstance(many, bool)
    check(whole and 1 <= many <= len(there), "devices", expected, many)
    processes = jax.process_count()
    check(many % processes == 0, "devices", f"a multiple of the {processes} processes", many)
    each = [[d for d in there if d.process_index == i] for i in range(processes)]
    devices = [device for own in each for device in own[: many // processes]]
    check(len(devices) == many, "devices", "as many in each process", [*map(len, each)])
    auto = (jax.sharding.AxisType.Auto,)
    return jax.make_mesh((many,), (AXIS,), axis_types=auto, devices=devices)


@contextmanager
def on_devices(many: Any = None, shard_parameters: bool = False) -> Iterator[Mesh]:
    """A context in which problems are posed and trained on several devices.

    Args:
      many: their number; `None` for all accelerators, or one processor.
      shard_parameters: whether each device keeps only its share of the parameters and of the
        optimizer's state, where they divide.

    Yields:
      The mesh.

    Raises:
      InputError: if there are not so many devices, or nothing to share parameters with.
    """
    mesh = make_mesh(many)
    if shard_parameters and mesh.size == 1:
        raise InputError("shard_parameters does not apply to one device")
    before = _mesh.set(mesh), _sharded.set(shard_parameters)
    try:
        yield mesh
    finally:
        _mesh.reset(before[0])
        _sharded.reset(before[1])


def parts() -> int:
    """Return the number of devices that share the examples; outside of `on_devices`, 1."""
    mesh = _mesh.get()
    return 1 if mesh is None else mesh.size


def own_share() -> tuple[int, int]:
    """Return the number of this process among those whose devices share the examples, and theirs.

    Outside of `on_devices`, and for a process by itself, these are 0 and 1.
    """
    mesh = _mesh.get()
    if mesh is None or NamedSharding(mesh, ROWS).is_fully_addressable:
        return 0, 1
    return jax.process_index(), jax.process_count()


def put_share(arrays: Any) -> Any:
    """Put examples on the devices of this process, as each of the others does with its own.

    Args:
      arrays: arrays on the host, `(n, ...)`, of the same shapes in all processes.

    Returns:
      Arrays on all devices, `(m held, ...)` for `m` processes: row `i` of process `p` is row
      `p held + i`. Where `n` is no multiple of the process's devices, rows of zeros follow, so
      `held >= n`.
    """
    (own, many), mesh = own_share(), _mesh.get()
    if mesh is None or many == 1:
        return put_rows(arrays)
    place = NamedSharding(mesh, ROWS)

    def put(array: np.ndarray) -> Any:
        array = _filled_up(array, parts() // many)
        held = len(array)

        def rows(at: Any) -> np.ndarray:
            start, stop, _ = at[0].indices(many * held)
            return array[start - own * held : stop - own * held]

        return jax.make_array_from_callback((many * held, *array.shape[1:]), place, rows)

    return jax.tree.map(put, arrays)


def _filled_up(array: np.ndarray, many: int) -> np.ndarray:
    """Return an array with rows of zeros behind it, so that `many` devices have as many rows."""
    missing = -len(array) % many
    if not missing:
        return array
    return np.concatenate((array, np.zeros((missing, *array.shape[1:]), array.dtype)))


def put_rows(arrays: Any) -> Any:
    """Put examples on the devices, a part of the rows on each.

    Args:
      arrays: arrays on the host, `(N, ...)`.

    Returns:
      Arrays on the devices. Where `N` is no multiple of the devices, rows of zeros follow.
    """
    return jax.tree.map(lambda array: _put(_filled_up(array, parts()), ROWS), arrays)


def put_whole(arrays: Any) -> Any:
    """Put arrays on the devices, all of them on each.

    Args:
      arrays: arrays, on the host or on a device.

    Returns:
      Arrays on the devices.
    """
    return jax.tree.map(lambda array: _put(array, WHOLE), arrays)


def put_state(arrays: Any) -> Any:
    """Put parameters, or what belongs to them, on the devices: whole, or a share on each.

    Args:
      arrays: arrays, on the host or on a device.

    Returns:
      Arrays on the devices.
    """
    return jax.tree.map(lambda array: _put(array, _place_of(array)), arrays)


def _place_of(array: Any) -> PartitionSpec:
    """Return how an array of the state lies on the devices: split along its longest good axis."""
    axes = [i for i, n in enumerate(array.shape) if n and n % parts() == 0]
    if not _sharded.get() or not axes:
        return WHOLE
    longest = max(axes, key=lambda i: array.shape[i])
    return PartitionSpec(*[None] * longest, AXIS)


def is_sharded() -> bool:
    """Return whether each device keeps only its share of the parameters."""
    return _sharded.get()


def _put(array: Any, spec: PartitionSpec) -> Any:
    mesh = _mesh.get()
    if mesh is None:
        return array if isinstance(array, jax.Array) else jax.device_put(array)
    place = NamedSharding(mesh, spec)
    if place.is_fully_addressable:
        return jax.device_put(array, place)
    if isinstance(array, jax.Array) and array.sharding == place:
        return array
    if jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key):
        data = _put(jax.random.key_data(array), spec)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(array))
    own = np.asarray(array)  # each process puts its part on its own devices
    return jax.make_array_from_callback(own.shape, place, lambda at: own[at])


def fetch(arrays: Any) -> Any:
    """Return arrays in the memory of the host, also those whose parts lie in several processes.

    Args:
      arrays: arrays and random keys, on the devices.

    Returns:
      NumPy arrays, and random keys on a device of this process.
    """
    return jax.tree.map(_fetched, arrays)


def _fetched(array: Any) -> Any:
    if getattr(array, "is_fully_addressable", True):
        return jax.device_get(array)
    if jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key):
        data = _fetched(jax.random.key_data(array))
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(array))
    if array.is_fully_replicated:
        return np.asarray(array)
    return multihost_utils.process_allgather(array, tiled=True)


def keep_state(arrays: Tree) -> Tree:
    """Within a compiled function, have parameters where `put_state` puts them.

    Args:
      arrays: traced arrays.

    Returns:
      The same arrays; XLA adds up what the devices have computed of them.
    """
    return _keep(arrays, _place_of)


def keep_whole(arrays: Tree) -> Tree:
    """Within a compiled function, have arrays whole on each device.

    Args:
      arrays: traced arrays.

    Returns:
      The same arrays; XLA adds up what the devices have computed of them.
    """
    return _keep(arrays, lambda _: WHOLE)


def _keep(arrays: Tree, place_of: Callable[[Any], PartitionSpec]) -> Tree:
    mesh = _mesh.get()
    if mesh is None or mesh.size == 1:
        return arrays
    places = jax.tree.map(lambda array: NamedSharding(mesh, place_of(array)), arrays)
    kept: Tree = jax.lax.with_sharding_constraint(arrays, places)
    return kept


def take_rows(arrays: tuple[Array, ...], row: Row) -> tuple[Array, ...]:
    """Return some rows of arrays, split over the devices as the arrays are.

    Each device reads the rows that it holds, and 0 in place of the others. The sum over the devices
    is exact. Each device gets its share of the sum alone (a reduce-scatter), so what moves is at
    most one batch of inputs as they are stored.

    Args:
      arrays: `(N, ...)`, split over the devices.
      row: the indices of the rows, `(batch,)`; -1 stands for any row.

    Returns:
      `(batch, ...)`.
    """
    mesh = _mesh.get()
    if mesh is None or mesh.size == 1:
        return tuple(_rows(array, row) for array in arrays)

    def share(arrays: tuple[Array, ...], row: Row) -> tuple[Array, ...]:
        own = len(arrays[0])
        at = row - own * jax.lax.axis_index(AXIS)
        here = (at >= 0) & (at < own)

        def read(array: Array) -> Array:
            found = _rows(array, at)
            held = jnp.where(here.reshape(-1, *[1] * (found.ndim - 1)), found, 0)
            return jax.lax.psum_scatter(held, AXIS, scatter_dimension=0, tiled=True)

        return tuple(read(array) for array in arrays)

    exchanged = jax.shard_map(share, mesh=mesh, in_specs=(ROWS, WHOLE), out_specs=ROWS)
    padded = jnp.pad(row, (0, -len(row) % mesh.size), constant_values=-1)
    return tuple(array[: len(row)] for array in exchanged(arrays, padded))


def _rows(array: Array, row: Row) -> Array:
    """Return rows of an array, gathered as vectors: XLA reads a batch of them fast either way."""
    flat = array.reshape(len(array), math.prod(array.shape[1:]))
    return jnp.take(flat, row, axis=0, mode="clip").reshape(len(row), *array.shape[1:])
