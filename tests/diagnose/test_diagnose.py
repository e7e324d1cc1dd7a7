"""`python -m jaxmlp.diagnose`: each planted fault is named, and no healthy run is suspected."""

import json
import shutil
import time

import numpy as np
import pytest

from jaxmlp import train
from jaxmlp.config.factory import arithmetic
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import load
from jaxmlp.diagnose import gallery
from jaxmlp.diagnose.__main__ import main
from jaxmlp.diagnose.evidence import Evidence, gather
from jaxmlp.diagnose.verdict import RULES, verdict
from jaxmlp.runs.fit import new_run, train_problem
from jaxmlp.runs.folder import CHECKPOINT, METRICS, WATCH, Run
from jaxmlp.training import Means, Record
from tests.helpers import assert_refused

pytestmark = pytest.mark.usefixtures("compile_quickly")


@pytest.fixture(autouse=True)
def _of_the_watch_alone(request, monkeypatch):
    """Draw no pictures but those of the watch, unless a test looks at all of them."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(gallery, "PICTURES", ())


DIGITS = {"dataset": "digits", "hidden": (16,)}
STEADY = {"schedule": "constant", "optimizer": "adam"}

# what is trained, and the fault in it, if there is one
RUNS = {
    "digits": ({**DIGITS, "epochs": 15}, None),
    "moons": ({"dataset": "moons", "hidden": (16, 16), "epochs": 100}, None),
    "mnist_5k": ({"dataset": "mnist_5k", "hidden": (16,), "epochs": 8}, None),
    "wine": ({"dataset": "wine", "hidden": (16,), "epochs": 80}, None),
    "rate times 100": ({**DIGITS, **STEADY, "learning_rate": 1.0, "epochs": 3}, "too high a rate"),
    "rate over 100": ({**DIGITS, **STEADY, "learning_rate": 1e-5, "epochs": 3}, "too low a rate"),
    "long jumps": (
        {**DIGITS, "hidden": (64,), "optimizer": "momentum", "learning_rate": 1.0,
         "schedule": "constant", "epochs": 12},
        "dead units",
    ),
    "large start": (
        {**DIGITS, "activation": ("tanh",), "initializer": "normal", "initializer_scale": 2.0,
         "epochs": 10},
        "saturated units",
    ),
    "deep sigmoid": (
        {**DIGITS, "hidden": (16,) * 5, "activation": ("sigmoid",), "epochs": 3},
        "vanishing gradients",
    ),
    "zeros": ({**DIGITS, "initializer": "zeros", "epochs": 3}, "equal units"),
    "unscaled": ({"dataset": "wine", "hidden": (16,), "preprocessing": "none", "epochs": 20},
                 "unscaled inputs"),
    "no restraint": (
        {**STEADY, "dataset": "breast_cancer", "hidden": (32,), "dropout": 0.0,
         "learning_rate": 0.01, "epochs": 150},
        "overfitting",
    ),
    "too short": ({**STEADY, **DIGITS, "epochs": 3}, "underfitting"),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_a_planted_fault_is_named_and_a_healthy_run_is_not_suspected(name, tmp_path):
    """It is the only fault that is named; what follows from it stands with it."""
    settings, fault = RUNS[name]
    config = Config(**settings)
    dataset = load(config.dataset)
    with arithmetic(config.precision):
        problem = pose_problem(config, dataset)
        with new_run(tmp_path / "run", problem, False) as run:
            arguments = problem, dataset.source, None, run, time.perf_counter(), True
            train_problem(*arguments, lambda: False, watch=True)
    named = verdict(gather(Run.open(tmp_path / "run")))
    assert [one.rule.name for one in named] == ([] if fault is None else [fault])


def test_every_rule_has_a_run_that_breaks_it():
    assert {rule.name for rule in RULES} == {fault for _, fault in RUNS.values() if fault}


def layer(number, name, **numbers):
    """Return what was seen of a healthy layer, or of one with other numbers."""
    histogram = {"counts": [1, 1], "edges": [-1.0, 0.0, 1.0]}
    found = {"mean": 0.0, "deviation": 1.0, "histogram": histogram, "units_apart": 1.0}
    kernel = name.startswith("dense")
    norms = {"gradient_norm": 1.0, "weight_norm": 1.0, "update_ratio": 1e-3}
    found |= norms if kernel else dict.fromkeys(norms)
    units = {"units": 64, "dead_share": None, "saturated_share": None}
    return {"number": number, "name": name} | units | found | numbers


def evidence(*layers_of_epochs, losses=(2.0, 1.0, 0.5, 0.5), judged=(), **others):
    """Return the evidence of a run, by the layers at each epoch."""
    watched = [
        {"epoch": epoch, "examples": 9, "loss": 2.3, "layers": layers}
        for epoch, layers in enumerate(layers_of_epochs)
    ]
    pairs = [(Means(t, 0.5), Means(v, 0.5)) for t, v in zip(losses, judged or losses, strict=True)]
    records = [Record(k, *pair, 1.0, 0.1) for k, pair in enumerate(pairs, 1)]
    settings = {"whole": True, "diverged": None, "complete": True} | others
    return Evidence(None, Config(), "accuracy", records, watched, **settings)


def dying(shares):
    return [
        [layer(2, "dense 64"), layer(3, "relu", dead_share=share), layer(4, "dense 10")]
        for share in shares
    ]


SAID = {
    "dead since": (
        evidence(*dying([0.1, 0.6, 0.2, 0.7, 0.71])),
        "layer 3 (relu): 71 % of its 64 units are dead since epoch 3",
        "lower the rate, or use leaky_relu",
    ),
    "dead from the start": (
        evidence(*dying([0.7, 0.7])),
        "layer 3 (relu): 70 % of its 64 units are dead from the start on",
        "start with the initializer he_normal, or use leaky_relu",
    ),
    "dead, seen once": (
        evidence(*dying([0.7]), whole=False),
        "layer 3 (relu): 70 % of its 64 units are dead",
        "lower the rate, or use leaky_relu",
    ),
    "many layers": (
        evidence([layer(k, "tanh", saturated_share=0.9) for k in range(2, 7)]),
        "; ".join(
            f"layer {k} (tanh): 90 % of its values are saturated from the start on"
            for k in (2, 3, 4)
        )
        + "; and so in 2 more layers",
        "start with smaller weights (the initializer xavier_normal), or use relu",
    ),
    "diverged": (
        evidence(losses=(), diverged="the loss is not finite in epoch 1, step 2"),
        "training broke off: the loss is not finite in epoch 1, step 2",
        "divide the rate by 10",
    ),
    "risen, not watched": (
        evidence(losses=(2.0, 9.0, 5.0), whole=False),
        "the training loss rose from 2 to 9 in epoch 2",
        "divide the rate by 10",
    ),
    "still falling": (
        evidence(losses=(2.0, 1.5, 1.0)),
        "the training loss still falls at the end: from 1.5 to 1 in the last 1 of 3 epochs",
        "train longer, for 6 epochs",
    ),
    "overfitting": (
        evidence(losses=(2.0, 1.0, 0.2, 0.2), judged=(2.0, 1.0, 1.5, 1.6)),
        "since epoch 2 the validation loss rose from 1 to 1.6, while the training loss fell from"
        " 1 to 0.2",
        "stop earlier (patience), or use weight decay, dropout or more data",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_a_verdict_says_what_was_seen_and_what_to_try(name):
    found, says, advice = SAID[name]
    (one,) = verdict(found)
    assert (one.finding.says, one.finding.advice) == (says, advice)


def test_what_follows_from_a_fault_stands_with_it_unless_it_was_there_before():
    """Units that die after a step that is too long; and a loss that rose after they had died."""
    for step_after, expected in ((0, ["too high a rate"]), (2, ["too high a rate", "dead units"])):
        epochs = dying([0.1, 0.9, 0.9])
        epochs[step_after][0]["update_ratio"] = 5.0
        named = verdict(evidence(*epochs, losses=(9.0, 2.0, 2.0)))
        assert [one.rule.name for one in named] == expected
        follows = [one.rule.name for one in named[0].follows]
        assert follows == ([] if step_after else ["dead units"])


def test_a_run_without_a_number_has_no_fault():
    assert verdict(evidence(losses=())) == []


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A healthy run that was watched."""
    out = tmp_path_factory.mktemp("runs") / "watched"
    arguments = ["digits", "--hidden", "16", "--epochs", "15", "--watch", "--quiet", "--out"]
    assert train.main([*arguments, str(out)]) == 0
    return out


def test_a_healthy_run_in_words_and_pictures(watched, capsys, drawn):
    assert main([str(watched)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("nothing suspicious was found in these numbers:\ntraining loss: first 2.")
    assert "3 relu" in out
    reason, last = out.splitlines()[-2:]
    names = ["activations.png", "course.png", "weights.png", "surface.png"]
    assert last == f"pictures in {watched}/diagnosis/: {', '.join(names)}"
    assert reason.startswith("no decision boundary: it needs one or two inputs")
    for name in names:
        assert (watched / "diagnosis" / name).read_bytes().startswith(b"\x89PNG")
    shutil.rmtree(watched / "diagnosis")


def test_json_has_the_verdict_the_numbers_and_the_pictures(watched, tmp_path, capsys):
    assert main([str(watched), "--json", "--out", str(tmp_path / "drawn")]) == 0
    result = json.loads(capsys.readouterr().out)
    expected = {"run": str(watched), "watched": True, "complete": True, "unseen": "", "verdict": []}
    assert {name: result[name] for name in expected} == expected
    assert [row["name"] for row in result["looked_at"]["layers"]] == [
        "dense 16",
        "relu",
        "dense 10",
    ]
    assert result["looked_at"]["epochs"] == 15
    assert sorted(result["pictures"]) == sorted(map(str, (tmp_path / "drawn").iterdir()))


def test_one_look_at_the_end_is_that_of_a_watched_run(watched, tmp_path, capsys):
    """Without its watch, the checkpoint and the data give the last line again."""
    run = shutil.copytree(watched, tmp_path / "run")
    whole = gather(Run.open(run)).watched[-1]
    (run / WATCH).unlink()
    (once,) = gather(Run.open(run)).watched
    once.pop("inputs")
    assert once == whole
    assert main([str(run)]) == 0
    assert capsys.readouterr().out.startswith("the run was not watched (`train --watch`): this is")


def test_without_its_data_only_the_losses_are_judged(digits_copy, capsys):
    config = json.loads((digits_copy / "config.json").read_text()) | {"dataset": "/no/such.csv"}
    (digits_copy / "config.json").write_text(json.dumps(config))
    assert main([str(digits_copy)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("the run was not watched, and only its losses can be judged: the network")
    assert "underfitting: the training loss still falls at the end" in out
    assert "no pictures of the layers: nothing was seen of them" in out


MISH = """
import jax
import jax.numpy as jnp
from jaxmlp.nn.activations import elementwise


@elementwise
def mish(z):
    return z * jnp.tanh(jax.nn.softplus(z))


@mish.defderivative
def _(z, a):
    t = jnp.tanh(jax.nn.softplus(z))
    return t + z * (1 - t * t) * jax.nn.sigmoid(z)
"""


def test_a_run_with_a_part_of_one_s_own_needs_its_file_to_be_looked_at(tmp_path, capsys):
    """No code is taken from a run: what needs none is shown all the same."""
    mine, run = tmp_path / "mine.py", tmp_path / "run"
    mine.write_text(MISH)
    (tmp_path / "other.py").write_text(MISH + "#")
    arguments = ["iris", "--hidden", "4", "--activation", f"{mine}:mish", "--epochs", "3"]
    assert train.main([*arguments, "--watch", "--quiet", "--out", str(run)]) == 0
    need = "it has parts of your own: name their file again by --parts"
    assert main([str(run)]) == 0
    out = capsys.readouterr().out
    assert f"no pictures of the network: {need}" in out
    assert "3 mine.py:mish" in out
    (run / WATCH).unlink()
    assert main([str(run)]) == 0
    assert f"the network cannot be looked at: {need}" in capsys.readouterr().out
    assert main([str(run), "--parts", str(mine)]) == 0
    assert "3 mine.py:mish" in capsys.readouterr().out
    other = [str(run), "--parts", str(tmp_path / "other.py")]
    assert_refused(capsys, "diagnose", main, other, "mine.py with activation mish")


def test_further_pictures_plug_in(watched, tmp_path, monkeypatch, capsys):
    def draw(subject, out):
        (out / "mine.png").write_bytes(b"")
        return [out / "mine.png"]

    other = gallery.Picture("boundary", lambda subject, out: "64 inputs")
    monkeypatch.setattr(gallery, "PICTURES", (gallery.Picture("mine", draw), other))
    assert main([str(watched), "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out.splitlines()[-2:]
    assert said[0] == "no boundary: 64 inputs"
    assert said[1].endswith("activations.png, course.png, mine.png")


def test_pictures_that_cannot_be_written_lose_nothing_else(watched, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([str(watched), "--out", str(tmp_path / "file" / "x")]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("nothing suspicious was found")
    assert err.startswith("WARNING: not all pictures were drawn: ")


def cut(file):
    file.write_text(file.read_text()[:-40])


def other_data(run):
    config = json.loads((run / "config.json").read_text()) | {"dataset": "iris"}
    (run / "config.json").write_text(json.dumps(config))
    (run / WATCH).unlink()


BAD = {
    "no run": (shutil.rmtree, "there is no run folder"),
    "no configuration": (lambda run: (run / "config.json").unlink(), "it has no config.json"),
    "a damaged watch": (lambda run: cut(run / WATCH), f"{WATCH}, line 16 is not a whole JSON file"),
    "damaged metrics": (lambda run: cut(run / METRICS), f"{METRICS}, line 15 is not a whole JSON"),
    "other data": (other_data, "config.json has been changed: dataset was"),
    "a damaged checkpoint": (
        lambda run: [(run / WATCH).unlink(), (run / CHECKPOINT).write_bytes(b"no")],
        "is not a whole safetensors file",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_run_that_cannot_be_read_is_refused_in_a_line(name, watched, tmp_path, capsys):
    spoil, message = BAD[name]
    run = shutil.copytree(watched, tmp_path / "run")
    spoil(run)
    assert_refused(capsys, "diagnose", main, [str(run)], message)


def test_the_numbers_of_a_track_are_those_of_the_epochs():
    found = evidence(*dying([0.1, 0.6]))
    np.testing.assert_array_equal(found.tracks[1].of("dead_share"), [0.1, 0.6])
    assert np.isnan(found.tracks[1].of("gradient_norm")).all()
    assert [track.number for track in found.kernels] == [2, 4]
