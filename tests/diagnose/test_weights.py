"""The first layer's weights as pictures: every number in its place, and zero in the middle."""

import numpy as np
import pytest

from jaxmlp.diagnose.subject import Subject
from jaxmlp.diagnose.weights import draw_weights, first_kernel, heat_map, input_names, tiles
from tests.networks import network_of

RNG = np.random.default_rng(0)


def drawn_on(figure):
    (image,) = figure.axes[0].images
    low, high = image.get_clim()
    assert low == -high
    assert image.get_cmap()(0.5)[:3] == pytest.approx((0.97, 0.97, 0.97), abs=0.01)
    return image.get_array(), high


@pytest.mark.parametrize(
    ("shape", "units", "columns"),
    [((8, 8, 1), 32, 8), ((5, 5, 1), 6, 6), ((4, 6, 3), 10, 2), ((3, 3, 1), 1, 1)],
)
def test_each_unit_has_a_tile_with_its_weights(shape, units, columns):
    """The channels side by side, and the scale as wide as the largest weight."""
    kernel = RNG.normal(size=(*shape, units))
    board, most = drawn_on(tiles(kernel, "title"))
    assert most == pytest.approx(np.abs(kernel).max())
    height, width, channels = shape
    for unit in range(units):
        top, left = unit // columns * (height + 1), unit % columns * (channels * (width + 1))
        for c in range(channels):
            start = left + c * (width + 1)
            tile = board[top : top + height, start : start + width]
            np.testing.assert_array_equal(tile, kernel[:, :, c, unit])
    assert np.ma.count(np.ma.masked_invalid(board)) == kernel.size


def test_of_many_units_those_with_the_largest_weights_are_drawn():
    kernel = RNG.normal(size=(2, 2, 1, 300)) * np.arange(1, 301)
    figure = tiles(kernel, "title")
    assert "the 256 with the largest weights" in figure.get_suptitle()
    board, _ = drawn_on(figure)
    assert np.ma.count(np.ma.masked_invalid(board)) == 4 * 256
    large = tiles(np.ones((200, 200, 3, 64)) * np.arange(64), "title")
    assert "the 33 with the largest weights" in large.get_suptitle()
    named = tiles(kernel[..., :4], "title", ["a", "b", "$c$", "d"])
    assert [text.get_text() for text in named.axes[0].texts] == ["a", "b", r"\$c\$", "d"]


def test_a_table_has_a_heat_map_with_the_names_of_its_inputs():
    kernel = RNG.normal(size=(3, 5))
    figure = heat_map(kernel, ["age", "income", "colour=red"], "title")
    board, most = drawn_on(figure)
    np.testing.assert_array_equal(board, kernel)
    assert most == np.abs(kernel).max()
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["age", "income", "colour=red"]
    wide = heat_map(
        np.arange(1, 101.0)[:, None] * np.ones((100, 2)), [f"c{k}" for k in range(100)], "t"
    )
    labels = [label.get_text() for label in wide.axes[0].get_yticklabels()]
    assert labels == [f"c{k}" for k in range(40, 100)]
    assert "the 60 of 100 inputs with the largest weights" in wide.get_suptitle()


def test_weights_of_zero_have_a_scale():
    board, most = drawn_on(heat_map(np.zeros((2, 2)), ["a", "b"], "title"))
    assert (most, not board.any()) == (1, True)


class _Subject(Subject):
    """A network without a run."""

    recipe = property(lambda self: self.network.recipe)


NETWORKS = {
    "table": (("multiclass", (4,), 3), {}, (4, 6), False),
    "linear": (("multiclass", (4,), 3), {"hidden": ()}, (4, 3), True),
    "ensemble": (("multiclass", (4,), 3), {"ensemble": 3}, (4, 6), False),
    "pictures": (("multiclass", (5, 5, 2), 3), {}, (50, 6), False),
    "lenet": (("multiclass", (12, 12, 1), 3), {"model": "lenet"}, (5, 5, 1, 6), False),
    "embedding": (("regression", (4,), 1), {"embed": "piecewise"}, "piecewise 10 to 8", False),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_first_kernel(name):
    given, options, expected, outputs = NETWORKS[name]
    subject = _Subject(None, network_of(*given, **options))
    found = first_kernel(subject)
    if isinstance(expected, str):
        assert expected in found
        return
    assert found.kernel.shape == expected
    assert found.outputs == outputs
    assert len(input_names(subject)) == np.prod(given[1])


def test_the_picture_of_a_run(digits_run, tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr("jaxmlp.runs.figures.save", lambda figure, path: figures.append(figure))
    assert draw_weights(Subject.open(digits_run), tmp_path) == [tmp_path / "weights.png"]
    words = "digits: weights from the inputs to the 32 units of dense 32"
    assert figures[0].get_suptitle() == words
    kernel = first_kernel(Subject.open(digits_run)).kernel.reshape(8, 8, 32)
    board, _ = drawn_on(figures[0])
    np.testing.assert_array_equal(board[:8, 9:17], kernel[..., 1])
