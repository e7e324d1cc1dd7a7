"""`python -m jaxmlp.predict` and `evaluate`: pictures, arrays, tables, and what is printed."""

import json
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxmlp
from jaxmlp import DataWarning, evaluate, predict, train
from jaxmlp.data import load
from tests.helpers import assert_refused

pytestmark = pytest.mark.usefixtures("compile_quickly")

IRIS = str(Path(__file__).parent / "runs" / "version_0_1_0" / "whole")


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("size", [8, 40, 13])
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_pictures_of_any_size(capsys, tmp_path, digits_run, size, inverted, suffix):
    """A digit enlarged, and black on white, is still read; most of twenty, as not all survive."""
    digits = load("digits")
    files = []
    for number in range(20):
        picture = np.asarray(digits.x_test[number, :, :, 0] / 16 * 255, np.uint8)
        picture = 255 - picture if inverted else picture
        files.append(str(tmp_path / f"{number}.{suffix}"))
        Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC).save(files[-1])
    assert predict.main([str(digits_run), *files, "--json"]) == 0
    captured = capsys.readouterr()
    answers = [json.loads(line) for line in captured.out.splitlines()]
    assert [answer["input"] for answer in answers] == files
    assert captured.err.count("inverted") == (20 if inverted else 0)
    right = [int(a["prediction"]) == y for a, y in zip(answers, digits.y_test[:20], strict=True)]
    assert np.mean(right) >= 0.8
    assert all(sum(a["probabilities"].values()) == pytest.approx(1, abs=1e-5) for a in answers)


def test_a_table_with_words(capsys, tmp_path):
    """Trained on a CSV with a category, used on another one without the target."""
    rng = np.random.default_rng(0)
    rows = ["height,colour,kind"]
    for _ in range(300):
        height, colour = rng.normal(), rng.choice(["red", "green"])
        kind = "tall" if height + (colour == "red") > 0.5 else "small"
        rows.append(f"{height:.4f},{colour},{kind}")
    (tmp_path / "train.csv").write_text("\n".join(rows))
    (tmp_path / "new.csv").write_text("colour,height\nred,3\ngreen,-2\nred,-2\n")
    out = str(tmp_path / "run")
    assert train.main(["--dataset", str(tmp_path / "train.csv"), "--quiet", "--out", out]) == 0
    assert predict.main([out, str(tmp_path / "new.csv"), "--json"]) == 0
    answers = lines(capsys)
    assert [a["prediction"] for a in answers] == ["tall", "small", "small"]
    assert answers[0]["input"] == f"{tmp_path}/new.csv row 1"
    assert evaluate.main([out, "--json"]) == 0
    assert lines(capsys)[0]["accuracy"] > 0.9


@pytest.mark.parametrize("target", ["column1", "column3"])
def test_a_table_without_a_header(capsys, tmp_path, target):
    """New rows have no header either, with the target or without it; each answer is the same."""
    rng = np.random.default_rng(1)
    rows = []
    for _ in range(200):
        colour, size = rng.choice(["red", "green"]), rng.choice([1.0, 2.0, 3.0])
        kind = "b" if (colour == "red") == (size > 1.5) else "a"
        rows.append([kind, colour, size] if target == "column1" else [size, colour, kind])

    def write(name, rows):
        (tmp_path / name).write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
        return str(tmp_path / name)

    place = int(target[-1]) - 1
    whole = write("whole.csv", rows)
    bare = write("bare.csv", [row[:place] + row[place + 1 :] for row in rows])
    narrow = write("narrow.csv", [row[:1] for row in rows])
    out = str(tmp_path / "run")
    options = ["--target", target, "--epochs", "60", "--quiet", "--out", out]
    assert train.main(["--dataset", whole, *options]) == 0
    assert predict.main([out, whole, "--json"]) == 0
    answers = lines(capsys)
    assert np.mean([a["prediction"] == r[place] for a, r in zip(answers, rows, strict=True)]) == 1
    assert predict.main([out, bare, "--json"]) == 0
    assert [a["probabilities"] for a in lines(capsys)] == [a["probabilities"] for a in answers]
    assert evaluate.main([out, "--json"]) == 0
    assert lines(capsys)[0]["accuracy"] == 1
    assert predict.main([out, narrow]) == 2
    assert "expected 3 columns, or 2 without the target, got 1" in capsys.readouterr().err


def test_a_table_whose_columns_come_in_another_order(capsys, tmp_path):
    """`evaluate` finds the inputs and the target by their names, as `predict` does."""
    rng = np.random.default_rng(2)
    rows = []
    for _ in range(200):
        zone, kind, size = rng.choice(["n", "s"]), rng.choice(["p", "q", "r"]), rng.normal()
        rows.append((zone, kind, f"{size:.3f}", "yes" if (zone == "n") == (kind == "p") else "no"))
    names = ("zone", "kind", "size", "sold")

    def write(name, order):
        lines = [",".join(row[i] for i in order) for row in (names, *rows)]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return str(tmp_path / name)

    out, usual = str(tmp_path / "run"), write("usual.csv", (0, 1, 2, 3))
    assert train.main(["--dataset", usual, "--epochs", "60", "--quiet", "--out", out]) == 0
    assert evaluate.main([out, "--json"]) == 0
    result = lines(capsys)[-1]
    assert (result["split"], result["examples"]) == ("test", 40)
    answers = {}
    for name, order in (("usual.csv", (0, 1, 2, 3)), ("other.csv", (3, 2, 1, 0))):
        path = write(name, order)
        assert evaluate.main([out, "--dataset", path, "--json"]) == 0
        printed = capsys.readouterr()
        assert ("also those of the training part" in printed.err) == (name == "usual.csv")
        result = json.loads(printed.out)
        assert (result["split"], result["examples"]) == ("all", 200)
        assert (tmp_path / "run" / "evaluation" / "all-confusion.png").exists()
        assert predict.main([out, path, "--json"]) == 0
        asked = [a["probabilities"] for a in lines(capsys)]
        answers[name] = (result["accuracy"], result["loss"], asked)
    assert answers["usual.csv"] == answers["other.csv"]
    assert answers["usual.csv"][0] > 0.9


def test_regression_answers_in_the_target_s_own_unit(capsys, tmp_path):
    x = np.random.default_rng(0).normal(size=(400, 2))
    y = 1000 + 50 * x[:, 0] - 20 * x[:, 1]
    np.savez(tmp_path / "data.npz", x=x, y=y)
    np.save(tmp_path / "new.npy", np.array([[0.0, 0.0], [1.0, 0.0]]))
    out = str(tmp_path / "run")
    assert train.main(["--dataset", str(tmp_path / "data.npz"), "--quiet", "--out", out]) == 0
    assert predict.main([out, str(tmp_path / "new.npy"), "--json"]) == 0
    values = [next(iter(answer["prediction"].values())) for answer in lines(capsys)]
    assert values == pytest.approx([1000, 1050], abs=5)
    assert evaluate.main([out, "--json"]) == 0
    result = lines(capsys)[0]
    assert result["r2"] > 0.99
    (rmse,), (mae,) = ([v for k, v in result.items() if k.startswith(w)] for w in ("rmse", "mae"))
    assert 0 < mae <= rmse < 5


def test_what_people_read(capsys, tmp_path, digits_run):
    assert evaluate.main([str(digits_run)]) == 0
    shown = capsys.readouterr().out
    for word in ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "confusion"):
        assert word in shown
    np.save(tmp_path / "x.npy", load("digits").x_test[:2])
    assert predict.main([str(digits_run), str(tmp_path / "x.npy")]) == 0
    assert "prediction" in capsys.readouterr().out


def test_the_part_of_other_data_has_its_true_name(capsys, digits_copy, tmp_path):
    """A named set is judged on its test part, a file without parts on all of its examples."""
    digits = load("digits")
    np.savez(tmp_path / "whole.npz", x=digits.x_test, y=digits.y_test)
    parts = {"x_test": digits.x_test[:50], "y_test": digits.y_test[:50]}
    np.savez(tmp_path / "two.npz", x_train=digits.x_train, y_train=digits.y_train, **parts)
    for data, part, count in (
        ("digits", "test", len(digits.x_test)),
        (str(tmp_path / "whole.npz"), "all", len(digits.x_test)),
        (str(tmp_path / "two.npz"), "test", 50),
    ):
        assert evaluate.main([str(digits_copy), "--dataset", data, "--json"]) == 0
        printed = capsys.readouterr()
        result = json.loads(printed.out)
        assert (result["dataset"], result["split"], result["examples"]) == (data, part, count)
        assert "all examples" not in printed.err
        assert (digits_copy / "evaluation" / f"{part}-mistakes.png").exists()


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_each_split_has_the_summary_s_numbers(capsys, digits_run, split):
    assert evaluate.main([str(digits_run), "--split", split, "--json"]) == 0
    result = lines(capsys)[0]
    summary = json.loads((digits_run / "summary.json").read_text())
    assert result["examples"] == summary["examples"][split]
    assert result["accuracy"] == pytest.approx(summary[f"{split}_accuracy"])
    assert result["loss"] == pytest.approx(summary[f"{split}_loss"], rel=1e-4)


def test_arrays_in_every_layout_and_scale_get_the_same_answers(capsys, tmp_path, digits_run):
    """Bytes, floats in [0, 1], flat, channels first: the command and the library say the same."""
    x = load("digits").x_test[:5]
    network = jaxmlp.load(digits_run)
    expected = network.predict_proba(x)
    for given in (x / 16, x / np.float32(16), x[..., 0] / 16, np.moveaxis(x, -1, 1)):
        np.save(tmp_path / "x.npy", given)
        assert predict.main([str(digits_run), str(tmp_path / "x.npy"), "--json"]) == 0
        printed = capsys.readouterr()
        answers = [json.loads(line)["probabilities"] for line in printed.out.splitlines()]
        assert np.array_equal([[*a.values()] for a in answers], expected.astype(float))
        scaled = given.dtype != np.uint8
        assert printed.err.count("values up to 1 were multiplied by 16") == scaled
        with pytest.warns(DataWarning) if scaled else nullcontext():
            assert np.array_equal(network.predict_proba(given), expected)
    np.savez(tmp_path / "x.npz", x=load("digits").x_test / 16, y=load("digits").y_test)
    results = []
    for options in ([], ["--dataset", str(tmp_path / "x.npz")]):
        assert evaluate.main([str(digits_run), *options, "--json"]) == 0
        results.append(json.loads(capsys.readouterr().out)["loss"])
    assert results[0] == pytest.approx(results[1], rel=1e-5)


@pytest.mark.usefixtures("drawn")
def test_show_draws_what_the_network_saw(capsys, tmp_path, digits_run):
    np.save(tmp_path / "x.npy", load("digits").x_test[:70])
    file = tmp_path / "seen.png"
    command = [str(digits_run), str(tmp_path / "x.npy"), "--show"]
    assert predict.main([*command, str(file)]) == 0
    printed = capsys.readouterr().err
    assert f"what the network saw is drawn in {file}, the first 64 of 70" in printed
    with Image.open(file) as picture:
        assert np.ptp(np.asarray(picture.convert("L"))) == 255
    assert_refused(
        *(capsys, "predict", predict.main, [*command, "seen.jpg"]),
        "--show must be a .png file, got 'seen.jpg'",
    )
    assert_refused(
        *(capsys, "predict", predict.main, [IRIS, "x.npy", "--show", "seen.png"]),
        "--show must be for a network that sees pictures, got inputs of shape (4,)",
    )


def test_a_folder_of_pictures_by_every_door(capsys, tmp_path):
    """Trained on, judged on new pictures of another size and background, and predicted."""
    digits = load("digits")

    def write(root, x, y, change):
        for number, (image, label) in enumerate(zip(x, y, strict=False)):
            path = tmp_path / root / str(label) / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            change(Image.fromarray(image[..., 0] * 15)).save(path)
        return str(tmp_path / root)

    few = digits.y_train < 3
    folder = write("set", digits.x_train[few][:200], digits.y_train[few], lambda p: p)
    few = digits.y_test < 2  # not all of the classes
    new = write("new", digits.x_test[few], digits.y_test[few], lambda p: negative(p, (40, 40)))
    out = str(tmp_path / "run")
    assert train.main(["--dataset", folder, "--epochs", "20", "--out", out]) == 0
    shown = capsys.readouterr().out
    assert "200 pictures, grey: all of 8 x 8 pixels" in shown
    assert evaluate.main([out, "--json"]) == 0
    assert lines(capsys)[0]["accuracy"] > 0.9
    assert evaluate.main([out, "--dataset", new, "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert (result["split"], result["examples"]) == ("all", few.sum())
    assert f"{few.sum()} pictures: inverted, because the training images have a dark" in printed.err
    assert predict.main([out, new, "--json"]) == 0
    answers = lines(capsys)
    right = [a["prediction"] == Path(a["input"]).parent.name for a in answers]
    assert np.mean(right) == pytest.approx(result["accuracy"])
    assert np.mean(right) > 0.9


def negative(picture, size):
    return Image.eval(picture, lambda value: 255 - value).resize(size, Image.Resampling.BICUBIC)
