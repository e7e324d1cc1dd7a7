"""What is asked of an optimizer and of an initializer, each in a row."""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.config import kinds
from jaxmlp.config.differences import close, described, factors, reasons
from jaxmlp.config.network_rows import attempt
from jaxmlp.errors import InputError, check
from jaxmlp.nn.initializers import fans
from jaxmlp.optim.base import accepting_keywords

HEADER = ("property", "found", "verdict")
RATE, STEPS = 0.1, 5
TOLERANCE = 1e-9
SHAPE = (60, 40)  # of the kernel that is drawn


class Fact(NamedTuple):
    """A property of a part.

    Attributes:
      place: the property.
      found: what was found.
      ok: whether it holds.
      says: what is wrong, or "".
    """

    place: str
    found: str
    ok: bool = True
    says: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the row, as they are printed under `HEADER`."""
        return self.place, self.found, "ok" if self.ok else "FAILED"


def fact(place: str, good: bool, found: str, says: str = "") -> Fact:
    """Return a property with what is wrong, if it does not hold."""
    return Fact(place, found, good, "" if good else says)


def of_initializer(part: Any, seed: int) -> list[Fact]:
    """Return what an initializer does: shape, type, finite, the same again, mean and deviation."""
    key, facts = jax.random.key(seed, impl="threefry2x32"), []
    try:
        for dtype in (jnp.float32, jnp.float64):
            name = jnp.dtype(dtype).name
            w = attempt("the initializer", part, key, SHAPE, dtype)
            got = np.shape(w)
            says = f"must be {SHAPE}, got {got}"
            facts.append(fact(f"shape of {name}", got == SHAPE, str(got), says))
            kind = str(getattr(w, "dtype", type(w).__name__))
            facts.append(fact(f"type of {name}", kind == name, kind, f"must be {name}, got {kind}"))
        array = np.asarray(w)
        again = np.asarray(attempt("the initializer", part, key, SHAPE, jnp.float64))
        bound = jax.jit(lambda key: part(key, SHAPE, jnp.float64))
        jitted = np.asarray(attempt("the initializer under jax.jit", bound, key, code=part))
    except InputError as error:
        return [*facts, Fact("call", "-", False, str(error))]
    finite = bool(np.isfinite(array).all())
    facts.append(fact("finite", finite, str(finite), "holds NaN or infinity"))
    same = np.array_equal(array, again)
    facts.append(fact("same key, same numbers", same, str(same), "draws others the second time"))
    alike = array.shape == jitted.shape and np.allclose(array, jitted, rtol=1e-12, atol=1e-12)
    facts.append(fact("under jax.jit", alike, str(alike), "gives other numbers under jax.jit"))
    mean, deviation = float(array.mean()), float(array.std())
    variance = ", ".join(f"{v * deviation**2:.3g} / {k}" for k, v in fans(SHAPE).items())
    facts.append(Fact("mean", f"{mean:.3g}"))
    return [*facts, Fact("deviation", f"{deviation:.3g}"), Fact("variance", variance)]


def of_optimizer(part: Any, reference: Any, params: Any, rng: np.random.Generator) -> list[Fact]:
    """Return what an optimizer does in a few steps: its contract, and a reference beside it."""
    if params is None:
        params = {"W": rng.standard_normal((4, 3)), "b": rng.standard_normal(3)}
    params = jax.tree.map(lambda w: jnp.asarray(w, jnp.float64), params)
    gradients = [
        jax.tree.map(lambda w: jnp.asarray(rng.standard_normal(w.shape)), params)
        for _ in range(STEPS)
    ]
    try:
        return list(_facts(part, reference, params, gradients))
    except InputError as error:
        return [Fact("call", "-", False, str(error))]


def pair_of(part: Any, rate: Any, name: str) -> tuple[Any, Any]:
    """Return `(init, update)` of a pair, or of a function of the rate."""
    made = part if kinds.is_pair(part) else attempt(name, part, rate)
    what = f"what {name} returns"
    check(kinds.is_pair(made), what, "a pair (init, update)", kinds.in_words(made))
    return made[0], accepting_keywords(made[1])


def _facts(part: Any, reference: Any, params: Any, gradients: list[Any]) -> Iterator[Fact]:
    init, update = pair_of(part, RATE, "the optimizer")
    before = copy.deepcopy((params, gradients[0]))
    state = attempt("init", init, params)
    kept = copy.deepcopy(state)
    found = attempt("update", update, gradients[0], state, params, code=part_code(update))
    good = isinstance(found, tuple) and len(found) == 2
    check(good, "what update returns", "a pair (updates, state)", kinds.in_words(found))
    for what, new, old in (("updates", found[0], params), ("state", found[1], kept)):
        alike = _alike(what, new, old)
        yield alike
        if not alike.ok:
            return
    small = jax.tree.map(lambda w: w.astype(jnp.float32), (params, gradients[0]))
    low = attempt("update in float32", update, small[1], attempt("init", init, small[0]), small[0])
    yield _alike("updates in float32", low[0], small[0])
    again = attempt("update", update, gradients[0], kept, params)
    same = _equal(found, again)
    says = "update remembers something outside its state"
    yield fact("same input, same output", same, str(same), says)
    same = _equal(before, (params, gradients[0])) and _equal(kept, state)
    yield fact("arguments unchanged", same, str(same), "update changes what it is given")
    jitted = jax.jit(lambda rate, *given: pair_of(part, rate, "the optimizer")[1](*given))
    there = attempt("update under jax.jit", jitted, RATE, gradients[0], kept, params)
    same = _near(found, there)
    yield fact("under jax.jit", same, str(same), "gives other numbers under jax.jit")
    slope = sum(
        float(jnp.vdot(u, g))
        for u, g in zip(jax.tree.leaves(found[0]), jax.tree.leaves(gradients[0]), strict=True)
    )
    says = "the first update goes up the gradient: it has the wrong sign"
    yield fact("first step goes down", slope <= 0, f"{slope:.3g}", says)
    if reference is not None:
        yield from _beside(part, reference, params, gradients)


def part_code(function: Any) -> Any:
    """Return the function in whose file an error is looked for."""
    return getattr(function, "__wrapped__", function)


def _alike(what: str, new: Any, old: Any) -> Fact:
    try:
        kinds.check_alike(what, new, old)
    except InputError as error:
        return Fact(f"{what}: shapes and types", "-", False, str(error))
    return Fact(f"{what}: shapes and types", "as before")


def _equal(a: Any, b: Any) -> bool:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=False)
    same: Any = jax.tree.structure(a) == jax.tree.structure(b)  # type: ignore[operator]
    return bool(same) and all(np.array_equal(x, y, equal_nan=True) for x, y in pairs)


def _near(a: Any, b: Any) -> bool:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=False)
    return all(np.allclose(x, y, rtol=TOLERANCE, atol=1e-12, equal_nan=True) for x, y in pairs)


def _beside(part: Any, reference: Any, params: Any, gradients: list[Any]) -> Iterator[Fact]:
    """Yield a row for each array: all updates of the part against those of the reference."""
    ours = _updates(part, params, gradients, "the optimizer")
    theirs = _updates(reference, params, gradients, "the reference")
    paths, _ = jax.tree_util.tree_flatten_with_path(params)
    for i, (path, _) in enumerate(paths):
        name = jax.tree_util.keystr(path, simple=True, separator=".") or "w"
        got, want = ([np.asarray(jax.tree.leaves(u)[i]) for u in many] for many in (ours, theirs))
        place = f"updates of {name} against the reference"
        steps = [k for k, pair in enumerate(zip(got, want, strict=True), 1) if not close(*pair)]
        if not steps:
            yield Fact(place, f"{STEPS} steps agree")
            continue
        yield Fact(place, f"wrong from step {steps[0]}", False, _reason(got, want, gradients, i))


def _reason(got: Any, want: Any, gradients: list[Any], i: int) -> str:
    rates = {"1 / rate": np.full(STEPS, 1 / RATE)}
    arguments = [{"the gradient": np.asarray(jax.tree.leaves(g)[i])} for g in gradients]
    named = next(factors(got, want, rates), "") or next(reasons(got, want, arguments), "")
    return named or described(got, want, "the reference").replace("case", "step")


def _updates(part: Any, params: Any, gradients: list[Any], name: str) -> list[Any]:
    """Return the updates of a few steps, each made at the parameters of the one before."""
    init, update = pair_of(part, RATE, name)
    state, found = attempt("init", init, params), []
    for g in gradients:
        step, state = attempt(f"{name}'s update", update, g, state, params)
        params = jax.tree.map(jnp.add, params, step)
        found.append(step)
    return found
