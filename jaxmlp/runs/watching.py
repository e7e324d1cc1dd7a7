"""The watch of a run: what was seen inside its network before the first and after each epoch.

`watch.jsonl` has a line an epoch; epoch 0 is the start. If training breaks off because a number is
not finite, a last line says so. A run that goes on keeps the lines of the epochs that its
checkpoint has, so it ends with the file of a run that was never interrupted. Beside it,
`path.safetensors` keeps the parameters after epochs (`jaxmlp.runs.path`).
"""

import json
import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from jaxmlp.config.factory import build_member
from jaxmlp.config.problem import Problem
from jaxmlp.config.schema import Count, NotNegative, Shape, Share, Size, checked, or_null
from jaxmlp.errors import InputError, check
from jaxmlp.files import parse_json, read_text, write_atomically
from jaxmlp.runs.folder import CHECKPOINT, WATCH, Run
from jaxmlp.runs.path import PathKeeper
from jaxmlp.training import Diverged, Progress, TrainState, shapes_of_start
from jaxmlp.training.watch import BINS, LayerSeen, make_look, probe_of, seen_layers

DIGITS = 6  # of a number in the file
Line = dict[str, Any]

_NUMBER = or_null(float)  # null where it is not finite, or the layer has none


def _histogram(value: Any, name: str) -> Line:
    """Check a histogram."""
    found: Line = checked(value, {"counts": list[Count], "edges": list[float]}, name)
    bins, edges = len(found["counts"]), found["edges"]
    check(len(edges) == bins + 1, f"{name}: edges", f"{bins + 1} numbers", len(edges))
    return found


_VALUES: dict[str, Shape] = {"mean": _NUMBER, "deviation": _NUMBER, "histogram": _histogram}
_LAYER: Shape = {
    "number": Size,
    "name": str,
    "units": Size,
    **_VALUES,
    "units_apart": _NUMBER,
    "gradient_norm": or_null(NotNegative),
    "weight_norm": or_null(NotNegative),
    "update_ratio": or_null(NotNegative),
    "dead_share": or_null(Share),
    "saturated_share": or_null(Share),
}


def _layers(value: Any, name: str) -> list[Line]:
    """Check the layers of an epoch."""
    found = [checked(layer, _LAYER, name) for layer in checked(value, list[Any], name)]
    check(len(found) > 0, name, "a list of at least one layer", len(found))
    return found


EPOCH: Shape = {
    "epoch": Count,
    "examples": Size,
    "loss": _NUMBER,
    "layers": _layers,
    "inputs?": {**_VALUES, "largest_feature": _NUMBER},  # in the first line: they never change
}
DIVERGED: Shape = {"epoch": Size, "diverged": str}


def read_watch(run: Run) -> list[Line]:
    """Return what was seen at each epoch of a run, in their order; nothing, if it was not watched.

    Args:
      run: the run.

    Returns:
      A record for each epoch, as `watch.jsonl` has it; maybe a last one of the fields `epoch` and
      `diverged`.

    Raises:
      InputError: if the file is not whole; it names the line.
    """
    file = run.path / WATCH
    if not file.exists():
        return []
    lines: list[Line] = []
    for i, text in enumerate(read_text(file).splitlines(), 1):
        where = f"{file}, line {i}"
        line = parse_json(text, where)
        broken = isinstance(line, dict) and "diverged" in line
        lines.append(checked(line, DIVERGED if broken else EPOCH, where))
        if i > 1:
            _check_follows(lines[-2], lines[-1], where)
    return lines


def _check_follows(last: Line, line: Line, where: str) -> None:
    """Reject a line that cannot stand behind the last one."""
    if "diverged" in last:
        raise InputError(f"{where} follows a line that says that training broke off")
    check(
        line["epoch"] == last["epoch"] + 1, f"{where}: epoch", str(last["epoch"] + 1), line["epoch"]
    )
    if "layers" in line:
        own, known = ([row["name"] for row in one["layers"]] for one in (line, last))
        check(own == known, f"{where}: layers", f"those of the line before, {known}", own)


class Watch:
    """What sees a run in training, and writes what it saw.

    Attributes:
      lines: what was seen, as the file has it.
    """

    def __init__(self, problem: Problem, run: Run | None = None) -> None:
        """Begin to watch a run, or go on.

        Args:
          problem: what is trained.
          run: the run's folder; `None` to write nothing.
        """
        recipe, trainer = problem.recipe, problem.trainer
        outputs = trainer.judge.task.outputs(len(problem.signature.classes))
        network = build_member(recipe, outputs)
        self._probe = probe_of(problem.train, recipe.seed)
        self._prepare = jax.jit(trainer.judge.prepare)
        self._look = make_look(trainer, network, recipe.ensemble > 1)
        self._layers, self._run = seen_layers(network), run
        self._steps = math.ceil(problem.train.size / recipe.batch_size)
        self.lines: list[Line] = []
        params = shapes_of_start(trainer)[0].params
        self._path = None if run is None else PathKeeper(run, params)

    def take_up(self, state: TrainState, epochs: int) -> None:
        """Take up the lines of the complete epochs; without any, look at the last of their ends.

        Args:
          state: where training goes on. Within an epoch there is nothing to look at yet.
          epochs: the number of complete epochs.

        Raises:
          InputError: if the file is broken, or lacks epochs.
        """
        if self._run is not None:
            known = [line for line in read_watch(self._run) if "diverged" not in line]
            self.lines = [line for line in known if line["epoch"] <= epochs]
            if self.lines and self.lines[-1]["epoch"] < epochs:
                raise InputError(f"{self._run.path / WATCH} lacks epochs that {CHECKPOINT} has")
        at_an_end = int(state.step) == epochs * self._steps
        if self._path is not None:
            self._path.take_up(state, epochs, at_an_end)
        if not self.lines and at_an_end:
            self._look_at(state, epochs)

    def add(self, state: TrainState, epoch: int) -> None:
        """Look inside the network at the end of an epoch, and keep its parameters for the path.

        Args:
          state: of the training.
          epoch: the number of complete epochs.
        """
        if self._path is not None:
            self._path.add(state, epoch)
        self._look_at(state, epoch)

    def _look_at(self, state: TrainState, epoch: int) -> None:
        seen = jax.device_get(self._look(state, self._probe))
        layers = zip(self._layers, seen.layers, strict=True)
        line: Line = {
            "epoch": epoch,
            "examples": len(self._probe.weights),
            "loss": _rounded(seen.loss),
            "layers": [
                {"number": number, "name": name} | _layer_line(layer)
                for (number, name), layer in layers
            ],
        }
        if not self.lines:
            line["inputs"] = _inputs_line(np.asarray(self._prepare(self._probe.x), np.float64))
        self.lines.append(line)

    def break_off(self, error: Diverged) -> None:
        """Note that a number was not finite, and write the file.

        Args:
          error: says where.
        """
        self.lines.append({"epoch": error.epoch, "diverged": str(error)})
        self.write()

    def write(self) -> None:
        """Write the files, if the run has a folder."""
        if self._path is not None:
            self._path.save()
        if self._run is not None:
            lines = [json.dumps(line, allow_nan=False) + "\n" for line in self.lines]
            write_atomically(self._run.path / WATCH, "".join(lines))


def open_watch(problem: Problem, run: Run | None, asked: bool) -> Watch | None:
    """Return the watch of a run, if the user asks for it or the run has been watched before.

    Args:
      problem: what is trained.
      run: the run's folder; `None` for a run that has none.
      asked: whether the user asks for it.

    Returns:
      The watch, without any line yet; or `None`.
    """
    if run is not None and asked and not (run.path / WATCH).exists():
        write_atomically(
            run.path / WATCH, ""
        )  # a run that is killed now is watched when it goes on
    if asked or (run is not None and (run.path / WATCH).exists()):
        return Watch(problem, run)
    return None


def watched(watch: Watch | None, progress: Iterator[Progress]) -> Iterator[Progress]:
    """Pass the progress of a run on, and look inside the network at the end of each epoch.

    Args:
      watch: what looks; `None` for no look.
      progress: from `jaxmlp.training.fit`, with each epoch in a call of its own.

    Yields:
      The progress.

    Raises:
      Diverged: as `progress` does; the watch notes it.
    """
    if watch is None:
        yield from progress
        return
    try:
        for now in progress:
            if now.record is not None:
                watch.add(now.state, now.epoch)
            yield now
    except Diverged as error:
        watch.break_off(error)
        raise


def _rounded(number: Any) -> float | None:
    """Return a number with six digits for JSON; `None` if there is none, or it is not finite."""
    if number is None or not math.isfinite(number):
        return None
    return float(f"{float(number):.{DIGITS}g}")


def _values(mean: Any, deviation: Any, counts: Any, edges: Any) -> Line:
    return {
        "mean": _rounded(mean),
        "deviation": _rounded(deviation),
        "histogram": {
            "counts": counts.tolist(),
            "edges": [_rounded(edge) or 0.0 for edge in edges],
        },
    }


def _inputs_line(x: np.ndarray) -> Line:
    """Return what the network gets: its values, and the largest root mean square of a feature."""
    histogram = np.histogram(x[np.isfinite(x)], BINS)
    deviation = np.std(x, ddof=1) if x.size > 1 else 0.0
    largest = np.sqrt(np.max(np.mean(x**2, axis=0)))
    return _values(np.mean(x), deviation, *histogram) | {"largest_feature": _rounded(largest)}


def _layer_line(found: LayerSeen) -> Line:
    ratio = None
    if found.weights is not None and found.update is not None:
        ratio = found.update / found.weights if found.weights else None
    return {
        "units": int(found.units),
        **_values(*found.output),
        "units_apart": _rounded(found.apart),
        "gradient_norm": _rounded(found.gradient),
        "weight_norm": _rounded(found.weights),
        "update_ratio": _rounded(ratio),
        "dead_share": _rounded(found.dead),
        "saturated_share": _rounded(found.saturated),
    }
