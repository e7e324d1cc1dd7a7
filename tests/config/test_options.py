"""What a value of a configuration must be stands beside its field, and is checked."""

import dataclasses
import math

import pytest

from jaxmlp.config.data_options import ABOUT_DATA
from jaxmlp.config.fields import kinds_of
from jaxmlp.config.options import Config, with_fields
from jaxmlp.errors import InputError

FIELDS = dataclasses.fields(Config)
KINDS = kinds_of(Config)
BOUNDED = [field for field in FIELDS if field.metadata["must_be"]]
NAMED = [field for field in FIELDS if field.metadata["choices"]]


def wrapped(field, value):
    return (value,) if KINDS[field.name].several else value


@pytest.mark.parametrize("field", BOUNDED, ids=lambda field: field.name)
def test_a_number_out_of_range_is_refused(field):
    bound = field.metadata["must_be"]
    candidates = [-1, 0, 1, 2**40] if KINDS[field.name].element is int else [-0.5, 1.0, math.nan]
    bad = [value for value in candidates if not bound.holds(value)]
    assert bad
    for value in bad:
        with pytest.raises(InputError) as error:
            Config(**{field.name: wrapped(field, value)})
        assert str(error.value) == f"{field.name} must be {bound.words}, got {value}"


NUMBERS = ("learning_rate", "initializer_scale", "clip_norm", "augment_strength")
RULES = ("weight_decay", "epsilon", "min_decrease", "min_change", "min_improvement")
SHARES = ("dropout", "momentum", "decay", "beta1", "beta2", "label_smoothing", "schedule_end")


@pytest.mark.parametrize(
    ("names", "good", "bad"),
    [
        (NUMBERS, (1e-9, 1.0, 1e9), (0.0, -1.0, math.inf, math.nan)),
        (RULES, (0.0, 1.0), (-1e-9, math.inf, math.nan)),
        (SHARES, (0.0, 0.999), (-0.1, 1.0, 2.0, math.nan)),
        (("batch_size", "epochs", "patience", "plateau_patience", "hidden"), (1, 9), (0, -1)),
        (("valid_size",), (0, 9), (-1,)),
        (("restarts",), (1, 1000), (0, 1001)),
        (("seed",), (0, 2**32 - 1), (-1, 2**32)),
    ],
)
def test_the_bounds_are_these(names, good, bad):
    for name in names:
        field = Config.__dataclass_fields__[name]
        for value in good:
            Config(**{name: wrapped(field, value)})
        for value in bad:
            with pytest.raises(InputError, match=f"^{name} must be"):
                Config(**{name: wrapped(field, value)})


def test_every_number_has_a_bound():
    numbers = {name for name, kind in KINDS.items() if kind.element in (int, float)}
    assert numbers == {field.name for field in BOUNDED}


@pytest.mark.parametrize("field", NAMED, ids=lambda field: field.name)
def test_an_unknown_name_is_refused_with_the_nearest(field):
    right = field.metadata["choices"][-1]
    with pytest.raises(InputError, match=f"did you mean '{right}'"):
        Config(**{field.name: wrapped(field, right + "x")})


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_value_of_another_kind_is_refused(field):
    wrong = {str: 3, int: "three", float: "half", bool: "maybe"}[KINDS[field.name].element]
    with pytest.raises(InputError, match=f"^{field.name} must be "):
        Config(**{field.name: wrapped(field, wrong)})
    if not KINDS[field.name].optional:
        with pytest.raises(InputError, match=f"^{field.name} must be "):
            Config(**{field.name: None})


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_field_has_a_help_of_its_own(field):
    assert len(field.metadata["help"]) > 5


def test_what_belongs_to_the_data_does_not_hold_for_others():
    """With another data set, target and dialect are those given, or found anew."""
    known = {"target": "a", "header": True, "delimiter": ";", "decimal": ",", "thousands": "."}
    config = Config(**known, quote="'", encoding="latin-1", hidden=(3,))
    assert with_fields(config, {"seed": 1}) == dataclasses.replace(config, seed=1)
    other = with_fields(config, {"dataset": "b.csv", "decimal": "."})
    assert other == Config(dataset="b.csv", decimal=".", hidden=(3,))
    assert all(getattr(Config(), name) in (None, ()) for name in ABOUT_DATA)
