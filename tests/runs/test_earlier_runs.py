"""Runs that version 0.1.0 wrote: evaluated, predicted from, resumed; and what is refused.

`whole` was trained for all of its six epochs, `interrupted` is the same run stopped after three.
`answers.json` holds what version 0.1.0 said of five flowers, and of the test part.
"""

import json
import shutil
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import evaluate, predict, train
from jaxmlp.config.options import Config
from jaxmlp.errors import InputError
from jaxmlp.optim import schedules
from jaxmlp.runs.checkpoints import load_metadata
from jaxmlp.runs.folder import Run, _present_names
from jaxmlp.runs.network import load

pytestmark = pytest.mark.usefixtures("compile_quickly")

KEPT = Path(__file__).parent / "version_0_1_0"
ANSWERS = json.loads((KEPT / "answers.json").read_text())


@pytest.fixture
def earlier(tmp_path):
    """A copy of the two runs."""
    return shutil.copytree(KEPT, tmp_path / "runs")


def test_an_earlier_run_is_evaluated(earlier, capsys):
    assert evaluate.main([str(earlier / "whole"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["loss"] == pytest.approx(ANSWERS["loss"], rel=1e-5)
    assert result["accuracy"] == ANSWERS["accuracy"]
    assert result["confusion"] == ANSWERS["confusion"]


def test_an_earlier_run_predicts(earlier, tmp_path, capsys):
    x = np.array(ANSWERS["inputs"])
    np.save(tmp_path / "x.npy", x)
    assert predict.main([str(earlier / "whole"), str(tmp_path / "x.npy"), "--json"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["prediction"] for answer in said] == ANSWERS["predictions"]
    for answer, expected in zip(said, ANSWERS["probabilities"], strict=True):
        np.testing.assert_allclose([*answer["probabilities"].values()], expected, rtol=1e-4)
    np.testing.assert_allclose(
        load(earlier / "whole").answers(x), ANSWERS["probabilities"], rtol=1e-4
    )


def test_an_earlier_run_is_resumed_and_ends_as_the_whole_run_did(earlier, monkeypatch):
    """Adam's moments were called `v` and `s`; `one_cycle` had its peak at 0.3 T, its end at T."""

    def earlier_schedule(peak, steps):
        top = 0.3 * steps

        def rate(t):
            rise = (1 - jnp.cos(jnp.pi * t / top)) / 2
            fall = (1 + jnp.cos(jnp.pi * (t - top) / (steps - top))) / 2
            return peak * jnp.where(t < top, (1 + 24 * rise) / 25, 4e-6 + (1 - 4e-6) * fall)

        return lambda t: rate(jnp.asarray(t, float))

    monkeypatch.setattr(schedules, "one_cycle", earlier_schedule)
    assert train.main(["--resume", str(earlier / "interrupted"), "--quiet"]) == 0
    ours, theirs = load(earlier / "interrupted"), load(KEPT / "whole")
    for a, b in zip(ours.params, theirs.params, strict=True):
        for name in a or ():
            np.testing.assert_allclose(a[name], b[name], rtol=1e-4, atol=1e-6)
    lines = [Run.open(run).read_metrics() for run in (earlier / "interrupted", KEPT / "whole")]
    for one, other in zip(*lines, strict=True):
        assert one.keys() == {*other, "parameter_change"}
        for key in other.keys() - {"seconds", "examples_per_second"}:
            assert one[key] == pytest.approx(other[key], rel=1e-4), key
    assert Run.open(earlier / "interrupted").read_json("summary.json")["epochs"] == 6
    # the second time the file has the present names
    assert train.main(["--resume", str(earlier / "interrupted"), "--quiet"]) == 0
    assert load_metadata(earlier / "interrupted" / "checkpoint.safetensors")["version"]


def test_an_earlier_run_goes_on_with_the_present_schedule(earlier):
    """What it has done stays, its losses are nearly the same, its last rate is the end."""
    assert train.main(["--resume", str(earlier / "interrupted"), "--quiet"]) == 0
    ours, theirs = (
        Run.open(run).read_metrics() for run in (earlier / "interrupted", KEPT / "whole")
    )
    known = {"parameter_change": None}  # which version 0.1 left out
    assert ours[:3] == [known | line for line in Run.open(KEPT / "interrupted").read_metrics()]
    for one, other in zip(ours, theirs, strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=0.05)
    assert ours[-1]["learning_rate"] == pytest.approx(0.02e-4 / 25, rel=1e-3)


def test_the_checkpoint_is_not_read_as_another_tree(earlier):
    """The first moment is not taken for the second."""
    from safetensors.numpy import load_file

    before = load_file(earlier / "interrupted" / "checkpoint.safetensors")
    assert train.main(["--resume", str(earlier / "whole"), "--quiet"]) == 0
    after = load_file(earlier / "whole" / "checkpoint.safetensors")
    whole = load_file(KEPT / "whole" / "checkpoint.safetensors")
    assert before.keys() == whole.keys()
    leaf = "1/W"
    for then, now in (("v", "m"), ("s", "v")):
        old = whole[f"state/opt_state/1/{then}/{leaf}"]
        assert np.array_equal(after[f"state/opt_state/1/{now}/{leaf}"], old)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"residual": True}, r"has the field 'residual', unknown to jaxmlp 0\.2"),
        ({"dropuot": 0.1}, "has the field 'dropuot', unknown to jaxmlp .*; did you mean 'dropout'"),
        (
            {"format": 2, "version": "9.8"},
            r"written by jaxmlp 9\.8 \(format 2\), which this jaxmlp 0\.\S+ \(format 1\) cannot",
        ),
        ({"version": "9.8.1"}, r"written by jaxmlp 9\.8\.1 \(format 1\), which this jaxmlp 0\."),
        ({"hidden": [0]}, "config.json: hidden must be at least 1, got 0"),
        ({"epochs": "many"}, "epochs must be a whole number, got 'many'"),
        ({"optimizer": "adm"}, "unknown optimizer 'adm'"),
    ],
)
def test_a_configuration_that_cannot_be_read(change, message):
    saved = json.loads((KEPT / "whole" / "config.json").read_text()) | change
    with pytest.raises(InputError, match=message):
        Config.from_dict(saved, "config.json")


def test_a_field_that_a_run_lacks_takes_its_default():
    saved = json.loads((KEPT / "whole" / "config.json").read_text())
    del saved["layer_norm"], saved["label_smoothing"]
    config = Config.from_dict(saved, "config.json")
    assert (config.layer_norm, config.label_smoothing) == (False, 0.0)
    assert config.learning_rate == 0.02


def test_a_run_s_configuration_trains_another_run(earlier, tmp_path):
    """`--config` takes what a run saved, options on top."""
    file = earlier / "whole" / "config.json"
    line = ["--config", str(file), "--epochs", "1", "--quiet", "--out", str(tmp_path / "new")]
    assert train.main(line) == 0
    config, before = Run.open(tmp_path / "new").config, Run.open(earlier / "whole").config
    assert (config.epochs, before.epochs) == (1, 6)
    assert config.hidden == before.hidden == (6,)
    assert config.learning_rate == before.learning_rate


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ({"t", "v/1/W", "s/1/W"}, {"t", "m/1/W", "v/1/W"}),  # Adam
        ({"0", "1/t", "1/v/1/W", "1/s/1/W"}, {"0", "1/t", "1/m/1/W", "1/v/1/W"}),  # AdamW
        ({"t", "s/1/W"}, {"t", "g/1/W"}),  # AdaGrad, RMSProp
        ({"0", "1/t", "1/v/1/W"}, {"0", "1/t", "1/v/1/W"}),  # momentum with decay
    ],
)
def test_the_leaves_of_an_optimizer_have_other_names_now(then, now):
    names = {f"state/opt_state/{name}" for name in then} | {"state/params/1/W", "best/params/1/v"}
    present = _present_names(names)
    expected = {f"state/opt_state/{name}" for name in now} | {"state/params/1/W", "best/params/1/v"}
    assert {present.get(name, name) for name in names} == expected
