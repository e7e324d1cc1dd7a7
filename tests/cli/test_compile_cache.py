"""Compiled programs are kept between runs, change nothing, and never stand in the way."""

import itertools
import zlib

import pytest

from jaxmlp.cli import compile_cache
from jaxmlp.cli.compile_cache import cache_folder
from tests.helpers import command

LINE = ["--dataset", "xor", "--epochs", "2", "--quiet", "--out"]


def run(cache, out, *more):
    finished = command("jaxmlp.train", *LINE, out, *more, env={"XDG_CACHE_HOME": str(cache)})
    assert (finished.returncode, finished.stderr) == (0, "")
    return (out / "model.safetensors").read_bytes()


def test_the_second_run_finds_the_programs_of_the_first(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = run(tmp_path / "cache", tmp_path / "a")
    kept = {file.name for file in cache_folder().iterdir() if not file.name.endswith("-atime")}
    assert kept
    assert run(tmp_path / "cache", tmp_path / "b") == first
    after = {file.name for file in cache_folder().iterdir() if not file.name.endswith("-atime")}
    assert after == kept


@pytest.mark.parametrize("reason", ["turned off", "no folder"])
def test_without_it_all_is_the_same(tmp_path, reason):
    (tmp_path / "file").write_text("in the way")
    more = ["--no-compilation-cache"] if reason == "turned off" else []
    cache = tmp_path / ("cache" if more else "file")
    run(cache, tmp_path / "run", *more)
    assert not (tmp_path / "cache").exists()


def truncate(entry):
    entry.write_bytes(entry.read_bytes()[:-9])


def put_a_folder(entry):
    entry.unlink()
    (entry / "more").mkdir(parents=True)


def flip_a_byte(entry):
    content = bytearray(entry.read_bytes())
    content[len(content) // 2] ^= 1
    entry.write_bytes(content)


def pack_nonsense(entry):
    entry.write_bytes(zlib.compress(b"no program at all"))


DAMAGE = {
    "empty": lambda entry: entry.write_bytes(b""),
    "garbage": lambda entry: entry.write_bytes(b"garbage" * 99),
    "truncated": truncate,
    "flipped": flip_a_byte,
    "folder": put_a_folder,
    "nonsense": pack_nonsense,
}


def test_a_damaged_entry_is_written_anew_without_a_word(tmp_path, monkeypatch):
    """Every entry is damaged, each in a way of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = run(tmp_path / "cache", tmp_path / "a")
    entries = sorted(cache_folder().glob("*-cache"))
    ways = itertools.cycle(DAMAGE.values())
    assert len(entries) >= len(DAMAGE)
    for entry, damage in zip(entries, ways, strict=False):
        damage(entry)
    assert run(tmp_path / "cache", tmp_path / "b") == first
    assert sorted(cache_folder().glob("*-cache")) == entries
    for entry in entries:
        assert len(zlib.decompress(entry.read_bytes())) > 100


def test_only_the_damaged_entry_is_lost(tmp_path):
    """Entries of the same program for other shapes stay."""
    for number, content in enumerate([b"whole", b"whole too"]):
        (tmp_path / f"jit_run-{number}-cache").write_bytes(zlib.compress(content))
    (tmp_path / "jit_run-2-cache").write_bytes(b"damaged")
    (tmp_path / "jit_run-3-cache").write_bytes(compile_cache.ZSTANDARD + b"damaged")
    (tmp_path / "jit_init-2-cache").write_bytes(b"another program")
    compile_cache._delete_damaged(tmp_path, "jit_run")
    left = sorted(file.name for file in tmp_path.iterdir())
    assert left == ["jit_init-2-cache", "jit_run-0-cache", "jit_run-1-cache"]


@pytest.mark.parametrize("home", ["relative/path", ""])
def test_a_relative_cache_folder_does_not_count(monkeypatch, tmp_path, home):
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder().is_relative_to(tmp_path / ".cache" / "jaxmlp")


def test_the_folder_is_named_after_versions_and_processor(tmp_path, monkeypatch):
    import jax

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().parent == tmp_path / "jaxmlp" / "compiled"
    assert f"jax-{jax.__version__}" in cache_folder().name
