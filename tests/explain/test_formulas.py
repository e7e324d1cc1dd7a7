"""Each printed formula, and beside it the same by hand, against the value that is shown.

A formula that changes must be changed here too, and its function with it: a reader compares the two
by eye, the test compares the function with the numbers. Lecture rows A3, A4, B9, B10, C2, D6, D8,
E1, E3, E4, E5, E6.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from jaxmlp import nn
from jaxmlp.config.names import ACTIVATIONS, LEARNED_ACTIVATIONS, LOSSES, WITH_ALPHA
from jaxmlp.explain import formulas
from jaxmlp.explain.sections import explain_network
from tests.explain.test_explain import inspected, lines

Z = [-20, -3, -1, -0.1, 0, 0.1, 1, 3]  # both sides of each kink, and the kink


def explained(*layers, z=None, loss="mse"):
    """Return what is shown of one example of iris: values and right-hand sides, by their names.

    Args:
      layers: the network.
      z: what the first layer, which is dense, puts out; whatever it draws if `None`.
      loss: the name of the loss.
    """
    chosen, model = inspected(dataset="iris", loss="mse"), nn.sequential(*layers)
    first, *others = model.init(jax.random.key(0), chosen.dataset.input_shape)[0]
    if z is not None:
        first = {"W": jnp.zeros_like(first["W"]), "b": jnp.asarray(z, "float32")}
    signature = dataclasses.replace(chosen.signature, loss=loss)
    chosen = chosen._replace(
        model=model, params=(first, *others), loss=LOSSES[loss], signature=signature
    )
    values, printed = {}, {}
    with jax.enable_x64(True):
        for text, value in lines(explain_network(chosen, 1)):
            *names, right = text.split(" = ")
            values |= dict.fromkeys(names or [right], value)
            printed |= dict.fromkeys(names, right)
    return values, printed


def assert_close(got, expected):
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


ACTIVATION_FORMULAS = {  # a as printed, a of z; its slope as printed, its slope of z and a
    "identity": ("z", lambda z: z, "1", lambda z, a: 1),
    "relu": (
        "max(0, z)",
        lambda z: np.maximum(0, z),
        "(1 if z > 0, else 0)",
        lambda z, a: np.where(z > 0, 1, 0),
    ),
    "leaky_relu": (
        "max(0.01 z, z)",
        lambda z: np.maximum(0.01 * z, z),
        "(1 if z > 0, else 0.01)",
        lambda z, a: np.where(z > 0, 1, 0.01),
    ),
    "elu": (
        "(z if z > 0, else e^z - 1)",
        lambda z: np.where(z > 0, z, np.exp(z) - 1),
        "min(1, e^z)",
        lambda z, a: np.minimum(1, np.exp(z)),
    ),
    "sigmoid": ("σ(z)", lambda z: 1 / (1 + np.exp(-z)), "a ⊙ (1 - a)", lambda z, a: a * (1 - a)),
    "tanh": (
        "tanh(z)",
        lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
        "1 - a ⊙ a",
        lambda z, a: 1 - a * a,
    ),
    "softplus": (
        "log(1 + e^z)",
        lambda z: np.log(1 + np.exp(z)),
        "σ(z)",
        lambda z, a: expit(z),
    ),
    "gelu": (
        "z ⊙ Φ(z)",
        lambda z: z * norm.cdf(z),
        "Φ(z) + z ⊙ φ(z)",
        lambda z, a: norm.cdf(z) + z * norm.pdf(z),
    ),
    "silu": (
        "z ⊙ σ(z)",
        lambda z: z * expit(z),
        "σ(z) ⊙ (1 + z ⊙ σ(-z))",
        lambda z, a: expit(z) * (1 + z * expit(-z)),
    ),
}


@pytest.mark.parametrize("name", ACTIVATIONS.names)
def test_activations(name):
    value_text, value, slope_text, slope = ACTIVATION_FORMULAS[name]
    shown, printed = explained(nn.dense(8), nn.activation(ACTIVATIONS[name]), nn.dense(3), z=Z)
    z, a, f_slope = shown["z[1]"], shown["a[1]"], shown["f'(z[1])"]
    np.testing.assert_allclose(z, Z, rtol=1e-6)
    assert printed["a[1]"].replace("[1]", "") == value_text
    assert_close(a, value(z))
    assert printed["f'(z[1])"].replace("[1]", "") == slope_text
    assert_close(f_slope, slope(z, a))
    assert printed["δ[1]"] == "∂L/∂a[1] ⊙ f'(z[1])"
    assert_close(shown["δ[1]"], shown["∂L/∂a[1]"] * f_slope)


ANY_ALPHA = {  # of an alpha of 0.3: as in the table above
    "leaky_relu": (
        "(z if z > 0, else 0.3 z)",
        lambda z: np.where(z > 0, z, 0.3 * z),
        "(1 if z > 0, else 0.3)",
        lambda z: np.where(z > 0, 1, 0.3),
    ),
    "elu": (
        "(z if z > 0, else 0.3 (e^z - 1))",
        lambda z: np.where(z > 0, z, 0.3 * (np.exp(z) - 1)),
        "(1 if z > 0, else 0.3 e^z)",
        lambda z: np.where(z > 0, 1, 0.3 * np.exp(z)),
    ),
}


@pytest.mark.parametrize("name", ANY_ALPHA)
def test_alpha_is_printed(name):
    """Lecture row B10: the formula has the alpha that is computed with."""
    value_text, value, slope_text, slope = ANY_ALPHA[name]
    function = getattr(nn.activations, f"{name}_of")(0.3)
    shown, printed = explained(nn.dense(8), nn.activation(function), nn.dense(3), z=Z)
    assert printed["a[1]"].replace("[1]", "") == value_text
    assert_close(shown["a[1]"], value(shown["z[1]"]))
    assert printed["f'(z[1])"].replace("[1]", "") == slope_text
    assert_close(shown["f'(z[1])"], slope(shown["z[1]"]))


LAYER_FORMULAS = {  # a name, the right-hand side as printed, and its value of the values v
    "z[1]": ("W[1] a[0] + b[1]", lambda v: v["W[1]"] @ v["a[0]"] + v["b[1]"]),
    "z[2]": ("W[2] a[1] + b[2]", lambda v: v["W[2]"] @ v["a[1]"] + v["b[2]"]),
    "∂L/∂W[2]": ("δ[2] a[1]ᵀ", lambda v: np.outer(v["δ[2]"], v["a[1]"])),
    "∂L/∂b[2]": ("δ[2]", lambda v: v["δ[2]"]),
    "∂L/∂a[1]": ("W[2]ᵀ δ[2]", lambda v: v["W[2]"].T @ v["δ[2]"]),
    "∂L/∂W[1]": ("δ[1] a[0]ᵀ", lambda v: np.outer(v["δ[1]"], v["a[0]"])),
    "∂L/∂b[1]": ("δ[1]", lambda v: v["δ[1]"]),
    "∂L/∂a[0]": ("W[1]ᵀ δ[1]", lambda v: v["W[1]"].T @ v["δ[1]"]),
    "a[1]": (
        "max(0, z[1]) + α[1] ⊙ min(0, z[1])",
        lambda v: np.maximum(0, v["z[1]"]) + v["α[1]"] * np.minimum(0, v["z[1]"]),
    ),
    "δ[1]": (
        "∂L/∂a[1] ⊙ (1 if z[1] > 0, else α[1])",
        lambda v: v["∂L/∂a[1]"] * np.where(v["z[1]"] > 0, 1, v["α[1]"]),
    ),
}


@pytest.mark.parametrize("z", [None, Z], ids=["drawn", "chosen"])
@pytest.mark.parametrize("name", LEARNED_ACTIVATIONS.names)
def test_layers_with_parameters(name, z):
    shown, printed = explained(nn.dense(8), LEARNED_ACTIVATIONS[name](), nn.dense(3), z=z)
    for left, (right, value) in LAYER_FORMULAS.items():
        assert printed[left] == right
        assert_close(shown[left], value(shown))
    assert printed["∂L/∂α[1]"] == "∂L/∂a[1] ⊙ min(0, z[1]), summed where shared"
    each = shown["∂L/∂a[1]"] * np.minimum(0, shown["z[1]"])
    assert_close(shown["∂L/∂α[1]"], [each.sum()] if name == "shared_prelu" else each)


SQUARES = ("Σ_i (z_i - y_i)^2", lambda z, y, p: np.sum((z - y) ** 2))
LOSS_FORMULAS = {  # the loss as printed, and of z, y and the prediction p; delta likewise
    "cross_entropy": (
        ("-Σ_i y_i log ŷ_i", lambda z, y, p: -np.sum(y * np.log(p))),
        ("ŷ - y", lambda z, y, p: p - y),
    ),
    "binary_cross_entropy": (
        (
            "-Σ_i (y_i log ŷ_i + (1 - y_i) log(1 - ŷ_i))",
            lambda z, y, p: -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p)),
        ),
        ("ŷ - y", lambda z, y, p: p - y),
    ),
    "softmax_squared_error": (
        ("Σ_i (ŷ_i - y_i)^2", lambda z, y, p: np.sum((p - y) ** 2)),
        ("2 ŷ ⊙ (ŷ - y - (ŷ - y)ᵀ ŷ)", lambda z, y, p: 2 * p * (p - y - (p - y) @ p)),
    ),
    "mse": (SQUARES, ("2 (z - y)", lambda z, y, p: 2 * (z - y))),
    "quadratic": (SQUARES, ("2 (z - y)", lambda z, y, p: 2 * (z - y))),
    "half_mse": (
        ("1/2 Σ_i (z_i - y_i)^2", lambda z, y, p: np.sum((z - y) ** 2) / 2),
        ("z - y", lambda z, y, p: z - y),
    ),
    "mae": (
        ("Σ_i |z_i - y_i|", lambda z, y, p: np.sum(abs(z - y))),
        ("sign(z - y)", lambda z, y, p: np.sign(z - y)),
    ),
    "huber": (
        (
            "Σ_i huber(z_i - y_i)",
            lambda z, y, p: sum(r**2 / 2 if abs(r) <= 1 else abs(r) - 0.5 for r in z - y),
        ),
        ("max(-1, min(1, z - y))", lambda z, y, p: np.clip(z - y, -1, 1)),
    ),
    "quantile": (
        (
            "Σ_i max(q (y_i - z_i), (q - 1) (y_i - z_i))",
            lambda z, y, p: np.sum(np.maximum((y - z) / 2, (z - y) / 2)),
        ),
        ("(1 - q if z > y, -q if z < y, else 0)", lambda z, y, p: np.sign(z - y) / 2),
    ),
    "perceptron": (
        (
            "Σ_i ((1 if z_i ≥ 0, else 0) - y_i) z_i",
            lambda z, y, p: np.sum((np.where(z >= 0, 1, 0) - y) * z),
        ),
        ("(1 if z ≥ 0, else 0) - y", lambda z, y, p: np.where(z >= 0, 1, 0) - y),
    ),
}
SOFTMAX = ("softmax(z)", lambda z: np.exp(z) / np.sum(np.exp(z)))
STEPS = {  # dL/dp as printed, and of y and p; dp/dz likewise; and delta as their product
    "cross_entropy": (("-y / ŷ", lambda y, p: -y / p), "diag(ŷ) - ŷ ŷᵀ"),
    "softmax_squared_error": (("2 (ŷ - y)", lambda y, p: 2 * (p - y)), "diag(ŷ) - ŷ ŷᵀ"),
    "binary_cross_entropy": (
        ("(ŷ - y) / (ŷ ⊙ (1 - ŷ))", lambda y, p: (p - y) / (p * (1 - p))),
        "ŷ ⊙ (1 - ŷ)",
    ),
}
JACOBIANS = {  # as printed, of p; and the product with dL/dp, as printed and by hand
    "diag(ŷ) - ŷ ŷᵀ": (
        lambda p: np.diag(p) - np.outer(p, p),
        "(∂ŷ/∂z[1])ᵀ ∂L/∂ŷ",
        lambda J, dp: J.T @ dp,
    ),
    "ŷ ⊙ (1 - ŷ)": (lambda p: p * (1 - p), "∂L/∂ŷ ⊙ ∂ŷ/∂z[1]", lambda s, dp: dp * s),
}
PREDICTIONS = {  # of the losses that have an output activation
    "cross_entropy": SOFTMAX,
    "softmax_squared_error": SOFTMAX,
    "binary_cross_entropy": ("σ(z)", lambda z: 1 / (1 + np.exp(-z))),
}


@pytest.mark.parametrize("outputs", [(-2, 0.5, 3), (1, 0, -1), (4, -0.3, 0.2)], ids=str)
@pytest.mark.parametrize("name", LOSSES.names)
def test_losses(name, outputs):
    """Raw outputs, of which some are the targets, lie at a kink or beyond it."""
    (value_text, value), (delta_text, delta) = LOSS_FORMULAS[name]
    shown, printed = explained(nn.dense(3), z=outputs, loss=name)
    z, y, p = shown["z[1]"], shown["y"], shown.get("ŷ")
    np.testing.assert_allclose(z, outputs, rtol=1e-6)
    assert (p is not None) == (name in PREDICTIONS)
    if p is not None:
        output_text, output = PREDICTIONS[name]
        assert printed["ŷ"].replace("[1]", "") == output_text
        assert_close(p, output(z))
    assert printed["L"].replace("[1]", "") == value_text
    assert_close(shown["L"], value(z, y, p))
    assert printed["δ[1]"].replace("[1]", "") == delta_text
    assert_close(shown["δ[1]"], delta(z, y, p))


@pytest.mark.parametrize("outputs", [(-2, 0.5, 3), (1, 0, -1)], ids=str)
@pytest.mark.parametrize("name", STEPS)
def test_from_the_loss_to_delta(name, outputs):
    """The factors dl/dp and dp/dz are shown, and their product is the delta that is shown.

    Lecture rows A3, A4, D6, E6.
    """
    (slope_text, slope), jacobian_text = STEPS[name]
    jacobian, chain, product = JACOBIANS[jacobian_text]
    shown, printed = explained(nn.dense(3), z=outputs, loss=name)
    assert printed["∂L/∂ŷ"] == slope_text
    assert_close(shown["∂L/∂ŷ"], slope(shown["y"], shown["ŷ"]))
    assert printed["∂ŷ/∂z[1]"] == jacobian_text
    assert_close(shown["∂ŷ/∂z[1]"], jacobian(shown["ŷ"]))
    assert chain in printed  # between two signs of equality
    assert_close(shown["δ[1]"], product(shown["∂ŷ/∂z[1]"], shown["∂L/∂ŷ"]))


@pytest.mark.parametrize("name", LOSSES.names)
def test_the_step_over_a_prediction_needs_a_prediction(name):
    """Sure and wrong beyond rounding: delta is shown, and why dL/dp is not."""
    shown, _ = explained(nn.dense(3), z=(1000, 0, -1000), loss=name)
    assert "∂L/∂ŷ" not in shown
    assert np.isfinite(shown["δ[1]"]).all()


def test_every_registered_name_has_a_formula():
    """The layers of learned activations are both of the kind prelu."""
    assert {*ACTIVATIONS.names, "dense", "prelu"} == formulas.LAYERS.keys()
    assert {*WITH_ALPHA} == formulas.WITH_ALPHA.keys()
    assert set(LOSSES.names) == formulas.LOSSES.keys()
    predicting = {name for name, (output, *_) in formulas.LOSSES.items() if output}
    assert predicting == PREDICTIONS.keys() == formulas.SLOPES.keys() == STEPS.keys()
