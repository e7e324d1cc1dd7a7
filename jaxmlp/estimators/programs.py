"""The compiled programs of the estimators: which fits share one, and how a fit begins.

What changes the computation's form is a `Plan`, and one program is built for each. Numbers, such as
the learning rate, are its arguments. So the fits of a grid search or a cross-validation compile
once, if their data have about the same size.
"""

import dataclasses
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from jaxmlp import nn, optim
from jaxmlp.config.names import ACTIVATIONS, OPTIMIZER_TABLE, OPTIMIZERS, SCHEDULES
from jaxmlp.estimators.rows import padded, room_for_inputs
from jaxmlp.nn.layers import parts
from jaxmlp.optim.schedules import Schedule
from jaxmlp.training import (
    BINARY,
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    Judge,
    Task,
    Trainer,
    TrainState,
    make_judge,
    make_trainer,
)
from jaxmlp.training.step import Totals
from jaxmlp.training.types import Array, Outputs, PerExample, Targets

DECAY = 0.9  # of rmsprop's mean square
KEPT = 64  # programs


class Plan(NamedTuple):
    """What a program is built for; anything else are its arguments.

    Attributes:
      task: the name of the task.
      loss: `log_loss`, `squared_error` or `poisson`.
      inputs: the number of inputs, with those that are added.
      outputs: the number of outputs.
      hidden: the widths of the hidden layers.
      activation: the name of their activation.
      dropout: the probability of dropping a hidden unit.
      solver: the name of the update rule.
      decays: whether kernels decay.
      rate: the course of the learning rate: `constant`, `invscaling`, or the name of a schedule.
      steps: the number of steps of a whole run, for a schedule; else 0.
      precision: the type of the arithmetic.
    """

    task: str
    loss: str
    inputs: int
    outputs: int
    hidden: tuple[int, ...]
    activation: str
    dropout: float
    solver: str
    decays: bool
    rate: str
    steps: int
    precision: str

    @property
    def dtype(self) -> str:
        """The type of parameters, inputs and targets."""
        return "float64" if self.precision == "float64" else "float32"


class Numbers(NamedTuple):
    """The numbers of a fit; a program takes them as arguments.

    Attributes:
      learning_rate: the rate, or the peak of a schedule.
      alpha: the strength of the L2 penalty.
      momentum, beta1, beta2, epsilon, decay, weight_decay: those of the update rules.
      power: the exponent of `invscaling`.
      first: the share of the rate in the first epoch of `invscaling`.
      seen: the number of examples seen before the fit.
      examples: the number of examples of an epoch.
      begun: the number of steps before the fit.
      steps: the number of steps of an epoch.
    """

    learning_rate: Any
    alpha: Any
    momentum: Any
    beta1: Any
    beta2: Any
    epsilon: Any
    decay: Any
    weight_decay: Any
    power: Any
    first: Any
    seen: Any
    examples: Any
    begun: Any
    steps: Any


class Program(NamedTuple):
    """The compiled functions of a plan.

    Attributes:
      model: the network, a chain of layers.
      judge: evaluates it.
      run: `(numbers, state, examples, orders, start, stop) -> (state, ends)`; see `Trainer`.
      value_and_grad: `(numbers, params, examples) -> (value, gradient)` of the objective over all
        examples.
      init_rule: `params -> state of the update rule`.
      plain: a trainer with some numbers.
    """

    model: nn.Chain
    judge: Judge
    run: Callable[..., Any]
    value_and_grad: Callable[..., Any]
    init_rule: Callable[[Any], Any]

    plain: Trainer

    def trainer(self, numbers: Numbers) -> Trainer:
        """Return the trainer of a fit with these numbers, which shares the compiled loop."""
        return self.plain._replace(run=partial(self.run, numbers))


@lru_cache(maxsize=KEPT)
def program_for(plan: Plan) -> Program:
    """Return the program of a plan: a new one, or that of an earlier fit.

    Args:
      plan: the plan.

    Returns:
      The program.
    """
    chain = nn.mlp(
        plan.hidden, plan.outputs, ACTIVATIONS[plan.activation], dropout_rate=plan.dropout
    )
    loss = _loss(plan)
    judge = make_judge(chain, loss, TASKS[plan.task], lambda x: x)
    plain = nn.value_and_grad(chain, loss)
    if plan.precision == "bfloat16":
        plain = nn.operands_in("bfloat16")(plain)

    def build(numbers: Numbers) -> Trainer:
        penalised = nn.with_penalty(plain, numbers.alpha)
        return make_trainer(judge, penalised, _optimizer(plan, numbers), (plan.inputs,))

    def run(numbers: Numbers, *arguments: Any) -> Any:
        return build(numbers).run(*arguments)

    def value_and_grad(numbers: Numbers, params: Any, examples: Any) -> Any:
        (value, _), gradient = nn.with_penalty(plain, numbers.alpha)(params, *examples)
        return value, gradient

    some = Numbers(*(0.5 for _ in Numbers._fields))
    loop, init_rule = jax.jit(run, donate_argnums=1), _optimizer(plan, some).init
    return Program(chain, judge, loop, jax.jit(value_and_grad), init_rule, build(some))


def _all_right(outputs: Outputs, targets: Targets) -> PerExample:
    """Return 1 for each example of which every label is right, else 0."""
    return jnp.all((outputs > 0) == (targets > 0.5), axis=1).astype(outputs.dtype)


TASKS: dict[str, Task] = {
    "multiclass": MULTICLASS,
    "binary": BINARY,
    # scikit-learn's accuracy counts an example only if all its labels are right
    "multilabel": dataclasses.replace(MULTILABEL, score_each=_all_right),
    "regression": REGRESSION,
    "counts": dataclasses.replace(
        REGRESSION, score_each=lambda z, y: REGRESSION.score_each(jnp.exp(z), y)
    ),
}


def _loss(plan: Plan) -> nn.Loss:
    """Return the loss of a plan, whose gradient with respect to the raw output is `a - y`."""
    if plan.loss == "squared_error":
        return nn.losses.half_mse
    if plan.loss == "poisson":
        return dataclasses.replace(nn.losses.poisson, name="deviance", per_example=_deviance)
    return nn.losses.cross_entropy if plan.task == "multiclass" else nn.losses.binary_cross_entropy


def _deviance(z: Outputs, y: Targets) -> PerExample:
    """Return half the Poisson deviance, `sum_k y_k log(y_k / e^(z_k)) - y_k + e^(z_k)`."""
    least = jnp.sum(jax.scipy.special.xlogy(y, y) - y, axis=1)
    return nn.losses.poisson.per_example(z, y) + least


def _optimizer(plan: Plan, numbers: Numbers) -> optim.base.Optimizer:
    """Return the update rule of a plan with numbers, which may be traced."""
    rate, entry = _rate(plan, numbers), OPTIMIZER_TABLE[plan.solver]
    arguments = {name: getattr(numbers, field) for name, field in entry.arguments.items()}
    rule = OPTIMIZERS["manual"][plan.solver](rate, **arguments)
    if plan.decays and "weight_decay" not in arguments:
        rule = optim.with_weight_decay(rule, rate, numbers.weight_decay)
    return rule


def _rate(plan: Plan, numbers: Numbers) -> Schedule:
    """Return the learning rate as a function of the number of updates made."""
    if plan.rate == "constant":
        return optim.schedules.constant(numbers.learning_rate)
    if plan.rate != "invscaling":
        return SCHEDULES[plan.rate](numbers.learning_rate, plan.steps)

    def inverse(t: Int[Array, "..."]) -> Float[Array, "..."]:
        """`eta / (1 + examples seen)^power`; the first epoch of a fit has the rate itself."""
        epoch = jax.lax.div(t - numbers.begun, numbers.steps)
        seen = numbers.seen + epoch.astype(numbers.seen.dtype) * numbers.examples
        share = jnp.where(epoch == 0, numbers.first, (1 + seen) ** -numbers.power)
        return numbers.learning_rate * share

    return inverse


def begin_from(
    program: Program, params: Any, remembered: list[Any] | None, key: jax.Array, factor: float
) -> TrainState:
    """Return the state of a run that begins with these parameters.

    Args:
      program: the program.
      params: the parameters.
      remembered: the arrays that the update rule remembers; `None` for its start, all zeros.
      key: the run's random key.
      factor: of the learning rate.

    Returns:
      The state.
    """
    leaves, structure = jax.tree.flatten(jax.eval_shape(program.init_rule, params))
    if remembered is None:
        remembered = [np.zeros(leaf.shape, leaf.dtype) for leaf in leaves]
    rule_state = jax.tree.unflatten(structure, remembered)
    dtype = jnp.result_type(float)
    nothing: Any = np.zeros((), dtype)  # NumPy's arrays need no program that makes them
    step: Any = np.int32(0)
    scale: Any = np.float32(factor)
    return TrainState(params, rule_state, key, step, Totals(nothing, nothing, nothing), scale)


def params_of(
    model: nn.Chain, coefs: Sequence[np.ndarray], intercepts: Sequence[np.ndarray], dtype: str
) -> tuple[Any, ...]:
    """Return kernels and biases as parameters of a chain, with zeros for inputs that are added.

    Args:
      model: the chain.
      coefs: the kernels; the first has a row for each input.
      intercepts: the biases.
      dtype: the type of the parameters.

    Returns:
      The parameters, which share no memory with the arrays.
    """
    rows = [room_for_inputs(len(coefs[0])), *(len(W) for W in coefs[1:])]
    pairs = iter(
        {"W": padded(np.asarray(W, dtype), n), "b": np.array(b, dtype)}
        for W, b, n in zip(coefs, intercepts, rows, strict=True)
    )
    return tuple(next(pairs) if layer.kind == "dense" else () for layer in parts(model))


def kernels_and_biases(
    params: Any, before: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the kernels and the biases of a chain, in the form that they had.

    Args:
      params: the chain's parameters.
      before: the kernels that the parameters were made of.

    Returns:
      Kernels and biases.
    """
    own, dtype = [layer for layer in params if layer], before[0].dtype
    kernels = [np.asarray(p["W"], dtype)[: len(W)] for p, W in zip(own, before, strict=True)]
    return kernels, [np.asarray(p["b"], dtype) for p in own]
