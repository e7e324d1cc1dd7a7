"""What the devices of a mesh send each other, counted from a compiled program.

XLA writes down each exchange with the shapes of its arrays. By a ring of `D` devices, each device
sends `(D - 1) / D` of an array's bytes to gather or to scatter its shares, and twice as much to add
it up on all (Patarasuk and Yuan 2009: Bandwidth optimal all-reduce algorithms for clusters of
workstations).
"""

import re
from typing import NamedTuple

import numpy as np

TIMES = {"all-reduce": 2, "all-gather": 1, "reduce-scatter": 1, "all-to-all": 1}
SHORT = {"pred": 8, "bf16": 16}  # types whose name does not end with their bits
_EXCHANGE = re.compile(rf"= (.*?) ({'|'.join([*TIMES, 'collective-permute'])})(?:-start)?\(")
_ARRAY = re.compile(r"([a-z]+\d*)\[([\d,]*)\]")


class Exchange(NamedTuple):
    """An exchange between devices.

    Attributes:
      kind: what XLA calls it: `all-reduce`, `all-gather`, `reduce-scatter`, `all-to-all` or
        `collective-permute`.
      size: the bytes of the whole arrays, all shares together.
      devices: the number of devices.
    """

    kind: str
    size: int
    devices: int

    @property
    def sent(self) -> float:
        """The bytes that each device sends, by a ring."""
        if self.kind == "collective-permute":
            return self.size / self.devices
        return TIMES[self.kind] * self.size * (self.devices - 1) / self.devices


def exchanges(program: str, devices: int) -> list[Exchange]:
    """Return the exchanges of a program, each once, whether or not it is in a loop.

    Args:
      program: the text of a compiled program, `compiled.as_text()`.
      devices: the number of devices that it is compiled for, all of which take part.

    Returns:
      The exchanges, in the order of the text.
    """
    found = []
    for shapes, kind in _EXCHANGE.findall(program):
        size = sum(_size(*array) for array in _ARRAY.findall(shapes))
        if kind in ("reduce-scatter", "collective-permute"):
            size *= devices  # what stands there is the share of one device
        found.append(Exchange(kind, size, devices))
    return found


def _size(dtype: str, shape: str) -> int:
    """Return the bytes of an array in a program's text, such as `f32` and `784,128`."""
    bits = SHORT.get(dtype) or int(re.sub(r"\D", "", dtype))
    return int(np.prod([int(n) for n in shape.split(",") if n])) * bits // 8
