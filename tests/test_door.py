"""The door from Python: `fit`, `load`, `Config`, the console script; and that the doors agree."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import jaxmlp
from jaxmlp import __main__ as script
from jaxmlp import evaluate, predict, train
from jaxmlp.data import Dataset, load
from jaxmlp.errors import InputError

pytestmark = pytest.mark.usefixtures("compile_quickly")

SMALL = {"hidden": (8,), "epochs": 2, "batch_size": 16}


def test_importing_the_package_imports_no_jax():
    code = "import sys, jaxmlp; jaxmlp.Config(); assert 'jax' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert {*jaxmlp.__all__} <= {*dir(jaxmlp)}
    assert all(hasattr(jaxmlp, name) for name in jaxmlp.__all__)
    assert (Path(jaxmlp.__file__).parent / "py.typed").exists()
    with pytest.raises(AttributeError, match="no attribute 'fti'"):
        jaxmlp.fti  # noqa: B018


def test_a_run_from_python_is_the_run_of_the_command(tmp_path):
    """To the byte, but for the times."""
    config = jaxmlp.Config(**SMALL, dropout=0.1)
    result = jaxmlp.fit(config, "digits", out=tmp_path / "python")
    line = "--dataset digits --hidden 8 --epochs 2 --batch-size 16 --dropout 0.1 --quiet"
    assert train.main([*line.split(), "--out", str(tmp_path / "command")]) == 0
    for name in ("config.json", "model.safetensors", "checkpoint.safetensors"):
        files = [tmp_path / run / name for run in ("python", "command")]
        assert files[0].read_bytes() == files[1].read_bytes(), name
    assert result.path == tmp_path / "python"
    saved = json.loads((tmp_path / "python" / "summary.json").read_text())
    assert result.summary == saved
    assert [record.epoch for record in result.records] == [1, 2]


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    result = jaxmlp.fit(jaxmlp.Config(**SMALL), "digits")
    assert result.path is None
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == ""
    x = load("digits").x_test
    assert set(result.network.predict(x)) <= set("0123456789")


def table(rows=80):
    """Rows whose number follows from two columns of text and one number, in no sorted order."""
    zones, kinds = ("south", "east", "north"), ("used", "new")
    return [
        {"zone": zones[i % 3], "size": float(i % 7), "kind": kinds[i % 2], "sold": "yn"[i % 5 > 1]}
        for i in range(rows)
    ]


def as_columns(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("source", ["digits", "table", "numbers", "labels", "arrays", "pictures"])
def test_all_doors_give_the_same_answers(source, tmp_path, capsys):
    """File and Python, saved and not, `predict` and `evaluate`: example by example."""
    rng = np.random.default_rng(0)
    config = {**SMALL, "epochs": 3}
    if source == "digits":
        data = "digits"
    elif source == "table":
        data, config["target"] = table(), "sold"
    elif source == "numbers":
        data = [row | {"price": row["size"] * 10 + len(row["zone"])} for row in table()]
        config["target"] = "price"
    elif source == "labels":
        data = (rng.normal(size=(60, 3)), rng.integers(0, 2, size=(60, 2)))
    elif source == "arrays":
        data = (rng.normal(size=(60, 3)), rng.integers(0, 3, size=60))
    else:
        data = (rng.integers(0, 255, size=(40, 6, 6), dtype=np.uint8), rng.integers(0, 2, size=40))
    result = jaxmlp.fit(jaxmlp.Config(**config), data, out=tmp_path / "run")
    saved = jaxmlp.load(tmp_path / "run")
    if source in ("table", "numbers"):
        given = data
        file = tmp_path / "rows.csv"
        names = ["kind", config["target"], "zone", "size"]  # another order than in training
        names += ["sold"] if source == "numbers" else []
        lines = [",".join(str(row[name]) for name in names) for row in data]
        file.write_text("\n".join([",".join(names), *lines]))
    else:
        given = load("digits").x_train if source == "digits" else data[0]
        file = tmp_path / "x.npy"
        np.save(file, given)
    answers = result.network.predict(given)
    np.testing.assert_array_equal(saved.predict(given), answers)
    if source == "numbers":
        np.testing.assert_array_equal(saved.predict(as_columns(given)), answers)
        with pytest.raises(InputError, match="this network predicts numbers"):
            saved.predict_proba(given)
    if source == "table":
        shuffled = {name: as_columns(given)[name] for name in ("kind", "size", "zone")}
        np.testing.assert_array_equal(saved.predict(shuffled), answers)
        np.testing.assert_array_equal(saved.predict(pa.table(shuffled)), answers)
    if source != "numbers":
        p = saved.predict_proba(given)
        assert p.shape == (len(answers), len(saved.classes))
    assert predict.main([str(tmp_path / "run"), str(file), "--json"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    if source == "numbers":
        assert [answer["prediction"]["price"] for answer in said] == list(answers)
        return
    np.testing.assert_array_equal([[*answer["probabilities"].values()] for answer in said], p)
    if source == "labels":
        names = [[n for n, yes in zip(saved.classes, row, strict=True) if yes] for row in answers]
        assert [answer["prediction"] for answer in said] == names
    else:
        assert [answer["prediction"] for answer in said] == list(answers)


@pytest.mark.parametrize("target", ["sold", "price"])
def test_predict_agrees_with_evaluate_and_train_on_a_table(target, tmp_path, capsys):
    """Two columns of text: their inputs once came in another order after loading."""
    rows = [row | {"price": row["size"] * 10 + len(row["zone"])} for row in table(200)]
    names = ["zone", "size", "kind", target]
    lines = [",".join(str(row[name]) for name in names) for row in rows]
    file = tmp_path / "houses.csv"
    file.write_text("\n".join([",".join(names), *lines]))
    line = ["--dataset", str(file), "--epochs", "60", "--valid-size", "0", "--quiet"]
    assert train.main([*line, "--out", str(tmp_path / "run")]) == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert evaluate.main([str(tmp_path / "run"), "--split", "train", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    score = "accuracy" if target == "sold" else "r2"
    assert found[score] == pytest.approx(summary[f"train_{score}"])
    data = load(file)
    answers = jaxmlp.load(tmp_path / "run").answers(data.x_train)
    said = jaxmlp.load(tmp_path / "run").predict([{k: row[k] for k in names} for row in rows])
    if target == "sold":
        assert np.mean(answers.argmax(axis=1) == data.y_train) == pytest.approx(found["accuracy"])
        right = np.mean(said == [row["sold"] for row in rows])
        both = (160 * summary["train_accuracy"] + 40 * summary["test_accuracy"]) / 200
        assert right == pytest.approx(both)
    else:
        mse = np.mean((answers - data.y_train) ** 2)
        assert 1 - mse / np.var(data.y_train) == pytest.approx(found["r2"], abs=1e-4)
        assert np.corrcoef(said, [row["price"] for row in rows])[0, 1] > 0.95


def test_pictures_in_memory_are_read_as_files_are(tmp_path):
    rng = np.random.default_rng(0)
    data = (rng.integers(0, 255, size=(40, 6, 6), dtype=np.uint8), rng.integers(0, 2, size=40))
    network = jaxmlp.fit(jaxmlp.Config(**SMALL), data).network
    pictures = [Image.fromarray(rng.integers(0, 255, (20, 30), dtype=np.uint8)) for _ in range(3)]
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for picture, path in zip(pictures, paths, strict=True):
        picture.save(path)
    p = network.predict_proba(pictures)
    assert p.shape == (3, 2)
    np.testing.assert_array_equal(network.predict_proba(paths), p)
    np.testing.assert_allclose(network.predict_proba(str(paths[1])), p[1:2], rtol=1e-6)
    np.testing.assert_allclose(network.predict_proba(pictures[2]), p[2:], rtol=1e-6)


def test_a_test_part_of_one_s_own():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 3)), rng.integers(0, 3, size=60)
    result = jaxmlp.fit(jaxmlp.Config(**SMALL), ((x[:40], y[:40]), (x[40:], y[40:])))
    assert result.summary["examples"] == {"train": 36, "valid": 4, "test": 20}


@pytest.mark.parametrize(
    ("config", "data", "message"),
    [
        ({"dropout": 1.0}, "digits", r"dropout must be in \[0, 1\), got 1.0"),
        ({"optimizer": "adm"}, "digits", "unknown optimizer 'adm'.*did you mean 'adam'"),
        ({"hidden": 128}, "digits", "hidden must be a list of whole numbers, got 128"),
        ({"epochs": 2.5}, "digits", "epochs must be a whole number, got 2.5"),
        ({"layer_norm": 1}, "digits", "layer_norm must be true or false, got 1"),
        ({}, "nosuch", "unknown data set 'nosuch'"),
        ({}, 7, "data must be the name of a data set, arrays .* or a table, got int"),
        ({"target": "y"}, ([[1.0], [2.0]], [0, 1]), "target does not apply to arrays"),
        ({}, (np.zeros((5, 2)), np.zeros(4)), "expected 5 targets"),
        ({"target": "z"}, {"a": [1.0, 2.0], "b": [0.0, 1.0]}, "the target 'z' is not a column"),
        ({}, {"a": [1.0, 2.0], "b": [0.0]}, "not readable as a table"),
        ({}, ([[1, 2], [3]], [0, 1]), "data in memory: x: expected rows of the same length"),
        ({}, [{"a": 1.5, "y": 0}, {"a": np.inf, "y": 1}] * 9, "row 2: expected a finite number"),
    ],
)
def test_bad_input(config, data, message):
    with pytest.raises(InputError, match=message):
        jaxmlp.fit(jaxmlp.Config(**config), data)


def test_a_data_set_made_by_hand_and_labels_in_words(tmp_path, capsys):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 3)), np.arange(60, dtype=np.int32) % 2
    made = Dataset("mine", x, y, x[:9], y[:9], "binary", ("a", "b"))
    result = jaxmlp.fit(jaxmlp.Config(**SMALL), made, out=tmp_path / "run", quiet=False)
    assert result.summary["provenance"]["source"] == "memory"
    assert "mine, from memory" in capsys.readouterr().out
    words = np.array(["no", "yes"], object)[y]
    assert jaxmlp.fit(jaxmlp.Config(**SMALL), (x, words)).network.classes == ("no", "yes")


def test_a_run_on_data_in_memory_says_why_it_needs_other_data(tmp_path, capsys):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)), rng.integers(0, 3, size=60)
    jaxmlp.fit(jaxmlp.Config(**SMALL), (x, y), out=tmp_path / "run")
    run = str(tmp_path / "run")
    for main, line in ((evaluate.main, [run]), (train.main, ["--resume", run])):
        assert main(line) == 2
        assert "was trained on data in memory" in capsys.readouterr().err


def test_a_configuration_serves_other_data(tmp_path):
    """What belongs to the data of its file is not taken along."""
    out = tmp_path / "one"
    jaxmlp.fit(jaxmlp.Config(**SMALL, target="sold"), table(), out=out)
    line = ["--config", str(out / "config.json"), "--dataset", "breast_cancer", "--quiet"]
    assert train.main([*line, "--out", str(tmp_path / "two")]) == 0


def test_idle_numbers_do_not_stand_in_the_way_of_resuming(tmp_path):
    """The same command line with --resume: options that the rule does not use change nothing."""
    for number, options in enumerate(("sgd --weight-decay 0", "adam --momentum 0.5 --decay 0.5")):
        line = f"--dataset xor --epochs 2 --optimizer {options} --quiet".split()
        run = str(tmp_path / str(number))
        assert train.main([*line, "--out", run]) == 0
        assert train.main([*line, "--resume", run]) == 0
        assert train.main([*line, "--weight-decay", "0.5", "--resume", run]) == 2


def test_bad_input_of_a_network(digits_run, tmp_path):
    with pytest.raises(InputError, match="there is no run folder"):
        jaxmlp.load(tmp_path / "nowhere")
    network = jaxmlp.load(digits_run)
    for inputs, message in (
        (np.zeros((3, 5)), r"expected examples of shape \(8, 8, 1\)"),
        (np.full((1, 8, 8), np.nan), "expected finite numbers"),
        (np.array(["a"]), "expected numbers"),
        (tmp_path / "no.png", "no such file"),
        ({"a": [1.0]}, "expected 64 columns"),
    ):
        with pytest.raises(InputError, match=message):
            network.predict(inputs)


@pytest.mark.filterwarnings("ignore:overflow")
def test_an_answer_that_is_no_number_is_an_error(tmp_path, capsys):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 3)), rng.integers(0, 3, size=60)
    config = jaxmlp.Config(**SMALL, preprocessing="zscore")  # robust scaling bends it to 3
    network = jaxmlp.fit(config, (x, y), out=tmp_path / "run").network
    x[4, 1] = 1e300
    with pytest.raises(InputError, match=r"no answer for example 4, .* too large for float32"):
        network.predict(x)
    np.save(tmp_path / "x.npy", x)
    assert predict.main([str(tmp_path / "run"), str(tmp_path / "x.npy"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


def test_numpy_s_numbers_and_lists_serve_as_options():
    config = jaxmlp.Config(hidden=[np.int64(3)], epochs=np.int32(2), dropout=np.float32(0.5))
    assert config == jaxmlp.Config(hidden=(3,), epochs=2, dropout=0.5)
    assert json.dumps(config.to_dict())


def test_the_script_runs_every_command(capsys):
    assert script.main([]) == 0
    shown = capsys.readouterr().out
    for name, (module, text) in script.COMMANDS.items():
        assert f"  {name} " in shown
        assert text in shown
        command = __import__(module, fromlist=["make_parser"])
        assert command.make_parser().description.startswith(text)
    assert script.main(["--version"]) == 0
    assert capsys.readouterr().out == f"jaxmlp {jaxmlp.__version__}\n"
    assert script.main(["trian"]) == 2
    assert "did you mean 'train'?" in capsys.readouterr().err
    project = tomllib.loads((Path(jaxmlp.__file__).parents[1] / "pyproject.toml").read_text())
    assert project["project"]["scripts"] == {"jaxmlp": "jaxmlp.__main__:run"}


def test_a_command_of_the_script_is_the_module(tmp_path):
    line = ["train", "--dataset", "xor", "--epochs", "2", "--quiet", "--out", str(tmp_path / "run")]
    finished = subprocess.run([sys.executable, "-m", "jaxmlp", *line], check=False)
    assert finished.returncode == 0
    assert (tmp_path / "run" / "model.safetensors").exists()
