"""Pose the training problem of a configuration on data: parts, signature, trainer, rates."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp import optim
from jaxmlp.config.complete import complete, task_and_loss
from jaxmlp.config.factory import build_rules, build_schedule, build_trainer, rates_of_epochs
from jaxmlp.config.folds import fold_parts
from jaxmlp.config.options import Config
from jaxmlp.config.recipe import Recipe
from jaxmlp.config.signature import Signature, arrays_from
from jaxmlp.config.start import Start
from jaxmlp.data import (
    Columns,
    Dataset,
    PictureForm,
    Preprocessing,
    form_of_pictures,
    holdout,
    holdout_groups,
    holdout_latest,
    iterate_chunks,
    with_task,
)
from jaxmlp.errors import InputError, check
from jaxmlp.memory import check_memory
from jaxmlp.optim.base import Params
from jaxmlp.training import (
    Best,
    Examples,
    History,
    Part,
    Record,
    Split,
    Task,
    Trainer,
    TrainState,
    begin,
    shapes_of_start,
)
from jaxmlp.training.layout import together
from jaxmlp.training.mesh import parts, put_rows, put_state
from jaxmlp.training.trees import count, size_in_bytes

FAR = 1000  # deviations from 0, at which no prediction is cut off
ENOUGH = 10_000  # pictures that decide whether the background is dark or light


@dataclass(frozen=True)
class Problem:
    """A training problem, ready to run.

    Attributes:
      recipe: what the run is made of.
      signature: what the network expects and returns.
      trainer: the compiled functions.
      train, valid, test: the parts of the data; `valid` may be missing. In memory they share the
        examples on the device, and so the compiled programs.
      rate_of: `epoch -> learning rate` of its last step; epochs count from 1.
      start: the network at which the run starts, if it does not start by itself.
    """

    recipe: Recipe
    signature: Signature
    trainer: Trainer
    train: Part
    valid: Part | None
    test: Part
    rate_of: Callable[[int], float]
    start: Start | None = None

    def begin(self) -> tuple[TrainState, Best]:
        """Return the start of the run: the state before the first step, and no best yet.

        Raises:
          InputError: if the network at which it starts has other layers.
        """
        state, best = begin(self.trainer, self.recipe.seed)
        if self.start is None or self.start.params is None:
            return state, best
        params = self.start.place(best.params, self.signature)
        begun = jax.device_put(params)
        opt_state = self.trainer.init_optimizer(begun)  # which may hold copies of them
        state = state._replace(params=put_state(begun), opt_state=put_state(opt_state))
        return state, best._replace(params=params)

    @property
    def task(self) -> Task:
        """What is asked of the network."""
        return self.trainer.judge.task

    def history(
        self, best: Best, records: Sequence[Record] = (), epoch_start: Params | None = None
    ) -> History:
        """Begin the history of a run, or take it up after some records; see `History`."""
        rules = build_rules(self.recipe)
        return History(self.task, best, self.rate_of, rules, records, epoch_start)


@dataclass(frozen=True)
class ProblemInMemory(Problem):
    """A training problem whose examples lie in memory."""

    train: Split
    valid: Split | None
    test: Split


def pose_problem(
    config: Config,
    dataset: Dataset,
    rate: optim.schedules.Schedule | None = None,
    start: Start | None = None,
) -> ProblemInMemory:
    """Pose the training problem of a configuration on data.

    Args:
      config: the configuration as given.
      dataset: the data.
      rate: the learning rate at a step, instead of the recipe's schedule.
      start: the network that `init_from` names.

    Returns:
      The problem, with its recipe complete.

    Raises:
      InputError: if the two do not fit together.
    """
    dataset = with_task(dataset, config.task)
    recipe = complete(config, dataset)
    rest, held = split_training(recipe, dataset)
    signature = signature_of(recipe, dataset, rest)
    if (start is None) != (recipe.init_from is None):
        raise InputError(f"init_from {recipe.init_from} is only for training a single run")
    if start is not None:
        signature = start.adapt(signature)
    steps = math.ceil(len(rest) / recipe.batch_size)
    rate = rate or build_schedule(recipe, steps * recipe.epochs)
    rates = rates_of_epochs(partial(rates_at, rate), steps, recipe.epochs)
    trainer = build_trainer(recipe, signature, rate)
    weights = example_weights(recipe, dataset, rest)
    training = arrays_from(signature, dataset.x_train, dataset.y_train, weights)
    test = arrays_from(signature, dataset.x_test, dataset.y_test)
    laid: Any = map(together, training, test)
    host = Examples(*laid)
    examples = put_rows(host)
    rehearse_step(trainer, examples, recipe.batch_size)
    seen = len(dataset.x_train)
    split = partial(Split, examples, seen=seen, host=host if parts() > 1 else None)
    return ProblemInMemory(
        recipe,
        signature,
        trainer,
        train=split(rest),
        valid=split(held) if len(held) else None,
        test=split(np.arange(seen, len(host.weights))),
        rate_of=lambda epoch: float(rates(epoch)),
        start=start,
    )


def rates_at(rate: optim.schedules.Schedule, t: jax.Array) -> jax.Array:
    """Return the learning rate at each of some steps."""
    return jnp.broadcast_to(rate(t), t.shape)  # a constant schedule returns one number


def split_training(recipe: Recipe, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the training and of the validation part.

    A recipe's fold is its validation part. Else the data's own is taken if it has the recipe's
    size. Else one is drawn, stratified by class; or it is made of whole groups, or of the latest
    examples, where the data have groups or an order.

    Args:
      recipe: holds the size and the seed.
      dataset: the data.

    Returns:
      Two int32 arrays of indices, which together are all training examples.
    """
    size, stratify = recipe.valid_size, dataset.task in ("multiclass", "binary")
    if recipe.fold is not None:
        rest, held = fold_parts(dataset, recipe.fold, recipe.seed)
    elif dataset.valid and dataset.valid == size:
        rest, held = np.split(np.arange(len(dataset.x_train)), [-size])
    elif dataset.ordered:
        rest, held = holdout_latest(np.arange(len(dataset.y_train)), size)
    elif dataset.groups is not None:
        rest, held = holdout_groups(dataset.groups, size, recipe.seed)
    else:
        rest, held = holdout(dataset.y_train, size, recipe.seed, stratify=stratify)
    return rest.astype(np.int32), held.astype(np.int32)


def rehearse_step(trainer: Trainer, examples: Examples, batch_size: int) -> None:
    """Trace a step without computing it, so that what cannot be trained fails here.

    Args:
      trainer: the compiled functions.
      examples: the examples, or their shapes.
      batch_size: the number of examples in a step.

    Raises:
      InputError: if the network with its optimizer and the values of one batch need more memory
        than `check_memory` allows.
    """
    state, _ = shapes_of_start(trainer)
    _check_network(trainer, state, examples, batch_size)
    order = jax.ShapeDtypeStruct((1, 1, batch_size), np.int32)
    jax.eval_shape(trainer.run, state, examples, order, 0, 1)


def _check_network(
    trainer: Trainer, state: TrainState, examples: Examples, batch_size: int
) -> None:
    """Refuse a network that does not fit in memory, by its shapes, before it is begun."""
    judge, shape = trainer.judge, (batch_size, *examples.x.shape[1:])

    def forward(params: Any, x: jax.Array) -> Any:
        return judge.model.forward(params, judge.prepare(x))

    batch = jax.ShapeDtypeStruct(shape, examples.x.dtype)
    values = jax.eval_shape(forward, state.params, batch)
    # besides the state: gradient, new parameters, the best ones, and their copy while they are kept
    need = size_in_bytes((state, values)) + 4 * size_in_bytes(state.params)
    what = f"training {count(state.params):,} parameters with batches of {batch_size:,} takes"
    check_memory(need, what)


def example_weights(recipe: Recipe, dataset: Dataset, rest: np.ndarray) -> np.ndarray | None:
    """Return the examples' weights that the data and the recipe ask for, or `None`.

    With `class_weights balanced` all classes weigh alike: `n / (K n_class)`, where `n` and
    `n_class` are sums of the data's own weights, and each example's own weight multiplies it.

    Args:
      recipe: the recipe.
      dataset: the data.
      rest: which examples are for training, and counted.

    Returns:
      `(N,)`, or `None`.

    Raises:
      InputError: if the targets are not labels.
    """
    own = dataset.weights
    if recipe.class_weights != "balanced":
        return None if own is None else own.astype(jnp.result_type(float))
    y = dataset.y_train
    if y.ndim != 1:
        raise InputError(f"class_weights balanced is for classes, got {dataset.task} data")
    own = np.ones(len(y)) if own is None else own
    counts = np.bincount(y[rest], own[rest], minlength=y.max() + 1)
    return own * (own[rest].sum() / (len(counts) * np.where(counts > 0, counts, 1)))[y]


def _binary(dataset: Dataset) -> np.ndarray | None:
    """Return which inputs of a table are 0 or 1 by their meaning."""
    return Columns.from_dict(dataset.columns).binary if dataset.columns else None


def signature_of(recipe: Recipe, dataset: Dataset, rest: np.ndarray) -> Signature:
    """Return what the network of a recipe expects and returns.

    Args:
      recipe: the recipe.
      dataset: the data.
      rest: the indices of the training part, to which preprocessing is fitted.

    Returns:
      The signature.

    Raises:
      InputError: if there is nothing to learn, or the loss does not suit the data.
    """
    task, loss = task_and_loss(dataset.task, recipe.loss)
    x = dataset.x_train
    regression = task.name == "regression"
    target = _target_preprocessing(recipe, dataset.y_train, rest) if regression else None
    return Signature(
        input_shape=dataset.input_shape,
        task=task.name,
        loss=loss,
        classes=dataset.classes,
        preprocessing=Preprocessing.fit(recipe.preprocessing, x, rest, _binary(dataset)),
        raw=x.dtype != np.float64,
        target_preprocessing=target,
        columns=dataset.columns,
        threshold=recipe.threshold,
        quantiles=recipe.quantiles,
        output_activation=recipe.output_activation,
        **_pictures(dataset, rest)._asdict(),
    )


def _target_preprocessing(recipe: Recipe, y: np.ndarray, rest: np.ndarray) -> Preprocessing:
    """Return the scaling of a regression's targets, fitted to the training part."""
    target = Preprocessing.fit("zscore", y[rest])
    check_target(recipe, target, float(np.ptp(y[rest], axis=0).min()), float(y.min()))
    return target


def check_target(recipe: Recipe, target: Preprocessing, range_: float, least: float) -> None:
    """Refuse a target that cannot be learned.

    Args:
      recipe: names the activation behind the output.
      target: the scaling of the target.
      range_: the smallest difference between the largest and the smallest value of a target.
      least: the smallest value of all.

    Raises:
      InputError: if the target is the same in all examples, or the activation has no effect.
    """
    check(range_ > 0, "the target", "different in some examples", "the same in all")
    given = recipe.output_activation
    if given != "identity":
        what = f"the target with output_activation {given}"
        check(least >= 0, what, "at least 0", least)
        far = float(np.max(target.offset * target.scale))
        check(far < FAR, f"the mean of {what}", f"below {FAR} deviations, or it has no effect", far)


def _pictures(dataset: Dataset, rest: np.ndarray) -> PictureForm:
    """Return the form of the pictures of the training part; tables have none."""
    x = dataset.x_train
    if dataset.columns is not None:
        return PictureForm()
    ends = [(float(part.min()), float(part.max())) for part in iterate_chunks(x, rest)]
    least, most = min(low for low, _ in ends), max(high for _, high in ends)
    first = dataset.provenance.get("channels") == "first"
    return form_of_pictures(x, least, most, rest[:ENOUGH])._replace(channels_first=first)
