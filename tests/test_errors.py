"""The wording of messages: how a value is shown, and the two forms that most errors take."""

import pickle

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp.data import Unavailable
from jaxmlp.errors import InputError, check, shown, unknown

SHOWN = [  # a value, and its text in a message
    ("adma", "'adma'"),
    ("it's", '"it\'s"'),
    ("", "''"),
    (("shift",), "shift"),
    (("relu", "tanh", "relu"), "relu tanh relu"),
    (["relu", "tanh"], "relu tanh"),
    (("two words", "one"), "'two words' one"),
    ((10, 0), "10 0"),
    ((0.5, -1.0), "0.5 -1.0"),
    (("adam", 3), "adam 3"),
    ((), "none"),
    ([], "none"),
    (None, "none"),
    (0, "0"),
    (-1, "-1"),
    (0.1, "0.1"),
    (1e-30, "1e-30"),
    (float("nan"), "nan"),
    (True, "True"),
    (np.float64(0.1), "0.1"),
    (np.int32(7), "7"),
    (np.array(2.5), "2.5"),
    (jnp.array(-1.5), "-1.5"),
    (((4,), ("setosa", "virginica")), "((4,), ('setosa', 'virginica'))"),
    ({"a": 1}, "{'a': 1}"),
    (shown(("shift",)), "shift"),
]


@pytest.mark.parametrize(("value", "text"), SHOWN, ids=[text for _, text in SHOWN])
def test_a_value_is_shown_as_a_user_writes_it(value, text):
    assert shown(value) == text
    assert str(shown(value)) == text


CHECKED = [  # what `check` is told came, and how its message ends
    ("adma", "got 'adma'"),
    (("shift",), "got shift"),
    (None, "got none"),
    (np.float64(2), "got 2.0"),
    ((28, 28, 1), "got (28, 28, 1)"),  # the shape of an array
    ((3,), "got (3,)"),
    ((), "got ()"),
    (shown((10, 0)), "got 10 0"),  # widths of layers
    (shown(()), "got none"),
    (shown("adma"), "got 'adma'"),
]


@pytest.mark.parametrize(("got", "end"), CHECKED, ids=[end for _, end in CHECKED])
def test_check_names_what_was_expected_and_what_came(got, end):
    with pytest.raises(InputError) as error:
        check(False, "hidden", "widths of at least 1", got)
    assert str(error.value) == f"hidden must be widths of at least 1, {end}"


def test_check_lets_a_good_value_pass():
    check(True, "epochs", "at least 1", 1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("adma", "unknown rule 'adma', expected one of sgd, adam; did you mean 'adam'?"),
        ("zzz", "unknown rule 'zzz', expected one of sgd, adam"),
        (None, "unknown rule none, expected one of sgd, adam"),
        (3, "unknown rule 3, expected one of sgd, adam"),
    ],
)
def test_unknown_suggests_the_nearest_name(name, message):
    error = unknown("rule", name, (rule for rule in ("sgd", "adam")))
    assert isinstance(error, InputError)
    assert str(error) == message


def test_an_input_error_is_a_value_error():
    with pytest.raises(ValueError, match=r"^epochs must be at least 1, got 0$"):
        check(False, "epochs", "at least 1", 0)


ODD = {  # a name that a user or a file can have, and how a message shows it
    "escape sequence": ("\x1b[2J\x9b31m\x07", r"\x1b[2J\x9b31m\x07"),
    "lines": ("a\nb\r\x85\u2028c\td", r"a\nb\r\x85\u2028c\td"),
    "bytes that are no text": ("a\udcff\ud800b", r"a\udcff\ud800b"),
    "direction of writing": ("a\u202eb\u2066c\u200f", r"a\u202eb\u2066c\u200f"),
    "invisible": ("a\u200b\ufeff\U000e0041b\0", r"a\u200b\ufeff\U000e0041b\x00"),
    "markup": ("[red]a[/red] $x_1$ {b} <i> %s \\n", "[red]a[/red] $x_1$ {b} <i> %s \\n"),
    "letters": ("ü ß 数 é 🙂", "ü ß 数 é 🙂"),
}


@pytest.mark.parametrize(("name", "text"), ODD.values(), ids=ODD)
@pytest.mark.parametrize("kind", [InputError, Unavailable])
def test_a_message_can_be_printed_whatever_names_are_in_it(name, text, kind):
    message = str(kind(f"{name}: no such file"))
    assert message == f"{text}: no such file"
    assert message.isprintable()
    assert str(kind(message)) == message  # an error may become part of another
    assert pickle.loads(pickle.dumps(kind(message))).args == (message,)


@pytest.mark.parametrize("letter", ["x", "\x1b", "\U000e0041", "数"])
@pytest.mark.parametrize("many", [1, 400, 10_000, 1_000_000])
def test_a_message_is_short(letter, many):
    message = str(InputError(f"data.csv: got {letter * many}; did you mean x?"))
    assert len(message) <= 460
    assert message.startswith("data.csv: got ")
    assert message.endswith("; did you mean x?")
    assert message.isprintable()


def test_every_way_to_an_error_is_printable():
    with pytest.raises(InputError) as checked:
        check(False, "a\x1b[1m", "b\n" * 1000, "\udcff" * 1000)
    for error in (checked.value, unknown("rule\r", "\x1b" * 1000, ["a\u202e", "b" * 1000])):
        assert len(str(error)) <= 460
        assert str(error).isprintable()
