"""Where each formula is taught: a row of the lectures with the section of its deck, or a paper.

The index of all rows is `experiments/LECTURES.md`, which is no part of the installed package. So
the rows that formulas cite are named here; a test holds them against the index.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Cited(NamedTuple):
    """A source of a formula.

    Attributes:
      row: the row of the lectures, a letter for the deck and a number; empty for a paper.
      section: the section of the deck; of a paper, its authors and year.
    """

    row: str
    section: str


DECKS = {
    "A": "Giardina, Lesson 4: from mean squared error to cross-entropy, from normal to He"
    " initialization (CC BY 4.0)",
    "B": "Sharifi-Zarchi, Machine Learning (CE 40717): training neural networks, Sharif University"
    " of Technology, 2024",
    "C": "Tomasi, Training Convolutional Neural Networks, 2019",
    "D": "Liu, ECE 57000: Neural Networks, Purdue University, 2024",
    "E": "COMP 5630/6630, Lecture 7: Neural Network, Backpropagation, MLP Demo",
}
TITLES = {
    "A1": "Stable softmax",
    "A2": "One-hot targets",
    "A3": "Squared error on softmax outputs",
    "A4": "Softmax cross-entropy",
    "B1": "Gradient descent",
    "B5": "Gates: add, multiply, copy, maximum",
    "B6": "(x + y) z, and one sigmoid neuron",
    "B9": "Squared, absolute, binary and categorical loss",
    "B10": "Activations, from linear to softmax",
    "B11": "Dead units and saturated units",
    "C2": "Quadratic, zero-one and cross-entropy loss",
    "C3": "Algorithm 1: backpropagation example by example",
    "C4": "Momentum with a schedule",
    "C6": "Online, mini-batch and batch learning",
    "D3": "The multi-layer perceptron",
    "D6": "The losses of the deck",
    "D8": "Backpropagation with delta",
    "D10": "AdaGrad, RMSProp and Adam",
    "D11": "Broadcasting",
    "E1": "The perceptron",
    "E4": "Step, softplus and the other activations",
    "E6": "A binary network of three layers, and its gradients",
    "E12": "The order of the updates",
    "E13": "A target that is not negative",
}
_ADAPTIVE = Cited("D10", "Adaptive learning rate (gradient) algorithms")
_BINARY = Cited("B9", "Binary Classification Loss – Binary Cross-Entropy")
_SLOPES = Cited("D6", "Derivative of cross-entropy loss")
_SQUARES = Cited("A3", "A Possible Loss: Mean Squared Error (MSE)")
SOURCES = {  # by the kind of a layer, the name of a loss or optimizer, or the topic
    "input": Cited("D3", "Neural network definition"),
    "dense": Cited("D3", "Neural network definition"),
    "delta": Cited("D8", "Backpropagation"),
    "identity": Cited("B10", "Linear Activation - A Limitation"),
    "relu": Cited("B10", "ReLU"),
    "leaky_relu": Cited("B10", "Variants of ReLU: Leaky ReLU"),
    "prelu": Cited("B10", "Variants of ReLU: PReLU (Parametric ReLU)"),
    "elu": Cited("B10", "Variants of ReLU: ELU (Exponential Linear Unit)"),
    "sigmoid": Cited("B10", "Sigmoid"),
    "tanh": Cited("B10", "Tanh (Hyperbolic Tangent)"),
    "softplus": Cited("E4", "Vocabulary of Neural Network: Activation Functions"),
    "gelu": Cited("", "Hendrycks and Gimpel 2016"),
    "silu": Cited("", "Elfwing, Uchibe and Doya 2017"),
    "layer_norm": Cited("", "Ba, Kiros and Hinton 2016"),
    "softmax": Cited("A1", "The Output Layer: Softmax"),
    "target": Cited("A2", "The Target: One-Hot Encoding"),
    "cross_entropy": Cited("A4", "A Better Loss: Cross-Entropy (CE)"),
    "cross_entropy delta": Cited("A4", 'Why CE is Better: The "Magic" Gradient'),
    "cross_entropy slope": _SLOPES,
    "binary_cross_entropy": _BINARY,
    "binary_cross_entropy delta": Cited("E6", "dL/dW3"),
    "binary_cross_entropy slope": _SLOPES,
    "softmax_squared_error": _SQUARES,
    "softmax_squared_error delta": _SQUARES,
    "softmax_squared_error slope": _SQUARES,
    "mse": Cited("B9", "Mean Squared Error (MSE)"),
    "quadratic": Cited("C2", "Loss"),
    "half_mse": Cited("D6", "Loss functions"),
    "mae": Cited("B9", "Mean Absolute Error (MAE)"),
    "huber": Cited("", "Huber 1964"),
    "quantile": Cited("", "Koenker and Bassett 1978"),
    "perceptron": Cited("E1", "The Perceptron Algorithm: Training Idea"),
    "output activation": Cited("E13", "Activation Function Selection"),
    "gates": Cited("B5", "Chain Rule for Important Gates"),
    "graph": Cited("B6", "A Simple Example: Backpropagation"),
    "mean": Cited("C3", "Back-Propagation"),
    "batch": Cited("C6", "Mini-Batches"),
    "bias": Cited("D11", "Demo of dimension broadcasting in python"),
    "update": Cited("B1", "Gradient Descent: Formula and Process"),
    "together": Cited("E12", "Gradient Descent and Backpropagation"),
    "dead": Cited("B11", "ReLU"),
    "saturated sigmoid": Cited("B11", "Sigmoid"),
    "saturated tanh": Cited("B11", "Tanh (Hyperbolic Tangent)"),
    "sgd": Cited("B1", "Gradient Descent: Formula and Process"),
    "momentum": Cited("C4", "Stochastic Gradient Descent"),
    "nesterov": Cited("", "Sutskever et al. 2013"),
    "adagrad": _ADAPTIVE,
    "rmsprop": _ADAPTIVE,
    "adam": _ADAPTIVE,
    "weight_decay": Cited("", "Loshchilov and Hutter 2019"),
    "lion": Cited("", "Chen et al. 2023"),
    "sign_sgd": Cited("", "Bernstein et al. 2018"),
    "muon": Cited("", "Jordan et al. 2024"),
    "schedule_free": Cited("", "Defazio et al. 2024"),
    "clip_norm": Cited("", "Pascanu, Mikolov and Bengio 2013"),
}


class Row(NamedTuple):
    """A row that an explanation cites.

    Attributes:
      name: the letter of the deck and a number.
      title: what it is.
      deck: author, title, place and year.
      sections: the sections that are cited.
    """

    name: str
    title: str
    deck: str
    sections: list[str]


def source(topic: str) -> Cited | None:
    """Return where a topic is taught, or `None` if it is not in the table."""
    return SOURCES.get(topic)


def rows_of(cited: Iterable[Cited | None]) -> list[Row]:
    """Return the rows that are cited, each once, in the order of the decks.

    Args:
      cited: sources, with papers and `None` among them.

    Returns:
      The rows.
    """
    sections: dict[str, list[str]] = {}
    for place in cited:
        if place and place.row and place.section not in sections.setdefault(place.row, []):
            sections[place.row].append(place.section)
    return [
        Row(name, TITLES[name], DECKS[name[0]], sections[name])
        for name in sorted(sections, key=lambda name: (name[0], int(name[1:])))
    ]
