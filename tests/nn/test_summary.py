"""Summaries of networks: layers, shapes and numbers of parameters, counted by hand.

Lecture rows E3, E14.
"""

import jax
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.errors import InputError
from jaxmlp.nn.summary import compact, parameter_count, summary, summary_text

# the deck's picture is 32 x 32 x 3, 3072 numbers; each case: shape, network, rows, total
PICTURE = (3072,)
CASES = {
    "one neuron": (PICTURE, lambda: nn.dense(1), [("dense 1", (1,), 3073)], 3073),
    "three neurons": (PICTURE, lambda: nn.dense(3), [("dense 3", (3,), 3 * 3073)], 9219),
    "two hidden units": (
        *(PICTURE, lambda: nn.mlp((2,), 1, nn.activations.sigmoid)),
        [
            *[("flatten", (3072,), 0), ("dense 2", (2,), 6146), ("sigmoid", (2,), 0)],
            ("dense 1", (1,), 3),
        ],
        6149,
    ),
    "784-128-10": (
        *((28, 28, 1), lambda: nn.mlp((128,), 10, dropout_rate=0.5)),
        [
            *[("flatten", (784,), 0), ("dense 128", (128,), 100_480), ("relu", (128,), 0)],
            *[("dropout 0.5", (128,), 0), ("dense 10", (10,), 1290)],
        ],
        101_770,
    ),
    "a chain in a chain": (
        (6, 6, 2),
        lambda: nn.sequential(nn.sequential(nn.convolution(3, 3), nn.prelu()), nn.flatten()),
        [("convolution 3 @ 3 x 3", (4, 4, 3), 57), ("prelu", (4, 4, 3), 3), ("flatten", (48,), 0)],
        60,
    ),
    "no bias": ((5,), lambda: nn.dense(4, bias=False), [("dense 4", (4,), 20)], 20),
    "too large for any memory": (
        *((10**6,), lambda: nn.dense(10**6)),
        [("dense 1000000", (10**6,), 10**12 + 10**6)],
        10**12 + 10**6,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("shape", "make", "rows", "total"), CASES.values(), ids=CASES)
def test_rows_and_total(shape, make, rows, total):
    found = summary(make(), shape)
    assert [(row.output, row.parameters) for row in found] == [row[1:] for row in rows]
    names = [row.layer for row in found]
    assert all(name.startswith(row[0].split(" ")[0]) for name, row in zip(names, rows, strict=True))
    assert parameter_count(found) == total


@pytest.mark.parametrize("make", [lambda: nn.lenet(10), lambda: nn.ensemble(nn.mlp((3,), 10), 4)])
def test_what_is_counted_is_what_is_initialised(make):
    """Lecture row E14: shapes are those of a forward pass, counts those of the real parameters."""
    model, shape = make(), (28, 28, 1)
    params, _ = model.init(jax.random.key(0), shape)
    found = summary(model, shape)
    assert parameter_count(found) == sum(leaf.size for leaf in jax.tree.leaves(params))
    outputs = model(params, np.zeros((1, *shape), "float32"))
    assert found[-1].output == outputs.shape[1:]


def test_a_summary_as_text():
    """Columns are aligned; the last line has the total."""
    text = summary_text(summary(nn.mlp((128,), 10), (28, 28, 1)))
    assert text == (
        "layer      output  parameters\n"
        "flatten       784           0\n"
        "dense 128     128     100,480\n"
        "relu          128           0\n"
        "dense 10       10       1,290\n"
        "total                 101,770"
    )


def test_a_shape_that_does_not_fit():
    with pytest.raises(InputError, match="the input of a dense layer must be a vector"):
        summary(nn.dense(3), (4, 4))


LONG = nn.mlp((8,) * 20, 3)


@pytest.mark.parametrize(
    ("shape", "make", "expected"),
    [
        ((7,), lambda: nn.mlp((4, 3), 2), ["dense 4, relu", "dense 3, relu", "dense 2"]),
        ((2, 3, 1), lambda: nn.mlp((4,), 2), ["flatten, dense 4, relu", "dense 2"]),
        ((2,), lambda: nn.activation(nn.activations.relu), []),
        ((3,), lambda: LONG, ["dense 8, relu"] * 7 + ["10 more"] + ["dense 8, relu"] * 3),
    ],
    ids=["table", "pictures", "no parameters", "deep"],
)
def test_a_short_summary_has_a_row_for_each_layer_with_parameters(shape, make, expected):
    """Few enough for a screen; the last output and the sum of the parameters stay the same."""
    rows = summary(make(), shape)
    short = compact(rows, shape)
    assert [row.layer for row in short][: len(expected)] == expected
    assert len(short) <= 12
    assert parameter_count(short) == parameter_count(rows)
    assert not short or short[-1].output == rows[-1].output


def test_an_ensemble_has_its_members_in_a_line():
    rows = summary(nn.mlp((3,), 2), (4,))
    lines = summary_text(rows, members=5).splitlines()
    assert [line.split() for line in lines[-2:]] == [
        ["5", "such", "networks", "5", "x", "23"],
        ["total", "115"],
    ]
