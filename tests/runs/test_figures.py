"""The curves say what makes the training loss another function than the validation loss."""

import pytest

from jaxmlp.config.complete import complete
from jaxmlp.config.options import Config
from jaxmlp.data import load
from jaxmlp.runs.drawing import only_in_training
from jaxmlp.runs.figures import curves
from jaxmlp.training import Means, Record


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "training (running mean)"),
        ({"label_smoothing": 0.1}, "training (running mean, smoothed targets)"),
        (
            {"class_weights": "balanced", "dropout": 0.2, "augment": ("shift",)},
            "training (running mean, class weights, dropout, distorted pictures)",
        ),
        (
            {"input_dropout": 0.2, "input_noise": 0.1},
            "training (running mean, dropout, input noise)",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_the_legend_of_the_training_loss(given, words):
    recipe = complete(Config(**given), load("digits"))
    records = [Record(epoch, Means(1.0, 0.5), Means(2.0, 0.5), 1.0, 0.1) for epoch in (1, 2)]
    figure = curves(records, "cross_entropy", "accuracy", only_in_training(recipe))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [words, "validation"]
