"""Fixtures for several tests of the data package."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

IdxWriter = Callable[..., Path]


def idx(array: np.ndarray) -> bytes:
    """Return the bytes of an IDX file with this array."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def write_idx(tmp_path: Path) -> IdxWriter:
    """Return a function that writes a small set in four files and returns its folder."""

    def write(
        folder: str = "set", mark: int = 0, gzipped: bool = True, **files: np.ndarray
    ) -> Path:
        images = np.arange(12 * 9).reshape(12, 3, 3) + mark
        content = {
            "train-images-idx3-ubyte": files.get("x_train", images),
            "train-labels-idx1-ubyte": files.get("y_train", np.arange(12) % 10),
            "t10k-images-idx3-ubyte": files.get("x_test", images[:5]),
            "t10k-labels-idx1-ubyte": files.get("y_test", np.arange(5)),
        }
        place = tmp_path / folder
        place.mkdir(parents=True)
        for name, array in content.items():
            data = idx(array)
            (place / (f"{name}.gz" if gzipped else name)).write_bytes(
                gzip.compress(data) if gzipped else data
            )
        return place

    return write


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def send_head(self) -> Any:
        """Answer 503 below /broken."""
        if self.path.startswith("/broken"):
            return self.send_error(503)
        return super().send_head()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], str]]:
    """Return a function that serves a folder on this machine and returns its address."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    servers = []

    def start(folder: Path) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def registered() -> Callable[[str, Path], dict[str, Any]]:
    """Return a function that lists a folder's files as tensorflow-datasets registers them."""
    from tensorflow_datasets.core.download.checksums import UrlInfo
    from tensorflow_datasets.core.units import Size

    def make(address: str, folder: Path) -> dict[str, Any]:
        infos = {}
        for path in sorted(folder.iterdir()):
            data = path.read_bytes()
            checksum = hashlib.sha256(data).hexdigest()
            infos[f"{address}/{path.name}"] = UrlInfo(Size(len(data)), checksum, path.name)
        return infos

    return make


@pytest.fixture
def dead_address() -> str:
    """Return an address of this machine at which no server listens."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def by_first_input() -> Callable[[Any], tuple[np.ndarray, np.ndarray]]:
    """Return a function that joins both parts of a set, in the order of the first input."""

    def join(dataset: Any) -> tuple[np.ndarray, np.ndarray]:
        x = np.concatenate([dataset.x_train, dataset.x_test])
        y = np.concatenate([dataset.y_train, dataset.y_test])
        order = np.argsort(x[:, 0])
        return x[order], y[order]

    return join
