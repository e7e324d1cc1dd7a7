"""What would fill the memory is refused by the sizes that it declares, before memory is taken."""

import gzip
import struct
import tracemalloc
import zipfile
import zlib
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from jaxmlp import memory
from jaxmlp.data import dataset_in_memory, load, read_inputs
from jaxmlp.data.arrays import to_input_dtype
from jaxmlp.data.idx import read_idx
from jaxmlp.errors import InputError

LIMIT, BOMB = 4 << 20, 40 << 20  # bytes that may be taken, and that a file unpacks to
ZEROS = np.zeros(BOMB, np.uint8)


@pytest.fixture(autouse=True)
def little(monkeypatch):
    """Let a small file unpack to a few megabytes."""
    monkeypatch.delenv("JAXMLP_MEMORY", raising=False)
    monkeypatch.setattr(memory, "SMALL_CONTENT", LIMIT)
    monkeypatch.setattr(memory, "USUAL_GROWTH", 1)


@contextmanager
def taking_little():
    """Expect that the body takes less than the limit."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < LIMIT
    finally:
        tracemalloc.stop()


def refuse(read, *arguments, match="unpacks to"):
    """Expect that a call is refused with the limit, before it takes as much."""
    with taking_little(), pytest.raises(InputError) as error:
        read(*arguments)
    message = str(error.value)
    assert match in message
    assert "more than the " in message
    assert message.endswith("; raise this limit with --memory or JAXMLP_MEMORY")
    return message


def test_npz(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=ZEROS.reshape(-1, 2), y=ZEROS[: BOMB // 2])
    assert path.stat().st_size < LIMIT
    message = refuse(load, str(path))
    assert message.startswith(f"{path} unpacks to 60 MiB, more than the 4 MiB that a file of ")
    refuse(read_inputs, path, (2,))


def test_npz_of_many_members(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", **{f"x{i}": ZEROS[: 1 << 20] for i in range(9)})
    refuse(load, str(tmp_path / "a.npz"))


def test_npz_whose_members_say_less_than_they_hold(tmp_path):
    """Only as much is unpacked as the archive declares."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=ZEROS)
    content = path.read_bytes()
    size = struct.pack("<I", BOMB + 128)
    before, found, after = content.rpartition(size)  # in the central directory
    path.write_bytes(before + struct.pack("<I", 200) + after)
    assert found
    with taking_little(), pytest.raises(InputError, match=r"a\.npz: .*(CRC|as many bytes)"):
        load(str(path))


def test_header_of_an_array_that_is_not_there(tmp_path):
    """A shape alone takes no memory: it has to fit the size of the file."""
    with (tmp_path / "a.npy").open("wb") as file:
        form = {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 2)}
        np.lib.format.write_array_header_1_0(file, form)
    with pytest.raises(InputError, match=r"a\.npy: expected as many bytes as float64 of shape \("):
        read_inputs(tmp_path / "a.npy", (2,))


def test_idx_in_gzip(tmp_path):
    path = tmp_path / "a.gz"
    header = bytes([0, 0, 8, 1]) + struct.pack(">I", BOMB)
    path.write_bytes(gzip.compress(header + bytes(BOMB)))
    assert refuse(read_idx, path).startswith(f"{path} unpacks to 40 MiB, more than the 4 MiB that")


def test_idx_that_holds_more_than_it_says_is_not_unpacked(tmp_path):
    header = bytes([0, 0, 8, 1]) + struct.pack(">I", 3)
    (tmp_path / "a.gz").write_bytes(gzip.compress(header + bytes(BOMB)))
    more = r"expected 3 bytes of data for shape \(3,\), got more"
    with taking_little(), pytest.raises(InputError, match=more):
        read_idx(tmp_path / "a.gz")


TABLES = {  # each of few bytes on the disk
    "numbers": {"a": np.zeros(BOMB // 8), "y": np.zeros(BOMB // 8)},
    "booleans become numbers": {"a": np.zeros(BOMB // 8, bool), "y": np.zeros(BOMB // 8, bool)},
    "nothing": {"a": pa.nulls(BOMB // 8), "y": pa.nulls(BOMB // 8)},
    "a long text, repeated": {"a": pa.array(["long" * 50_000] * 500), "y": np.zeros(500)},
}


@pytest.mark.parametrize("columns", TABLES.values(), ids=TABLES)
def test_parquet(tmp_path, columns):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), path)
    assert path.stat().st_size < LIMIT
    before = pa.total_allocated_bytes()
    refuse(load, str(path))
    assert pa.total_allocated_bytes() - before < LIMIT


def test_csv(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 3 * LIMIT)
    (tmp_path / "a.csv").write_text("a,y\n" + "1,0\n" * (LIMIT // 8))  # half of the limit on disk
    message = refuse(load, str(tmp_path / "a.csv"), match="a.csv holds about 8 MiB")
    assert "that are a third of the free memory" in message


def test_one_hot_inputs(tmp_path, monkeypatch):
    """A table of text is small; its inputs are as many as its categories."""
    monkeypatch.setattr(memory, "free_memory", lambda: 3 * LIMIT)
    rows = [f"{i % 900},{i % 2}" for i in range(2000)]
    (tmp_path / "a.csv").write_text("a,y\n" + "\n".join(f"c{row}" for row in rows))
    refuse(load, str(tmp_path / "a.csv"), match=": 2000 rows of 869 inputs take 13.3 MiB, more")
    table = {"a": [f"c{i % 900}" for i in range(2000)], "y": [i % 2 for i in range(2000)]}
    refuse(dataset_in_memory, table, match="data in memory: 2000 rows of 869 inputs take")


def test_inputs_that_become_float64(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 3 * LIMIT)
    x = np.zeros((LIMIT // 4, 2), bool)
    refuse(to_input_dtype, x, match="bool inputs of shape (1048576, 2) become float64 of 16 MiB")


def chunk(kind, content):
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


@pytest.mark.parametrize("size", [(13_300, 13_300), (2**31 - 1, 2**31 - 1), (1, 2**31 - 1)])
def test_picture(tmp_path, size):
    """The size stands in the header; no more is needed to refuse it."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100)))
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png: .* pixels"):
        read_inputs(tmp_path / "a.png", (28, 28, 1))


def test_a_real_picture(tmp_path):
    Image.new("1", (3000, 3000)).save(tmp_path / "a.png")
    refuse(read_inputs, tmp_path / "a.png", (8, 8, 1), match="a.png: 3000 x 3000 pixels take 129")


def test_the_limit_can_be_raised(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXMLP_MEMORY", "1G")
    Image.new("1", (3000, 3000)).save(tmp_path / "a.png")
    assert read_inputs(tmp_path / "a.png", (8, 8, 1)).x.shape == (1, 8, 8, 1)
    np.savez_compressed(tmp_path / "a.npz", x=ZEROS[:LIMIT].reshape(-1, 2))
    assert len(read_inputs(tmp_path / "a.npz", (2,)).x) == LIMIT // 2


def test_archive_with_members_that_lie_over_each_other(tmp_path):
    """A bomb of this kind declares its sizes, too; they are added up."""
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(1 << 20))
        for i in range(9):
            info = zipfile.ZipInfo(f"x{i}.npy")
            first = archive.filelist[0]
            for name in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(info, name, getattr(first, name))
            archive.filelist.append(info)
    refuse(load, str(path))
