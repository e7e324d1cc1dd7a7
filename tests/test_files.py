"""A file holds the old or the new content."""

import os

import pytest

from jaxmlp.errors import InputError
from jaxmlp.files import parse_json, write_atomically


@pytest.mark.parametrize(
    ("content", "expected"), [("é\n", b"\xc3\xa9\n"), (b"\x00\xff", b"\x00\xff")]
)
def test_content_is_replaced(tmp_path, content, expected):
    path = tmp_path / "a.json"
    path.write_text("old and longer")
    write_atomically(path, content)
    assert path.read_bytes() == expected
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "usual").write_text("")
    write_atomically(tmp_path / "a", "")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_text("old")

    def fail(handle):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_folder_must_exist(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        write_atomically(tmp_path / "nowhere" / "a", "new")


@pytest.mark.parametrize("inner", ["1", "[]", '{"a": 1}', r'"a [[[\"[[["', '"' + "[{" * 500 + '"'])
def test_json_of_a_hundred_levels_is_read_and_no_deeper(inner):
    """By every Python alike; brackets in texts are no levels."""
    most = 100 - (inner[0] in "[{")
    text = "[" * most + inner + "]" * most
    found = parse_json(text, "a.json")
    assert parse_json(f"[{text[1:-1]}, {text[1:-1]}]", "a.json") == [*found, *found]
    for levels in (most + 1, 9000, 90_000):
        with pytest.raises(InputError, match=r"^a\.json is not JSON of ours: it is nested too"):
            parse_json("[" * levels + inner + "]" * levels, "a.json")


def test_a_text_that_never_ends_is_refused_at_once():
    with pytest.raises(InputError, match="not a whole JSON file: Unterminated string"):
        parse_json("[" * 50 + '"\\' * 1_000_000, "a.json")
    with pytest.raises(InputError, match="nested too deeply"):
        parse_json("[" * 200 + '"\\' * 1_000_000, "a.json")
