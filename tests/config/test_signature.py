"""What a network expects and returns, as it is saved and read again."""

import json

import numpy as np
import pytest

from jaxmlp.config.signature import Signature
from jaxmlp.data import PictureForm, Preprocessing
from jaxmlp.data.drawings import Drawing
from jaxmlp.errors import InputError

FORM = PictureForm("dark", 255.0, True, True, Drawing(20, True, (14.0, 13.5)))
SIGNATURE = Signature(
    (28, 28, 1),
    "binary",
    "binary_cross_entropy",
    ("a", "b"),
    Preprocessing("scale", np.zeros(()), np.array(1 / 255)),
    **FORM._asdict(),
)


def saved():
    return json.loads(json.dumps(SIGNATURE.to_dict()))


def test_the_form_of_pictures_is_kept():
    """Old runs lack what is new, and their arrays are taken as they are."""
    assert Signature.from_dict(saved(), "f").pictures == FORM
    old = {k: v for k, v in saved().items() if k not in ("scaled", "channels_first", "drawing")}
    assert Signature.from_dict(old, "f").pictures == PictureForm("dark", 255.0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"white": -1}, "f: spec.white must be in [0, 65535], got -1.0"),
        (
            {"drawing": {"box": 29, "by_mass": True, "centre": [14, 14]}},
            "f: spec.drawing.box must be at most a side of (28, 28, 1), got 29",
        ),
        (
            {"drawing": {"box": 20, "by_mass": True, "centre": [14]}},
            "f: spec.drawing: centre must be two numbers, got a list of 1",
        ),
    ],
)
def test_forms_that_no_pictures_have(fields, message):
    with pytest.raises(InputError) as caught:
        Signature.from_dict(saved() | fields, "f")
    assert str(caught.value) == message
