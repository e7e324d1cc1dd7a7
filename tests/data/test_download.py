"""A download brings complete and verified files or none, and fails soon without a network."""

import socket
import time

import pytest

from jaxmlp.data.download import Unavailable, check_reachable, download_files
from jaxmlp.data.idx import load_idx_folder
from jaxmlp.errors import InputError


def test_fetch_brings_files_that_can_be_read(write_idx, serve, registered, tmp_path, capfd):
    source, folder = write_idx(), tmp_path / "a" / "b"
    download_files(registered(serve(source), source), folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        path.name for path in source.iterdir()
    )
    assert (load_idx_folder(folder)[0] == load_idx_folder(source)[0]).all()
    assert capfd.readouterr() == ("", "")


def test_wrong_checksum_leaves_nothing(write_idx, serve, registered, tmp_path):
    source, folder = write_idx(), tmp_path / "cache"
    infos = registered(serve(source), source)
    path = source / "train-labels-idx1-ubyte.gz"  # the last to be fetched
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(
        InputError, match=r"train-labels.*: expected \d+ bytes with the SHA-256 checksum"
    ) as e:
        download_files(infos, folder)
    assert not isinstance(e.value, Unavailable)
    assert list(folder.iterdir()) == []


def test_missing_file_is_unavailable_and_leaves_nothing(write_idx, serve, registered, tmp_path):
    source, folder = write_idx(), tmp_path / "cache"
    infos = registered(serve(source), source)
    (source / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(Unavailable, match=r"train-images.*the download failed .*404"):
        download_files(infos, folder)
    assert list(folder.iterdir()) == []


def test_download_that_breaks_off_is_unavailable(write_idx, serve, registered, tmp_path):
    source, folder = write_idx(), tmp_path / "cache"
    with pytest.raises(Unavailable, match=r"the download failed \("):
        download_files(registered(f"{serve(source)}/short", source), folder)
    assert list(folder.iterdir()) == []


def test_folder_that_cannot_be_written(write_idx, serve, registered, tmp_path):
    source = write_idx()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"file/cache: the folder cannot be written: "):
        download_files(registered(serve(source), source), tmp_path / "file" / "cache")


def test_any_answer_will_do_but_one_that_is_retried(tmp_path, serve):
    address = serve(tmp_path)
    check_reachable(f"{address}/no-such-file")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1 cannot be reached \(it answers 503\)"):
        check_reachable(f"{address}/broken")


def test_dead_port_is_unavailable_soon(dead_address, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    began = time.perf_counter()
    with pytest.raises(Unavailable, match=r"cannot be reached \(.*Connection refused\)"):
        download_files({f"{dead_address}/a.gz": None}, tmp_path / "cache")
    assert time.perf_counter() - began < 5
    assert not (tmp_path / "cache").exists()


def test_silence_is_unavailable_at_the_deadline(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:  # connects, and never answers
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a"
        with pytest.raises(Unavailable, match=r"cannot be reached"):
            check_reachable(address, seconds=0.2)


def test_deadline_covers_the_name_server(monkeypatch):
    release = []

    def never(*args, **kwargs):
        while not release:
            time.sleep(0.01)
        raise OSError("too late")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    with pytest.raises(
        Unavailable, match=r"example\.org cannot be reached \(no answer in 0\.2 s\)"
    ):
        check_reachable("http://example.org/a", seconds=0.2)
    release.append(True)
