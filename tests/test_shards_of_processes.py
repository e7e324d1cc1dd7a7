"""Several processes that train on shards read a share each, and train what one process trains.

Real processes on this machine, as in `tests/test_processes.py`, which note what they read.
"""

import json
import subprocess
import sys

import jax
import numpy as np
import pyarrow.parquet as pq
import pytest

import jaxmlp
from tests.counted_reading import noted_by
from tests.data.shard_files import table, write_arrays, write_parquet
from tests.test_processes import LIMIT, STARTED, begin, ended, free_port

ROWS, EPOCHS = 2000, 2
SETTINGS = ["--hidden", "8", "--epochs", str(EPOCHS), "--batch-size", "32", "--valid-size", "320"]
SETTINGS += ["--precision", "float64", "--window-rows", "640"]
BLOCK = 40  # rows
WINDOWS = 2 * EPOCHS + 1  # of half of the rows; one of the next epoch is read ahead


def written(folder, kind):
    """Return a folder with shards of a kind, of blocks of 40 rows."""
    if kind == "parquet":
        return write_parquet(folder, table(ROWS), (800, 200, 1000), group=40)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 6)).astype(np.float32)
    return write_arrays(folder, x, (x[:, 0] > 0) + 2 * (x[:, 1] > 0), (800, 200, 1000))


def trained(folder, data, many):
    """Train in some processes, and return what each has read."""
    notes = [folder / f"{many}-{i}.txt" for i in range(many)]
    counting = "from tests.counted_reading import count; count({!r}); " + STARTED
    codes = [counting.format(str(path)) for path in notes]
    words = [str(data), *SETTINGS, "--out", str(folder / f"run{many}")]
    assert ended(begin(many, words, codes=codes)) == [(0, "")] * many
    return [noted_by(path) for path in notes]


@pytest.fixture(params=[("parquet", 4), ("arrays", 2)], ids=str)
def alone(request, tmp_path):
    """The run of one process: folder, data, what was read; and how many processes do the same."""
    (kind, many), folder = request.param, tmp_path
    data = written(folder / "data", kind)
    (read,) = trained(folder, data, 1)
    return folder, data, read, many


def test_each_process_reads_its_share_and_trains_what_one_trains(alone):
    """Fitted to the byte, parameters to 1e-12; a block where shares meet may be read by two."""
    folder, data, read, many = alone
    reads = trained(folder, data, many)
    networks = [jaxmlp.load(folder / f"run{n}") for n in (1, many)]
    assert networks[1].signature.to_dict() == networks[0].signature.to_dict()
    for a, b in zip(*(jax.tree.leaves(network.params) for network in networks), strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-12)
    summaries = [json.loads((folder / f"run{n}" / "summary.json").read_text()) for n in (1, many)]
    for name in ("test_loss", "test_accuracy", "valid_loss"):
        np.testing.assert_allclose(summaries[1][name], summaries[0][name], rtol=1e-10)
    assert summaries[1]["baseline"] == summaries[0]["baseline"]
    opening, windows = ([rows_in(each, kind) for each in (read, *reads)] for kind in (True, False))
    assert max(opening[1:]) <= opening[0] / many + 4 * BLOCK  # each looks for a first example
    assert windows[0] >= ROWS * EPOCHS
    assert max(windows[1:]) <= WINDOWS * (ROWS / 2 / many + 2 * BLOCK)


def rows_in(read, opening):
    """Return how many rows were read for windows, or else."""
    return sum(rows for _, rows, _, window in read if window != opening)


def test_a_damaged_block_that_one_process_reads_ends_all_with_one_line(tmp_path):
    data = written(tmp_path / "data", "parquet")
    file = data / "part-02.parquet"
    place = pq.ParquetFile(file).metadata.row_group(20).column(1).data_page_offset
    raw = bytearray(file.read_bytes())
    raw[place : place + 40] = bytes(40)
    file.write_bytes(raw)
    words = [str(data), *SETTINGS, "--out", str(tmp_path / "run")]
    for status, errors in ended(begin(2, words)):
        assert (status, errors.count("\n")) == (2, 1)
        assert "part-02.parquet: the file cannot be read as a Parquet table" in errors
    assert not (tmp_path / "run").exists()


def test_a_process_with_other_data_is_refused_by_all(tmp_path):
    """Before they look at shards together, also where one has no shards."""
    data = written(tmp_path / "data", "parquet")
    words = ["--dataset", str(data), "--hidden", "8", "--out", str(tmp_path / "run")]
    for status, errors in ended(begin(2, words, more=["--dataset", "digits"])):
        assert (status, errors.count("\n")) == (2, 1)
        assert "process 1 has another data set than process 0: checksum is" in errors


SOURCE = """
import sys, jax, numpy as np
from tests.counted_reading import count
count(sys.argv[4])
import jaxmlp
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
class Source:
    def __len__(self):
        return 400
    def __getitem__(self, i):
        return np.float32([i % 7, i % 5, i % 3]), i % 2
config = jaxmlp.Config(hidden=(4,), epochs=1, batch_size=20, precision="float64", window_rows=100)
print(jaxmlp.fit(config, Source(), out=sys.argv[5]).summary["test_loss"])
jax.distributed.shutdown()
"""


def test_a_source_of_items_gives_each_process_its_share(tmp_path):
    said, reads = [], []
    for many in (1, 2):
        where, processes = f"127.0.0.1:{free_port()}", []
        notes = [tmp_path / f"{many}-{i}.txt" for i in range(many)]
        for i in range(many):
            words = [where, str(many), str(i), str(notes[i]), str(tmp_path / f"run{many}")]
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            processes.append(subprocess.Popen([sys.executable, "-c", SOURCE, *words], **pipes))
        lines = [process.communicate(timeout=LIMIT)[0] for process in processes]
        said += [float(line.split()[-1]) for line in lines]
        reads.append([rows_in(noted_by(path), True) for path in notes])
    np.testing.assert_allclose(said, said[0], rtol=1e-10)
    assert max(reads[1]) <= reads[0][0] / 2 + 4 * 40
