"""The gates of elementary functions: differences, quotients, powers, logarithms and their kin.

They are gates like those of the lectures in `jaxmlp.nn.gates`: `f` forward, and backward the
gradient `df` times the local derivative (lecture rows B5, B6). With both files any formula of a
textbook is a graph of gates.
"""

import math

from jaxmlp.nn.gates import Gate, routed

sub = Gate("sub", "distributes, -1 to y", lambda x, y: x - y, lambda x, f, df: (df, -df), "{} - {}")
"""`f = x - y`; `dx = df` and `dy = -df`."""

neg = Gate("neg", "changes the sign", lambda x: -x, lambda x, f, df: (-df,), "-{}")
"""`f = -x`; `dx = -df`."""

div = Gate(
    "div",
    "times 1/y and -f/y",
    lambda x, y: x / y,
    lambda x, f, df: (df / x[1], -df * f / x[1]),
    "{} / {}",
)
"""`f = x / y`; `dx = df / y` and `dy = -df x / y^2 = -df f / y`."""

power = Gate(
    "power",
    "times y f/x and f log x",
    lambda x, y: math.pow(x, y),
    lambda x, f, df: (df * x[1] * math.pow(x[0], x[1] - 1), df * f * math.log(x[0])),
    "{}^{}",
)
"""`f = x^y` for `x > 0`; `dx = df y x^(y-1)` and `dy = df x^y log x`."""


def power_of(c: float) -> Gate:
    """The gate `f = x^c` for a constant `c`; `dx = df c x^(c-1)`."""

    def backward(x: tuple[float, ...], f: float, df: float) -> tuple[float]:
        return (df * c * math.pow(x[0], c - 1) if c else 0.0,)

    rule = f"times {c:g} x^{c - 1:g}"
    return Gate(f"power {c:g}", rule, lambda x: math.pow(x, c), backward, f"{{}}^{c:g}")


minimum = Gate("min", "routes", min, routed)
"""`f = min(x, y, ...)`; the gradient is routed to the smallest; in a tie, to the first."""

log = Gate("log", "times 1/x", math.log, lambda x, f, df: (df / x[0],))
"""`f = log x` for `x > 0`; `dx = df / x`."""

sqrt = Gate("sqrt", "times 1/(2 f)", math.sqrt, lambda x, f, df: (df / (2 * f),))
"""`f = sqrt(x)` for `x > 0`; `dx = df / (2 f)`."""

tanh = Gate("tanh", "times 1 - f²", math.tanh, lambda x, f, df: (df * (1 - f * f),))
"""`f = tanh x`; `dx = df (1 - f^2)`."""

relu = Gate(
    "relu",
    "passes if x > 0",
    lambda x: max(x, 0.0),
    lambda x, f, df: (df if x[0] > 0 else 0.0,),
)
"""`f = max(0, x)`; `dx = df` if `x > 0`, else 0, also at the kink at 0."""

sin = Gate("sin", "times cos x", math.sin, lambda x, f, df: (df * math.cos(x[0]),))
"""`f = sin x`; `dx = df cos x`."""

cos = Gate("cos", "times -sin x", math.cos, lambda x, f, df: (-df * math.sin(x[0]),))
"""`f = cos x`; `dx = -df sin x`."""

absolute = Gate("abs", "times the sign", abs, lambda x, f, df: (df * ((x[0] > 0) - (x[0] < 0)),))
"""`f = |x|`; `dx = df sign(x)`; at 0, where there is a kink, 0."""
