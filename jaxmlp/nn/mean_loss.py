"""What all losses share: the mean over a batch, its gradient, and what may be given as targets.

A loss is written for one example; `jaxmlp.nn.losses` has them. Here are the weighted mean, labels
as one-hot rows, softened targets, and a label that stands for "not known".
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from jaxmlp.errors import InputError, Shown, check
from jaxmlp.nn.types import Array, Outputs, Scalar, Targets, Weights

PerExample = Callable[[Outputs, Targets], Array]


def _not_defined(z: Outputs, y: Targets) -> Float[Array, "N K"]:
    raise InputError("this loss has no gradient yet; define it by defgradient")


@dataclass(frozen=True, eq=False)
class Loss:
    """The (weighted) mean of a loss over a batch, with its gradient.

    Attributes:
      name: the name it is known by.
      per_example: `(outputs (N, K), targets) -> losses (N,)`.
      per_example_gradient: `(outputs (N, K), targets) -> dl_n/dz_n (N, K)`, given here or below
        the loss by `defgradient`.
      independent: whether each output is a yes or no of its own, of which several can be right.
      counts: `targets -> (N,)`, whether each example counts; `None` if all do.
    """

    name: str
    per_example: PerExample = field(repr=False)
    per_example_gradient: PerExample = field(repr=False, default=_not_defined)
    independent: bool = field(repr=False, default=False)
    counts: Callable[[Targets], Bool[Array, "N"]] | None = field(repr=False, default=None)

    @property
    def has_gradient(self) -> bool:
        """Whether the gradient is defined."""
        return self.per_example_gradient is not _not_defined

    def defgradient(self, per_example_gradient: PerExample) -> PerExample:
        """Define the gradient `(outputs, targets) -> dl_n/dz_n`, once, below the loss.

        Args:
          per_example_gradient: the gradient of each example's loss, `(N, K)`.

        Returns:
          The same function, so that this can be its decorator.
        """
        object.__setattr__(self, "per_example_gradient", per_example_gradient)
        return per_example_gradient

    def __call__(
        self, outputs: Float[Array, "..."], targets: Targets, weights: Weights | None = None
    ) -> Scalar:
        """Return `L = sum_n w_n l(z_n, y_n) / sum_n w_n`.

        Args:
          outputs: the network's raw outputs `z`, `(N, K)`.
          targets: integer labels `(N,)` or numbers `(N, K)`.
          weights: one per example `(N,)`, not all zero; with `None` all weights are equal.

        Returns:
          A scalar. The mean of nothing is NaN: of no examples, or of weights that are all zero. The
          gradient is NaN then, too; a training step leaves out such a batch.

        Raises:
          InputError: if the shapes do not fit, or a label is out of range.
        """
        shares = self._shares(outputs, targets, weights)
        if shares.shape == (0,):
            return jnp.full((), jnp.nan, outputs.dtype)
        # 0 for the outputs that do not count, so that JAX too sees no NaN among them
        z = jnp.where(shares[:, None] == 0, 0, outputs)
        return jnp.sum(jnp.where(shares == 0, 0, shares * self.per_example(z, targets)))

    def gradient(
        self, outputs: Float[Array, "*N_K"], targets: Targets, weights: Weights | None = None
    ) -> Float[Array, "*N_K"]:
        """Return `dL/dz_n = (w_n / sum_m w_m) dl_n/dz_n`, shape `(N, K)`.

        Args:
          outputs: as for the value.
          targets: as for the value.
          weights: as for the value.

        Returns:
          An array of the shape of `outputs`.

        Raises:
          InputError: if the shapes do not fit.
        """
        shares = self._shares(outputs, targets, weights)[:, None]
        return jnp.where(shares == 0, 0, shares * self.per_example_gradient(outputs, targets))

    def _shares(
        self, outputs: Float[Array, "..."], targets: Targets, weights: Weights | None
    ) -> Float[Array, "N"]:
        """Return each example's share in the mean, `w_n / sum_m w_m`, shape `(N,)`."""
        check(outputs.ndim == 2, "outputs", "of shape (N, K)", outputs.shape)
        n = outputs.shape[0]
        if weights is None and self.counts is None:
            return jnp.broadcast_to(1 / jnp.asarray(n, outputs.dtype), (n,))
        w = jnp.ones(n, outputs.dtype) if weights is None else weights
        check(w.shape == (n,), "weights", f"of shape ({n},)", w.shape)
        w = self.counted(targets, w)
        return w / jnp.sum(w)

    def counted(self, targets: Targets, weights: Weights) -> Float[Array, "N"]:
        """Return the weights, with 0 for the examples that do not count.

        Args:
          targets: as for the value.
          weights: one per example, `(N,)`.

        Returns:
          The weights, `(N,)`.
        """
        return weights if self.counts is None else jnp.where(self.counts(targets), weights, 0)


def loss(per_example: PerExample, independent: bool = False) -> Loss:
    """Make the decorated function of `(outputs, targets)` a `Loss`; its gradient follows below."""
    made = Loss(per_example.__name__, per_example, independent=independent)
    object.__setattr__(made, "__doc__", per_example.__doc__)
    return made


def one_hot(outputs: Outputs, targets: Targets) -> Float[Array, "N K"]:
    """Return the targets as a distribution over the classes, one row per example (lecture row A2).

    Args:
      outputs: the network's outputs `(N, K)`, for the number of classes and the element type.
      targets: integer labels `(N,)` in `[0, K)`, or numbers `(N, K)`, which do not change.

    Returns:
      Numbers of the shape and type of the outputs. A row is NaN where a label is out of range and
      its value is not known yet, under `jax.jit`.

    Raises:
      InputError: if the targets have another shape, a label is out of range, or there is only one
        output for the labels.
    """
    if targets.shape == outputs.shape or not jnp.issubdtype(targets.dtype, jnp.integer):
        check(targets.shape == outputs.shape, "targets", f"of shape {outputs.shape}", targets.shape)
        return targets.astype(outputs.dtype)
    n, classes = outputs.shape
    check(targets.shape == (n,), "labels", f"of shape ({n},)", targets.shape)
    if classes == 1:
        raise InputError("labels need an output for each class; for one output give y as (N, 1)")
    if not isinstance(targets, jax.core.Tracer):
        labels = np.asarray(targets)
        bad = labels[(labels < 0) | (labels >= classes)]
        check(bad.size == 0, "labels", f"in [0, {classes})", int(bad[0]) if bad.size else None)
    known = (targets >= 0) & (targets < classes)
    rows = jax.nn.one_hot(targets, classes, dtype=outputs.dtype)
    return jnp.where(known[:, None], rows, jnp.nan)


def times(factor: Float[Array, "N K"], value: Float[Array, "N K"]) -> Float[Array, "N K"]:
    """Return the product; where the factor is 0 it is 0, even if the value is infinite."""
    return jnp.where(factor == 0, 0, factor * value)


def softened(loss: Loss, outputs: Outputs, targets: Targets, smoothing: float) -> Outputs:
    """Return the softened targets of a loss, `(N, K)`; see `smoothed`."""
    own = loss.independent and targets.shape == outputs.shape
    answers = 2 if own or outputs.shape[1] == 1 else outputs.shape[1]
    return (1 - smoothing) * one_hot(outputs, targets) + smoothing / answers


def smoothed(loss: Loss, smoothing: float) -> Loss:
    """The loss with softened targets `(1 - s) y + s / A` (Szegedy et al. 2016).

    `A` is the number of answers among which a target chooses. It is K where the outputs are K
    classes of which one is right. It is 2 for a single output, and for each of several independent
    outputs of the binary cross-entropy with targets `(N, K)`: 0 becomes `s / 2` and 1 becomes
    `1 - s / 2`, as in Keras.

    Example weights multiply the whole smoothed loss of an example. PyTorch's class weights multiply
    each class's term instead, also that of the classes that only smoothing adds; without weights
    the two agree.

    Args:
      loss: a loss for classes.
      smoothing: `s`, the part of the target that is spread over all answers.

    Returns:
      A loss.

    Raises:
      InputError: if the smoothing is outside [0, 1), or the loss ignores a label already.
    """
    check(0 <= smoothing < 1, "label smoothing", "in [0, 1)", smoothing)
    if loss.counts is not None:
        raise InputError("smooth the loss first, and then ignore a label: ignoring(smoothed(...))")
    smoothing = float(smoothing)  # a NumPy number would change the type of the loss

    return dataclasses.replace(
        loss,
        name=f"{loss.name}, smoothed by {smoothing:g}",
        per_example=lambda z, y: loss.per_example(z, softened(loss, z, y, smoothing)),
        per_example_gradient=lambda z, y: loss.per_example_gradient(
            z, softened(loss, z, y, smoothing)
        ),
    )


def ignoring(loss: Loss, label: int) -> Loss:
    """The loss for labels of which one value stands for "not known".

    An example with this label does not count: its loss and its gradient are 0, and the mean is
    over the other examples, as with PyTorch's `ignore_index`. The mean of none is NaN.

    Args:
      loss: a loss that takes labels.
      label: the value to ignore, such as -100; any integer, in range or not.

    Returns:
      A loss of labels `(N,)`.

    Raises:
      InputError: when called, if the targets are not labels.
    """

    def known(y: Targets) -> Bool[Array, "N"]:
        labels = y.ndim == 1 and jnp.issubdtype(y.dtype, jnp.integer)
        got = f"{y.dtype} of shape {y.shape}"
        check(labels, "targets of which one is ignored", "integer labels (N,)", Shown(got))
        return y != label

    def per_example(z: Outputs, y: Targets) -> Float[Array, "N"]:
        return jnp.where(known(y), loss.per_example(z, jnp.where(known(y), y, 0)), 0)

    def gradient(z: Outputs, y: Targets) -> Float[Array, "N K"]:
        slope = loss.per_example_gradient(z, jnp.where(known(y), y, 0))
        return jnp.where(known(y)[:, None], slope, 0)

    return dataclasses.replace(
        loss,
        name=f"{loss.name}, ignoring {label}",
        per_example=per_example,
        per_example_gradient=gradient,
        counts=lambda y: known(y) if loss.counts is None else known(y) & loss.counts(y),
    )
