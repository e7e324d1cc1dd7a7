"""What is fitted to data larger than memory does not depend on who looks at which block."""

import pickle

import numpy as np
import pytest

from jaxmlp.config.complete import complete
from jaxmlp.config.options import Config
from jaxmlp.config.streaming import fit_signature
from jaxmlp.data import TableOptions, array_shards, shards
from jaxmlp.data.dealing import TEST, TRAIN, VALID
from jaxmlp.data.shard_folders import find_shards
from jaxmlp.data.spread import one_by_one
from jaxmlp.data.stream_open import open_stream
from tests.data.shard_files import table, write_arrays, write_parquet
from tests.data.test_streams import ARRAYS


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(shards, "LEAST_BLOCK", 40)
    monkeypatch.setattr(shards, "FEWEST", 16)
    monkeypatch.setattr(shards, "MOST", 16)
    monkeypatch.setattr(array_shards, "MOST", 16)


def in_rounds(look, many):
    """Go through blocks as several processes do: out of order, and by way of bytes."""
    for start in range(0, many, 7):
        numbers = range(start, min(many, start + 7))
        found = {n: pickle.dumps(look(n)) for n in reversed(numbers)}
        yield from (pickle.loads(found[n]) for n in numbers)


def fitted_by(spread, folder, **options):
    """Return all that the passes over some data find out."""
    found = find_shards(str(folder))
    stream = open_stream(found, TableOptions(**options), spread=spread).with_valid(60, 3)
    config = Config(preprocessing="robust", dataset=stream.name)
    recipe = complete(config, stream.outline())
    signature, targets, kept = fit_signature(recipe, stream)
    tallies = [targets.tally(signature, part) for part in (TRAIN, VALID, TEST)]
    rows = [some.arrays() for some in kept]
    words = stream.columns, stream.classes, stream.task, stream.provenance, signature.to_dict()
    arrays = [a for each in (*tallies, *rows) for a in each if isinstance(a, np.ndarray)]
    return repr(words), [a.tobytes() for a in (stream.counts, targets.weights, *arrays)]


SPREAD = {
    "a class": {"target": "label", "weight": "few"},
    "a number": {"target": "number"},
    "numbers": {"target": "number,gappy"},
    "labels of few": {"target": "few"},
}


@pytest.mark.parametrize("sample", [50, 10**6])
@pytest.mark.parametrize("options", SPREAD.values(), ids=SPREAD)
def test_blocks_may_be_looked_at_in_any_order(tmp_path, options, sample, monkeypatch):
    """All that is fitted is the same to the byte, whoever looks at a block."""
    for module in ("digest", "moments", "stream_open", "stream_targets"):
        monkeypatch.setattr(f"jaxmlp.data.{module}.SAMPLE", sample)
    monkeypatch.setattr("jaxmlp.data.stream_targets.MOST_TEXTS", 30)
    folder = write_parquet(tmp_path / "t", table(), (300, 1, 399))
    assert fitted_by(in_rounds, folder, **options) == fitted_by(one_by_one, folder, **options)


@pytest.mark.parametrize("case", ARRAYS.values(), ids=ARRAYS)
def test_blocks_of_arrays_may_be_looked_at_in_any_order(tmp_path, case):
    """As those of tables."""
    y, shape = case
    x = np.random.default_rng(0).integers(0, 255, (300, *shape)).astype(np.uint8)
    folder = write_arrays(tmp_path / "a", x, y, (100, 150, 50))
    assert fitted_by(in_rounds, folder) == fitted_by(one_by_one, folder)
