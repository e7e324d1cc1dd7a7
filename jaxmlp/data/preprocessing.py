"""Bringing inputs to a common scale before a network sees them (lecture row E7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from jaxmlp.errors import InputError, check, unknown

KINDS = ("none", "scale", "zscore", "minmax")
CHUNK = 4096  # examples looked at in one go: the data may be large, and are not copied whole


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """The map `(x - offset) * scale`, its numbers taken from the training part alone.

    A feature is a column of a table `(N, features)` and a channel of an image `(N, H, W, C)`: the
    pixels of one channel share offset and scale, so that a corner that is dark in nearly every
    training image is not blown up by its tiny spread. The kinds are

    - `none`: `x`;
    - `scale`: `x / max |x|`, one number for the whole set; 255 for the usual 8-bit images;
    - `zscore`: `(x - mean) / deviation`, each feature with mean 0 and variance 1;
    - `minmax`: `(x - min) / (max - min)`, each feature in [0, 1].

    Dividing by the maximum alone, as the slide of row E7 describes min-max scaling, gives [0, 1]
    only where the minimum is 0 (erratum 7). A feature that is constant becomes 0.

    Attributes:
      kind: one of `KINDS`.
      offset: `float64`, broadcastable to one example.
      scale: `float64`, broadcastable to one example.
    """

    kind: str
    offset: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, kind: str, x: np.ndarray, indices: np.ndarray | None = None) -> Self:
        """Choose offset and scale for the training inputs.

        Args:
          kind: one of `KINDS`, or `auto`: `scale` for `uint8` images and `zscore` otherwise.
          x: inputs, `(N, ...)`.
          indices: the indices of those for training, all if `None`.

        Returns:
          The preprocessing; its `kind` is never `auto`.

        Raises:
          InputError: if the kind is unknown, `x` has no examples, or it is not finite.
        """
        if kind == "auto":
            kind = "scale" if x.dtype == np.uint8 else "zscore"
        if kind not in KINDS:
            raise unknown("preprocessing", kind, (*KINDS, "auto"))
        indices = np.arange(len(x)) if indices is None else indices
        check(len(indices) > 0, "the number of examples", "at least 1", len(indices))
        axes = tuple(range(x.ndim - 1))
        ends = [(part.min(axes), part.max(axes)) for part in iterate_chunks(x, indices)]
        low = np.min([least for least, _ in ends], axis=0).astype(np.float64)
        high = np.max([most for _, most in ends], axis=0).astype(np.float64)
        if not np.isfinite([low, high]).all():
            raise InputError("x must be finite, got NaN or infinity")
        if kind == "none":
            return cls(kind, np.zeros(()), np.ones(()))
        if kind == "scale":
            return cls(kind, np.zeros(()), _reciprocal(np.max(np.abs([low, high]))))
        if kind == "minmax":
            return cls(kind, low, _reciprocal(high - low))
        mean, deviation = _mean_and_deviation(x, indices, axes)
        constant = low == high  # asked of the data: a rounded mean leaves a spread of 1e-17
        return cls(
            kind, np.where(constant, low, mean), _reciprocal(np.where(constant, 0, deviation))
        )

    def __call__(self, x: Any) -> Any:
        """Return `(x - offset) * scale` of NumPy or JAX inputs `(N, ...)`, in their own float type.

        Integers become `float32`. The arithmetic is that of the array's own operators, so the call
        can stand inside a jitted function.
        """
        if x.dtype.kind in "iub":
            x = x.astype(np.float32)
        centred = x - self._match_array(self.offset, x)
        centred *= self._match_array(self.scale, x)  # in place, where it is NumPy's
        return centred

    def undo(self, x: Any) -> Any:
        """Return `x / scale + offset`, which takes floating `(x - offset) * scale` back to `x`."""
        return x / self._match_array(self.scale, x) + self._match_array(self.offset, x)

    @staticmethod
    def _match_array(numbers: np.ndarray, x: Any) -> np.ndarray:
        # of the type and rank of x, so that nothing is promoted
        return numbers.reshape((1,) * (x.ndim - numbers.ndim) + numbers.shape).astype(x.dtype)

    def to_dict(self) -> dict[str, Any]:
        """Return the preprocessing as plain numbers and lists, for JSON."""
        return {"kind": self.kind, "offset": self.offset.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """Return exactly the preprocessing whose `to_dict` is given.

        Raises:
          InputError: if its kind is unknown.
        """
        if record["kind"] not in KINDS:
            raise unknown("preprocessing", record["kind"], KINDS)
        offset, scale = (np.asarray(record[key], np.float64) for key in ("offset", "scale"))
        return cls(record["kind"], offset, scale)


def _reciprocal(size: np.ndarray) -> np.ndarray:
    """Return 1 / size, and 1 where the size is 0."""
    return np.asarray(1 / np.where(size == 0, 1, size))


def iterate_chunks(x: np.ndarray, indices: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the examples at some indices, a few thousand at a time."""
    for some in np.array_split(indices, -(-len(indices) // CHUNK)):
        yield x[some]


def _mean_and_deviation(
    x: np.ndarray, indices: np.ndarray, axes: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation in float64."""
    size = len(indices) * x[0].size / x.shape[-1]
    mean = (
        np.sum([part.sum(axes, dtype=np.float64) for part in iterate_chunks(x, indices)], axis=0)
        / size
    )
    squares = np.sum(
        [np.square(part - mean).sum(axes) for part in iterate_chunks(x, indices)], axis=0
    )
    return mean, np.sqrt(squares / size)
