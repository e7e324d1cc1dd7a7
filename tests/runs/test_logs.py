"""`--log`: every epoch once, also after a resumption; and what a missing library says."""

import importlib.util
import json
import sys
from types import SimpleNamespace

import pytest

from jaxmlp import train
from jaxmlp.errors import InputError
from jaxmlp.runs import logs
from jaxmlp.runs.folder import Run
from jaxmlp.training import Means, Record
from tests.helpers import assert_refused

pytestmark = pytest.mark.usefixtures("compile_quickly")

SHORT = ["--dataset", "iris", "--epochs", "3", "--hidden", "4", "--quiet"]


@pytest.fixture
def mlflow(monkeypatch):
    """A stand-in for MLflow that notes what it is told."""
    told = SimpleNamespace(params={}, metrics=[], tags={}, ended=False)

    class Started:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            told.ended = True

    module = SimpleNamespace(
        start_run=lambda run_name: Started(),
        log_params=told.params.update,
        set_tag=told.tags.__setitem__,
        log_metrics=lambda numbers, step: told.metrics.append((step, numbers)),
    )
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.setattr("jaxmlp.cli.extras.find_spec", lambda name: name)
    return told


def test_mlflow_is_told_every_epoch_and_the_end(mlflow, tmp_path):
    """The numbers are those of `metrics.jsonl` and `summary.json`."""
    out = tmp_path / "run"
    assert train.main([*SHORT, "--log", "mlflow", "--out", str(out)]) == 0
    lines = Run.open(out).read_metrics()
    steps = [step for step, _ in mlflow.metrics]
    assert steps[:3] == [1, 2, 3]
    for line, (_, numbers) in zip(lines, mlflow.metrics, strict=False):
        assert numbers["train_loss"] == line["train_loss"]
        assert numbers["valid_accuracy"] == line["valid_accuracy"]
        assert "parameter_change" not in numbers
    summary = json.loads((out / "summary.json").read_text())
    assert mlflow.metrics[3][0] == summary["best_epoch"]
    assert mlflow.metrics[3][1]["kept_test_accuracy"] == summary["test_accuracy"]
    assert mlflow.params["hidden"] == (4,)
    assert mlflow.ended


def test_a_log_that_fails_does_not_end_the_training(mlflow, tmp_path, capsys, monkeypatch):
    """One line says so; a log that cannot begin is an error at once."""

    def fail(*_, **__):
        raise RuntimeError("the server is gone\nmore")

    log = logs.Log(fail, "accuracy")
    log.add([Record(epoch, Means(1.0, 0.5), None, 1.0, 0.1) for epoch in (1, 2)])
    log.finish({"best_epoch": 1, "test_accuracy": 0.5})
    said = capsys.readouterr().err
    assert said == "WARNING: nothing more is logged, training goes on: the server is gone\n"
    monkeypatch.setattr(sys.modules["mlflow"], "start_run", fail)
    arguments = [*SHORT, "--log", "mlflow", "--out", str(tmp_path / "b")]
    assert_refused(capsys, "train", train.main, arguments, "cannot begin: the server is gone")


@pytest.mark.skipif(not importlib.util.find_spec("tensorboard"), reason="needs tensorboard")
def test_tensorboard_has_every_epoch_once(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    out = tmp_path / "run"
    for arguments in ([*SHORT, "--out", str(out)], ["--resume", str(out), "--quiet"]):
        assert train.main([*arguments, "--log", "tensorboard"]) == 0
    found = EventAccumulator(str(out / "tensorboard"), {"tensors": 0})
    found.Reload()
    losses = found.Tensors("train_loss")
    assert [event.step for event in losses] == [1, 2, 3]
    assert train.main([*SHORT, "--overwrite", "--out", str(out)]) == 0
    assert not (out / "tensorboard").exists()


def test_what_is_refused(capsys, monkeypatch):
    def refuse(name, message):
        assert_refused(capsys, "train", train.main, [*SHORT, "--log", name], message)

    refuse("wandb", "unknown log 'wandb', expected one of tensorboard, mlflow")
    monkeypatch.setattr("jaxmlp.cli.extras.find_spec", lambda name: None)
    refuse("mlflow", "pip install 'jaxmlp[mlflow]'")
    with pytest.raises(InputError, match=r"pip install 'jaxmlp\[tensorboard\]'"):
        logs.check_log("tensorboard")
