"""The formulas of each kind of layer and each loss, in LaTeX."""

from string import Template
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jaxmlp.nn import Layer


class Formulas(NamedTuple):
    """The formulas of a kind of layer, in LaTeX.

    `$x` and `$y` stand for the input and the output, `$dy` for `dL/dy`, `$xT` for the transpose of
    x, `$l` for the number of the layer, and `$alpha` for that of an activation. A `z` starts a new
    layer, as the lectures count.

    Attributes:
      symbol: the letter of the output.
      forward: the right-hand side of `$y = `.
      gradients: the right-hand side of `dL/dw = ` under the name of each parameter w, and that of
        `dL/dx = ` under "x".
      slope: the right-hand side of `f'($x) = ` for an activation, else empty.
    """

    symbol: str
    forward: str
    gradients: dict[str, str]
    slope: str = ""


def _elementwise(forward: str, slope: str) -> Formulas:
    return Formulas("a", forward, {"x": r"$dy \odot f'($x)"}, slope)


ONE_IF_POSITIVE = r"1 \text{ if } $x > 0 \text{, else }"


LAYERS = {
    "dense": Formulas(
        "z",
        r"W^{[$l]} $x + b^{[$l]}",
        {"W": r"$dy \, $xT", "b": "$dy", "x": r"W^{[$l]\top} $dy"},
    ),
    "prelu": Formulas(
        "a",
        r"\max(0, $x) + \alpha^{[$l]} \odot \min(0, $x)",
        {
            "alpha": r"$dy \odot \min(0, $x) \text{, summed where shared}",
            "x": rf"$dy \odot ({ONE_IF_POSITIVE} \alpha^{{[$l]}})",
        },
    ),
    "identity": _elementwise("$x", "1"),
    "relu": _elementwise(r"\max(0, $x)", rf"({ONE_IF_POSITIVE} 0)"),
    "leaky_relu": _elementwise(r"\max(0.01 \, $x, $x)", rf"({ONE_IF_POSITIVE} 0.01)"),
    "elu": _elementwise(r"($x \text{ if } $x > 0 \text{, else } e^{$x} - 1)", r"\min(1, e^{$x})"),
    "sigmoid": _elementwise(r"\sigma($x)", r"$y \odot (1 - $y)"),
    "tanh": _elementwise(r"\tanh($x)", r"1 - $y \odot $y"),
    "softplus": _elementwise(r"\log(1 + e^{$x})", r"\sigma($x)"),
    "gelu": _elementwise(r"$x \odot \Phi($x)", r"\Phi($x) + $x \odot \varphi($x)"),
    "silu": _elementwise(r"$x \odot \sigma($x)", r"\sigma($x) \odot (1 + $x \odot \sigma(-$x))"),
}


WITH_ALPHA = {  # the same for an alpha that is not the usual one
    "leaky_relu": _elementwise(
        r"($x \text{ if } $x > 0 \text{, else } $alpha \, $x)", rf"({ONE_IF_POSITIVE} $alpha)"
    ),
    "elu": _elementwise(
        r"($x \text{ if } $x > 0 \text{, else } $alpha \, (e^{$x} - 1))",
        rf"({ONE_IF_POSITIVE} $alpha \, e^{{$x}})",
    ),
}


def formulas_of(layer: "Layer") -> Formulas | None:
    """Return the formulas of a layer, or `None` for a kind that has none."""
    unusual = layer.kind in WITH_ALPHA and layer.name != layer.kind
    return WITH_ALPHA[layer.kind] if unusual else LAYERS.get(layer.kind)


STEP = r"(1 \text{ if } z_i \ge 0 \text{, else } 0)"


SQUARES = r"\sum_i (z_i - y_i)^2"


LOSSES = {  # the output activation, and the right-hand sides of L and delta
    "cross_entropy": ("softmax", r"{-\sum_i y_i \log \, \hat{y}_i}", r"\hat{y} - y"),
    "binary_cross_entropy": (
        "sigmoid",
        r"{-\sum_i (y_i \log \, \hat{y}_i + (1 - y_i) \log(1 - \hat{y}_i))}",
        r"\hat{y} - y",
    ),
    "softmax_squared_error": (
        "softmax",
        r"\sum_i (\hat{y}_i - y_i)^2",
        r"2 \hat{y} \odot (\hat{y} - y - (\hat{y} - y)^{\top} \hat{y})",
    ),
    "mse": ("", SQUARES, "2 ($z - y)"),
    "quadratic": ("", SQUARES, "2 ($z - y)"),
    "half_mse": ("", rf"\frac{{1}}{{2}} {SQUARES}", "$z - y"),
    "mae": ("", r"\sum_i |z_i - y_i|", r"\operatorname{sign}($z - y)"),
    "huber": ("", r"\sum_i \operatorname{huber}(z_i - y_i)", r"\max(-1, \min(1, $z - y))"),
    "quantile": (
        "",
        r"\sum_i \max(q \, (y_i - z_i), (q - 1) (y_i - z_i))",
        r"(1 - q \text{ if } $z > y \text{, } {-q} \text{ if } $z < y \text{, else } 0)",
    ),
    "perceptron": ("", rf"\sum_i ({STEP} - y_i) \, z_i", f"{STEP.replace('z_i', '$z')} - y"),
}


class Output(NamedTuple):
    """The formulas of an output activation that is inside the loss, in LaTeX.

    Attributes:
      name: what it is called.
      slope: the right-hand side of its derivative: of the softmax a matrix, else of each output.
      chain: delta as the product of `$dp`, the derivative of the loss, and `$dpdz`.
    """

    name: str
    slope: str
    chain: str


OUTPUTS = {
    "softmax": Output(
        r"\operatorname{softmax}",
        r"\operatorname{diag}(\hat{y}) - \hat{y} \, \hat{y}^{\top}",
        r"($dpdz)^{\top} $dp",
    ),
    "sigmoid": Output(r"\sigma", r"\hat{y} \odot (1 - \hat{y})", r"$dp \odot $dpdz"),
}


SLOPES = {  # with respect to the prediction, and the function in jaxmlp.nn.probabilities
    "cross_entropy": (r"{-y} / \hat{y}", "cross_entropy_slope"),
    "binary_cross_entropy": (
        r"(\hat{y} - y) / (\hat{y} \odot (1 - \hat{y}))",
        "binary_cross_entropy_slope",
    ),
    "softmax_squared_error": (r"2 (\hat{y} - y)", "squared_error_slope"),
}


def with_respect_to(name: str, first: bool = False) -> str:
    """Return LaTeX for `dL/dname`: delta for a z, defined where `first` is true.

    Args:
      name: LaTeX for a value, such as `z^{[1]}`.
      first: whether to write the derivative beside delta.

    Returns:
      LaTeX.
    """
    derivative = rf"\frac{{\partial L}}{{\partial {name}}}"
    if not name.startswith("z"):
        return derivative
    delta = name.replace("z", r"\delta", 1)
    return f"{delta} = {derivative}" if first else delta


def equation(left: str, right: str, names: dict[str, str]) -> str:
    """Return an equation whose right-hand side is filled in; without one, the left-hand side."""
    return f"{left} = {fill(right, names)}" if right else left


def fill(latex: str, names: dict[str, str]) -> str:
    """Return a formula in which names stand for its placeholders."""
    return Template(latex).substitute(names)
