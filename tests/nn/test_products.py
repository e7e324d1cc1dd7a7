"""The matrix product, exact and with operands rounded to bfloat16.

A reference rounds the operands by NumPy (ml_dtypes) and multiplies them in float64. What rounding
itself may cost is bounded elsewhere (tests/nn/test_precision.py).
"""

import itertools
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_dtypes import bfloat16

from jaxmlp import nn
from jaxmlp.nn import products as module

SIZES = (1, 10, 64)  # an example, the digits, and a width with a fast path
UNIT = 2.0**-24  # of float32, in which the products are added up
# Where a product of width 1 becomes a sum, accelerators may leave an operand as it was: XLA drops a
# rounding that is taken back (xla_allow_excess_precision). Two roundings of 8 bits are 2^-8. Tensor
# cores also cut off what lies below the last bit of a sum, which is less (Fasi et al. 2021).
EXCESS = 0.0 if jax.default_backend() == "cpu" else 2.0**-7


def drawn(*shapes, several=()):
    rng = np.random.default_rng(0)
    return [rng.normal(size=(*several, *shape)).astype(np.float32) for shape in shapes]


def reference(a, b):
    """Return the product of rounded operands, and how far float32 may be from it."""
    short = [np.asarray(w, bfloat16).astype(np.float64) for w in (a, b)]
    return np.matmul(*short), UNIT * (a.shape[-1] + 2) * size(*short)


def size(a, b):
    """Return the product of absolute values, which bounds what rounding does."""
    return np.matmul(np.abs(a), np.abs(b))


def short_ways(x, W, dz):
    """The three products of a dense layer: forward, and backward by hand and by machine."""
    with nn.operands_in("bfloat16"):
        z = nn.product(x, W)
        by_hand = nn.product(x.T, dz), nn.product(dz, W.T)
        _, back = jax.vjp(nn.product, x, W)
        dx, dW = back(dz)
    return z, *by_hand, dW, dx


def assert_near(x, W, dz, found):
    z, dW, dx = (x, W), (x.mT, dz), (dz, W.mT)
    for got, operands in zip(found, (z, dW, dx, dW, dx), strict=True):
        expected, most = reference(*operands)
        assert got.dtype == operands[0].dtype
        wrong = np.abs(np.asarray(got, np.float64) - expected)
        assert np.all(wrong <= most + EXCESS * size(*operands))


@pytest.fixture(autouse=True)
def _as_a_user():
    """What is refused depends on how XLA optimises a program; so all of it is on, in float32."""
    jax.config.update("jax_disable_most_optimizations", False)
    with jax.enable_x64(False):
        yield


@pytest.mark.parametrize("n", SIZES)
def test_products_of_every_width_round_their_operands_and_add_in_float32(n):
    """Some products of bfloat16 are refused by XLA as they run; of these none is."""
    for inputs, outputs in itertools.product(SIZES, SIZES):
        arrays = drawn((n, inputs), (inputs, outputs), (n, outputs))
        assert_near(*arrays, jax.jit(short_ways)(*arrays))


@pytest.mark.parametrize("shared", [True, False], ids=["the same inputs", "each its own"])
def test_products_of_several_networks_at_once(shared):
    """As an ensemble and a sweep multiply: every factor of several, or one for all."""
    for inputs, outputs in itertools.product((1, 10, 64), (1, 10)):
        x, W, dz = drawn((10, inputs), (inputs, outputs), (10, outputs), several=(3,))
        if shared:
            x = np.broadcast_to(x[0], x.shape)
        axes = (None, 0, 0) if shared else (0, 0, 0)
        found = jax.jit(jax.vmap(short_ways, axes))(x[0] if shared else x, W, dz)
        assert_near(x, W, dz, found)


def test_the_reference_would_see_operands_that_are_not_rounded():
    a, b = drawn((10, 64), (64, 10))
    expected, most = reference(a, b)
    assert np.all(most < np.abs(np.matmul(a, b) - expected).max() / 100)


def test_a_processor_without_instructions_returns_the_same_numbers(monkeypatch):
    a, b = drawn((10, 64), (64, 3))
    found = []
    for has in (False, True):
        monkeypatch.setattr(module, "_processor_has_bfloat16", lambda has=has: has)
        if has and not module.has_fast_bfloat16.__wrapped__():
            continue
        found.append(jax.jit(lambda a, b: module._short(a, b))(a, b))
    expected, most = reference(a, b)
    for c in found:
        assert np.all(np.abs(np.asarray(c, np.float64) - expected) <= most)


def test_without_a_context_a_product_is_that_of_jax():
    a, b = drawn((10, 64), (64, 3))
    with nn.operands_in("bfloat16"):
        short = nn.product(a, b)
    np.testing.assert_array_equal(nn.product(a, b), a @ b)
    assert np.any(short != a @ b)
    with pytest.raises(RuntimeError, match="in it"), nn.operands_in("bfloat16"):
        raise RuntimeError("in it")
    np.testing.assert_array_equal(nn.product(a, b), a @ b)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16", True),
        ("flags\t\t: fpu amx_bf16 amx_tile", True),
        ("flags\t\t: fpu avx2", False),
        ("Features\t: fp asimd bf16", False),  # of ARM, whose products were not measured
        ("", False),
    ],
)
def test_a_processor_tells_its_instructions(monkeypatch, flags, expected):
    read = Path.read_text
    text = f"processor\t: 0\n{flags}\n\nprocessor\t: 1\n{flags}\n"
    monkeypatch.setattr(
        Path, "read_text", lambda path: text if str(path) == "/proc/cpuinfo" else read(path)
    )
    monkeypatch.setattr(Path, "exists", lambda path: True)
    monkeypatch.setattr("sys.platform", "linux")
    assert module._processor_has_bfloat16.__wrapped__() is expected
    monkeypatch.setattr("sys.platform", "darwin")
    assert not module._processor_has_bfloat16.__wrapped__()


@pytest.mark.parametrize(
    ("platform", "capability", "expected"),
    [("gpu", "9.0", True), ("gpu", "7.5", False), ("gpu", "gfx90a", True), ("tpu", None, True)],
)
def test_accelerators_tell_theirs(monkeypatch, platform, capability, expected):
    device = SimpleNamespace(platform=platform, compute_capability=capability)
    monkeypatch.setattr(jax, "devices", lambda: [device])
    assert module.has_fast_bfloat16.__wrapped__() is expected


@pytest.mark.parametrize("platform", ["cuda", "rocm", "tpu"])
def test_on_accelerators_the_operands_are_bfloat16_and_the_sums_float32(platform):
    a, b = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((10, 64), (64, 3)))
    text = jax.export.export(jax.jit(module._short), platforms=[platform])(a, b).mlir_module()
    assert "(tensor<10x64xbf16>, tensor<64x3xbf16>) -> tensor<10x3xf32>" in text
    assert "LayoutConstraint" not in text
