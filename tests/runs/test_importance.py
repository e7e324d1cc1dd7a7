"""Importance and partial dependence by the columns of a table, on a network known by heart."""

import json

import numpy as np
import pytest

from jaxmlp import Config, evaluate, fit
from jaxmlp.config.signature import Signature
from jaxmlp.data import Columns, Preprocessing
from jaxmlp.data.column import Column
from jaxmlp.errors import InputError
from jaxmlp.runs.importance import columns_of, importance, partial_dependence

pytestmark = pytest.mark.usefixtures("compile_quickly")

RNG = np.random.default_rng(0)
N = 400
ZONES = np.array(["east", "north", "west"])
SIZE, NOISE, ZONE = RNG.normal(50, 9, N), RNG.normal(size=N), RNG.integers(3, size=N)
PRICE = 10 * SIZE + np.array([0.0, 200.0, 30.0])[ZONE]
PRICES = {"size": SIZE, "zone": ZONES[ZONE].tolist(), "noise": NOISE, "price": PRICE}


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    """A linear network on prices, whose formula is known."""
    out = tmp_path_factory.mktemp("houses")
    rows = [",".join(map(str, row)) for row in zip(*PRICES.values(), strict=True)]
    lines = [",".join(PRICES), *rows]
    (out / "houses.csv").write_text("\n".join(lines))
    config = Config(
        hidden=(), epochs=300, learning_rate=0.05, weight_decay=0.0, preprocessing="zscore"
    )
    return fit(config, out / "houses.csv", out=out / "run")


@pytest.mark.usefixtures("drawn")
def test_the_columns_of_evaluate(houses, capsys):
    """A table, JSON, pictures; zone is one column of three inputs; noise does nothing."""
    line = [str(houses.path), "--importance", "--partial", "size", "zone"]
    assert evaluate.main(line) == 0
    assert "growth of the RMSE of price" in capsys.readouterr().out
    assert evaluate.main([*line, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = {row["column"]: row for row in found["importance"]}
    assert rows.keys() == {"size", "zone", "noise"}
    assert found["importance"][0]["mean"] == max(row["mean"] for row in rows.values())
    assert abs(rows["noise"]["mean"]) < 2
    # permuted, an independent column makes an error of its own spread times the root of 2
    for name, effect in (("size", 10 * SIZE), ("zone", PRICE - 10 * SIZE)):
        assert rows[name]["mean"] == pytest.approx(np.sqrt(2) * effect.std(), rel=0.25)
        assert 0 < rows[name]["deviation"] < rows[name]["mean"] / 5
    size, zone = found["partial"]["size"], found["partial"]["zone"]
    slopes = np.diff(size["answers"]["price"]) / np.diff(size["values"])
    np.testing.assert_allclose(slopes, 10, rtol=0.05)
    assert zone["values"] == ZONES.tolist()
    np.testing.assert_allclose(np.diff(zone["answers"]["price"]), [200, -170], rtol=0.05)
    for name in ("importance", "partial"):
        picture = houses.path / "evaluation" / f"test-{name}.png"
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_columns_that_do_not_exist(houses):
    with pytest.raises(InputError, match=r"unknown column 'sise', .*; did you mean 'size'"):
        partial_dependence(houses.network, np.zeros((2, 5)), "sise")


def test_an_array_has_numbered_inputs():
    """Of classes, the log-loss grows."""
    x = RNG.normal(size=(300, 2))
    network = fit(Config(epochs=60), (x, (x[:, 1] > 0).astype(int))).network
    rows = importance(network, x, (x[:, 1] > 0).astype(int))
    assert [row["column"] for row in rows] == ["input 2", "input 1"]
    assert rows[0]["mean"] > 0.7 > 0.2 > abs(rows[1]["mean"])
    found = partial_dependence(network, x, "input 2")
    assert found["answers"].keys() == {"0", "1"}
    assert np.all(np.diff(found["answers"]["1"]) > -0.02)


def signature(shape, columns):
    return Signature(shape, "regression", "mse", ("y",), Preprocessing("none", *np.ones((2, 1))),
                     columns=columns)  # fmt: skip


def test_the_deviation_over_permutations_divides_by_n_minus_1(monkeypatch):
    """Lecture row A11: of growths that are known, 1 to 5, it is the root of 2.5, not of 2."""
    from sklearn import inspection
    from sklearn.utils import Bunch

    growths = np.array([[1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    known = Bunch(importances=growths, importances_mean=growths.mean(axis=1))
    monkeypatch.setattr(inspection, "permutation_importance", lambda *_, **__: known)
    x = RNG.normal(size=(60, 2))
    network = fit(Config(epochs=1), (x, (x[:, 1] > 0).astype(int))).network
    rows = importance(network, x, (x[:, 1] > 0).astype(int))
    assert rows[0] == {"column": "input 1", "mean": 3.0, "deviation": pytest.approx(np.sqrt(2.5))}


def test_the_inputs_of_each_column():
    """In both forms of the record; a gap has an input of its own."""
    inputs = (
        Column("age", "number", gaps=True, fill=(3.0,)),
        Column("zone", "category", categories=("a", "b")),
        Column("when", "time", gaps=True, fill=(1.0, 2.0), parts=("days", "hour")),
    )
    assert columns_of(signature((7,), Columns(inputs, ("y",)).to_dict())) == {
        "age": [0, 1],
        "zone": [2, 3],
        "when": [4, 5, 6],
    }
    earlier = {"numeric": ["age"], "categorical": [["zone", ["a", "b"]]], "target": ["y"]}
    assert columns_of(signature((3,), earlier)) == {"age": [0], "zone": [1, 2]}
    with pytest.raises(InputError, match=r"are for tables, got examples of shape \(8, 8, 1\)"):
        columns_of(signature((8, 8, 1), None))
