"""Build what a recipe describes: model, loss, schedule, optimizer, rules, judge and trainer.

`numbers` are the recipe's own, or those that a sweep passes to a compiled program instead.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from jaxmlp import nn, optim
from jaxmlp.config.names import (
    ACTIVATIONS,
    AUGMENTATIONS,
    EMBEDDINGS,
    FORWARD_ONLY,
    INITIALIZERS,
    LEARNED_ACTIVATIONS,
    LOSSES,
    OPTIMIZERS,
    PLATEAU,
    SCALED_INITIALIZERS,
    SCHEDULE_ARGUMENTS,
    SCHEDULES,
    WITH_ALPHA,
    optimizer_entry,
)
from jaxmlp.config.own_parts import Part
from jaxmlp.config.recipe import Number, Numbers, Recipe
from jaxmlp.config.signature import Signature, output_activation_of, prepare, task_of
from jaxmlp.errors import InputError
from jaxmlp.nn.backprop import ValueAndGrad
from jaxmlp.optim.schedules import Schedule
from jaxmlp.training import (
    Augment,
    Judge,
    Rules,
    Trainer,
    augmentation,
    make_judge,
    make_trainer,
)
from jaxmlp.training.mesh import parts

RATES = 1000  # learning rates that are computed together


def arithmetic(precision: str) -> AbstractContextManager[None]:
    """A context in which JAX makes and computes arrays of this precision.

    Outside such a context, JAX converts float64 to float32.
    """
    return jax.enable_x64(precision == "float64")


def build_model(recipe: Recipe, outputs: int) -> nn.Layer:
    """Build the network of a recipe, of one member or several.

    Args:
      recipe: the recipe.
      outputs: the number of raw outputs.

    Returns:
      A layer.

    Raises:
      InputError: if options of the network do not go together.
    """
    member = build_member(recipe, outputs)
    if recipe.ensemble == 1:
        return member
    return nn.ensemble(member, recipe.ensemble, _mix(recipe))


def _mix(recipe: Recipe) -> nn.Mix:
    """Return how the members' outputs are mixed: probabilities are averaged, where it has them."""
    return {"cross_entropy": nn.SOFTMAX, "binary_cross_entropy": nn.SIGMOID}.get(
        recipe.loss, nn.MEAN
    )


def build_member(recipe: Recipe, outputs: int) -> nn.Layer:
    """Build one network of a recipe; see `build_model`.

    Args:
      recipe: the recipe.
      outputs: the number of raw outputs.

    Returns:
      A layer.

    Raises:
      InputError: if options of the network do not go together.
    """
    kernel = _initializer(recipe)
    functions = [_nonlinearity(name, recipe.alpha) for name in recipe.activation]
    if isinstance(recipe.model, Part):
        model = recipe.model.value(outputs)
    elif recipe.model == "lenet":
        model = nn.lenet(outputs, functions[0], kernel, recipe.dropout, _corruption(recipe))
    else:
        hidden = recipe.hidden
        each = functions * len(hidden) if len(functions) == 1 else functions
        embedding = None if recipe.embed == "none" else EMBEDDINGS[recipe.embed]()
        shape = (recipe.dropout, recipe.layer_norm, embedding, _corruption(recipe))
        model = nn.mlp(hidden, outputs, each, kernel, *shape)
    return nn.computing_in(model, "float64") if recipe.precision == "float64" else model


def _corruption(recipe: Recipe) -> list[nn.Layer]:
    """Return the layers that corrupt the inputs in training."""
    layers = [nn.dropout(recipe.input_dropout)] if recipe.input_dropout else []
    return [*layers, nn.gaussian_noise(recipe.input_noise)] if recipe.input_noise else layers


def _initializer(recipe: Recipe) -> nn.Initializer:
    chosen = INITIALIZERS[recipe.initializer]
    if recipe.initializer in SCALED_INITIALIZERS:
        return chosen(recipe.initializer_scale)
    if recipe.fan is None:
        return chosen
    family, _, distribution = recipe.initializer.partition("_")
    families = nn.initializers.GAINS
    if family not in families:
        raise InputError(
            f"fan applies only to lecun, xavier and he initializers, got {recipe.fan} with"
            f" {recipe.initializer}"
        )
    return nn.initializers.variance_scaling(families[family], recipe.fan, distribution)


def _nonlinearity(name: str, alpha: float | None) -> Any:
    """Return an activation, or the factory of a layer that learns its activation."""
    if alpha is not None and name in WITH_ALPHA:
        return getattr(nn.activations, f"{name}_of")(alpha)
    for table in (ACTIVATIONS, LEARNED_ACTIVATIONS):
        if name in table.names or isinstance(name, Part):
            return table[name]
    return FORWARD_ONLY[name]


def loss_of(signature: Signature) -> nn.Loss:
    """Return the loss that a network is judged by."""
    quantiles, activation = signature.quantiles, output_activation_of(signature)
    loss = nn.losses.quantile_of(quantiles) if quantiles else LOSSES[signature.loss]
    return nn.outputs.behind(activation, loss) if activation else loss


def build_loss(recipe: Recipe, signature: Signature) -> nn.Loss:
    """Build the loss that training minimises.

    Args:
      recipe: the recipe.
      signature: names the loss that the network is judged by.

    Returns:
      That loss, its targets smoothed if the recipe says so.

    Raises:
      InputError: if targets are to be smoothed that are numbers, or those of the perceptron.
    """
    loss, smoothing = loss_of(signature), recipe.label_smoothing
    if not smoothing:
        return loss
    if signature.task == "regression":
        raise InputError(f"label_smoothing is for classes, got {smoothing:g} for regression data")
    if signature.loss == "perceptron":  # it learns from wrong answers only, of which none is soft
        raise InputError(f"label_smoothing does not apply to the perceptron, got {smoothing:g}")
    return nn.losses.smoothed(loss, smoothing)


def build_schedule(recipe: Recipe, steps: int, peak: Number | None = None) -> Schedule:
    """Build the learning rate at each step of a run.

    Args:
      recipe: the recipe.
      steps: the number of steps of the whole run.
      peak: the rate, or the peak of the schedule, instead of the recipe's own.

    Returns:
      A schedule.
    """
    peak = recipe.numbers.learning_rate if peak is None else peak
    if recipe.schedule in ("constant", PLATEAU):
        return optim.schedules.constant(peak)
    fields = SCHEDULE_ARGUMENTS.get(recipe.schedule, {})
    arguments = {name: getattr(recipe, field) for name, field in fields.items()}
    return SCHEDULES[recipe.schedule](peak, steps, **arguments)


def rates_of_epochs(
    rates: Callable[[np.ndarray], jax.Array], steps: int, epochs: int
) -> Callable[[int], np.ndarray]:
    """Return the learning rate of each epoch: that of its last step.

    Args:
      rates: the rates at steps, `(n,) -> (n,)`, or `(runs, n)` of several runs; it is compiled.
      steps: the number of steps in an epoch.
      epochs: the number of epochs.

    Returns:
      A function of the epoch, counted from 1. It computes many epochs at a time, and keeps them.
    """
    many, each = min(RATES, epochs), jax.jit(rates)

    @lru_cache(maxsize=1)
    def block(number: int) -> np.ndarray:
        last = (number * many + np.arange(1, many + 1)) * steps - 1
        return np.asarray(each(np.minimum(last, epochs * steps - 1).astype(np.int32)))

    def rate_of(epoch: int) -> np.ndarray:
        number, place = divmod(epoch - 1, many)
        return block(number)[..., place]

    return rate_of


def build_optimizer(recipe: Recipe, rate: Schedule, numbers: Numbers | None = None) -> Any:
    """Build the optimizer of a recipe, an `(init, update)` pair, for each member of an ensemble.

    Args:
      recipe: the recipe.
      rate: the learning rate at a step.
      numbers: the numbers to use instead of the recipe's own.

    Returns:
      An optimizer, ours or Optax's.

    Raises:
      InputError: if Optax's has no form with epsilon where the recipe puts it.
    """
    numbers = numbers or recipe.numbers
    entry = optimizer_entry(recipe.optimizer)
    arguments: dict[str, Any] = {
        name: getattr(numbers, field) for name, field in entry.arguments.items()
    }
    if recipe.epsilon_inside is not None:
        arguments["epsilon_inside"] = recipe.epsilon_inside
    if recipe.momentum_schedule == "sutskever":
        arguments["mu"] = optim.schedules.sutskever(arguments["mu"])
    optimizer = OPTIMIZERS[recipe.optimizer_source][recipe.optimizer](rate, **arguments)
    if numbers.weight_decay is not None and "weight_decay" not in arguments:
        optimizer = optim.with_weight_decay(optimizer, rate, numbers.weight_decay)
    if numbers.clip_norm is not None:
        optimizer = optim.with_clipping(optimizer, numbers.clip_norm)
    if numbers.max_norm is not None:
        optimizer = optim.with_max_norm(optimizer, numbers.max_norm)
    if recipe.ensemble > 1:
        optimizer = optim.side_by_side(optimizer)
    if numbers.ema is not None:
        optimizer = optim.with_average(optimizer, numbers.ema)
    return optimizer


def build_augmentation(recipe: Recipe, shape: tuple[int, ...]) -> Augment | None:
    """Build what distorts the inputs of a step, if the recipe has that.

    Args:
      recipe: the recipe.
      shape: the shape of one example.

    Returns:
      `(key, x) -> x`, or `None`.

    Raises:
      InputError: if the examples are no pictures.
    """
    if not recipe.augment:
        return None
    if len(shape) != 3:
        raise InputError(f"augment is for pictures, got {' '.join(recipe.augment)} for a table")
    return augmentation([AUGMENTATIONS[name] for name in recipe.augment], recipe.augment_strength)


def build_rules(recipe: Recipe) -> Rules:
    """Build the rules that stop a run early and lower its rate."""
    return Rules(
        patience=recipe.patience,
        monitor=recipe.monitor,
        min_improvement=recipe.min_improvement,
        min_decrease=recipe.min_decrease,
        min_change=recipe.min_change,
        plateau=recipe.plateau_patience if recipe.schedule == PLATEAU else None,
    )


def build_judge(recipe: Recipe, signature: Signature) -> Judge:
    """Build the network of a recipe with the compiled functions that judge it.

    Args:
      recipe: the recipe.
      signature: what the network expects and returns.

    Returns:
      The judge.

    Raises:
      InputError: if options of the network do not go together.
    """
    task = task_of(signature)
    model = build_model(recipe, task.outputs(len(signature.classes)))
    return make_judge(model, loss_of(signature), task, prepare(signature))


def build_objective(recipe: Recipe, signature: Signature, epsilon: Number | None) -> ValueAndGrad:
    """Build what one network of a recipe minimises, with its gradient by hand or by machine.

    Args:
      recipe: the recipe.
      signature: what the network expects and returns.
      epsilon: how far an input is moved to where its loss is greatest, or `None`.

    Returns:
      `(params, x, targets, weights, key) -> ((value, outputs), gradient)`.

    Raises:
      InputError: if options do not go together.
    """
    of_parameters, of_both = nn.value_and_grad, nn.value_and_grads
    if recipe.gradient == "autodiff":
        from jaxmlp.config.referees import autodiff as of_parameters
        from jaxmlp.config.referees import autodiff_of_both as of_both
    member = build_member(recipe, task_of(signature).outputs(len(signature.classes)))
    loss = build_loss(recipe, signature)
    if epsilon is None:
        return of_parameters(member, loss)
    return nn.adversarial(of_both(member, loss), epsilon)


def build_trainer(
    recipe: Recipe,
    signature: Signature,
    rate: Schedule,
    numbers: Numbers | None = None,
) -> Trainer:
    """Build the compiled functions that train the network of a recipe.

    Args:
      recipe: the recipe.
      signature: what the network expects and returns.
      rate: the learning rate at a step.
      numbers: the numbers to use instead of the recipe's own.

    Returns:
      The trainer.

    Raises:
      InputError: if options do not go together.
    """
    judge = build_judge(recipe, signature)
    numbers = numbers or recipe.numbers
    objective = build_objective(recipe, signature, numbers.adversarial)
    if recipe.precision == "bfloat16":
        objective = nn.operands_in("bfloat16", spread=parts() > 1)(objective)
    if numbers.sam is not None:
        objective = optim.sharpness_aware(objective, numbers.sam)
    optimizer = build_optimizer(recipe, rate, numbers)
    if recipe.ensemble > 1:
        objective = nn.members_value_and_grad(objective, recipe.ensemble, _mix(recipe))
    augment = build_augmentation(recipe, signature.input_shape)
    return make_trainer(judge, objective, optimizer, signature.input_shape, augment)
