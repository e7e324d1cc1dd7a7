"""The precision of a problem in the benchmark: each library multiplies in it, and learns."""

import json
import re
from importlib.util import find_spec
from math import prod

import pytest

from experiments.bench.peers import OURS, VARIANTS, peer
from experiments.bench.problem import Problem
from experiments.bench.worker import accuracy
from experiments.bench.workers import run

PRODUCT = re.compile(r"dot_general (%\w+), (%\w+),.*: \(tensor<(.*?)>, tensor<(.*?)>\)")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Return a file of 5,000 digits."""
    file = tmp_path_factory.mktemp("digits") / "digits.npz"
    run("-m", "experiments.bench.data", "mnist_5k", str(file))
    return str(file)


def by_dispatch(problem):
    """Train PyTorch; return type and size of both factors of each product, and the accuracy."""
    from torch.utils._python_dispatch import TorchDispatchMode

    factors = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func.overloadpacket.__name__ in ("mm", "addmm"):
                pair = [(str(matrix.dtype), matrix.numel()) for matrix in args[-2:]]
                factors.append([(kind.removeprefix("torch."), n) for kind, n in pair])
            return func(*args, **kwargs or {})

    session = peer("torch").start(problem)
    with Watch():
        session.train(problem.epochs)
    return factors, accuracy(session, problem)


def by_program(name, problem, folder):
    """The same of a library on JAX, from the program that trains: the one with most products.

    Another one answers, in a precision of its own: ours is always float32.
    """
    line = ("-m", "experiments.bench.process", name, json.dumps(problem.to_dict()))
    done = run(*line, JAX_DUMP_IR_TO=str(folder))
    programs = [list(_factors(file.read_text())) for file in folder.iterdir()]
    return max(programs, key=len), json.loads(done.lines[-1][1])["accuracy"]


def _factors(text):
    """Yield the factors of each product of programs in StableHLO.

    A factor of float32 counts as bfloat16 if it was rounded to its 8 bits of exponent and 7 more.
    """
    rounded = set()
    for line in text.splitlines():
        name, _, operation = line.strip().partition(" = ")
        (rounded.add if "format = e8m7" in operation else rounded.discard)(name)
        if found := PRODUCT.search(operation):
            *names, a, b = found.groups()
            factors = zip(names, (_read(a), _read(b)), strict=True)
            yield [("bfloat16" if of in rounded else kind, n) for of, (kind, n) in factors]


def _read(text):
    """Read `2x3xbf16` as `("bfloat16", 6)`."""
    *shape, kind = text.split("x")
    return {"bf16": "bfloat16", "f32": "float32"}.get(kind, kind), prod(map(int, shape))


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        *((name, "bfloat16") for name in VARIANTS["bfloat16"].libraries),
        *((name, "float32") for name in (OURS, "torch")),
    ],
)
def test_a_library_learns_by_products_in_the_precision_of_the_problem(
    name, precision, digits, tmp_path
):
    """In every product of two matrices that are both large, forward and backward."""
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    # no two products have the same shapes: some versions of JAX lower these to one function
    problem = Problem(data=digits, hidden=(512, 1024), epochs=2, precision=precision)
    products, share = (
        by_dispatch(problem) if name == "torch" else by_program(name, problem, tmp_path)
    )
    large = [pair for pair in products if min(entries for _, entries in pair) >= 128 * 512]
    assert len(large) >= 5  # two forward, three backward
    assert {kind for pair in large for kind, _ in pair} == {precision}
    assert share > 0.85


def test_no_library_ignores_a_precision_that_it_lacks(digits):
    problem = Problem(data=digits, rows=200, precision="bfloat16")
    assert "sklearn" not in VARIANTS["bfloat16"].libraries
    with pytest.raises(AssertionError):
        peer("sklearn").start(problem)
