"""Pose the training problem of a configuration on data that are larger than memory."""

import dataclasses
import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmlp import optim
from jaxmlp.config.complete import complete, task_and_loss
from jaxmlp.config.factory import arithmetic, build_schedule, build_trainer, rates_of_epochs
from jaxmlp.config.options import Config
from jaxmlp.config.problem import Problem, check_target, rates_at, rehearse_step
from jaxmlp.config.recipe import Recipe
from jaxmlp.config.signature import Signature, arrays_from, encoded
from jaxmlp.data import PictureForm, form_of_pictures
from jaxmlp.data.dealing import TEST, TRAIN, VALID, are_chosen
from jaxmlp.data.moments import Moments
from jaxmlp.data.streams import Rows, Stream
from jaxmlp.errors import InputError, check
from jaxmlp.memory import memory_allowed
from jaxmlp.training import Examples, Part, Split, StreamedPart
from jaxmlp.training.mesh import parts as devices_in_use
from jaxmlp.training.mesh import put_rows
from jaxmlp.training.parts import CHUNK, Piece
from jaxmlp.training.processes import least_number
from jaxmlp.training.tally import Tally

PARTS = {"train": TRAIN, "valid": VALID, "test": TEST}
QUARTER = 4  # of the memory allowed is a window; the next one is another quarter
KEPT = 8  # of a window's rows may be kept of each part, for scores that need many at once
LEAST_KEPT, MOST_KEPT = 1000, 100_000  # rows
MOST_LEARNED = 10_000  # of the training part, of which few are looked at


class Targets:
    """What is known of the targets of each part: one pass over them."""

    def __init__(self, stream: Stream) -> None:
        """Go through the targets.

        Args:
          stream: the data.
        """
        self.stream = stream
        sizes = [stream.size(part) for part in PARTS.values()]
        self.moments = [Moments(max(1, size)) for size in sizes]
        self.labelled = stream.task in ("multiclass", "binary")
        classes = len(stream.classes)
        self.counts = np.zeros((3, classes), np.int64)
        self.weights = np.zeros(classes)  # of the training rows of each class
        look = self._counts if self.labelled else self._numbers
        for found in stream.spread(look, len(stream.blocks)):
            for part, piece in found:
                if not self.labelled:
                    self.moments[part].take(piece)
                    continue
                self.counts[part] += piece[0]
                if part == TRAIN:
                    self.weights += piece[1]

    def _numbers(self, number: int) -> list[tuple[int, Any]]:
        """Return what there is to know of the targets of each part in a block: their moments."""
        before, found = self.stream.before[number].copy(), []
        for parts, y, _ in self.stream.read_targets(number):
            for part in np.unique(parts).tolist():
                own = y[parts == part]
                found.append((part, self.moments[part].among(own, before[part])))
                before[part] += len(own)
        return found

    def _counts(self, number: int) -> list[tuple[int, Any]]:
        """Return how many examples of each class a block has in each part, and their weight."""
        classes, found = len(self.stream.classes), []
        for parts, y, weights in self.stream.read_targets(number):
            for part in np.unique(parts).tolist():
                own = parts == part
                given = np.ones(own.sum()) if weights is None else weights[own]
                summed = np.bincount(y[own], given, classes) if part == TRAIN else None
                found.append((part, (np.bincount(y[own], minlength=classes), summed)))
        return found

    def tally(self, signature: Signature, part: int) -> Tally:
        """Return the tally of the encoded targets of a part."""
        size = self.stream.size(part)
        if self.labelled:
            counts = self.counts[part]
            shares = np.arange(len(counts)) @ counts / size
            squares = np.arange(len(counts)) ** 2 @ counts / size
            return Tally(size, np.array([shares]), np.array([squares - shares**2]), counts)
        found = self.moments[part]
        deviation = np.sqrt(found.variance)
        ends = encoded(signature, np.stack([found.mean - deviation, found.mean + deviation]))
        return Tally.of(ends)._replace(examples=size)

    def factors(self, recipe: Recipe) -> np.ndarray | None:
        """Return the factor on the weight of each class, or `None`; see `example_weights`."""
        if recipe.class_weights != "balanced":
            return None
        if not self.labelled:
            raise InputError(f"class_weights balanced is for classes, got {self.stream.task} data")
        seen = self.weights[: np.flatnonzero(self.counts[TRAIN] + self.counts[VALID]).max() + 1]
        factors = seen.sum() / (len(seen) * np.where(seen > 0, seen, 1))
        return np.resize(np.concatenate([factors, np.zeros(len(self.weights))]), len(self.weights))


class Kept:
    """Some rows of a part, chosen evenly; all, if they are few."""

    def __init__(self, size: int, most: int) -> None:
        """Begin with none.

        Args:
          size: the number of rows of the part.
          most: the greatest number of rows that are kept.
        """
        self._size, self._most = size, min(size, most)
        self._rows: list[tuple[np.ndarray, np.ndarray]] = []

    def among(self, rows: Rows, before: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the inputs and targets that are kept of some rows of the part.

        Args:
          rows: the rows.
          before: the number of rows of the part before these.
        """
        ranks = np.arange(before, before + len(rows.y))
        own = are_chosen(ranks, self._size, self._most, 1)
        return rows.x[own], rows.y[own]

    def take(self, found: tuple[np.ndarray, np.ndarray]) -> None:
        """Add what is kept of some rows, in their order."""
        self._rows.append(found)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return inputs and targets as a data set has them."""
        x, y = (np.concatenate(arrays) for arrays in zip(*self._rows, strict=True))
        return x, y

    def split(self, signature: Signature) -> Split:
        """Return them as they are stored on the device, and keep them no longer."""
        x, y = self.arrays()
        self._rows = []
        laid: Any = arrays_from(signature, x, y)
        host = Examples(*laid)
        where = host if devices_in_use() > 1 else None
        return Split(put_rows(host), np.arange(len(y)), seen=max(CHUNK, len(y)), host=where)


def pose_stream(
    config: Config, stream: Stream, rate: optim.schedules.Schedule | None = None
) -> Problem:
    """Pose the training problem of a configuration on data that are larger than memory.

    Args:
      config: the configuration as given.
      stream: the data.
      rate: the learning rate at a step, instead of the recipe's schedule.

    Returns:
      The problem, with its recipe complete.

    Raises:
      InputError: if the two do not fit together.
    """
    for name in ("fold", "init_from"):
        if getattr(config, name) is not None:
            raise InputError(f"{name} does not apply to data that are read window by window")
    recipe = complete(config, stream.outline())
    stream = stream.with_valid(recipe.valid_size, recipe.seed)
    usual = least_number(usual_window(stream))  # processes may be allowed different amounts
    window = recipe.window_rows or max(recipe.batch_size, usual)
    what = f"at least {recipe.batch_size}, as many as a batch has"
    check(window >= recipe.batch_size, "window_rows", what, window)
    recipe = dataclasses.replace(recipe, window_rows=window)
    signature, targets, kept = fit_signature(recipe, stream)
    steps = math.ceil(stream.size(TRAIN) / recipe.batch_size)
    rate = rate or build_schedule(recipe, steps * recipe.epochs)
    rates = rates_of_epochs(partial(rates_at, rate), steps, recipe.epochs)
    trainer = build_trainer(recipe, signature, rate)
    factors = targets.factors(recipe)
    parts = {
        name: part_of(recipe, signature, stream, targets, part, kept[part], factors)
        for name, part in PARTS.items()
        if stream.size(part)
    }
    rehearse_step(trainer, parts["train"].sample.examples, recipe.batch_size)
    return Problem(
        recipe,
        signature,
        trainer,
        train=parts["train"],
        valid=parts.get("valid"),
        test=parts["test"],
        rate_of=lambda epoch: float(rates(epoch)),
    )


def usual_window(stream: Stream) -> int:
    """Return how many rows a window has if the user does not say: a quarter of what is allowed.

    Args:
      stream: the data.

    Returns:
      The number of rows, at least 1024, or all of them.
    """
    first, targets = stream.first, max(1, len(stream.classes))
    size = first[0].size * (1 if first.dtype == np.uint8 else 4) + 4 * targets + 8
    return min(stream.size(TRAIN), max(1024, memory_allowed() // (QUARTER * size)))


def fit_signature(recipe: Recipe, stream: Stream) -> tuple[Signature, Targets, list[Kept]]:
    """Go through the data once, and fit what the network expects and returns.

    Args:
      recipe: the recipe.
      stream: the data.

    Returns:
      The signature, what is known of the targets, and some rows of each part.

    Raises:
      InputError: if there is nothing to learn, or the loss does not suit the data.
    """
    task, loss = task_and_loss(stream.task, recipe.loss)
    targets, target = Targets(stream), None
    if task.name == "regression":
        own = targets.moments[TRAIN]
        target = own.preprocessing("zscore")
        least = min(targets.moments[k].low.min() for k in (TRAIN, VALID) if stream.size(k))
        check_target(recipe, target, float(np.min(own.high - own.low)), float(least))
    most = max(LEAST_KEPT, min(MOST_KEPT, (recipe.window_rows or 0) // KEPT))
    kept = [Kept(stream.size(part), most) for part in PARTS.values()]
    kept[TRAIN] = Kept(stream.size(TRAIN), min(most, MOST_LEARNED))
    inputs = Moments(stream.size(TRAIN))

    def look(number: int) -> list[tuple[int, Any, Any]]:
        before, found = stream.before[number].copy(), []
        for part, rows in stream.read_all([number]):
            moments = inputs.among(rows.x, before[part]) if part == TRAIN else None
            found.append((part, kept[part].among(rows, before[part]), moments))
            before[part] += len(rows.y)
        return found

    for found in stream.spread(look, len(stream.blocks)):
        for part, some, moments in found:
            kept[part].take(some)
            if moments is not None:
                inputs.take(moments)
    binary = None if stream.columns is None else stream.columns.binary
    signature = Signature(
        input_shape=stream.first.shape[1:],
        task=task.name,
        loss=loss,
        classes=stream.classes,
        preprocessing=inputs.preprocessing(recipe.preprocessing, binary),
        raw=stream.first.dtype != np.float64,
        target_preprocessing=target,
        columns=None if stream.columns is None else stream.columns.to_dict(),
        threshold=recipe.threshold,
        quantiles=recipe.quantiles,
        output_activation=recipe.output_activation,
        **_pictures(stream, inputs)._asdict(),
    )
    return signature, targets, kept


def _pictures(stream: Stream, inputs: Moments) -> PictureForm:
    """Return the form of the pictures of the training part; tables have none."""
    if stream.columns is not None:
        return PictureForm()
    x, ends = inputs.sample, (float(inputs.low.min()), float(inputs.high.max()))
    return form_of_pictures(x, *ends, np.arange(min(len(x), 10_000)))


def part_of(
    recipe: Recipe,
    signature: Signature,
    stream: Stream,
    targets: Targets,
    part: int,
    kept: Kept,
    factors: np.ndarray | None = None,
) -> Part:
    """Return a part of the data: in memory if it is small, and no training part.

    Args:
      recipe: the recipe.
      signature: what the network expects and returns.
      stream: the data.
      targets: what is known of the targets.
      part: `TRAIN`, `VALID` or `TEST`.
      kept: some of its rows.
      factors: the factor on the weight of each class, for the training part.

    Returns:
      The part.
    """
    sample, size = kept.split(signature), stream.size(part)
    if part != TRAIN and sample.size == size:
        return sample
    weighted = factors if part == TRAIN else None

    def read(order: np.ndarray, ranges: np.ndarray) -> Iterator[Piece]:
        for rows in stream.read(part, order, ranges):
            with arithmetic(recipe.precision):  # this may run in a thread of its own
                piece = piece_of(signature, rows, weighted)
            yield piece

    tally = targets.tally(signature, part)
    window = recipe.window_rows or 0
    return StreamedPart(tally, stream.counts[:, part], window, read, sample)


def piece_of(signature: Signature, rows: Rows, factors: np.ndarray | None) -> Piece:
    """Return rows as they are kept on the device.

    Args:
      signature: what the network expects and returns.
      rows: as they were read.
      factors: the factor on the weight of each class, or `None`.

    Returns:
      Inputs, targets and weights.
    """
    weights: Any = None if rows.weights is None else rows.weights.astype(jnp.result_type(float))
    if factors is not None:
        weights = (1 if rows.weights is None else rows.weights) * factors[rows.y]
    return Piece(*arrays_from(signature, rows.x, rows.y, weights))
