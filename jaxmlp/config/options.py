"""What a user gives: a configuration, one frozen record with a command-line option for each field.

The fields stand in `data_options`, `network_options` and `training_options`. The text beside one
is the option's help, and what its value must be stands there too. If a field is `None`, the recipe
chooses its value when the run starts (`jaxmlp.config.recipe`), or the run does not need it: a
folder, a target column, a rule such as `patience`.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jaxmlp import __version__
from jaxmlp.config.data_options import ABOUT_DATA, DataOptions
from jaxmlp.config.fields import check_values, kinds_of, of_kind
from jaxmlp.config.folds import parse_fold
from jaxmlp.config.names import model_entry
from jaxmlp.config.network_options import NetworkOptions
from jaxmlp.config.own_files import NO_FILES, Files, with_parts
from jaxmlp.config.own_parts import FIELDS, part_given, part_saved
from jaxmlp.config.saved import fields_of_saved
from jaxmlp.config.training_options import TrainingOptions
from jaxmlp.errors import InputError, check
from jaxmlp.files import read_json

FORMAT = 1  # of a run folder; a change that makes old runs unreadable counts it up
EARLIER: dict[str, Any] = {  # what runs did that lack a field which is now left to be chosen
    "monitor": "score",
    "precision": "float32",
    "schedule": "one_cycle",
    "momentum": 0.9,
}


@dataclass(frozen=True)
class Config(TrainingOptions, NetworkOptions, DataOptions):
    """A configuration: what the user chooses about the data, the network and the training.

    Its fields have the order of its base classes from the last to the first.
    """

    def __post_init__(self) -> None:
        """Reject what can never be right, and make tuples of lists.

        Raises:
          InputError: names the field, what it must be, and what came.
        """
        kinds = kinds_of(type(self))
        for field in dataclasses.fields(self):
            given = getattr(self, field.name)
            if given is None and kinds[field.name].optional:
                continue
            value = of_kind(field.name, given, kinds[field.name])
            if field.metadata["own"]:
                value = _each(value, partial(part_given, field.name))
            object.__setattr__(self, field.name, value)
            check_values(field, value if isinstance(value, tuple) else (value,))
        if self.fold is not None:
            parse_fold(self.fold)
        check(len(self.activation) > 0, "activation", "at least one name", None)
        if self.hidden and not model_entry(self.model).widths:
            widths = " ".join(map(str, self.hidden))
            raise InputError(f"hidden does not apply to {self.model}, got {widths}")

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as it is saved, with the version that saves it."""
        return {"format": FORMAT, "version": __version__} | dataclasses.asdict(self)

    @staticmethod
    def from_dict(saved: Any, where: object) -> "Config":
        """Return the configuration that was saved.

        A field that is missing takes its default, or in a run what `EARLIER` says, so runs of
        earlier versions stay readable.

        Args:
          saved: what `to_dict` returned, maybe after a journey through JSON.
          where: the file, for error messages.

        Returns:
          The configuration.

        Raises:
          InputError: if it was saved by a later version, has an unknown field, or is not a
            configuration.
        """
        values = fields_of_saved(saved, Config, where, FORMAT)
        values = (EARLIER if "format" in saved else {}) | values
        for name in values.keys() & {*FIELDS}:  # whose code a file may name, but not give
            values[name] = _each(values[name], partial(part_saved, where=f"{where}: {name}"))
        try:
            return Config(**values)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a value after a change, or a list or a tuple of values after a change of each."""
    return type(value)(map(change, value)) if isinstance(value, list | tuple) else change(value)


def config_from(given: dict[str, Any], file: str | None, parts: Files = NO_FILES) -> Config:
    """Return the configuration of options, on top of a file's if there is one.

    Args:
      given: values by the names of fields.
      file: a `config.json`, as a run has one, or a part of it.
      parts: the files of the parts of one's own that it names.

    Returns:
      The configuration.

    Raises:
      InputError: if the file cannot be read, or a value is not good.
    """
    if file is None:
        return with_parts(Config(**given), parts)
    saved = Config.from_dict(read_json(Path(file)), file)
    return with_parts(with_fields(saved, given), parts)


def with_fields(config: Config, given: dict[str, Any]) -> Config:
    """Return a configuration with other values; what belongs to its data does not hold for others.

    Args:
      config: the configuration.
      given: values by the names of fields. With another data set, what belongs to the data (such
        as folder, target, columns and task) is given too, or left to the data.

    Returns:
      The configuration.

    Raises:
      InputError: if a value is not good.
    """
    if "dataset" in given:
        usual = Config()
        own = {name: getattr(usual, name) for name in ABOUT_DATA}
        config = dataclasses.replace(config, **own)
    return dataclasses.replace(config, **given)


def names_data(given: dict[str, Any], file: str | None) -> bool:
    """Return whether the user named the data, among the options or in the file."""
    return "dataset" in given or (file is not None and "dataset" in read_json(Path(file)))
