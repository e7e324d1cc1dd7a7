"""The formulas of each optimizer, in LaTeX, with what computes their values from its state.

The library's own update computes the new parameters and all that it remembers; here is only what it
forgets after a step, such as the corrected moments of Adam.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

Values = dict[str, Any]  # what is known of one array in one step, by its letter


class Formula(NamedTuple):
    """A line of a rule.

    Attributes:
      name: the letter under which the value is known.
      left, right: the equation in LaTeX; `$w` stands for the parameter and `$d` for its gradient.
      value: computes the value of what is known before it; `None` if it is in the state.
      topic: where it is taught, a key of `jaxmlp.explain.rows.SOURCES`.
    """

    name: str
    left: str
    right: str
    value: Callable[[Values], Any] | None
    topic: str


NEW = r"${w}_{\text{new}}"
SQUARE = r"$d \odot $d"
ROOTS = {  # of a mean square, by whether epsilon stands inside
    True: r"\sqrt{%s + \epsilon}",
    False: r"\sqrt{%s} + \epsilon",
}
DECAY = r" - \eta \lambda $w"


def _remembered(letter: str, right: str, topic: str) -> Formula:
    return Formula(letter, letter, right, None, topic)


def _new(right: str, topic: str) -> Formula:
    return Formula("new", NEW, right, None, topic)


def _adaptive(square: str, topic: str, inside: bool) -> list[Formula]:
    divisor = ROOTS[inside] % "g"
    return [_remembered("g", square, topic), _new(rf"$w - \eta \, $d / ({divisor})", topic)]


_V = _remembered("v", rf"\beta_2 v_0 + (1 - \beta_2) \, {SQUARE}", "adam")
_V_HAT = Formula(
    "v_hat",
    r"\hat{v}",
    r"v / (1 - \beta_2^t)",
    lambda a: a["v"] / (1 - a["beta2"] ** a["t"]),
    "adam",
)


def _adam(inside: bool) -> list[Formula]:
    divisor = ROOTS[inside] % r"\hat{v}"
    return [
        _remembered("m", r"\beta_1 m_0 + (1 - \beta_1) \, $d", "adam"),
        _V,
        Formula(
            "m_hat",
            r"\hat{m}",
            r"m / (1 - \beta_1^t)",
            lambda a: a["m"] / (1 - a["beta1"] ** a["t"]),
            "adam",
        ),
        _V_HAT,
        _new(rf"$w - \eta \, \hat{{m}} / ({divisor})", "adam"),
    ]


def _muon() -> list[Formula]:
    from jaxmlp.optim.muon import ROOT_MEAN_SQUARE, newton_schulz

    return [
        _remembered("m", r"\mu \, m_0 + $d", "muon"),
        Formula("u", "u", r"$d + \mu \, m", lambda a: a["d"] + a["mu"] * a["m"], "muon"),
        Formula("O", "O", r"\text{newton-schulz}(u)", lambda a: newton_schulz(a["u"]), "muon"),
        _new(rf"$w - \eta \, {ROOT_MEAN_SQUARE} \sqrt{{\max(n, k)}} \, O", "muon"),
    ]


def _schedule_free(step: str, decay: str, before: list[Formula]) -> list[Formula]:
    topic = "schedule_free"
    return [
        *before,
        _remembered("z", f"z_0 - {step}{decay}", topic),
        _remembered("x", "(1 - c) x_0 + c \\, z", topic),
        _new(r"(1 - \beta_1) z + \beta_1 x", topic),
    ]


def formulas_of_rule(
    optimizer: str, inside: bool, decays: bool, orthogonal: bool = False
) -> list[Formula]:
    """Return the lines of an optimizer for one array.

    Args:
      optimizer: its name.
      inside: whether epsilon stands inside the root.
      decays: whether weight decay applies to this array.
      orthogonal: whether Muon treats this array as a hidden kernel.

    Returns:
      The lines; the last one is the new parameter. Empty for an optimizer without formulas.
    """
    decay = DECAY if decays else ""
    root = ROOTS[inside] % r"\hat{v}"
    if optimizer.startswith("schedule_free"):
        adaptive = optimizer.endswith("adamw")
        step = rf"\eta \, $d / ({root})" if adaptive else r"\eta \, $d"
        return _schedule_free(step, decay, [_V, _V_HAT] if adaptive else [])
    if optimizer == "muon" and orthogonal:
        lines = _muon()
    elif optimizer in ("adam", "adamw", "muon"):
        lines = _adam(inside)
    else:
        plain = {
            "sgd": [_new(r"$w - \eta \, $d", "sgd")],
            "momentum": [
                _remembered("v", r"\mu \, v_0 - \eta \, $d", "momentum"),
                _new("$w + v", "momentum"),
            ],
            "nesterov": [
                _remembered("v", r"\mu \, v_0 - \eta \, $d", "momentum"),
                _new(r"$w + \mu \, v - \eta \, $d", "nesterov"),
            ],
            "adagrad": _adaptive(rf"g_0 + {SQUARE}", "adagrad", inside),
            "rmsprop": _adaptive(rf"\beta \, g_0 + (1 - \beta) \, {SQUARE}", "rmsprop", inside),
            "lion": [
                Formula(
                    "c",
                    "c",
                    r"\beta_1 m_0 + (1 - \beta_1) \, $d",
                    lambda a: a["beta1"] * a["m_0"] + (1 - a["beta1"]) * a["d"],
                    "lion",
                ),
                _remembered("m", r"\beta_2 m_0 + (1 - \beta_2) \, $d", "lion"),
                _new(r"$w - \eta \operatorname{sign}(c)", "lion"),
            ],
            "sign_sgd": [_new(r"$w - \eta \operatorname{sign}($d)", "sign_sgd")],
        }
        lines = plain.get(optimizer, [])
    return [*lines[:-1], lines[-1]._replace(right=lines[-1].right + decay)] if lines else []
