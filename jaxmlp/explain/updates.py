"""The sections of an update: what the optimizer makes of the gradient of a batch in one step.

The library's own `(init, update)` pair computes it; this module only arranges it. Lecture rows B1,
C4, D10, E12.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.config.names import optimizer_entry
from jaxmlp.errors import check
from jaxmlp.explain.formulas import fill, with_respect_to
from jaxmlp.explain.rows import source
from jaxmlp.explain.rules import Formula, formulas_of_rule
from jaxmlp.explain.typeset import Line, Parameter, Remark, Section, plain
from jaxmlp.runs.inspection import Inspected

MOST_STEPS = 1000
LETTERS = {  # of the arguments of an optimizer
    "eta": r"\eta",
    "mu": r"\mu",
    "beta": r"\beta",
    "beta1": r"\beta_1",
    "beta2": r"\beta_2",
    "epsilon": r"\epsilon",
    "weight_decay": r"\lambda",
}
FIRST = "Before the first step all that the optimizer remembers is 0."
FIRST_POINTS = (
    "Before the first step v_0 is 0 where the rule has one, and z_0 and x_0 are W itself."
)
TOGETHER = (
    "All parameters move at once, by gradients at the old parameters. Then the next step begins "
    "with the new ones."
)


class Update(NamedTuple):
    """One step of an optimizer.

    Attributes:
      t: the number of the step, from 1.
      eta: the learning rate.
      length: the length of the gradient before it is clipped.
      before, after: the state of the optimizer.
      gradient: what the rule gets: clipped, if the recipe says so.
      new: the parameters after the step.
    """

    t: int
    eta: Any
    length: Any
    before: Any
    after: Any
    gradient: Any
    new: Any


class Stepper:
    """The optimizer of a recipe in float64, step after step from the state at the start."""

    def __init__(self, inspected: Inspected, params: Any) -> None:
        from jaxmlp.config.factory import build_optimizer, build_schedule

        self.recipe = dataclasses.replace(inspected.recipe, optimizer_source="manual")
        steps = math.ceil(len(inspected.train) / self.recipe.batch_size) * self.recipe.epochs
        self.rate = build_schedule(self.recipe, steps)
        self.init, self.update = build_optimizer(self.recipe, self.rate)
        self.params, self.state, self.t = params, self.init(params), 0

    def step(self, gradient: Any) -> Update:
        """Take a step, and return it.

        Args:
          gradient: a tree like the parameters.

        Returns:
          The step.
        """
        import jax
        import jax.numpy as jnp

        from jaxmlp.optim.base import length_of

        before, eta, length = self.state, self.rate(jnp.int32(self.t)), length_of(gradient)
        updates, self.state = self.update(gradient, before, self.params)
        self.params = jax.tree.map(jnp.add, self.params, updates)
        self.t += 1
        norm = self.recipe.numbers.clip_norm
        if norm is not None:
            gradient = jax.tree.map(lambda dw: dw * jnp.minimum(1, norm / length), gradient)
        return Update(self.t, eta, length, before, self.state, gradient, self.params)


def why_not(inspected: Inspected, finite: bool) -> str:
    """Return why the update of a recipe cannot be shown; empty if it can.

    Args:
      inspected: the network.
      finite: whether the loss of the batch is finite.

    Returns:
      A sentence, or nothing.
    """
    recipe, start = inspected.recipe, "The update is not shown: "
    if recipe.numbers.sam is not None:
        return f"{start}with sam its gradient is taken at another point."
    if recipe.numbers.adversarial is not None:
        return f"{start}with adversarial its gradient is a mean with that of other inputs."
    if recipe.numbers.max_norm is not None:
        return f"{start}with max_norm its weights are scaled down afterwards."
    if recipe.ensemble > 1:
        return f"{start}each member of an ensemble has an optimizer of its own."
    if not finite:
        return f"{start}the loss is not finite, and such a step changes no parameter."
    return ""


def check_step(step: int) -> None:
    """Reject the number of a step that is out of range."""
    check(1 <= step <= MOST_STEPS, "--step", f"from 1 to {MOST_STEPS}", step)


def update_sections(
    inspected: Inspected, update: Update, old: Any, parameters: list[Parameter]
) -> list[Section]:
    """Return the update of every parameter, and before it the numbers of the rule.

    Args:
      inspected: the network.
      update: the step.
      old: the parameters before it.
      parameters: the arrays of the parameters, in the order of the tree.

    Returns:
      The sections.
    """
    import jax

    arrays = [_state_of(update.before, "_0", old), _state_of(update.after, "", old)]
    leaves = [jax.tree.leaves(tree) for tree in (old, update.gradient, update.new)]
    sections = [_numbers(inspected, update)]
    for k, parameter in enumerate(parameters):
        w, d, new = (tree[k] for tree in leaves)
        known = {letter: value for state in arrays for letter, value in state[k].items()}
        known |= {"w": w, "d": d, "new": new, "t": update.t} | _arguments(inspected, update.t)
        title = f"Update: {parameter.layer}, {plain(parameter.name)}"
        lines = list(_lines(inspected, update, known, parameter))
        sections.append(Section(title, lines, "update"))
    return sections


def _numbers(inspected: Inspected, update: Update) -> Section:
    """Return the number of the step, the rate and the other numbers of the rule."""
    recipe = inspected.recipe
    name, norm = recipe.optimizer, recipe.numbers.clip_norm
    items: list[Any] = [Remark(TOGETHER, source("together"))]
    if recipe.schedule != "constant":
        items.append(f"The rate is that of the schedule {recipe.schedule} at this step.")
    if update.t == 1 and name != "sgd" and name != "sign_sgd":
        items.append(FIRST_POINTS if name.startswith("schedule_free") else FIRST)
    numbers = {"t": update.t, "eta": update.eta} | _arguments(inspected, update.t)
    words = (f"{plain(LETTERS.get(key, key))} = {value:.6g}" for key, value in numbers.items())
    items.append(f"The numbers of this step: {', '.join(words)}.")
    share = getattr(_find(update.after, "total"), "total", None)
    if share is not None:
        top = _find(update.after, "top").top
        items.append(Line(r"c = \eta^2 / \text{sum of all } \eta^2", top**2 / share))
    if norm is not None:
        items.append(Line(r"\text{length of the gradient}", update.length))
        share = min(1.0, norm / float(update.length))
        formula = rf"s = \min(1, {norm:g} / \text{{length}})"
        items.append(Line(formula, share, source("clip_norm")))
    if recipe.dropout:
        items.append("Training would drop hidden units in this step; here none is dropped.")
    if recipe.input_dropout or recipe.input_noise:
        items.append("Training would corrupt the inputs in this step; here they are as they are.")
    if recipe.numbers.ema is not None:
        items.append("The run also keeps an average of the weights (ema), by which it is judged.")
    return Section(f"Update: step {update.t} of {name}", items, "update")


def _arguments(inspected: Inspected, t: int) -> dict[str, Any]:
    """Return the numbers of the optimizer by the names of its arguments."""
    recipe = inspected.recipe
    fields = optimizer_entry(recipe.optimizer).arguments
    found = {name: getattr(recipe.numbers, field) for name, field in fields.items()}
    if recipe.momentum_schedule == "sutskever":
        from jaxmlp.optim.schedules import sutskever

        found["mu"] = sutskever(found["mu"])(np.int32(t - 1))
    if recipe.numbers.weight_decay:
        found["weight_decay"] = recipe.numbers.weight_decay
    return found


def _lines(
    inspected: Inspected, update: Update, known: dict[str, Any], parameter: Parameter
) -> Iterator[Line]:
    """Yield the lines of one array."""
    recipe = inspected.recipe
    inside = recipe.epsilon_inside
    if inside is None:
        inside = recipe.optimizer in ("adagrad", "rmsprop")
    decays = bool(recipe.numbers.weight_decay) and known["w"].ndim >= 2
    lines: list[Formula] = formulas_of_rule(recipe.optimizer, inside, decays, "u_rule" in known)
    d = with_respect_to(parameter.name)
    clipped = recipe.numbers.clip_norm is not None  # by the factor s
    names = {"w": parameter.name, "d": rf"(s \, {d})" if clipped else d}
    if update.t > 1:
        for letter in ("m_0", "v_0", "g_0", "z_0", "x_0"):
            if letter in known and letter[0] in {line.name for line in lines}:
                yield Line(letter, parameter.shown(known[letter]))
    for line in lines:
        if line.value is not None:
            known[line.name] = line.value(known)
        left, right = fill(line.left, names), fill(line.right, names)
        yield Line(f"{left} = {right}", parameter.shown(known[line.name]), source(line.topic))
    if not lines:
        yield Line(fill(r"${w}_{\text{new}}", names), parameter.shown(known["new"]))


def _find(state: Any, field: str) -> Any:
    """Return the first part of a state that has a field, or `None`."""
    if hasattr(state, field):
        return state
    parts = state if isinstance(state, tuple) else ()
    return next((found for part in parts if (found := _find(part, field)) is not None), None)


def _state_of(state: Any, mark: str, params: Any) -> list[dict[str, Any]]:
    """Return what is remembered of each array, by its letter and a mark."""
    import jax

    from jaxmlp.optim.muon import is_hidden

    count = len(jax.tree.leaves(params))
    muon = _find(state, "others")
    if muon is not None:
        hidden, others = (
            iter(muon.m),
            iter(zip(*map(jax.tree.leaves, muon.others[1:]), strict=True)),
        )
        found = []
        for _, orthogonal in is_hidden(params):
            if orthogonal:
                found.append({f"m{mark}": next(hidden), "u_rule": True})
            else:
                m, v = next(others)
                found.append({f"m{mark}": m, f"v{mark}": v})
        return found
    result: list[dict[str, Any]] = [{} for _ in range(count)]
    for letter in ("m", "v", "g", "z", "x"):
        part = _find(state, letter)
        for k, leaf in enumerate(
            jax.tree.leaves(getattr(part, letter)) if part is not None else []
        ):
            result[k][f"{letter}{mark}"] = leaf
    return result
