"""PyTorch in eager mode: the loop of its tutorials, on tensors in memory.

Its mixed precision is `torch.autocast` around the network and its loss.
"""

import contextlib
import functools
import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from experiments.bench.peers import Session
from experiments.bench.problem import Problem, arrays


def start(problem: Problem) -> Session:
    """A session of PyTorch."""
    torch.manual_seed(problem.seed)
    x_train, y_train, x_test, y_test = arrays(problem)
    x, y = torch.from_numpy(x_train), torch.from_numpy(y_train).long()
    widths = (x.shape[1], *problem.hidden, int(y_test.max()) + 1)
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    loss = nn.CrossEntropyLoss(label_smoothing=problem.smoothing)
    optimizer = torch.optim.Adam(model.parameters(), lr=problem.learning_rate, fused=problem.tuned)
    mixed: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext
    if problem.precision == "bfloat16":
        mixed = functools.partial(torch.autocast, "cpu", dtype=torch.bfloat16)
    schedule = None
    if problem.schedule == "one_cycle":
        assert problem.epochs is not None
        steps = problem.epochs * -(-len(x) // problem.batch_size)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, problem.learning_rate, total_steps=steps
        )

    def train(epochs: int) -> None:
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(problem.batch_size):
                optimizer.zero_grad()
                with mixed():
                    value = loss(model(x[rows]), y[rows])
                value.backward()
                optimizer.step()
                if schedule is not None:
                    schedule.step()

    def predict(n: int) -> np.ndarray:
        with torch.inference_mode(), mixed():
            return model(torch.from_numpy(x_test[:n])).argmax(dim=1).numpy()

    return Session(train, predict)
