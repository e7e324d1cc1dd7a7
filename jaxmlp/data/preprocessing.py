"""Bring inputs to a common scale before a network sees them (lecture row E7)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from jaxmlp.errors import InputError, check, unknown

KINDS = ("none", "scale", "zscore", "minmax", "robust")
CHUNK = 4096  # examples in one chunk; large data are never copied whole
BEND = 3.0  # what a robust value never reaches
FAR = 1e9  # beyond it a robust value is BEND in every precision, and its square is still finite


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """The map `z = (x - offset) * scale`, with numbers computed from the training part alone.

    A feature is a column of a table `(N, features)` or a channel of an image `(N, H, W, C)`. The
    pixels of one channel share offset and scale; otherwise a corner that is dark in nearly every
    training image would be blown up by its tiny spread. The kinds are

    - `none`: `x`;
    - `scale`: `x / max |x|`, one number for the whole set; 255 for the usual 8-bit images;
    - `zscore`: `(x - mean) / deviation`, each feature with mean 0 and variance 1;
    - `minmax`: `(x - min) / (max - min)`, each feature in [0, 1];
    - `robust`: `z / sqrt(1 + (z / 3)^2)` with `z = (x - median) / (q3 - q1)`, where `q1` and `q3`
      are the quartiles: about `z` for most values, and never beyond 3, however far a value lies
      from the others. Where the quartiles are equal, half of the range takes the place of their
      distance. A feature of zeros and ones, such as a category's, stays as it is (Holzmueller,
      Grinsztajn and Steinwart 2024: RealMLP).

    The slide of lecture row E7 describes min-max scaling as division by the maximum. This gives [0,
    1] only if the minimum is 0 (erratum 7). With `zscore`, `minmax` and
    `robust` a constant feature becomes 0.

    Attributes:
      kind: one of `KINDS`.
      offset: `float64`, broadcastable to one example.
      scale: `float64`, broadcastable to one example.
    """

    kind: str
    offset: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(
        cls,
        kind: str,
        x: np.ndarray,
        indices: np.ndarray | None = None,
        as_they_are: np.ndarray | None = None,
    ) -> Self:
        """Compute offset and scale from the training inputs.

        Args:
          kind: one of `KINDS`, or `auto`: `scale` for `uint8` images and `zscore` otherwise.
          x: inputs, `(N, ...)`.
          indices: the indices of the training examples; `None` stands for all examples.
          as_they_are: which features hold zeros and ones, `(features,)`, and stay as they are with
            `zscore` and `robust`: a category of one row in 2,000 would become an input of 45
            deviations. `robust` also leaves those alone that hold both and nothing else in the
            training part.

        Returns:
          The preprocessing; its `kind` is never `auto`.

        Raises:
          InputError: if the kind is unknown, there are no examples, or a value is not finite.
        """
        kind = kind_for(kind, x.dtype)
        indices = np.arange(len(x)) if indices is None else indices
        check(len(indices) > 0, "the number of examples", "at least 1", len(indices))
        axes = tuple(range(x.ndim - 1))
        ends = [(part.min(axes), part.max(axes)) for part in iterate_chunks(x, indices)]
        low = np.min([least for least, _ in ends], axis=0).astype(np.float64)
        high = np.max([most for _, most in ends], axis=0).astype(np.float64)
        return cls.of(
            kind,
            low,
            high,
            lambda: _mean_and_deviation(x, indices, axes),
            lambda: _quartiles(x, indices),
            as_they_are,
        )

    @classmethod
    def of(
        cls,
        kind: str,
        low: np.ndarray,
        high: np.ndarray,
        moments: Callable[[], tuple[np.ndarray, np.ndarray]],
        quartiles: Callable[[], tuple[np.ndarray, ...]],
        as_they_are: np.ndarray | None = None,
    ) -> Self:
        """Compute offset and scale from what is known of the training inputs.

        Args:
          kind: one of `KINDS`.
          low: the smallest value of each feature, `(features,)`, float64.
          high: the largest.
          moments: returns mean and standard deviation of each feature.
          quartiles: returns the three quartiles of each feature, and whether all its values are
            zeros and ones.
          as_they_are: see `fit`.

        Returns:
          The preprocessing.

        Raises:
          InputError: if a value is not finite.
        """
        if not np.isfinite([low, high]).all():
            raise InputError("x must be finite, got NaN or infinity")
        if kind == "none":
            return cls(kind, np.zeros(()), np.ones(()))
        if kind == "scale":
            return cls(kind, np.zeros(()), _reciprocal(np.max(np.abs([low, high]))))
        if kind == "minmax":
            return cls(kind, low, _reciprocal(high - low))
        if kind == "robust":
            return cls(kind, *_robust(quartiles(), low, high, as_they_are))
        mean, deviation = moments()
        constant = low == high  # exact, while a rounded mean leaves a deviation of 1e-17
        offset, size = np.where(constant, low, mean), np.where(constant, 0, deviation)
        if as_they_are is not None:
            offset, size = np.where(as_they_are, 0, offset), np.where(as_they_are, 1, size)
        return cls(kind, offset, _reciprocal(size))

    def __call__(self, x: Any) -> Any:
        """Compute the scaled inputs in the float type of `x`.

        The arithmetic uses only the operators of the array, so the call can stand inside a jitted
        function.

        Args:
          x: NumPy or JAX inputs, `(N, ...)`; integers are converted to `float32`.

        Returns:
          The scaled inputs, in the shape of `x`.
        """
        if x.dtype.kind in "iub":
            x = x.astype(np.float32)
        centred = x - self._match_array(self.offset, x)
        centred *= self._match_array(self.scale, x)  # NumPy does this in place
        if self.kind != "robust":
            return centred
        z = centred.clip(-FAR, FAR)
        return z / (1 + (z / BEND) ** 2) ** 0.5

    def undo(self, x: Any) -> Any:
        """Compute the inverse of the map, `z / scale + offset`.

        Args:
          x: scaled inputs, NumPy or JAX, floating, `(N, ...)`.

        Returns:
          The inputs before scaling, in the type and shape of `x`.
        """
        if self.kind == "robust":  # whose values lie between -BEND and BEND
            x = x / (1 - (x / BEND) ** 2) ** 0.5
        return x / self._match_array(self.scale, x) + self._match_array(self.offset, x)

    @property
    def bend(self) -> float | None:
        """What a robust value never reaches; `None` for the kinds that bend nothing."""
        return BEND if self.kind == "robust" else None

    @staticmethod
    def _match_array(numbers: np.ndarray, x: Any) -> np.ndarray:
        # the type and rank of x, so that nothing is promoted
        return numbers.reshape((1,) * (x.ndim - numbers.ndim) + numbers.shape).astype(x.dtype)

    def to_dict(self) -> dict[str, Any]:
        """Convert the preprocessing to plain numbers and lists, for JSON.

        Returns:
          The record that `from_dict` reads.
        """
        return {"kind": self.kind, "offset": self.offset.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """Rebuild the preprocessing exactly from its record.

        Args:
          record: the result of `to_dict`.

        Returns:
          The preprocessing, with the same numbers to the last bit.

        Raises:
          InputError: if the kind is unknown.
        """
        if record["kind"] not in KINDS:
            raise unknown("preprocessing", record["kind"], KINDS)
        offset, scale = (np.asarray(record[key], np.float64) for key in ("offset", "scale"))
        return cls(record["kind"], offset, scale)


def _reciprocal(size: np.ndarray) -> np.ndarray:
    """Return 1 / size, and 1 where the size is 0."""
    return np.asarray(1 / np.where(size == 0, 1, size))


def kind_for(kind: str, dtype: np.dtype) -> str:
    """Return the kind of scaling for inputs of a type.

    Args:
      kind: one of `KINDS`, or `auto`.
      dtype: the type of the inputs.

    Returns:
      One of `KINDS`.

    Raises:
      InputError: if the kind is unknown.
    """
    if kind == "auto":
        return "scale" if dtype == np.uint8 else "zscore"
    if kind not in KINDS:
        raise unknown("preprocessing", kind, (*KINDS, "auto"))
    return kind


def _quartiles(x: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return quartiles of each feature, and which holds only zeros and ones."""
    columns = (x[..., k][indices] for k in range(x.shape[-1]))  # never the whole of x
    of_each = [(*np.quantile(c, (0.25, 0.5, 0.75)), np.isin(c, (0, 1)).all()) for c in columns]
    return tuple(np.array(of_each, np.float64).T)


def _robust(
    quartiles: tuple[np.ndarray, ...],
    low: np.ndarray,
    high: np.ndarray,
    as_they_are: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return median and reciprocal distance of the quartiles of each feature."""
    q1, median, q3, binary = quartiles
    size = np.where(q3 > q1, q3 - q1, (high - low) / 2)
    stays = (low < high) & (binary == 1)
    stays = stays if as_they_are is None else stays | as_they_are
    one = 1 / np.sqrt(1 - 1 / BEND**2)  # of which the map makes 1
    return np.where(stays, 0, median), np.where(stays, one, _reciprocal(size))


def iterate_chunks(x: np.ndarray, indices: np.ndarray) -> Iterator[np.ndarray]:
    """Go through some examples, a few thousand at a time, without copying them all at once.

    Args:
      x: examples, `(N, ...)`.
      indices: the indices of the examples, at least one.

    Yields:
      The examples at the next indices, `(n, ...)` with n at most 4096.
    """
    for some in np.array_split(indices, -(-len(indices) // CHUNK)):
        yield x[some]


def _mean_and_deviation(
    x: np.ndarray, indices: np.ndarray, axes: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each feature, in float64."""
    size = len(indices) * x[0].size / x.shape[-1]
    mean = (
        np.sum([part.sum(axes, dtype=np.float64) for part in iterate_chunks(x, indices)], axis=0)
        / size
    )
    squares = np.sum(
        [np.square(part - mean).sum(axes) for part in iterate_chunks(x, indices)], axis=0
    )
    return mean, np.sqrt(squares / size)
