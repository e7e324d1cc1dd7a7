"""Calibrated probabilities, thresholds by cost, and their pictures, the same by every door."""

import json

import numpy as np
import pytest
from sklearn import metrics

import jaxmlp
from jaxmlp import Config, evaluate, fit, predict, train
from jaxmlp.config.signature import Signature
from jaxmlp.data import Preprocessing
from jaxmlp.errors import InputError
from jaxmlp.runs.calibration import reliability
from jaxmlp.runs.figures import curves
from jaxmlp.training import Means, Record

pytestmark = pytest.mark.usefixtures("compile_quickly")

RNG = np.random.default_rng(1)
X = RNG.normal(size=(400, 3))
P = 1 / (1 + np.exp(-2 * X[:, 0]))
Y = (RNG.uniform(size=400) < P).astype(int)


@pytest.mark.usefixtures("drawn")
def test_every_door_knows_temperature_and_threshold(tmp_path, capsys):
    """`train`, `evaluate`, `predict` and Python; the test log-loss falls as the summary says."""
    np.savez(tmp_path / "my.npz", x=X, y=Y)
    np.save(tmp_path / "new.npy", X)
    line = "--calibrate --false-negative-cost 4 --valid-size 100 --epochs 60 --schedule constant"
    line += " --dropout 0 --learning-rate 0.008 --weight-decay 0.01 --monitor score"
    out = tmp_path / "run"
    assert (
        train.main(["--dataset", str(tmp_path / "my.npz"), *line.split(), "--out", str(out)]) == 0
    )
    shown = capsys.readouterr().out
    words = "'1' above a probability of 0.2000, as a false '1' costs 1 and a false '0' 4"
    assert words in shown
    summary = json.loads((out / "summary.json").read_text())
    found, scores = summary["calibration"], summary["scores"]["test"]
    assert found["temperature"] > 1.1  # it has learned its 220 examples by heart
    assert found["test_log_loss_after"] < found["test_log_loss_before"]
    assert scores["log_loss"] == pytest.approx(found["test_log_loss_after"])
    assert summary["test_accuracy"] == scores["accuracy"]
    assert evaluate.main([str(out), "--json"]) == 0
    judged = json.loads(capsys.readouterr().out)
    assert {name: judged[name] for name in scores} == pytest.approx(scores, rel=1e-5)
    assert judged["calibration_error"] == pytest.approx(found["test_calibration_error_after"])
    network = jaxmlp.load(out)
    p = network.predict_proba(X)
    said = network.predict(X)
    assert said.tolist() == np.where(p[:, 1] > 0.2, "1", "0").tolist()
    assert np.mean((p[:, 1] > 0.2) != (p[:, 1] > 0.5)) > 0.02
    assert predict.main([str(out), str(tmp_path / "new.npy"), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["prediction"] for line in lines] == said.tolist()
    assert [line["probability"] for line in lines] == pytest.approx(
        np.where(p[:, 1] > 0.2, p[:, 1], p[:, 0]).tolist()
    )
    for picture in (out / "calibration.png", out / "evaluation" / "test-calibration.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("fields", "y", "message"),
    [
        ({"calibrate": True, "valid_size": 0}, Y, "calibrate needs a validation part, got valid"),
        ({"calibrate": True}, X[:, 0], "calibrate is for classes, got regression data"),
        ({"false_negative_cost": 2.0}, Y + (X[:, 1] > 1), "are for two classes, got 3 of multicl"),
    ],
)
def test_what_has_no_temperature_or_threshold(fields, y, message):
    with pytest.raises(InputError, match=message):
        fit(Config(**fields), (X, y))


def test_without_a_best_temperature_the_network_stays_as_it_is(capsys):
    x = np.repeat([[-1.0], [1.0]], 40, axis=0)
    config = Config(calibrate=True, hidden=(), epochs=20)
    found = fit(config, (x, (x[:, 0] > 0).astype(int)))
    assert found.network.signature.temperature == 1
    assert found.summary["calibration"] is None
    assert "WARNING: not calibrated" in capsys.readouterr().err


def test_the_calibration_curve_by_hand():
    """Three groups of fifteen: of two classes the second's probability, of more the likeliest's."""
    none = Preprocessing.fit("none", X)
    two = Signature((1,), "binary", "binary_cross_entropy", ("a", "b"), none)
    p = np.array([0.01, 0.03, 0.5, 0.52, 0.99])
    found = reliability(two, np.stack([1 - p, p], axis=1), np.array([0, 1, 1, 1, 1]))
    assert found.examples.tolist() == [2, 2, 1]
    assert found.probability == pytest.approx([0.02, 0.51, 0.99])
    assert found.share == pytest.approx([0.5, 1.0, 1.0])
    assert found.error == pytest.approx((2 * 0.48 + 2 * 0.49 + 0.01) / 5)
    three = Signature((1,), "multiclass", "cross_entropy", tuple("abc"), none)
    found = reliability(three, np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]]), np.array([0, 1]))
    assert (found.probability, found.share, found.examples) == ([0.7], [0.5], [2])


def test_the_kept_epoch_is_marked():
    records = [Record(epoch, Means(1.0, 0.5), Means(2.0, 0.5), 1.0, 0.1) for epoch in (1, 2)]
    (legend,) = curves(records, "mse", "r2", kept=2).legends
    assert [text.get_text() for text in legend.get_texts()][-1] == "kept epoch, 2"
    assert len(curves(records, "mse", "r2").axes[0].lines) == 2


@pytest.mark.usefixtures("drawn")
def test_predicted_against_true_is_drawn(tmp_path, capsys):
    """By `train` and by `evaluate`; the errors in the title are scikit-learn's."""
    from jaxmlp.runs.score_figures import predicted

    np.savez(tmp_path / "my.npz", x=X, y=X[:, :2] * [1, 50])
    out = tmp_path / "run"
    line = ["--dataset", str(tmp_path / "my.npz"), "--epochs", "1", "--quiet", "--out", str(out)]
    assert train.main(line) == 0
    assert evaluate.main([str(out), "--json"]) == 0
    assert (out / "predicted.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "evaluation" / "test-predicted.png").read_bytes().startswith(b"\x89PNG")
    assert not (out / "confusion.png").exists()
    figure = predicted(X[:, :1], X[:, 1:2], ("price",), "houses")
    left, right = figure.axes
    assert (left.get_xlabel(), left.get_ylabel()) == (
        "predicted price (its own unit)",
        "true price (its own unit)",
    )
    rmse = metrics.root_mean_squared_error(X[:, 0], X[:, 1])
    assert right.get_title().startswith(f"RMSE {rmse:.3f}, MAE ")
