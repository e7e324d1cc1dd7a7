"""Without a network it is told soon."""

import socket
import time

import pytest

from jaxmlp.data.download import Unavailable, check_reachable


def test_any_answer_will_do_but_one_that_is_retried(tmp_path, serve):
    address = serve(tmp_path)
    check_reachable(f"{address}/no-such-file")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1 cannot be reached \(it answers 503\)"):
        check_reachable(f"{address}/broken")


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
