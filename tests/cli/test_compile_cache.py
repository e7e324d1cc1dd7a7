"""Compiled programs are kept between runs, change nothing, and never stand in the way."""

import pytest

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


def test_the_folder_is_named_after_versions_and_processor(tmp_path, monkeypatch):
    import jax

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().parent == tmp_path / "jaxmlp" / "compiled"
    assert f"jax-{jax.__version__}" in cache_folder().name
