"""`python -m jaxmlp.explain`: the numbers are right, and both views show them."""

import functools
import html
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.explain import __main__ as explain
from jaxmlp.explain import typeset
from jaxmlp.explain.sections import explain_network
from jaxmlp.nn import activations
from jaxmlp.runs.inspection import load_inspected
from tests.helpers import command
from tests.test_gradcheck import saved_run

pytestmark = pytest.mark.usefixtures("compile_quickly")


@functools.cache
def inspected(**given):
    return load_inspected(None, given, explain.Options, explain.HIDDEN)


def lines(sections):
    """Return every line's formula as text, with its value in full precision."""
    found = [item for section in sections for item in section.items]
    shown = [item for item in found if isinstance(item, typeset.Line)]
    return [(typeset.plain(line.formula), np.asarray(line.value)) for line in shown]


def named(sections):
    """Return values by the first name in their formula."""
    return {formula.split(" = ")[0]: value for formula, value in lines(sections)}


def autodiff(chosen, n):
    """Return what `jax.grad` says of example n, with respect to parameters and input."""
    data = chosen.dataset
    x = jnp.asarray(chosen.signature.preprocessing(data.x_train[n : n + 1]), "float64")
    y = jnp.asarray(data.y_train[n : n + 1])
    y = y.astype("float64")[:, None] if chosen.loss.name == "binary_cross_entropy" else y
    params = jax.tree.map(lambda w: jnp.asarray(w, "float64"), chosen.params)
    value = jax.jit(jax.grad(lambda *at: chosen.loss(chosen.model(*at), y), (0, 1)))
    return value(params, x)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"hidden": (4, 3), "activation": ("relu", "prelu"), "dataset": "iris"},
    ],
    ids=str,
)
def test_gradients_are_those_of_autodiff(given):
    chosen = inspected(**given)
    with jax.enable_x64(True):
        shown = named(explain_network(chosen, 2))
        dparams, dx = autodiff(chosen, 2)
    dense = [p for p in dparams if "W" in p]
    for number, gradient in enumerate(dense, 1):
        np.testing.assert_allclose(shown[f"∂L/∂W[{number}]"], gradient["W"].T, rtol=1e-10)
        np.testing.assert_allclose(shown[f"∂L/∂b[{number}]"], gradient["b"], rtol=1e-10)
        np.testing.assert_allclose(shown[f"δ[{number}]"], gradient["b"], rtol=1e-10)
    for gradient in dparams:
        if "alpha" in gradient:
            np.testing.assert_allclose(shown["∂L/∂α[2]"], gradient["alpha"], rtol=1e-10)
    np.testing.assert_allclose(shown["∂L/∂a[0]"], dx[0], rtol=1e-10)


def explained(capsys, *arguments):
    assert explain.main([*map(str, arguments)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_what_people_read(capsys):
    text = explained(capsys)
    shown = named(explain_network(inspected(), 1))
    loss = float(shown["L"])
    assert f"L = -Σ_i (y_i log ŷ_i + (1 - y_i) log(1 - ŷ_i)) = {loss:.4f}   [B9]\n" in text
    a, b, c = (f"{value:.4f}" for value in shown["δ[1]"])
    assert f"  δ[1] = ∂L/∂z[1] = ∂L/∂a[1] ⊙ f'(z[1]) = ({a}  {b}  {c})ᵀ   [D8]\n" in text
    row = "  ".join(f"{value:7.4f}" for value in shown["∂L/∂W[1]"][0])
    assert f"  ∂L/∂W[1] = δ[1] a[0]ᵀ =   [D8]\n      ⎡ {row} ⎤\n" in text
    assert "z = x W + b" in text
    assert re.search(r"The network predicts (true|false) \(\d\d\.\d%\); the target is true\.", text)


BEHIND = {  # the prediction of u as printed, and its function; its slope likewise
    "relu": (
        ("max(0, u) - c", lambda u: np.maximum(0, u)),
        ("(1 if u > 0, else 0)", lambda u: np.where(u > 0, 1, 0)),
    ),
    "softplus": (
        ("log(1 + e^u) - c", lambda u: np.log(1 + np.exp(u))),
        ("σ(u)", lambda u: 1 / (1 + np.exp(-u))),
    ),
}


@pytest.mark.parametrize("name", BEHIND)
def test_an_output_activation(tmp_path, name):
    """The sum u = z + m / s, the prediction, and delta as a product; formulas beside numbers.

    Lecture row E13.
    """
    (value_text, value), (slope_text, slope) = BEHIND[name]
    x = np.linspace(-1, 1, 40)
    np.savez(tmp_path / "ages.npz", x=np.stack([x, x**2], axis=1), y=np.exp(2 * x))
    chosen = inspected(dataset=str(tmp_path / "ages.npz"), output_activation=name)
    with jax.enable_x64(True):
        printed = [text for text, _ in lines(explain_network(chosen, 2))]
        shown = named(explain_network(chosen, 2))
    target = chosen.signature.target_preprocessing
    c, z = target.offset * target.scale, shown["z[2]"]
    np.testing.assert_allclose(shown["c"], c, rtol=1e-12)
    np.testing.assert_allclose(shown["u"], z + c, rtol=1e-12)
    np.testing.assert_allclose(shown["ŷ"], value(z + c) - c, rtol=1e-12)
    np.testing.assert_allclose(shown["L"], np.sum((shown["ŷ"] - shown["y"]) ** 2), rtol=1e-9)
    np.testing.assert_allclose(shown["∂L/∂ŷ"], 2 * (shown["ŷ"] - shown["y"]), rtol=1e-9)
    np.testing.assert_allclose(shown["∂ŷ/∂z[2]"], slope(z + c), rtol=1e-12)
    np.testing.assert_allclose(shown["δ[2]"], shown["∂L/∂ŷ"] * shown["∂ŷ/∂z[2]"], rtol=1e-9)
    for text in (
        f"ŷ = {value_text}",
        "L = Σ_i (ŷ_i - y_i)^2",
        "∂L/∂ŷ = 2 (ŷ - y)",
        f"∂ŷ/∂z[2] = {slope_text}",
        "δ[2] = ∂L/∂z[2] = ∂L/∂ŷ ⊙ ∂ŷ/∂z[2]",
    ):
        assert text in printed


def test_a_prediction_that_rounds_to_0_says_so(capsys):
    """Lecture rows A1, A5: no derivative of its logarithm, but a delta."""
    text = explained(
        capsys,
        "--dataset",
        "iris",
        "--hidden",
        "--initializer",
        "normal",
        "--initializer-scale",
        1000,
    )
    assert "A probability rounds to 0 or 1 here" in text
    assert "∂L/∂ŷ" not in text
    assert "δ[1] = ∂L/∂z[1] = ŷ - y = (" in text


@pytest.mark.parametrize(
    "options",
    [
        "--hidden 8 8 --dataset iris --activation prelu gelu --loss softmax_squared_error"
        " --optimizer muon",
        "--hidden 8 --dataset iris --initializer normal --preprocessing none --examples 2",
        "--gates",
    ],
)
def test_text_fits_a_terminal(capsys, options):
    text = explained(capsys, *options.split())
    assert max(map(len, text.splitlines())) <= 100
    assert not set("\\${}") & set(text)


@pytest.mark.parametrize(
    "options",
    ["--hidden 2 2 --activation prelu elu --dataset iris --example 7", "--gates"],
)
def test_the_page_stands_alone(capsys, tmp_path, options):
    file = tmp_path / "page.html"
    assert explained(capsys, *options.split(), "--html", file) == f"{file}\n"
    page = file.read_text()
    assert page.startswith("<!doctype html>")
    spaces = {"http://www.w3.org/1998/Math/MathML", "http://www.w3.org/2000/svg"}
    assert set(re.findall(r"https?://[^\"<]*", page)) <= spaces
    assert not re.search(r"<script |<link|<img|url\(|src=|import", page)
    assert page.count("<script") == 1
    formulas = re.findall(r"<math.*?</math>", page)
    assert len(formulas) == page.count("<math") >= 3
    for formula in formulas:
        text = "".join(ET.fromstring(formula).itertext())
        assert "=" in text
        assert not set("\\${}") & set(text)


def test_the_page_has_the_numbers_of_the_text(capsys, tmp_path):
    text = explained(capsys, "--dataset", "iris")
    explained(capsys, "--dataset", "iris", "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text().replace("\N{MINUS SIGN}", "-")
    page = re.sub(r"<[^>]*>", " ", page)
    shown = re.findall(r"\d\.\d{4}", text)
    assert len(shown) > 40
    assert re.findall(r"\d\.\d{4}", page) == shown


def test_names_of_the_data_are_letters_on_the_page(capsys, tmp_path):
    """A name cannot become markup or a template, wherever the page shows it."""
    data, file = tmp_path / "<script>alert(1) & {{ 7 * 7 }}.csv", tmp_path / "page.html"
    classes = ("<b>yes</b> & {{ 7 * 7 }}", "{% raw %} no &amp;")
    rows = [f"{k},{k % 3},{classes[k % 2]}" for k in range(20)]
    data.write_text("\n".join(["<i>a</i>,b,class", *rows]))
    explained(capsys, "--dataset", data, "--html", file)
    page = file.read_text()
    assert page.count("<script>") == 1  # its own
    text = re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search("<(script|b|i)>", text)
    assert f"{html.escape(data.name)}, training example 1" in page
    assert re.search(
        f"the target is ({'|'.join(map(re.escape, map(html.escape, classes)))})\\.", page
    )


@pytest.mark.parametrize("option", ["--gates", "--seed=1"])
def test_text_needs_no_template_engine(option):
    code = (
        "import sys; from jaxmlp.explain.__main__ import main\n"
        f"assert main([{option!r}]) == 0\nassert 'jinja2' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_gates(capsys):
    """Lecture row B6: -4, -4, 3, each in its row."""
    text = explained(capsys, "--gates")
    for wire, value, gradient in (("x", -2, -4), ("y", 5, -4), ("z", -4, 3)):
        assert re.search(rf"^  {wire} +{value} +{gradient}  input", text, re.MULTILINE)
    for words in ("f = (x + y) z = -12", "f = x y + max(x, y) = -3", "= 0.7311", "copy adds up"):
        assert words in text


def test_a_run(capsys, tmp_path):
    path = saved_run(tmp_path / "run", dataset="iris", hidden=(4,), dropout=0.2)
    text = explained(capsys, "--run", path, "--example", 0)
    assert text.startswith("iris, training example 0\n")
    assert "Forward: layer 1, dropout 0.2\n  Dropout is off here" in text
    noisy = saved_run(
        tmp_path / "noisy", dataset="iris", hidden=(4,), input_noise=0.1, max_norm=1.0
    )
    shown = explained(capsys, "--run", noisy)
    assert "gaussian_noise 0.1\n  Noise is off here" in shown
    assert "The update is not shown: with max_norm its weights are scaled down" in shown
    saved = load_inspected(str(path), {}, explain.Options, explain.HIDDEN)
    row = "  ".join(f"{value:7.4f}" for value in saved.params[1]["W"][:, 0])
    assert f"W[1] =\n      ⎡ {row} ⎤" in text


def test_smoothed_targets_are_shown_and_explain_the_loss(tmp_path):
    path = saved_run(tmp_path / "run", dataset="iris", hidden=(4,), label_smoothing=0.3)
    saved = load_inspected(str(path), {}, explain.Options, explain.HIDDEN)
    with jax.enable_x64(True):
        sections = explain_network(saved, 0)
    assert [s.title for s in sections if "smoothed by 0.3" in s.title] == [
        "Loss: cross_entropy, smoothed by 0.3",
        "Backward: cross_entropy, smoothed by 0.3",
    ]
    shown = named(sections)
    assert sorted(shown["y"]) == pytest.approx([0.1, 0.1, 0.8])
    assert shown["L"] == pytest.approx(-np.sum(shown["y"] * np.log(shown["ŷ"])))
    delta = shown["ŷ"] - shown["y"]
    assert any(value.shape == (3,) and np.allclose(value, delta) for value in shown.values())


def test_a_kind_of_layer_that_has_no_formula():
    """It is shown by its name, with its values, and the chain goes on through it."""

    def backward(params, cache, dy):
        return {"some": jnp.sum(dy, axis=0)}, 2 * dy

    def forward(params, x, key=None):
        return 2 * x + params["some"][None, :], None

    strange = nn.Layer(
        lambda key, shape: ({"some": jnp.zeros(shape)}, shape), forward, backward, "odd <b> & c"
    )
    chosen = inspected()
    model = nn.sequential(nn.dense(3), strange, nn.activation(activations.tanh), nn.dense(1))
    chosen = chosen._replace(model=model, params=model.init(jax.random.key(0), (2,))[0])
    with jax.enable_x64(True):
        sections = explain_network(chosen, 1)
        shown, (dparams, _) = named(sections), autodiff(chosen, 1)
    assert "h_2 = odd <b> & c(z[1])" in dict(lines(sections))
    np.testing.assert_allclose(shown["∂L/∂some[1]"], dparams[1]["some"], rtol=1e-10)
    np.testing.assert_allclose(shown["∂L/∂W[1]"], dparams[0]["W"].T, rtol=1e-10)
    page = typeset.as_page("odd", sections).replace("\N{NO-BREAK SPACE}", " ")
    assert page.count("odd &lt;b&gt; &amp;") >= 3
    assert "<b>" not in page


def test_a_terminal_that_knows_no_greek():
    done = command("jaxmlp.explain", "--gates", env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "f = (x + y) z = -12" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--dataset digits", "the input must be at most 8 numbers wide to be shown, got 64"),
        ("--hidden 3 9", "the output of dense 9 must be at most 8 numbers wide to be shown, got 9"),
        ("--example 4", "example must be from 0 to 3, got 4"),
        ("--example 1 --examples 4", "--examples must be from 1 to 3, got 4"),
        ("--example 1 --examples 0", "--examples must be from 1 to 3, got 0"),
        ("--example 1 --step 0", "--step must be from 1 to 1000, got 0"),
        ("--example 1 --step 1001", "--step must be from 1 to 1000, got 1001"),
        ("--dataset digits", "--summary shows the layers of a network of any size"),
        (f"--hidden {'2 ' * 20}", "the network must have at most 40 layers to be shown, got 42"),
        ("--summary --optimizer adam", "--optimizer does not apply to --summary"),
        ("--gates --step 2", "--step does not apply to --gates"),
        ("--example -1", "example must be from 0 to 3, got -1"),
        ("--hiden 3", "unknown option --hiden; did you mean --hidden?"),
        ("--activation step", "the step function has no derivative"),
        ("--gates --summary", "--summary does not apply to --gates"),
        ("--summary --example 0 --html x", "--example, --html do not apply to --summary"),
        ("--gates --initializer-scale 3", "--initializer-scale does not apply to --gates"),
        ("--gates --example 0 --run r", "--run, --example do not apply to --gates"),
        ("--html nowhere/page.html", "nowhere/page.html cannot be written: No such file"),
        ("--html .", ". cannot be written"),
        ("--run nowhere", "there is no run folder nowhere"),
    ],
)
def test_bad_input(capsys, monkeypatch, tmp_path, options, message):
    monkeypatch.chdir(tmp_path)
    if options.startswith(("--example", "--html")):
        monkeypatch.setattr(explain, "load_inspected", lambda *_: inspected())
    try:
        status = explain.main(options.split())
    except SystemExit as stop:
        status = stop.code
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("python -m jaxmlp.explain: error: ")
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_the_summary_of_a_network(capsys, tmp_path):
    """Of any size, untrained or of a run; the counts are 4 x 9 + 9 and 9 x 3 + 3.

    Lecture rows E3, E14.
    """
    options = ["--dataset", "iris", "--hidden", 9, "--activation", "relu"]
    expected = (
        "layer    output  parameters\n"
        "flatten       4           0\n"
        "dense 9       9          45\n"
        "relu          9           0\n"
        "dense 3       3          30\n"
        "total                    75\n"
    )
    assert explained(capsys, "--summary", *options) == expected
    run = saved_run(tmp_path / "run", dataset="iris", hidden=(9,), dropout=0.0)
    assert explained(capsys, "--summary", "--run", run) == expected
