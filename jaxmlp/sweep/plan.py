"""What a sweep tries, and `sweep.json`, which keeps it."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from jaxmlp.config import schema
from jaxmlp.config.options import Config
from jaxmlp.config.own_files import NO_FILES, Files, parts_of, reject_idle, with_parts
from jaxmlp.config.schema import checked
from jaxmlp.errors import InputError, check, naming, shown
from jaxmlp.runs.folder import Run
from jaxmlp.sweep.axes import check_varies
from jaxmlp.sweep.halving import Halving
from jaxmlp.sweep.search import Search, check_search
from jaxmlp.sweep.space import Point, folds_of, format_point

SWEEP = "sweep.json"
FORMAT = 1


class Plan(NamedTuple):
    """What a sweep tries.

    Attributes:
      base: the configuration that all runs share.
      points: the fields that each run changes in it, with their values.
      origin: the checksum of the data, and the data set that they replace, if any.
      ensemble: of how many of the best runs the mean is made, if it is.
      halving: how only the better part of the runs is trained for longer, if it is.
      search: how a model chooses the points, if it does; then there will be more of them.
    """

    base: Config
    points: list[Point]
    origin: dict[str, Any]
    ensemble: int | None = None
    halving: Halving | None = None
    search: Search | None = None

    @property
    def folds(self) -> int | None:
        """The number of folds that judge each configuration; `None` for a validation part."""
        return folds_of(self.points)

    @property
    def repeats(self) -> int:
        """With a search, the number of runs of each configuration."""
        return len(self.points) // self._configs

    @property
    def runs(self) -> int:
        """The number of all runs; with a search, the most that there can be."""
        return len(self.points) if self.search is None else self.search.trials * self.repeats

    @property
    def batches(self) -> list[range]:
        """The numbers of the runs whose programs are made at one time."""
        if self.search is None:
            return [range(len(self.points))]
        return [range(b.start * self.repeats, b.stop * self.repeats) for b in self.search.batches]

    @property
    def _configs(self) -> int:
        return max(self.search.asked) + 1 if self.search is not None else len(self.points)

    def config(self, point: Point) -> Config:
        """Return the configuration of a run."""
        return dataclasses.replace(self.base, **point)

    def with_parts(self, files: Files) -> "Plan":
        """Return the plan with its parts of one's own loaded from the files that the user names.

        Raises:
          InputError: if a file is missing, has changed, or is that of no part.
        """
        configs = [self.base, *map(self.config, self.points)]
        reject_idle(files, *configs)
        if not any(map(parts_of, configs)):
            return self
        base, *runs = (with_parts(c, files if parts_of(c) else NO_FILES) for c in configs)
        points = [
            {name: getattr(run, name) for name in point}
            for run, point in zip(runs, self.points, strict=True)
        ]
        return self._replace(base=base, points=points)

    def final_config(self, point: Point) -> Config:
        """Return the configuration that learns all training examples, after all folds.

        Args:
          point: of one of the configuration's runs, whose seed is kept.
        """
        whole = {"fold": None, "valid_size": 0, "monitor": None}
        return dataclasses.replace(self.base, **(point | whole))

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `sweep.json`."""
        content: dict[str, Any] = {
            "format": FORMAT,
            "base": self.base.to_dict(),
            "points": self.points,
            "origin": self.origin,
        }
        if self.ensemble is not None:
            content["ensemble"] = self.ensemble
        if self.halving is not None:
            content["halving"] = self.halving._asdict()
        if self.search is not None:
            content["search"] = self.search._asdict()
        return content


def read_plan(folder: Path) -> Plan:
    """Return the plan of a sweep.

    Args:
      folder: the sweep's folder.

    Returns:
      The plan.

    Raises:
      InputError: if the folder has no sweep, another version has written it, or a field is wrong.
    """
    file = folder / SWEEP
    if not file.is_file():
        raise InputError(f"{folder} is not the folder of a sweep: it has no {SWEEP}")
    saved = checked(Run(folder).read_json(SWEEP), schema.SWEEP, file)
    check(saved["format"] == FORMAT, f"{file}: format", str(FORMAT), saved["format"])
    base = Config.from_dict(saved["base"], f"{file}: base")
    check(len(saved["points"]) > 0, f"{file}: points", "at least one", None)
    names = [*saved["points"][0]]
    with naming(f"{file}: points"):
        for name in names:
            check_varies(name)
    points = []
    for i, point in enumerate(saved["points"]):
        where = f"{file}: points[{i}]"
        check([*point] == names, where, f"values of {shown(names)}", shown([*point]))
        config = Config.from_dict(base.to_dict() | point, where)
        points.append({name: getattr(config, name) for name in point})
        check(points[-1] not in points[:-1], where, "another point", format_point(points[-1]))
    with naming(f"{file}: points"):
        folds_of(points)
    halving = Halving(**saved["halving"]) if "halving" in saved else None
    search = Search(**saved["search"]) if "search" in saved else None
    if search is not None:
        search = search._replace(space=tuple(search.space), asked=tuple(search.asked))
        with naming(f"{file}: search"):
            check_search(search, points)
    return Plan(base, points, saved["origin"], saved.get("ensemble"), halving, search)
