"""Cross-validation: each fold is the run of `train`, nothing leaks, the best learns everything."""

import csv
import json
import shutil
import signal
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

import jaxmlp
from jaxmlp import compare, evaluate, train
from jaxmlp.config.complete import complete
from jaxmlp.config.folds import fold_parts
from jaxmlp.data import Dataset, load
from jaxmlp.errors import InputError
from jaxmlp.runs.folder import Run
from jaxmlp.sweep import __main__ as sweep
from jaxmlp.sweep.picture import draw_sweep
from jaxmlp.sweep.programs import group_recipes
from jaxmlp.sweep.results import rank_configs, read_results
from jaxmlp.sweep.space import make_points
from jaxmlp.training import Diverged

pytestmark = pytest.mark.usefixtures("compile_quickly")

SHARED = {"hidden": (4,), "epochs": 3, "batch_size": 32}
SMALL = ["--dataset", "wine", "--hidden", "4", "--epochs", "3", "--batch-size", "32", "--quiet"]
GRID = ["--folds", "5", "--grid", "learning_rate=0.03,1e-4,1e30", "--schedule", "constant"]


def rows_of(folder):
    """Return the table without the seconds, which no two sweeps share."""
    with open(folder / "results.csv", encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


@pytest.fixture(scope="module")
def wine_sweep(tmp_path_factory):
    """Three rates by five folds of 142 examples, which have two sizes; one rate is far too high."""
    out = tmp_path_factory.mktemp("sweeps") / "wine"
    assert sweep.main([*SMALL, *GRID, "--optimizer", "sgd", "--out", str(out)]) == 0
    return out


def test_a_fold_of_a_sweep_is_the_run_that_train_makes(wine_sweep, tmp_path):
    rows = {row["fold"]: row for row in rows_of(wine_sweep) if row["learning_rate"] == "0.03"}
    assert [*rows] == ["1/5", "2/5", "3/5", "4/5", "5/5"]
    options = ["--optimizer", "sgd", "--learning-rate", "0.03", "--schedule", "constant"]
    for fold in ("1/5", "4/5"):  # of 29 and of 28 examples
        run = tmp_path / fold.replace("/", "-")
        assert train.main([*SMALL, *options, "--fold", fold, "--out", str(run)]) == 0
        last = Run.open(run).read_metrics()[-1]
        assert float(rows[fold]["best_epoch"]) == 3
        for name in ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy"):
            assert float(rows[fold][name]) == pytest.approx(last[name], rel=2e-5), name


def test_the_best_by_the_mean_over_the_folds_learns_all_examples(wine_sweep, tmp_path, capsys):
    scores = {}
    for row in rows_of(wine_sweep):
        if row["status"] == "ok":
            scores.setdefault(float(row["learning_rate"]), []).append(float(row["valid_accuracy"]))
    first, *_, last = summary(wine_sweep)["configurations"]
    assert first["learning_rate"] == max(scores, key=lambda rate: np.mean(scores[rate])) == 0.03
    own = scores[0.03]
    assert first["valid_accuracy"] == pytest.approx(np.mean(own))
    assert first["valid_accuracy_deviation"] == pytest.approx(np.std(own, ddof=1))
    assert (first["folds"], first["seeds"], first["ended"]) == (5, 1, 5)
    assert (last["learning_rate"], last["diverged"]) == (1e30, 5)

    best, alone = wine_sweep / "best", tmp_path / "alone"
    config = Run.open(best).config
    assert (config.fold, config.valid_size, config.learning_rate) == (None, 0, 0.03)
    assert summary(best)["examples"] == {"train": 142, "valid": 0, "test": 36}
    line = ["--config", str(best / "config.json"), "--quiet", "--out", str(alone)]
    assert train.main(line) == 0
    for name in ("config.json", "model.safetensors", "checkpoint.safetensors"):
        assert (best / name).read_bytes() == (alone / name).read_bytes(), name
    assert evaluate.main([str(best), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["accuracy"]
    assert found == pytest.approx(summary(wine_sweep)["best"]["test_accuracy"])
    assert (wine_sweep / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_jaxmlp_runs_shows_the_mean_over_the_folds(wine_sweep, capsys):
    assert compare.main([str(wine_sweep), "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)["runs"]
    mean = summary(wine_sweep)["configurations"][0]["valid_accuracy"]
    assert (row["valid_score"], row["state"]) == (mean, "complete")


def test_the_picture_and_the_table_say_over_what_the_mean_is(wine_sweep, capsys):
    points = make_points(["learning_rate=0.03,1e-4,1e30"], [], 0, 5)
    results = read_results(wine_sweep / "results.csv", points, "accuracy")
    figure = draw_sweep(rank_configs(points, results), "accuracy")
    assert "mean ± deviation over 5 folds" in figure.axes[0].get_ylabel()
    assert sweep.main(["--resume", str(wine_sweep)]) == 0
    out = capsys.readouterr().out
    assert "folds  5, dealt out of 142 examples" in out
    assert "5/5" in out
    points = make_points(["seed=0,1"], [], 0, 3)
    assert points[2:4] == [{"seed": 0, "fold": "3/3"}, {"seed": 1, "fold": "1/3"}]
    [config] = rank_configs(points, {})
    assert (config.repeats, config.seeds, len(config.runs)) == ("3 folds of 2 seeds", 2, 6)


@contextmanager
def at_once():
    yield [signal.SIGINT]


@pytest.mark.parametrize("when", ["between the folds", "in the final run"])
def test_an_interrupted_sweep_ends_with_the_same_bytes(wine_sweep, tmp_path, monkeypatch, when):
    """It lacks the last rows and the final run, or is stopped within the latter."""
    out = shutil.copytree(wine_sweep, tmp_path / "sweep")
    shutil.rmtree(out / "best")
    (out / "summary.json").unlink()
    if when == "between the folds":  # those of the last rate
        lines = (out / "results.csv").read_text().splitlines(keepends=True)
        (out / "results.csv").write_text("".join(lines[:11]))
    else:
        with monkeypatch.context() as patch:
            patch.setattr("jaxmlp.sweep.final.interruptible", at_once)
            assert sweep.main(["--resume", str(out), "--quiet"]) == 128 + signal.SIGINT
        assert summary(out)["interrupted"]
        assert not summary(out)["best"]
        assert not (out / "best" / "summary.json").exists()
    assert sweep.main(["--resume", str(out), "--quiet"]) == 0
    assert rows_of(out) == rows_of(wine_sweep)
    assert summary(out)["configurations"] == summary(wine_sweep)["configurations"]
    for name in ("config.json", "model.safetensors", "checkpoint.safetensors"):
        assert (out / "best" / name).read_bytes() == (wine_sweep / "best" / name).read_bytes()


def test_a_final_run_that_diverges_is_said(wine_sweep, tmp_path, monkeypatch, capsys):
    out = shutil.copytree(wine_sweep, tmp_path / "sweep")

    def diverges(*_):
        raise Diverged(2, 1, "layer 1")

    monkeypatch.setattr("jaxmlp.sweep.final.train_problem", diverges)
    assert sweep.main(["--resume", str(out), "--quiet"]) == 1
    assert "the final run, on all training examples: the loss is not" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("best/config.json", '"epochs": 3', '"epochs": 4', "is not the final run of this sweep"),
        ("sweep.json", '"fold": "2/5"', '"fold": "2/6"', "points: fold must be one of as many in"),
        ("sweep.json", '"fold": "2/5"', '"fold": null', "points: fold must be K/N with N at"),
    ],
)
def test_a_folder_that_was_changed(capsys, wine_sweep, tmp_path, file, old, new, message):
    out = shutil.copytree(wine_sweep, tmp_path / "sweep")
    text = (out / file).read_text()
    assert old in text
    (out / file).write_text(text.replace(old, new, 1))
    assert sweep.main(["--resume", str(out), "--quiet"]) == 2
    assert message in capsys.readouterr().err


def weighted_groups():
    """Examples with weights, in groups of three sizes."""
    rng = np.random.default_rng(0)
    x, groups = rng.normal(size=(60, 3)), np.repeat(np.arange(12), (5, 2, 8) * 4)
    y = (x[:, 0] + rng.normal(size=60) > 0).astype(np.int32)
    given = {"weights": rng.uniform(0.1, 3, 60), "groups": groups}
    return Dataset("made", x, y, x[:9], y[:9], "binary", ("no", "yes"), **given)


@pytest.mark.parametrize("source", ["diabetes", "groups"])
def test_the_doors_agree_example_by_example(source):
    """Folds side by side, `fit` of a fold, and `fit` of the same rows with a part of their own."""
    data = weighted_groups() if source == "groups" else load(source)
    config = jaxmlp.Config(**SHARED, class_weights="balanced" if source == "groups" else "none")
    found = jaxmlp.cross_validate(config, data, folds=4)
    assert sorted(np.concatenate(found.held)) == list(range(len(data.x_train)))
    k = 3
    rest, held = fold_parts(data, f"{k + 1}/4", 0)
    np.testing.assert_array_equal(found.held[k], held)
    order = np.concatenate([rest, held])
    taken = {"x_train": data.x_train[order], "y_train": data.y_train[order]}
    taken |= {"groups": None, "valid": len(held)}
    taken |= {"weights": None if data.weights is None else data.weights[order]}
    own = jaxmlp.fit(replace(config, monitor="last"), replace(data, **taken))
    fold = jaxmlp.fit(replace(config, fold=f"{k + 1}/4"), data)
    answers = found.networks[k].answers(data.x_train[held])
    for result in (own, fold):
        assert result.summary["examples"]["valid"] == len(held)
        again = result.network.answers(data.x_train[held])
        np.testing.assert_allclose(answers, again, rtol=2e-4, atol=1e-5)
        score = result.summary[f"valid_{found.score}"]
        assert found.scores[k] == pytest.approx(score, abs=1e-5)
    assert found.mean == np.mean(found.scores)
    assert found.deviation == np.std(found.scores, ddof=1)
    assert str(found).endswith(" over 4 folds")


def test_what_is_fitted_sees_only_what_a_network_learns_from():
    """Planted: input k is 1 in all examples but those of fold k, and so are the values of fold 0.

    Where scaling is fitted to the other folds alone, it is constant there: offset 1, scale 1.
    """
    data = load("diabetes")
    folds = [fold_parts(data, f"{k + 1}/4", 0)[1] for k in range(4)]
    x = data.x_train.copy()
    for k, held in enumerate(folds):
        x[:, k] = 1
        x[held, k] = 1e6
    y = data.y_train.copy()
    y[folds[0]] = 1e6
    config = jaxmlp.Config(**SHARED, preprocessing="zscore")
    found = jaxmlp.cross_validate(config, replace(data, x_train=x, y_train=y), folds=4)
    for k, network in enumerate(found.networks):
        scaling = network.signature.preprocessing
        assert (scaling.offset[k], scaling.scale[k]) == (1, 1)
        others = np.delete(np.arange(4), k)
        assert (scaling.offset[others] > 1e5).all()
        rest = np.setdiff1d(np.arange(len(x)), folds[k])
        np.testing.assert_allclose(scaling.offset, x[rest].mean(axis=0))
        np.testing.assert_allclose(network.signature.target_preprocessing.offset, y[rest].mean())
    assert found.networks[0].signature.target_preprocessing.offset < 400


def test_folds_of_two_sizes_share_a_program():
    data = load("wine")
    recipes = [complete(jaxmlp.Config(**SHARED, fold=f"{k}/5"), data) for k in range(1, 6)]
    assert {recipe.valid_size for recipe in recipes} == {28, 29}
    assert [own for own, _ in group_recipes(recipes, 142)] == [[0, 1, 2, 3, 4]]


def test_a_fold_that_diverges_has_no_score():
    config = jaxmlp.Config(**SHARED, optimizer="sgd", learning_rate=1e30, schedule="constant")
    found = jaxmlp.cross_validate(config, "wine", folds=2)
    assert np.isnan([*found.scores, *found.losses, found.mean]).all()
    assert found.networks == (None, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--folds 1", "folds must be from 2 to 100000, got 1"),
        ("--folds five", "argument --folds: invalid int value: 'five'"),
        ("--folds 41", "error: folds must be at most 38, the size of the smallest class, got 41"),
        ("--folds 5 --valid-size 9", "valid_size does not apply with --folds: each fold validates"),
        ("--folds 5 --grid valid_size=9,8", "valid_size does not apply with --folds: each fold"),
        ("--folds 5 --monitor loss", "monitor does not apply with --folds: each fold validates in"),
        ("--folds 5 --patience 3", "patience 3 needs monitor score or loss, got last"),
        ("--folds 5 --calibrate", "all training examples are learned: calibrate needs a valid"),
        ("--grid fold=1/5,2/5", "fold does not apply to a sweep: --folds K tries all of K folds"),
        ("--folds 5 --fold 1/5", "unknown option --fold; did you mean --folds?"),
        ("--resume nowhere --folds 5", "the same sweep: --folds does not apply"),
    ],
)
def test_mistakes(capsys, tmp_path, options, message):
    out = [] if "--resume" in options else ["--dataset", "wine", "--out", str(tmp_path / "sweep")]
    try:
        status = sweep.main([*out, *options.split()])
    except SystemExit as stop:
        status = stop.code
    printed, err = capsys.readouterr()
    assert (status, printed, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not (tmp_path / "sweep").exists()


def test_train_says_who_cross_validates(capsys):
    assert train.main(["--dataset", "wine", "--folds", "5"]) == 2
    assert "train makes one run: `python -m jaxmlp.sweep --folds 5`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "folds", "message"),
    [
        ({}, 1, "folds must be a whole number of at least 2, got 1"),
        ({}, 2.5, "folds must be a whole number of at least 2, got 2.5"),
        ({}, True, "folds must be a whole number of at least 2, got True"),
        ({}, 50, "folds must be at most 38, the size of the smallest class, got 50"),
        ({"fold": "1/5"}, 5, "fold does not apply: all folds are trained, got 1/5"),
        ({"init_from": "runs/a"}, 5, "init_from does not apply: each fold starts by itself"),
        ({"valid_size": 9}, 5, "valid_size must be left out with fold 1/5, which has 29"),
    ],
)
def test_mistakes_from_python(given, folds, message):
    with pytest.raises(InputError, match=message):
        jaxmlp.cross_validate(jaxmlp.Config(**given), "wine", folds=folds)


def test_a_saved_run_serves_as_the_base(wine_sweep, tmp_path):
    """Its own validation part and monitor do not hold for the folds."""
    run, out = tmp_path / "run", tmp_path / "sweep"
    assert train.main([*SMALL, "--valid-size", "9", "--out", str(run)]) == 0
    line = ["--config", str(run / "config.json"), "--folds", "2", "--quiet", "--out", str(out)]
    assert sweep.main(line) == 0
    assert [row["fold"] for row in rows_of(out)] == ["1/2", "2/2"]
    assert Run.open(out / "best").config.valid_size == 0
