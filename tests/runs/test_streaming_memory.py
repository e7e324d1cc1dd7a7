"""The memory of a run on shards depends on the window, and not on how many shards there are."""

import subprocess
import sys

import numpy as np
import pytest

from tests.data.shard_files import write_arrays

ROWS, FEATURES = 20_000, 200
SHARD = ROWS * FEATURES * 4 / 2**20  # MiB
SCRIPT = """
import re, sys
import jaxmlp
from jaxmlp.config.options import Config
rows = int(sys.argv[2])
config = Config(hidden=(8,), epochs=1, batch_size=500, window_rows=rows, valid_size=2000)
jaxmlp.fit(config, sys.argv[1])
print(int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the peak")
def test_memory_does_not_grow_with_the_data(tmp_path):
    """Nineteen shards of 15 MiB more take less than two of them; all in memory most of them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int32)
    folders = [write_arrays(tmp_path / "1", x, y, (ROWS,))]
    folders.append(write_arrays(tmp_path / "20", x, y, (ROWS,)))
    for number in range(1, 20):
        for kind, array in (("x", x), ("y", y)):
            np.save(folders[1] / f"{kind}_{number}.npy", array)
    peaks = []
    for folder, window in ((folders[0], 10_000), (folders[1], 10_000), (folders[1], 0)):
        command = [sys.executable, "-c", SCRIPT, str(folder), str(window)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        peaks.append(float(done.stdout))
    assert peaks[1] - peaks[0] < 2 * SHARD
    assert peaks[2] - peaks[1] > 10 * SHARD
