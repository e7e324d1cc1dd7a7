"""The decision boundary: in the unit of the data, for every task, and along the path of a run."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

import jaxmlp
from jaxmlp.config.options import Config
from jaxmlp.config.signature import Signature
from jaxmlp.data import Preprocessing
from jaxmlp.data.column import Column
from jaxmlp.data.columns import Columns, columns_of_numbers
from jaxmlp.diagnose import boundary
from jaxmlp.diagnose.__main__ import main
from jaxmlp.diagnose.boundary import answers_with, draw_boundary
from jaxmlp.diagnose.gallery import PICTURES, draw_one
from jaxmlp.diagnose.plane import Axes, axes_of, grid_over, present
from jaxmlp.diagnose.regions import Curves, Examples, Fields, Regions, painter_of, palette, shade
from jaxmlp.diagnose.subject import Subject

pytestmark = pytest.mark.usefixtures("compile_quickly")
RNG = np.random.default_rng(0)


def number(name, gaps=False):
    return Column(name, "number", gaps, fill=(0.0,))


def signature(task="binary", classes=("no", "yes"), shape=(2,), columns=None, **more):
    losses = {"regression": "mse", "multilabel": "binary_cross_entropy"}
    target = Preprocessing("none", np.zeros(()), np.ones(()))
    return Signature(
        shape, task, losses.get(task, "cross_entropy"), classes, target,
        target_preprocessing=target if task == "regression" else None,
        columns=None if columns is None else columns.to_dict(), **more,
    )  # fmt: skip


CATEGORY = Column("colour", "category", categories=("red", "blue"))
AXES = {
    "one": (signature(shape=(1,)), Axes(("x",), (0,), 1)),
    "two": (signature(), Axes(("x1", "x2"), (0, 1), 2)),
    "columns": (
        signature(columns=columns_of_numbers(["age", "income"])),
        Axes(("age", "income"), (0, 1), 2),
    ),
    "gaps": (
        signature(shape=(3,), columns=Columns((number("age", True), number("income")))),
        Axes(("age", "income"), (0, 2), 3),
    ),
    "one with gaps": (
        signature(columns=Columns((number("age", True),))),
        Axes(("age",), (0,), 2),
    ),
    "category": (
        signature(columns=Columns((CATEGORY,))),
        "it needs one or two columns of numbers; this run has colour",
    ),
    "three": (
        signature(shape=(3,), columns=columns_of_numbers(["a", "b", "c"])),
        "it needs one or two columns of numbers; this run has a, b, c",
    ),
    "many": (signature(shape=(64,)), "it needs one or two inputs; this run has 64"),
    "pictures": (
        signature(shape=(8, 8, 1)),
        "it needs one or two inputs; this run takes pictures of shape (8, 8, 1)",
    ),
}


@pytest.mark.parametrize(("given", "expected"), AXES.values(), ids=AXES)
def test_which_networks_have_a_line_or_a_plane(given, expected):
    assert axes_of(given) == expected


def test_the_grid_covers_the_examples_in_their_unit():
    """A gap is 0 on it, and examples with a gap are not drawn."""
    axes = Axes(("age", "income"), (0, 2), 3)
    x = np.column_stack([RNG.uniform(20, 60, 50), np.arange(50) % 2, RNG.uniform(1e4, 9e4, 50)])
    grid = grid_over(axes, x, 5)
    assert grid.points.shape == (25, 3)
    assert not grid.points[:, 1].any()
    left, right, bottom, top = grid.ends
    assert left < x[:, 0].min() < x[:, 0].max() < right
    assert bottom < x[:, 2].min() < x[:, 2].max() < top
    np.testing.assert_array_equal(grid.points[:5, 0], grid.ticks[0])  # the first changes fastest
    np.testing.assert_array_equal(grid.points[::5, 2], grid.ticks[1])
    assert present(axes, x).tolist() == [k % 2 == 0 for k in range(50)]


@pytest.mark.parametrize("kind", ["uint8", "int64", "float32", "float64"])
def test_the_grid_has_points_between_whole_numbers(kind):
    x = np.arange(40, dtype=kind).reshape(20, 2)
    grid = grid_over(Axes(("a", "b"), (0, 1), 2), x, 7)
    assert grid.points[:, 0].min() < 0
    np.testing.assert_allclose(grid.points[:7, 0], grid.ticks[0], rtol=1e-6)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A run on two columns of a CSV, far from 0 and 1, which kept its path."""
    folder = tmp_path_factory.mktemp("runs")
    x = RNG.normal(size=(80, 2)) * (7, 2e4) + (40, 5e4)
    sick = np.where(x[:, 0] / 7 + x[:, 1] / 2e4 > 40 / 7 + 2.5, "sick", "well")
    lines = [f"{a:.3f},{b:.1f},{word}" for (a, b), word in zip(x, sick, strict=True)]
    (folder / "people.csv").write_text("\n".join(["age,income,state", *lines]))
    config = Config(dataset=str(folder / "people.csv"), hidden=(8,), epochs=4, target="state")
    jaxmlp.fit(dataclasses.replace(config, preprocessing="robust"), out=folder / "run", watch=True)
    return folder / "run"


def test_the_picture_and_the_animation_of_a_table(table, tmp_path, monkeypatch, drawn):
    """The axes are the columns in their unit; a frame for each epoch and the start."""
    figures = []
    save = jaxmlp.runs.figures.save

    def keep(figure, path):
        figures.append(figure)
        save(figure, path)

    monkeypatch.setattr("jaxmlp.runs.figures.save", keep)
    files = draw_boundary(Subject.open(table), tmp_path)
    assert [file.name for file in files] == ["boundary.png", "boundary.gif"]
    panel = figures[0].axes[0]
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("age", "income")
    assert panel.get_xlim()[0] > 0
    assert panel.get_ylim()[1] > 5e4
    assert figures[0].get_suptitle().startswith("people.csv: ")
    with Image.open(files[1]) as animation:
        assert animation.n_frames == 5
        frames = []
        for k in range(5):
            animation.seek(k)
            frames.append(np.asarray(animation.convert("RGB")))
        assert animation.info["duration"] == 2000
    assert {frame.shape for frame in frames} == {frames[0].shape}
    assert not np.array_equal(frames[0], frames[-1])


def test_a_long_path_has_frames_from_its_start_to_its_end(table, monkeypatch):
    monkeypatch.setattr(boundary, "FRAMES", 3)
    subject = Subject.open(table)
    painted = boundary.Painted(subject, axes_of(subject.network.signature), *subject.data)
    titles = [figure.get_suptitle() for figure in painted.frames(subject.path)]
    assert [title.split(",")[0] for title in titles] == [f"epoch {k} of 4" for k in (0, 2, 4)]
    assert "training loss" not in titles[0]
    assert "training loss" in titles[1]


def test_the_answers_of_the_path_are_those_of_the_networks(table):
    """The kept epoch says what the loaded network says, and other epochs something else."""
    subject = Subject.open(table)
    network, path = subject.network, subject.path
    x = subject.data[0].x_train[:20]
    said = [answers_with(network, path.at(k), x) for k in range(len(path.epochs))]
    kept = path.epochs.index(subject.kept_epoch)
    np.testing.assert_array_equal(said[kept], network.answers(x))
    other = dataclasses.replace(network, params=path.at(0))
    np.testing.assert_array_equal(said[0], other.answers(x))
    assert not np.allclose(said[0], said[-1])


def answers_of(given, points):
    values = RNG.normal(size=(points, len(given.answers)))
    if given.task == "regression":
        return 10 * values
    if given.task == "multilabel":
        return 1 / (1 + np.exp(-values))
    p = np.exp(values)
    return p / p.sum(axis=1, keepdims=True)


def targets_of(given, count):
    classes = len(given.classes)
    if given.task in ("binary", "multiclass"):
        return np.arange(count) % classes
    values = RNG.normal(size=(count, classes))
    return values if given.task == "regression" else (values > 0).astype(int)


MANY = tuple(f"class {k}" for k in range(12))
PAINTED = {
    "two classes": (signature(), Fields),
    "three classes": (signature("multiclass", MANY[:3]), Regions),
    "twelve classes": (signature("multiclass", MANY), Regions),
    "labels": (signature("multilabel", MANY[:6]), Fields),
    "one label": (signature("multilabel", MANY[:1]), Fields),
    "a value": (signature("regression", ("y",)), Fields),
    "two values": (signature("regression", ("y", "z")), Fields),
    "quantiles": (signature("regression", ("y",), quantiles=(0.1, 0.5, 0.9)), Fields),
    "curve": (signature("regression", ("y",), (1,)), Curves),
    "curves": (signature("regression", ("y", "z"), (1,)), Curves),
    "band": (signature("regression", ("y",), (1,), quantiles=(0.1, 0.5, 0.9)), Curves),
    "classes on a line": (signature("multiclass", MANY[:3], (1,)), Curves),
    "labels on a line": (signature("multilabel", MANY[:3], (1,)), Curves),
}


@pytest.mark.parametrize(("given", "kind"), PAINTED.values(), ids=PAINTED)
def test_every_task_has_its_picture(given, kind, tmp_path, drawn):
    """It can be painted twice, as for an animation, and drawn; nothing of the first time stays."""
    axes = axes_of(given)
    x = RNG.normal(size=(30, axes.inputs))
    grid = grid_over(axes, x, 12)
    y = targets_of(given, 30)
    painter = painter_of(given, axes, grid, Examples(x[:, axes.places], y, RNG.random(30) > 0.3))
    assert isinstance(painter, kind)
    if given.task != "regression" and kind is Curves:
        low, high = painter.figure.axes[0].get_ylim()
        assert low < -0.05 * len(given.classes) < 1 < high
    counts = []
    for _ in range(3):
        painter.paint(answers_of(given, len(grid.points)))
        counts.append([len(panel.lines) + len(panel.images) for panel in painter.figure.axes])
    assert counts[0] == counts[1] == counts[2]
    jaxmlp.runs.figures.save(painter.figure, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 5000


def test_colours_are_paler_where_the_network_is_unsure():
    """At 1/K nearly white; each class at full probability in a colour of its own."""
    for count in (2, 3, 8, 20):
        unsure = shade(np.full((count, count), 1 / count), np.arange(count))
        sure = shade(np.eye(count), np.arange(count))
        assert (unsure >= 0.9 - 1e-9).all()
        assert ((sure < unsure - 0.05).any(axis=1)).all()
        assert len({tuple(color) for color in sure.round(6)}) == count
        assert len(palette(count)) == count


def test_curves_show_what_the_network_says():
    given = signature("regression", ("y",), (1,))
    axes = axes_of(given)
    grid = grid_over(axes, np.linspace(-3, 3, 40)[:, None], 50)
    assert (grid.points[0, 0], grid.points[-1, 0]) == grid.ends[:2]
    none = Examples(np.zeros((1, 1)), np.zeros((1, 1)), np.ones(1, bool))
    painter = painter_of(given, axes, grid, none)
    painter.paint(np.sin(grid.points))
    (line,) = painter.figure.axes[0].lines
    np.testing.assert_array_equal(line.get_ydata(), np.sin(line.get_xdata()))


def test_the_command_draws_it(table, tmp_path, capsys):
    """With the other pictures of a run that was watched."""
    assert main([str(table), "--out", str(tmp_path)]) == 0
    names = ["boundary.png", "boundary.gif", "weights.png", "surface.png"]
    assert capsys.readouterr().out.splitlines()[-1].endswith(", ".join(names))
    assert {*names} < {file.name for file in tmp_path.iterdir()}


def test_a_run_on_pictures_has_a_reason(digits_run, tmp_path):
    reason = draw_one(PICTURES[0], Subject.open(digits_run), tmp_path)
    assert reason.startswith("no decision boundary: it needs one or two inputs")
    assert not [*tmp_path.iterdir()]
