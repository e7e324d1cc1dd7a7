"""How runs are spread over the devices: some on each, and some of these in one compiled loop."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.sharding import Mesh, PartitionSpec

SMALL = 10_000  # parameters; up to this size a processor gains from several runs in one loop
MOST = 32  # runs in one loop
RUNS = "runs"  # the axis of the mesh


def loop_width(parameters: int, runs: int, devices: int, platform: str) -> int:
    """Return how many runs a device trains in one loop.

    A processor does best with one network in a loop, unless it is so small that the loop itself
    takes most of the time. Other devices are fastest with as much work at once as there is.

    Args:
      parameters: the number of parameters of one network.
      runs: the number of runs to train.
      devices: the number of devices that share them.
      platform: the kind of the devices, `cpu` or another.

    Returns:
      The smallest width that needs no more rounds than the largest allowed one.
    """
    most = MOST if platform != "cpu" or parameters <= SMALL else 1
    rounds = math.ceil(runs / (devices * most))
    return math.ceil(runs / (devices * rounds))


def make_mesh(devices: Sequence[jax.Device]) -> Mesh:
    """Arrange devices along the axis of the runs."""
    auto = (jax.sharding.AxisType.Auto,)
    return jax.make_mesh((len(devices),), (RUNS,), axis_types=auto, devices=devices)


def map_runs(f: Callable[..., Any], mesh: Mesh, width: int) -> Callable[..., Any]:
    """Extend a function of one run to many runs, spread over devices.

    Args:
      f: `f(a, b, shared)` for one run.
      mesh: the devices.
      width: the number of runs that each device computes at once.

    Returns:
      A function of the same arguments; the first axis of every array in `a`, `b` and the result
      counts the runs, and `shared` is the same for all.
    """

    def on_one_device(a: Any, b: Any, shared: Any) -> Any:
        if width > 1:
            return jax.vmap(f, in_axes=(0, 0, None))(a, b, shared)
        # One run without vmap: its loop would choose between old and new state in every step.
        first = jax.tree.map(lambda leaf: leaf[0], (a, b))
        return jax.tree.map(lambda leaf: leaf[None], f(*first, shared))

    runs, whole = PartitionSpec(RUNS), PartitionSpec()
    return jax.shard_map(
        on_one_device, mesh=mesh, in_specs=(runs, runs, whole), out_specs=runs, check_vma=False
    )
