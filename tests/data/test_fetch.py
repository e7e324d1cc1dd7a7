"""A download brings complete and verified files or none, however a server behaves."""

import contextlib
import multiprocessing
import os
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import time
from email.utils import formatdate
from types import SimpleNamespace

import pytest

from jaxmlp.data import fetch
from jaxmlp.data.download import Unavailable
from jaxmlp.data.fetch import Patience, download_files, remove_unfinished
from jaxmlp.data.idx import load_idx_folder
from jaxmlp.errors import InputError

QUICK = Patience(reach=1, idle=1.2, least=1000, tries=3, pause=0.02)
CONTENT = bytes(range(250)) * 20
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n" % len(CONTENT)
GOOD = OK + LENGTH + CONTENT


def test_fetch_brings_files_that_can_be_read(write_idx, serve, registered, tmp_path, capfd):
    source, folder = write_idx(), tmp_path / "a" / "b"
    infos = registered(serve(source), source)
    fetched = download_files(infos, folder)
    names = sorted(path.name for path in source.iterdir())
    assert sorted(path.name for path in folder.iterdir()) == names
    assert sorted(fetched) == [folder / name for name in names]
    assert (load_idx_folder(folder)[0] == load_idx_folder(source)[0]).all()
    assert download_files(infos, folder) == []
    assert capfd.readouterr() == ("", "")


def test_wrong_checksum_keeps_only_what_is_verified(write_idx, serve, registered, tmp_path):
    source, folder = write_idx(), tmp_path / "cache"
    infos = registered(serve(source), source)
    path = source / "train-labels-idx1-ubyte.gz"  # the last to be fetched
    good = path.read_bytes()
    path.write_bytes(good[:-1] + b"\xff")
    with pytest.raises(
        InputError, match=r"train-labels.*: expected \d+ bytes with the SHA-256 checksum"
    ) as e:
        download_files(infos, folder)
    assert not isinstance(e.value, Unavailable)
    assert len(list(folder.iterdir())) == 3
    path.write_bytes(good)
    assert download_files(infos, folder) == [folder / path.name]


def test_missing_file_is_unavailable_and_leaves_nothing(serve, tmp_path):
    with pytest.raises(Unavailable, match=r"^a\.gz: the download failed \(404 .*\)"):
        download_files(expecting(serve(tmp_path)), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_folder_that_cannot_be_written(write_idx, serve, registered, tmp_path):
    source = write_idx()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable, match=r"file/cache: the folder cannot be written: "):
        download_files(registered(serve(source), source), tmp_path / "file" / "cache")


def test_disk_that_is_full(write_idx, serve, registered, tmp_path, monkeypatch):
    source, folder = write_idx(), tmp_path / "cache"
    infos = registered(serve(source), source)
    folder.mkdir()

    def fail(*_):
        try:
            raise OSError(28, "No space left on device")
        except OSError as error:
            raise fetch._Unwritable from error

    monkeypatch.setattr(fetch._Transfer, "_write", fail)
    with pytest.raises(Unavailable, match=r"cache: the folder cannot be written: .*No space left"):
        download_files(infos, folder)
    assert list(folder.iterdir()) == []


def test_dead_port_is_unavailable_soon(dead_address, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    began = time.perf_counter()
    with pytest.raises(Unavailable, match=r"cannot be reached \(.*Connection refused\)"):
        download_files(expecting(dead_address), tmp_path / "cache")
    assert time.perf_counter() - began < 5
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_deadline_covers_the_name_server(monkeypatch, tmp_path):
    release = threading.Event()

    def never(*_, **__):
        release.wait(20)
        raise OSError("too late")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    with pytest.raises(Unavailable, match=r"example\.org cannot be reached \(no answer in 1 s"):
        download_files(expecting("http://example.org"), tmp_path / "cache", QUICK)
    release.set()


def expecting(address, content=CONTENT):
    """Return the registered record of one file."""
    import hashlib

    info = SimpleNamespace(size=len(content), checksum=hashlib.sha256(content).hexdigest())
    return {f"{address}/a.gz": info}


@pytest.fixture
def server(monkeypatch):
    """Return a function that serves by a function of the connection and the request's number."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    servers, ended = [], threading.Event()

    def start(behave):
        count = iter(range(1000))

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                request = b""
                while b"\r\n\r\n" not in request:
                    request += self.request.recv(1024) or b"\r\n\r\n"
                with contextlib.suppress(OSError):  # the client has given up, as it should
                    behave(self.request, next(count), ended)

        made = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        made.daemon_threads = True
        servers.append(made)
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{made.server_address[1]}"

    yield start
    ended.set()
    for made in servers:
        made.shutdown()
        made.server_close()


def sends(*parts):
    """Return a behaviour: the answer to each request; the last one to all later requests."""

    def behave(connection, number, _):
        connection.sendall(parts[min(number, len(parts) - 1)])

    return behave


def drips(first, piece=b"x", pause=0.01):
    """Return a behaviour: something at once, then pieces without an end."""

    def behave(connection, _, ended):
        connection.sendall(first)
        while not ended.wait(pause):
            connection.sendall(piece)

    return behave


def stalls(first):
    def behave(connection, _, ended):
        connection.sendall(first)
        ended.wait(30)

    return behave


def answer(status, *headers):
    lines = [f"HTTP/1.1 {status}", "Content-Length: 0", *headers, "", ""]
    return "\r\n".join(lines).encode()


LATER = formatdate(time.time() + 3600, usegmt=True)
BAD_SERVERS = {  # what a server does, and what is told of it
    "never answers": (stalls(b""), Unavailable, "127.0.0.1 cannot be reached (no answer in 1 s)"),
    "stalls in the header": (stalls(OK), Unavailable, "cannot be reached (no answer in 1 s)"),
    "drips the header": (drips(OK + b"X: "), Unavailable, "cannot be reached (no answer in 1 s)"),
    "stalls before the content": (stalls(OK + LENGTH), Unavailable, "fewer than 1000 bytes in 1.2"),
    "stalls in the content": (
        stalls(GOOD[:-9]),
        Unavailable,
        "a.gz: the download failed (fewer than 1000 bytes in 1.2 s)",
    ),
    "drips the content": (drips(OK + LENGTH), Unavailable, "fewer than 1000 bytes in 1.2 s"),
    "drips pieces": (
        drips(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        Unavailable,
        "fewer than 1000 bytes in 1.2 s",
    ),
    "hangs up at once": (sends(b""), Unavailable, "Remote end closed connection"),
    "hangs up in the header": (sends(OK), Unavailable, "a.gz: the download failed ("),
    "hangs up in the content": (
        sends(GOOD[:-9]),
        Unavailable,
        "a.gz: the download failed (it breaks off after 4991 of 5000 bytes)",
    ),
    "hangs up without a length": (
        sends(OK + b"\r\n" + CONTENT[:9]),
        Unavailable,
        "after 9 of 50",
    ),
    "too many requests": (sends(answer(429)), Unavailable, "the download failed (it answers 429)"),
    "a fault": (sends(answer(500)), Unavailable, "the download failed (it answers 500)"),
    "a fault of a gateway": (sends(answer(599)), Unavailable, "failed (it answers 599)"),
    "asks to wait": (
        sends(answer(503, "Retry-After: 3600")),
        Unavailable,
        "(it answers 503, and asks to wait 3600 s)",
    ),
    "asks to wait until": (
        sends(answer(429, f"Retry-After: {LATER}")),
        Unavailable,
        "(it answers 429, and asks to wait ",
    ),
    "asks to wait in nonsense": (
        sends(answer(429, "Retry-After: -x")),
        Unavailable,
        "answers 429)",
    ),
    "forbids": (sends(answer(403)), Unavailable, "the download failed (403 "),
    "redirects to itself": (
        sends(answer("302 Found", "Location: /a.gz")),
        Unavailable,
        "a.gz: the download failed (it redirects without an end)",
    ),
    "redirects with content that does not end": (
        drips(b"HTTP/1.1 302 Found\r\nLocation: /a.gz\r\n\r\n", bytes(1 << 20), 0),
        Unavailable,
        "redirects without an end",
    ),
    "redirects to a file": (
        sends(answer("302 Found", "Location: file:///etc/passwd")),
        Unavailable,
        "No connection adapters were found for",
    ),
    "sends without an end": (
        drips(OK + b"\r\n", bytes(1 << 16), 0),
        InputError,
        "5000 bytes, got m",
    ),
    "sends pieces without an end": (
        drips(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + bytes(0xFFFF) + b"\r\n", 0),
        InputError,
        "a.gz: expected 5000 bytes, got more",
    ),
    "says a larger length": (
        sends(OK + b"Content-Length: 5001\r\n\r\n" + CONTENT),
        InputError,
        "a.gz: expected 5000 bytes, got 5001",
    ),
    "says a smaller length": (
        sends(OK + b"Content-Length: 4999\r\n\r\n" + CONTENT),
        InputError,
        "a.gz: expected 5000 bytes, got 4999",
    ),
    "says a length that is none": (
        sends(OK + b"Content-Length: lots\r\n\r\n" + CONTENT[:-1]),
        Unavailable,
        "it breaks off after 4999 of 5000 bytes",
    ),
    "sends something else": (sends(OK + LENGTH + bytes(5000)), InputError, "got other content"),
    "packs what it sends": (
        sends(OK + b"Content-Encoding: gzip\r\n" + LENGTH + bytes(5000)),
        InputError,
        "got other content",
    ),
    "speaks another language": (
        sends(b"220 mail ready\r\n"),
        Unavailable,
        "a.gz: the download fail",
    ),
}


@pytest.mark.parametrize(("behave", "kind", "message"), BAD_SERVERS.values(), ids=BAD_SERVERS)
def test_bad_servers(server, tmp_path, behave, kind, message):
    """Each is given up in time, with the reason, and nothing of it is kept."""
    began = time.perf_counter()
    with pytest.raises(kind) as error:
        download_files(expecting(server(behave)), tmp_path / "cache", QUICK)
    assert time.perf_counter() - began < 8
    assert message in str(error.value)
    assert type(error.value) is kind
    assert list((tmp_path / "cache").iterdir()) == []


FLAKY = {
    "hangs up at once": (b"", GOOD),
    "hangs up in the content": (GOOD[:100], GOOD),
    "too many requests": (answer(429, "Retry-After: 0"), answer(429), GOOD),
    "faults": (answer(500), answer(503), GOOD),
    "redirects": (answer("302 Found", "Location: /b"), answer(301, "Location: b/c"), GOOD),
    "in pieces": (OK + b"Transfer-Encoding: chunked\r\n\r\n1388\r\n" + CONTENT + b"\r\n0\r\n\r\n",),
    "without a length": (OK + b"\r\n" + CONTENT,),
}


@pytest.mark.parametrize("answers", FLAKY.values(), ids=FLAKY)
def test_servers_that_recover(server, tmp_path, answers):
    download_files(expecting(server(sends(*answers))), tmp_path / "cache", QUICK)
    assert (tmp_path / "cache" / "a.gz").read_bytes() == CONTENT
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_pauses_grow_and_heed_the_server(server, tmp_path, monkeypatch):
    """1, 2, 4 pauses; longer ones if the server asks for it and there is time left."""
    pauses = []
    monkeypatch.setattr(fetch.time, "sleep", pauses.append)
    patience = Patience(reach=2, idle=15, tries=4, pause=1)
    with pytest.raises(Unavailable):
        download_files(expecting(server(sends(answer(500)))), tmp_path / "cache", patience)
    assert pauses == [1, 2, 4]
    pauses.clear()
    parts = answer(503, "Retry-After: 9"), answer(500), GOOD
    download_files(expecting(server(sends(*parts))), tmp_path / "cache", patience)
    assert pauses == [9, 2]


def test_by_default_it_gives_up_within_20_seconds():
    usual = Patience()
    assert usual.reach + usual.idle < 20
    assert sum(usual.pause * 2**i for i in range(usual.tries - 1)) < usual.idle


def test_no_more_is_written_than_expected(server, tmp_path):
    address = server(drips(OK + b"\r\n", bytes(1 << 16), 0))
    transfer = fetch._Transfer(f"{address}/a.gz", 5000, tmp_path / "a.gz", QUICK)
    transfer.thread.start()
    transfer.thread.join(10)
    assert not transfer.thread.is_alive()
    assert (tmp_path / "a.gz").stat().st_size <= 5000


def test_no_thread_is_left_when_a_server_only_stalls(server, tmp_path):
    before = threading.active_count()
    with pytest.raises(Unavailable):
        download_files(expecting(server(drips(OK + LENGTH))), tmp_path / "cache", QUICK)
    deadline = time.perf_counter() + 5
    while threading.active_count() > before + 2 and time.perf_counter() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before + 2  # the server's own


HOLD = """
import sys, time
from pathlib import Path
from jaxmlp.data.fetch import _own_folder
with _own_folder(Path(sys.argv[1])) as scratch:
    (scratch / "a.gz").write_bytes(b"half")
    print(scratch.name, flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs locks")
def test_unfinished_downloads_of_dead_processes_are_removed(tmp_path):
    """Those of a live process stay, until it is killed."""
    held = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(held, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        remove_unfinished(tmp_path)
        assert (tmp_path / name / "a.gz").read_bytes() == b"half"
        process.kill()
    remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unfinished_downloads_of_earlier_versions_are_removed_when_they_are_old(tmp_path):
    for name, age in ((".download-new", 10), (".download-old", 4000), ("other", 4000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part").write_text("")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    remove_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".download-new", "other"]


def test_a_folder_that_is_removed_before_its_lock_is_made_again(tmp_path, monkeypatch):
    lock, removed = fetch._lock, []

    def late(file, wait):
        if wait and not removed:
            removed.append(next(tmp_path.iterdir()))
            shutil.rmtree(removed[0])
        return lock(file, wait)

    monkeypatch.setattr(fetch, "_lock", late)
    with fetch._own_folder(tmp_path) as scratch:
        assert scratch.is_dir()
        assert scratch not in removed
    assert list(tmp_path.iterdir()) == []


def _download(address, folder, size, checksum):
    os.environ["NO_PROXY"] = "127.0.0.1"
    download_files({f"{address}/a.gz": SimpleNamespace(size=size, checksum=checksum)}, folder)


def test_processes_that_download_at_once(server, tmp_path):
    """None harms another, and all end well."""
    info = next(iter(expecting("").values()))

    def slowly(connection, *_):
        for start in range(0, len(GOOD), 1000):
            connection.sendall(GOOD[start : start + 1000])
            time.sleep(0.02)

    arguments = (server(slowly), tmp_path / "cache", info.size, info.checksum)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_download, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["a.gz"]
    assert (tmp_path / "cache" / "a.gz").read_bytes() == CONTENT
