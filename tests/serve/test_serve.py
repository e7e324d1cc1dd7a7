"""`python -m jaxmlp.serve`: the answers of `predict`, hostile bodies, limits, load and signals."""

import asyncio
import http.client
import io
import json
import os
import signal
import socket
import threading
import time
import urllib.request
import zlib
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from jaxmlp import predict
from jaxmlp.data import load as load_data
from jaxmlp.runs.network import load
from jaxmlp.serve import __main__ as serve
from jaxmlp.serve.app import make_app, serve_until
from jaxmlp.serve.bodies import Limits
from tests.helpers import assert_refused
from tests.networks import network_of
from tests.torture.requests import Client, ask_often

pytestmark = pytest.mark.usefixtures("compile_quickly")

JSON, PNG = "application/json", "image/png"
LIMITS = Limits(size=20_000, rows=100, seconds=2.0)
COLUMNS = {"numeric": ["age"], "categorical": [["town", ["a", "b"]]], "target": ["y"]}


class Answer(NamedTuple):
    """What the service answered."""

    status: int
    headers: Any
    content: Any

    @property
    def error(self):
        """The line of a refusal."""
        line = self.content["error"]
        assert "\n" not in line
        assert len(line) < 500
        return line


class Door(NamedTuple):
    """The service behind a port."""

    port: int

    def ask(self, method, path, body=None, kind=JSON):
        """Send a request, and return the answer, which is always JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, {"content-type": kind} if body is not None else {})
        got = connection.getresponse()
        content = json.loads(got.read())
        connection.close()
        assert got.headers["content-type"] == JSON
        return Answer(got.status, got.headers, content)

    def get(self, path):
        """Return what there is to see."""
        return self.ask("GET", path)

    def predict(self, body, kind=JSON):
        """Return the answer to a body; what is not bytes is sent as JSON."""
        return self.ask(
            "POST", "/predict", body if isinstance(body, bytes) else json.dumps(body), kind
        )


@contextmanager
def listening(network, name):
    """A server in a thread, at a free port."""
    app = make_app(network, LIMITS, name)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()
        thread = threading.Thread(target=serve_until, args=[ended.is_set, app, listener])
        thread.start()
        yield Door(listener.getsockname()[1])
        ended.set()
        thread.join()


@pytest.fixture(scope="module")
def table():
    """A service of a table of a number and a category."""
    with listening(network_of("binary", (3,), 1, columns=COLUMNS), "table") as door:
        yield door


@pytest.fixture(scope="module")
def pictures(digits_run):
    """A service of pictures, the digits."""
    with listening(load(digits_run), "digits") as door:
        yield door


def png(size=8, **settings):
    out = io.BytesIO()
    Image.fromarray(np.eye(size, dtype=np.uint8) * 255).save(out, "png", **settings)
    return out.getvalue()


def bomb():
    """A picture of a few bytes that says to have ten thousand million pixels."""

    def chunk(kind, data):
        return (
            len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        )

    head = (100_000).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    data = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b"")


def test_the_answers_are_those_of_predict(digits_run, pictures, tmp_path, capsys):
    """Compare the doors: a picture and a batch of arrays, to the last digit."""
    (tmp_path / "1.png").write_bytes(png(21))
    x = load_data("digits").x_test[:5]
    np.save(tmp_path / "x.npy", x)
    files = [str(tmp_path / name) for name in ("1.png", "x.npy")]
    assert predict.main([str(digits_run), *files, "--json"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    places = ["picture 1", *(f"row {i}" for i in range(5))]
    wanted = [answer | {"input": place} for answer, place in zip(said, places, strict=True)]
    picture, batch = pictures.predict(png(21), PNG), pictures.predict(x.tolist())
    assert picture.content["answers"] + batch.content["answers"] == wanted
    alone = pictures.predict(x[0].ravel().tolist()).content["answers"]
    assert [a["prediction"] for a in alone] == [wanted[1]["prediction"]]


def test_a_form_holds_pictures(pictures):
    pytest.importorskip("python_multipart")
    head = b'--x\r\ncontent-disposition: form-data; name="a"; filename="a.png"\r\n\r\n'
    form = b"".join(head + content + b"\r\n" for content in (png(), png(30))) + b"--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    got = pictures.predict(form, kind).content["answers"]
    for answer, content in zip(got, (png(), png(30)), strict=True):
        alone = pictures.predict(content, PNG).content["answers"][0]["probabilities"]
        assert answer["probabilities"] == pytest.approx(alone, abs=1e-6)
    for content in (
        b"",
        b"--x\r\n\r\nfoo",
        b"--x--",
        head.replace(b"; filename", b"; f") + b"\r\n--x--",
    ):
        assert pictures.predict(content, kind).status == 400
    assert pictures.predict(b"a", "multipart/form-data").status == 400
    assert pictures.predict(form.replace(b"PNG", b"PMG"), kind).status == 422


def test_rows_and_schema(table):
    rows = [{"age": 3, "town": "a"}, {"town": "b", "age": -1.5}]
    both = table.predict(rows).content["answers"]
    alone = table.predict(rows[1]).content["answers"]
    assert alone[0]["prediction"] == both[1]["prediction"]
    assert alone[0]["probability"] == pytest.approx(both[1]["probability"], abs=1e-6)
    schema = table.get("/schema").content
    assert [c["name"] for c in schema["inputs"]["columns"]] == ["age", "town"]
    assert schema["limits"]["rows"] == 100
    assert table.get("/health").content["status"] == "ok"


ROW = b'{"age": 1, "town": "a"}'
HOSTILE = {  # a body, the status, and a word of the line
    "nothing": (b"", 400, "JSON"),
    "half": (ROW[:-3], 400, "JSON"),
    "not UTF-8": (b'[{"age": 1, "town": "\xff"}]', 400, "UTF-8"),
    "nested": (b"[" * 9000 + b"]" * 9000, 400, "too deeply"),
    "NaN": (b'[{"age": NaN, "town": "a"}]', 400, "NaN"),
    "infinity": (b'[{"age": 1e999, "town": "a"}]', 422, "float64"),
    "many digits": (b'[{"age": %s, "town": "a"}]' % (b"9" * 5000), 400, "digits"),
    "a huge integer": (b'[{"age": %s, "town": "a"}]' % (b"9" * 400), 422, "float64"),
    "a large integer": (b'[{"age": 36893488147419103232, "town": "a"}]', None, ""),
    "a text for a number": (b'[{"age": "old", "town": "a"}]', 422, "age"),
    "mixed types": (b'[{"age": "1", "town": "a"}, {"age": 2, "town": 3}]', None, ""),
    "an object in a cell": (b'[{"age": {}, "town": "a"}]', 422, "an object"),
    "a list in a cell": (b'[{"age": [1], "town": "a"}]', 422, "a list"),
    "a missing column": (b'[%s, {"age": 1}]' % ROW, 422, "row 2"),
    "no columns": (b"[{}]", 422, "'age', 'town'"),
    "a number": (b"3", 422, "list of objects"),
    "a path": (b'"/etc/passwd"', 422, "list of objects"),
    "paths": (b'["/etc/passwd"]', 422, "list of objects"),
    "no rows": (b"[]", 422, "list of objects"),
    "too many rows": (b"[%s]" % b",".join([ROW] * 101), 413, "at most 100 rows"),
    "too many bytes": (b" " * 20_001, 413, "at most 20000 bytes"),
}


@pytest.mark.parametrize(("body", "status", "word"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_rows(table, body, status, word):
    """Each is refused in one line; what may be meant well is answered or refused."""
    got = table.predict(body)
    assert got.status == status if status else got.status in (200, 422)
    if got.status != 200:
        assert word in got.error


ARRAYS = {
    "a number": b"3",
    "a path": b'"/etc/passwd"',
    "paths": b'["/etc/passwd"]',
    "texts": b'[["1"]]',
    "ragged": b"[[1, 2], [3]]",
    "null": b"[null]",
    "objects": b'[{"x": 1}]',
    "another shape": b"[[1, 2, 3]]",
    "too large": b"[1e999]",
    "nested": b"[" * 70 + b"1" + b"]" * 70,
    "empty": b"[[], []]",
}


@pytest.mark.parametrize("body", ARRAYS.values(), ids=ARRAYS)
def test_hostile_arrays(pictures, body):
    assert pictures.predict(body).status == 422
    assert "the body" in pictures.predict(body).error


def test_hostile_pictures(pictures):
    for content in (b"", b"no picture", png()[:45], bomb(), b"\x89PNG\r\n\x1a\n"):
        got = pictures.predict(content, PNG)
        assert got.status == 422
        assert got.error.startswith("the picture: ")


def test_wrong_kinds_places_and_methods(table, pictures):
    for door, kind in ((table, PNG), (table, "text/csv"), (table, ""), (pictures, "a")):
        got = door.predict(ROW, kind)
        assert got.status == 415
        assert JSON in got.error
    assert table.get("/predict").status == 405
    assert table.get("/predict").headers["allow"] == "POST"
    assert table.get("/nothing").status == 404
    assert "POST /predict" in table.get("/nothing").error


def test_slow_and_false_bodies_and_a_load(table):
    """A body that does not come, or not as announced, ends in time; others are served meanwhile."""
    head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    slow = socket.create_connection(("127.0.0.1", table.port), timeout=10)
    slow.sendall(head + b"content-length: 100\r\n\r\n[")
    for rest in (
        b"content-length: 99999999999999999999\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n" + b"4e20\r\n" + b" " * 20_000 + b"\r\n1\r\n \r\n",
    ):
        with socket.create_connection(("127.0.0.1", table.port), timeout=10) as large:
            large.sendall(head + rest)
            assert b" 413 " in large.recv(1000).split(b"\r\n")[0]
    client = Client("127.0.0.1", table.port, [ROW])
    result = asyncio.run(ask_often(client, rate=100, seconds=1))
    assert (result.sent, result.wrong) == (100, 0)
    assert b" 408 " in slow.recv(1000).split(b"\r\n")[0]
    slow.close()


def refuse(capsys, arguments, message):
    assert_refused(capsys, "serve", serve.main, [*map(str, arguments)], message)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it(digits_run, capsys, number, status):
    """After the answers that have begun, with the status of every command."""

    def stop():
        for _ in range(200):
            time.sleep(0.05)
            words = capsys.readouterr().out.split()
            if words:
                with urllib.request.urlopen(f"{words[3].rstrip(',')}/health") as got:
                    assert json.load(got)["run"] == "digits"
                os.kill(os.getpid(), number)
                return

    thread = threading.Thread(target=stop)
    thread.start()
    assert serve.main([str(digits_run), "--port", "0"]) == status
    thread.join()


def test_what_is_refused(digits_run, tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refuse(capsys, [digits_run, "--port", port], f"cannot listen at 127.0.0.1 port {port}")
    refuse(capsys, [digits_run, "--host", "no.such.host.invalid"], "cannot listen")
    refuse(capsys, [digits_run, "--port", 70000], "--port must be from 0 to 65535, got 70000")
    refuse(capsys, [digits_run, "--timeout", "nan"], "--timeout must be in (0, 3600], got nan")
    refuse(capsys, [digits_run, "--max-rows", 0], "--max-rows must be at least 1, got 0")
    refuse(capsys, [digits_run, "--max-bytes", 0], "--max-bytes must be at least 1, got 0")
    refuse(capsys, [tmp_path / "none"], "none")
