"""The loss surface: its middle is the run's own loss, and the path lies in its panel."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest

import jaxmlp
from jaxmlp import nn
from jaxmlp.config.options import Config
from jaxmlp.diagnose import surface
from jaxmlp.diagnose.gallery import PICTURES, draw_one
from jaxmlp.diagnose.subject import Subject
from jaxmlp.diagnose.surface import SIDE, along, around, contours, draw_surface, losses_over
from jaxmlp.errors import InputError
from jaxmlp.runs.checkpoints import save_tree
from jaxmlp.runs.folder import Run
from jaxmlp.runs.path import read_path

MIDDLE = SIDE // 2
RUNS = {
    "classes": Config(dataset="iris", hidden=(5,), epochs=3, label_smoothing=0.1, dropout=0.2),
    "numbers": Config(dataset="diabetes", hidden=(5,), epochs=3, preprocessing="robust"),
    "ensemble": Config(dataset="wine", hidden=(4,), ensemble=2, epochs=3, ema=0.9),
    "float64": Config(dataset="xor", hidden=(3,), epochs=5, precision="float64"),
}
pytestmark = pytest.mark.usefixtures("compile_quickly")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs that kept their path."""
    folder = tmp_path_factory.mktemp("runs")
    for name, config in RUNS.items():
        jaxmlp.fit(config, out=folder / name, watch=True)
    return folder


@pytest.mark.parametrize("name", RUNS)
def test_the_middle_is_the_run_s_own_loss(name, runs):
    """Of all training examples, without dropout or smoothed targets; the corners are worse."""
    from jaxmlp.config.factory import arithmetic

    subject = Subject.open(runs / name)
    with arithmetic(subject.recipe.precision):
        losses, count, total = losses_over(subject, *subject.data)
        found = around(subject, losses)
        path = subject.path
        best = along(subject, losses, path.params)
    own = json.loads((runs / name / "summary.json").read_text())["train_loss"]
    assert count == total
    assert found.losses[MIDDLE, MIDDLE] == pytest.approx(own, rel=1e-5)
    assert found.losses.shape == (SIDE, SIDE)
    assert best.path.shape == (len(path.epochs), 2)
    kept = path.epochs.index(subject.kept_epoch)
    np.testing.assert_allclose(best.path[kept], 0, atol=1e-5)
    for k, ticks in enumerate((best.a, best.b)):
        assert ticks[0] < best.path[:, k].min()
        assert best.path[:, k].max() < ticks[-1]


def test_one_point_off_the_middle_is_the_loss_of_these_parameters(runs):
    """Computed by the network itself, in the unit of the data."""
    from jaxmlp.diagnose.directions import moved, random_directions

    subject = Subject.open(runs / "classes")
    losses, _, _ = losses_over(subject, *subject.data)
    network, steps = subject.network, (np.array([0.3]), np.array([-0.7]))
    directions = random_directions(0, network.params)
    (value,) = losses(directions, *steps).ravel()
    params = moved(network.params, directions, steps[0][0], steps[1][0])
    dataset, train = subject.data
    there = dataclasses.replace(network, params=params)
    said = there.answers(dataset.x_train[train])
    right = said[np.arange(len(train)), dataset.y_train[train]]
    assert value == pytest.approx(-np.log(right).mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("model", "shape", "count"),
    [
        (nn.mlp((128,), 10), (28, 28, 1), 773),
        (nn.mlp((16, 16), 1), (2,), 1000),
        (nn.lenet(10), (28, 28, 1), 100),
    ],
)
def test_a_large_network_is_judged_by_fewer_examples(model, shape, count):
    assert surface.examples_for(model, shape) == count


def test_the_title_says_how_many_examples(runs, tmp_path, monkeypatch):
    """And the axes tell their shares; the start, the end and the network are marked."""
    figures = []
    monkeypatch.setattr("jaxmlp.runs.figures.save", lambda figure, path: figures.append(figure))
    for bound in ("MOST", "FEWEST"):
        monkeypatch.setattr(surface, bound, 50)
    assert draw_surface(Subject.open(runs / "classes"), tmp_path) == [tmp_path / "surface.png"]
    (figure,) = figures
    assert figure.get_suptitle() == "iris: loss on 50 of the 108 training examples"
    left, right = [axes for axes in figure.axes if axes.get_xlabel()]
    assert "% of its variance" in left.get_xlabel()
    assert "random direction 2" in right.get_ylabel()
    words = [text.get_text() for text in left.get_legend().get_texts()]
    assert words[:3] == ["path of training", "start, epoch 0", "end, epoch 3"]
    assert words[3].startswith("kept network, epoch ")


def test_what_is_said_of_a_long_path_and_of_none(runs, tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr("jaxmlp.runs.figures.save", lambda figure, path: figures.append(figure))
    run = shutil.copytree(runs / "float64", tmp_path / "run")
    file, params = run / "path.safetensors", Subject.open(run).network.params
    stacked = read_path(Run.open(run), params).params
    save_tree(file, jax.tree.map(lambda leaf: leaf[:4], stacked), {"epochs": [0, 2, 4, 5]})
    draw_surface(Subject.open(run), tmp_path)
    words = figures[0].axes[0].get_legend().get_texts()[0].get_text()
    assert words == "path of training, every 2 epochs"
    file.unlink()
    draw_surface(Subject.open(run), tmp_path)
    assert figures[1].get_suptitle().endswith("; the network is too large to keep its path")
    assert len([axes for axes in figures[1].axes if axes.get_xlabel()]) == 1


@pytest.mark.parametrize("losses", [np.zeros((3, 3)), [[1, np.inf, 2]] * 3, [[-1, 0, 9]] * 3])
def test_any_losses_can_be_drawn(losses, tmp_path, drawn):
    """All alike, infinite in places, or negative."""
    from jaxmlp.runs import figures

    steps = np.linspace(-1, 1, 3)
    found = surface.Surface(steps, steps, np.array(losses, float), None, ("a", "b"))
    figures.save(contours([found], "title", 1, ()), tmp_path / "surface.png")
    assert (tmp_path / "surface.png").stat().st_size > 1000


def test_a_run_that_did_not_come_to_its_end_has_reasons(runs, tmp_path):
    run = shutil.copytree(runs / "float64", tmp_path / "run")
    (run / "model.safetensors").unlink()
    for picture in PICTURES:
        reason = draw_one(picture, Subject.open(run), tmp_path)
        assert reason.endswith("the run did not come to its end, so it has no network")
    (run / "model.safetensors").write_bytes(b"torn")
    for picture in PICTURES:
        with pytest.raises(InputError, match="is not a whole safetensors file"):
            draw_one(picture, Subject.open(run), tmp_path)
    for picture in PICTURES:
        with pytest.raises(InputError, match="there is no run folder"):
            draw_one(picture, Subject.open(tmp_path / "none"), tmp_path)


def test_without_the_data_there_is_a_reason(tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 2))
    config = Config(hidden=(2,), epochs=1)
    jaxmlp.fit(config, (x, (x[:, 0] > 0).astype(int)), out=tmp_path / "run")
    for picture in (PICTURES[0], PICTURES[2]):
        reason = draw_one(picture, Subject.open(tmp_path / "run"), tmp_path)
        assert "the data of the run cannot be had: " in reason
        assert "\n" not in reason
