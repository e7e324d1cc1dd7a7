"""Files of odd forms: each is read rightly, or refused by one line that names the file."""

import gzip
import io
import os
import struct
import time
import zipfile
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from jaxmlp.data import dataset_in_memory, inputs_in_memory, load, read_inputs
from jaxmlp.data.array_files import read_arrays
from jaxmlp.data.idx import load_idx_folder, read_idx
from jaxmlp.errors import InputError


def saved(array, version=None):
    """Return the bytes of a `.npy` file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)
    return file.getvalue()


def with_header(text, content=b"", version=1):
    """Return the bytes of a `.npy` file with any header."""
    size = struct.pack("<H" if version == 1 else "<I", len(text) + 1)
    return b"\x93NUMPY" + bytes([version, 0]) + size + text.encode() + b"\n" + content


def described(descr, shape="(2, 2)", content=bytes(32)):
    return with_header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}", content)


def zipped(content=None, compression=zipfile.ZIP_STORED, **fields):
    """Return the bytes of a `.npz` file, with fields of its member's record set in both places."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("x.npy", saved(NUMBERS) if content is None else content)
    data = bytearray(file.getvalue())
    central = data.index(b"PK\1\2")
    for name, value in fields.items():
        for start in (OFFSETS[name], central + OFFSETS[name] + 2):
            struct.pack_into("<H", data, start, value)
    return bytes(data)


OFFSETS = {"flags": 6, "method": 8}
NUMBERS = np.arange(4.0).reshape(2, 2)

GOOD_ARRAYS = {  # the content of a file, and the type it is read with
    "big-endian float": (saved(NUMBERS.astype(">f4")), "float32"),
    "big-endian double": (saved(NUMBERS.astype(">f8")), "float64"),
    "big-endian integers": (saved(NUMBERS.astype(">i4")), "float64"),
    "Fortran's order": (saved(np.asfortranarray(NUMBERS)), "float64"),
    "bytes": (saved(NUMBERS.astype("u1")), "uint8"),
    "half": (saved(NUMBERS.astype("<f2")), "float64"),
    "long double": (saved(NUMBERS.astype(np.longdouble)), "float64"),
    "booleans": (saved(NUMBERS > -1), "float64"),
    "second version": (saved(NUMBERS, (2, 0)), "float64"),
    "third version": (saved(NUMBERS, (3, 0)), "float64"),
    "Python 2": (described("'<f8'", "(2L, 2L)", NUMBERS.tobytes()), "float64"),
    "stored": (zipped(), "float64"),
    "deflated": (zipped(compression=zipfile.ZIP_DEFLATED), "float64"),
}


@pytest.mark.parametrize(("content", "dtype"), GOOD_ARRAYS.values(), ids=GOOD_ARRAYS)
def test_arrays_that_are_read(tmp_path, content, dtype):
    (tmp_path / "a.npy").write_bytes(content)
    x = read_inputs(tmp_path / "a.npy", (2,)).x
    assert x.dtype == dtype
    assert x.dtype.isnative
    assert np.array_equal(x, np.ones((2, 2)) if "|b1" in repr(content) else NUMBERS)


BAD_ARRAYS = {  # the content of a file, and what the message says after its name
    "no header": (b"\x93NUMPY", "EOF: reading magic string"),
    "half a header": (saved(NUMBERS)[:30], "EOF: reading array header"),
    "version": (b"\x93NUMPY\x09\0" + saved(NUMBERS)[8:], "the file cannot be read as NumPy arrays"),
    "header that is no dictionary": (with_header("[1, 2]"), "Header is not a dictionary"),
    "header that runs a program": (with_header("exit()"), "the file cannot be read as"),
    "header in many brackets": (with_header("(" * 5000), "the file cannot be read as"),
    "header of a gigabyte": (with_header("{}" + " " * 70_000, version=2), "Header info length"),
    "object": (saved(np.array([[1, None]], object)), "Object arrays cannot be loaded"),
    "pickle": (b"\x80\x04K\x01.", "the file cannot be read as NumPy arrays"),
    "complex": (saved(NUMBERS + 1j), "expected numbers, got complex128 of shape (2, 2)"),
    "structure": (saved(np.zeros((2, 2), "f4,i4")), "expected numbers, got [('f0', '<f4')"),
    "date": (saved(NUMBERS.astype("M8[s]")), "expected numbers, got datetime64[s] of shape"),
    "time": (saved(NUMBERS.astype("m8[s]")), "expected numbers, got timedelta64[s] of shape"),
    "void": (saved(np.zeros((2, 2), "V8")), "expected numbers, got |V8 of shape (2, 2)"),
    "text": (saved(np.array([["a", "b"]])), "expected numbers, got <U1 of shape (1, 2)"),
    "bytes": (saved(np.array([[b"a", b"b"]])), "expected numbers, got |S1 of shape (1, 2)"),
    "no letters": (described("'<U2'", content=b"\xff" * 32), "numbers that stand for no letters"),
    "nothing": (saved(NUMBERS[:0]), "got an array of shape (0, 2)"),
    "no number": (saved(NUMBERS[:, :0]), "got an array of shape (2, 0)"),
    "one number": (saved(np.array(1.0)), "got an array of shape ()"),
    "infinite as a double": (
        saved(np.full((1, 2), np.longdouble("1e4000"))),
        "expected finite numbers, got inf at row 0",
    ),
    "negative shape": (described("'<f8'", "(-2, -2)"), "expected as many bytes as float64 of"),
    "huge shape": (described("'<f8'", f"({2**62}, 2)"), "expected as many bytes as float64 of"),
    "overflowing": (described("'<f8'", f"({2**63}, 2)"), "expected as many bytes as float64 of"),
    "huge and empty": (described("'<f8'", f"(0, {2**62})", b""), "the file cannot be read as"),
    "elements of no bytes": (described("'<U0'", f"({2**62},)", b""), "expected as many bytes as"),
    "huge elements": (described("'<U536870911'", "(2,)"), "expected as many bytes as <U536870911"),
    "90 axes": (described("'<f8'", str((1,) * 90), bytes(8)), "the file cannot be read as"),
    "too short": (saved(NUMBERS)[:-1], "expected as many bytes as float64 of shape (2, 2) takes"),
    "too long": (saved(NUMBERS) + b"\0", "takes, got 33"),
    "not in the archive": (zipped(saved(NUMBERS)[:-1]), "x: expected as many bytes as float64"),
    "encrypted": (zipped(flags=1), "encrypted, password required"),
    "unknown compression": (zipped(method=99), "x: expected an array that is stored or deflated"),
    "compressed as LZMA": (zipped(compression=zipfile.ZIP_LZMA), "got compression method 14"),
    "unknown flags": (zipped(flags=0x40), "the file cannot be read as NumPy arrays: strong enc"),
    "no member": (b"PK\5\6" + bytes(18), "expected an array x or x_test, or a single array, got n"),
    "wrong checksum": (zipped().replace(NUMBERS.tobytes(), bytes(32)), "Bad CRC-32"),
}


@pytest.mark.parametrize(("content", "message"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_arrays_that_are_refused(tmp_path, content, message):
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_inputs(path, (2,))
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)


def test_files_beside_the_arrays_are_left_out(tmp_path):
    np.savez(tmp_path / "a.npz", x=NUMBERS)
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("readme.txt", "no array")
    assert list(read_arrays(tmp_path / "a.npz")) == ["x"]


def test_names_that_stand_for_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "loop.npy").symlink_to(tmp_path / "loop.npy")
    names = {
        "no": "no such file",
        "a\0b": "embedded null",
        "x" * 300: "File name too long",
        "pipe.npy": "expected a file, got a device or a pipe",
        "pipe.npy/a": "no such file",
        "folder.npy": "expected a file, got a folder",
        "loop.npy": "Too many levels of symbolic links",
        "a\udcff\n\x1b[31m.npy": "no such file",
    }
    for name, message in names.items():
        for suffix in (".npy", ".csv", ".png", ""):
            with pytest.raises(InputError) as error:
                read_inputs(tmp_path / f"{name}{suffix}", (8, 8, 1))
            if not suffix:
                assert message in str(error.value)
            assert str(tmp_path) in str(error.value)
            assert str(error.value).isprintable()


def pixels(form="PNG", mode="L", size=(20, 20), **options):
    file = io.BytesIO()
    Image.new(mode, size, 128 if mode in "LP" else None).save(file, form, **options)
    return file.getvalue()


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(touched) print\n%%EOF\n"
BAD_PICTURES = {
    "EPS": EPS,
    "PCX": pixels("PCX"),
    "ICO": pixels("ICO"),
    "TGA": pixels("TGA"),
    "PDF": b"%PDF-1.4\n",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "GIF": pixels("GIF")[:40],
    "BMP of an unknown compression": pixels("BMP")[:30] + b"\x63\0\0\0" + pixels("BMP")[34:],
    "TIFF of an unknown compression": pixels("TIFF", compression="tiff_lzw").replace(
        struct.pack("<HHIH", 259, 3, 1, 5), struct.pack("<HHIH", 259, 3, 1, 9999)
    ),
    "PNG of no width": pixels().replace(struct.pack(">II", 20, 20), struct.pack(">II", 0, 20), 1),
}


@pytest.mark.parametrize("content", BAD_PICTURES.values(), ids=BAD_PICTURES)
def test_pictures_that_are_refused(tmp_path, content, monkeypatch):
    """Also those that another program would have to read, whatever their name says."""
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a program was started"))
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png: the file cannot be read as a picture: "):
        read_inputs(tmp_path / "a.png", (8, 8, 1))


@pytest.mark.parametrize(
    "error", [NotImplementedError("unknown flags"), MemoryError(), RecursionError(), KeyError("x")]
)
def test_whatever_a_library_raises_is_one_line(tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(Image, "open", fail)
    (tmp_path / "a.png").write_bytes(pixels())
    with pytest.raises(InputError, match=r"a\.png: the file cannot be read as a picture: \S"):
        read_inputs(tmp_path / "a.png", (8, 8, 1))


def test_an_animation_is_read_by_its_first_frame(tmp_path):
    frames = [Image.new("L", (8, 8), grey) for grey in (40, 200, 90)]
    for form in ("GIF", "WEBP", "PNG", "TIFF"):
        options = {"lossless": True} if form == "WEBP" else {}
        frames[0].save(tmp_path / "a", form, save_all=True, append_images=frames[1:], **options)
        assert (read_inputs(tmp_path / "a", (8, 8, 1)).x == 40).all()


def idx(shape, content=b""):
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + content


BAD_IDX = {
    "255 axes": (idx((1,) * 255, b"1"), "the file cannot be read as an IDX file: "),
    "255 huge axes": (idx((2**32 - 1,) * 255), "unpacks to over 1024 EiB, more than"),
    "an overflow to 0": (idx((2**16,) * 4, b""), "unpacks to 16 EiB, more than"),
    "huge and empty": (idx((0, 2**32 - 1, 2**32 - 1, 2**32 - 1)), "cannot be read as an IDX file"),
    "cut gzip": (gzip.compress(idx((3,), b"abc"))[:-3], "the gzip stream breaks off"),
    "gzip and more": (gzip.compress(idx((3,), b"abc")) + b"\xff", "cannot be read as an IDX file"),
    "two members": (gzip.compress(idx((3,), b"abc")) * 2, "expected 3 bytes of data for shape (3"),
    "gzip header only": (b"\x1f\x8b", "expected an IDX file"),
}


@pytest.mark.parametrize(("content", "message"), BAD_IDX.values(), ids=BAD_IDX)
def test_idx_that_is_refused(tmp_path, content, message):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(InputError) as error:
        read_idx(tmp_path / "a")
    assert str(error.value).startswith(str(tmp_path / "a"))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"x_test": np.zeros((5, 4, 4))}, "idx3-ubyte.gz, got 3 x 3 and 4 x 4"),
        ({"x_test": np.zeros((0, 3, 3)), "y_test": np.zeros(0)}, "of shape (0, 3, 3)"),
        ({"x_train": np.zeros((12, 0, 3))}, "of shape (12, 0, 3)"),
    ],
)
def test_idx_files_that_do_not_fit_together(write_idx, files, message):
    folder = write_idx(**files)
    with pytest.raises(InputError) as error:
        load_idx_folder(folder)
    assert str(error.value).startswith(str(folder))
    assert message in str(error.value)


ROWS = b"1,0.5\n2,1.5\n3,2.5\n"
BAD_CSV = {
    "bytes": (bytes(range(256)) * 9, "expected a table of text, got bytes that are no text"),
    "a NUL": (b"a,y\n1,\x002\n", "expected a table of text, got bytes that are no text"),
    "one column": (b"a\n1\n2\n", "expected at least one column beside the target 'a', got none"),
    "no rows": (b"a,b\n", "expected at least 2 rows, got 0"),
    "no newline": (b"a,b", "expected at least 2 rows, got 0"),
    "an open quote": (b'a,y\n1,"2\n3,4\n5,6\n', "a.csv: "),
    "an open quote in the header": (b'"a,y\n1,2\n3,4\n', "a.csv: "),
    "a picture": (pixels(), "a.csv: "),
    "cut gzip": (gzip.compress(b"a,y\n" + ROWS)[:-9], "a.csv: the file cannot be read as a table"),
    "a cell beyond all numbers": (
        b"a,y\n1,0\n1e999,1\n2,0\n",
        "expected a finite number, got '1e999'",
    ),
}


@pytest.mark.parametrize(("content", "message"), BAD_CSV.values(), ids=BAD_CSV)
def test_csv_that_is_refused(tmp_path, content, message):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        load(str(path))
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)


def test_csv_with_a_mark_and_other_ends_of_lines(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfa,y\r\n" + ROWS.replace(b"\n", b"\r\n"))
    assert load(str(tmp_path / "a.csv")).columns["names"] == ["a", "y"]


def test_csv_with_very_long_lines(tmp_path):
    """A line of 3 MB; pyarrow alone refuses one above 1 MB."""
    long = "x" * 3_000_000
    (tmp_path / "a.csv").write_text(f"a,y\n{long},0.5\nb,1.5\n{long},2.5\n")
    assert load(str(tmp_path / "a.csv")).columns["inputs"][0]["categories"] == ["b", long]


def test_csv_with_very_many_columns(tmp_path):
    many = 12_000
    lines = [
        ",".join(f"c{i}" for i in range(many)),
        *(",".join([str(row / 2)] * many) for row in range(3)),
    ]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    began = time.perf_counter()
    assert load(str(tmp_path / "a.csv")).input_shape == (many - 1,)
    assert time.perf_counter() - began < 30  # 1 s on a free core


def parquet(path, **columns):
    pq.write_table(pa.table(columns), path)
    return str(path)


TEXT = pa.array(["a", "b", "a", "b"])
GOOD_COLUMNS = {
    "unsigned": (pa.array([0, 2**64 - 1, 1, 2], pa.uint64()), [0.0, 2.0**64, 1, 2]),
    "decimals": (
        pa.array([Decimal("1.25"), Decimal(-2), Decimal(0), Decimal(3)]),
        [1.25, -2, 0, 3],
    ),
    "half": (pa.array(np.array([1, 2, 3, 4], np.float16)), [1, 2, 3, 4]),
    "numbered numbers": (pa.array([5, 7, 5, 7]).dictionary_encode(), [5, 7, 5, 7]),
    "booleans": (pa.array([True, False, True, False]), [1, 0, 1, 0]),
    "numbered decimals": (pa.array([Decimal(i) for i in (5, 7, 5, 7)]).dictionary_encode(), [5, 7]),
}


@pytest.mark.parametrize(("column", "numbers"), GOOD_COLUMNS.values(), ids=GOOD_COLUMNS)
def test_parquet_columns_of_numbers(tmp_path, by_first_input, column, numbers):
    dataset = load(parquet(tmp_path / "a.parquet", a=column, y=[0.5, 1, 2, 3]))
    assert set(by_first_input(dataset)[0][:, 0]) == set(numbers)


@pytest.mark.parametrize(
    "column",
    [TEXT.cast(pa.large_string()), TEXT.dictionary_encode(), TEXT.cast(pa.string_view())],
    ids=lambda column: str(column.type),
)
def test_parquet_columns_of_text(tmp_path, column):
    dataset = load(parquet(tmp_path / "a.parquet", a=column, y=[0.5, 1, 2, 3]))
    assert dataset.columns["inputs"][0]["categories"] == ["a", "b"]


BAD_COLUMNS = {
    "list": pa.array([[1], [2], [], [3]]),
    "structure": pa.array([{"u": 1}] * 4),
    "map": pa.array([[("k", 1)]] * 4, pa.map_(pa.string(), pa.int64())),
    "duration": pa.array([1, 2, 3, 4], pa.duration("s")),
    "bytes": pa.array([b"a", b"b", b"a", b"b"]),
    "bytes of one length": pa.array([b"a", b"b", b"a", b"b"], pa.binary(1)),
    "numbered lists": pa.array([b"a"] * 4).dictionary_encode(),
    "UUIDs": pa.array([bytes(16)] * 4, pa.uuid()),
}


@pytest.mark.parametrize("column", BAD_COLUMNS.values(), ids=BAD_COLUMNS)
@pytest.mark.parametrize("name", ["a", "y"])
def test_parquet_columns_that_are_refused(tmp_path, column, name):
    columns = {"a": [0.5, 1, 2, 3], "y": [0.5, 1, 2, 3], name: column}
    with pytest.raises(InputError, match=f"a.parquet: column '{name}': expected numbers or text"):
        load(parquet(tmp_path / "a.parquet", **columns))


@pytest.mark.parametrize("kind", [pa.timestamp("ns", tz="UTC"), pa.date32()], ids=str)
def test_times_are_inputs_and_cannot_be_predicted(tmp_path, kind):
    whole = pa.int32() if kind == pa.date32() else pa.int64()
    times, numbers = pa.array([0, 2 * 10**5, 3, 4]).cast(whole).cast(kind), [0.5, 1, 2, 3]
    if kind == pa.date32():
        load(parquet(tmp_path / "a.parquet", a=times, b=numbers, y=numbers))
    with pytest.raises(InputError, match=r"a\.parquet: column 'y': expected numbers, got the "):
        load(parquet(tmp_path / "a.parquet", a=numbers, y=times))


def test_parquet_text_that_is_not_utf8(tmp_path):
    text = pa.array([b"\xff\xfe", b"b", b"a", b"a"]).view(pa.string())
    path = parquet(tmp_path / "a.parquet", a=text, y=[0.5, 1, 2, 3])
    with pytest.raises(InputError, match=r"a\.parquet: .*[Ii]nvalid UTF-?8"):
        load(path)
    with pytest.raises(InputError, match=r"data in memory: .*[Ii]nvalid UTF-?8"):
        dataset_in_memory(pa.table({"a": text, "y": [0.5, 1, 2, 3]}))


@pytest.mark.parametrize("cut", [slice(3, None), slice(-3), slice(10), slice(50, None), slice(4)])
def test_parquet_that_is_cut(tmp_path, cut):
    path = parquet(tmp_path / "a.parquet", a=[1, 2], y=[1, 2])
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(content[cut])
    with pytest.raises(InputError, match=r"a\.parquet: the file cannot be read as a Parquet"):
        load(path)


MEMORY = {  # data in Python
    "a number beyond 64 bits": {"a": [2**70, 1, 2], "b": [1, 2, 3]},
    "a letter that is none": {"a": ["\udcff", "b", "b"], "b": [1, 2, 3]},
    "columns of two lengths": {"a": [1, 2], "b": [1, 2, 3]},
    "two kinds in a column": {"a": [1, "x", None], "b": [1, 2, 3]},
    "an object": {"a": [object(), 1, 2], "b": [1, 2, 3]},
    "dates": {"a": np.array(["2024-01-01"] * 3, "M8[D]"), "b": [1, 2, 3]},
    "rows of two lengths": ([[1, 2], [3]], [0, 1]),
    "objects as arrays": ([[object()]] * 3, [0, 1, 0]),
}


@pytest.mark.parametrize("data", MEMORY.values(), ids=MEMORY)
def test_data_in_memory_that_are_refused(data):
    with pytest.raises(InputError, match=r"^data in memory: "):
        dataset_in_memory(data)


def test_an_array_of_another_library_that_cannot_be_read():
    class Tensor:
        def __array__(self, *_, **__):
            raise RuntimeError("call detach() first\nand more")

    with pytest.raises(InputError, match=r"^data in memory: not readable as an array: call detach"):
        inputs_in_memory(Tensor(), (2,))
