"""Sources of items, such as Grain's: they are read as arrays are."""

import numpy as np
import pyarrow as pa
import pytest

import jaxmlp
from jaxmlp.config.options import Config
from jaxmlp.data.item_shards import ItemShards, is_source
from jaxmlp.errors import InputError

pytestmark = pytest.mark.usefixtures("compile_quickly")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


class Source:
    """Items one by one."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, place):
        return self.items[place]


class Batched(Source):
    """Items of which many are asked for at once."""

    def __getitem__(self, place):
        raise NotImplementedError

    def __getitems__(self, places):
        return [self.items[i] for i in places]


PAIRS = [*zip(X, Y, strict=True)]
NAMED = [{"image": x, "label": y, "id": 7} for x, y in PAIRS]
FORMS = {"pairs": Source(PAIRS), "names": Source(NAMED), "many at once": Batched(PAIRS)}


@pytest.mark.parametrize("source", FORMS.values(), ids=FORMS)
def test_a_source_is_read_as_arrays_are(source, monkeypatch, tmp_path):
    """Compare the doors: shards of files, and items, by windows; and as a whole."""
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    config = Config(hidden=(4,), epochs=2, batch_size=32, window_rows=64)
    own, known = jaxmlp.fit(config, source), jaxmlp.fit(config, tmp_path / "x.npy")
    for name in ("train_loss", "test_loss", "examples", "scores"):
        assert own.summary[name] == known.summary[name]
    whole = jaxmlp.fit(Config(hidden=(4,), epochs=1), source)
    assert whole.network.recipe.window_rows is None
    monkeypatch.setenv("JAXMLP_MEMORY", "4k")
    with monkeypatch.context() as patch:
        patch.setattr("jaxmlp.config.problem.check_memory", lambda *_: None)
        large = jaxmlp.fit(Config(hidden=(4,), epochs=1), source)
    assert large.network.recipe.window_rows > 0


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "expected at least one item"),
        ([3], "item 0: expected a pair"),
        ([{"a": X[0], "b": 1}], "item 0: expected a pair .* got a b"),
        ([*PAIRS, (X[0, :3], 1)], "item 400: expected the shapes of the first item"),
        ([(np.full(4, np.nan), y) for _, y in PAIRS], "items 0 to 399: expected finite numbers"),
    ],
)
def test_items_that_are_no_examples_are_refused(items, message):
    with pytest.raises(InputError, match=message):
        jaxmlp.fit(Config(window_rows=64, batch_size=32, hidden=()), Source(items))


@pytest.mark.parametrize("data", [X, (X, Y), [{"a": 1}], {"x": X}, "iris", pa.table({"a": [1]})])
def test_tables_and_arrays_are_no_sources(data):
    assert not is_source(data)


def test_the_checksum_is_that_of_the_items():
    sums = [ItemShards(Source(PAIRS[:n])).checksum for n in (300, 400, 400)]
    assert sums[0] != sums[1] == sums[2]


def test_options_of_files_do_not_apply():
    with pytest.raises(InputError, match="decimal does not apply to data in memory"):
        jaxmlp.fit(Config(decimal=","), Source(PAIRS))
