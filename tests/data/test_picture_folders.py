"""Folders of pictures: classes, parts, sizes and colours; what is passed over is said."""

import shutil

import numpy as np
import pytest
from PIL import Image

from jaxmlp.config.options import Config
from jaxmlp.data import PictureForm, PictureReading, load, read_inputs
from jaxmlp.errors import InputError
from jaxmlp.runs.data import whole_path

RNG = np.random.default_rng(0)


def picture(size=(8, 6), mode="L", seed=0):
    """Return a picture of given width and height: noise on a dark border."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    pixels[[0, -1]] = pixels[:, [0, -1]] = 0
    return Image.fromarray(pixels).convert(mode)


@pytest.fixture
def make(tmp_path):
    """Return a function that writes pictures by their names, and returns the folder."""

    def make(files, root="set"):
        for seed, (name, given) in enumerate(files.items()):
            path = tmp_path / root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(given, bytes):
                path.write_bytes(given)
            else:
                (picture(seed=seed) if given is None else given).save(path)
        return tmp_path / root

    return make


TEN = {f"{'cat' if i % 2 else 'dog'}/{i}.png": None for i in range(10)}


def test_a_subfolder_a_class(make):
    """Pictures of one size are kept to the last pixel; a fifth is held out."""
    folder = make(TEN)
    dataset = load(folder)
    assert (dataset.task, dataset.classes) == ("binary", ("cat", "dog"))
    assert (dataset.x_train.shape, dataset.x_test.shape) == ((8, 6, 8, 1), (2, 6, 8, 1))
    kept = {x.tobytes(): y for x, y in zip(dataset.x_train, dataset.y_train, strict=True)}
    for name in TEN:
        pixels = np.asarray(Image.open(folder / name)).tobytes()
        assert kept.get(pixels, "dog" in name) == ("dog" in name)
    assert dataset.provenance["decisions"] == ["10 pictures, grey: all of 6 x 8 pixels"]
    assert load(folder).provenance["checksum"] == dataset.provenance["checksum"]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16"])
def test_kinds_of_pictures_beside_each_other(make, mode):
    """One coloured picture makes all of them coloured; else all are grey, whatever their mode."""
    suffix = "tif" if mode == "CMYK" else "png"
    grey = picture().convert("L")
    if mode == "I;16":
        odd = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    else:
        odd = grey.convert(mode)
    folder = make({**TEN, f"cat/odd.{suffix}": odd})
    assert load(folder).input_shape == (6, 8, 1)
    picture(mode="RGB").save(folder / "cat" / "coloured.jpg")
    assert load(folder).input_shape == (6, 8, 3)


def test_sizes_are_fitted(make):
    """To the median, at most 64, or to what is asked for; no picture is stretched."""
    bar = Image.new("L", (300, 100), 255)
    files = {f"{'ab'[i % 2]}/{i}.png": picture((40 + i, 30)) for i in range(9)}
    folder = make({**files, "a/bar.png": bar, "b/bar.jpg": bar})
    dataset = load(folder)
    assert dataset.input_shape == (30, 45, 1)
    words = dataset.provenance["decisions"][0]
    assert words.startswith("11 pictures, grey: fitted into 30 x 45 pixels, with their aspect kept")
    assert words.endswith("they have 30 x 40 to 100 x 300")
    assert load(folder, picture_size=20).input_shape == (20, 20, 1)
    large = make({f"{'ab'[i % 2]}/{i}.png": picture((400 + i, 200)) for i in range(4)}, "large")
    assert load(large).input_shape == (32, 64, 1)


def test_a_camera_held_upright(make):
    """The size is that of the picture as it is looked at."""
    exif = Image.Exif()
    exif[0x0112] = 6
    folder = make(TEN)
    picture((6, 8)).save(folder / "cat" / "turned.jpg", exif=exif)
    assert load(folder).input_shape == (6, 8, 1)


LAYOUTS = {  # names; training, validation and test examples
    "train, test": ({"train": 6, "test": 4}, (6, 0, 4)),
    "three parts": ({"Training": 6, "valid": 2, "Testing": 2}, (8, 2, 2)),
    "train, val": ({"train": 6, "val": 4}, (6, 0, 4)),
    "sets": ({"training_set/training_set": 6, "test_set/test_set": 4}, (6, 0, 4)),
    "only train": ({"train": 10}, (8, 0, 2)),
    "a wrapper": ({"archive": 10}, (8, 0, 2)),
    "with others": ({"train": 6, "test": 4, "notes/deep": 1}, (6, 0, 4)),
}


@pytest.mark.parametrize(("parts", "sizes"), LAYOUTS.values(), ids=LAYOUTS)
def test_parts(make, parts, sizes):
    dataset = load(
        make({f"{p}/{'ab'[i % 2]}/deep/{i}.png": None for p, n in parts.items() for i in range(n)})
    )
    assert (len(dataset.x_train), dataset.valid, len(dataset.x_test)) == sizes
    assert dataset.classes == ("a", "b")
    said = (
        "1 folder beside the training part passed over: notes/" in dataset.provenance["decisions"]
    )
    assert said == ("notes/deep" in parts)


def test_a_class_may_be_called_train(make):
    assert load(
        make({f"{c}/{i}.png": None for c in ("car", "train") for i in range(3)})
    ).classes == (*("car", "train"),)


def test_what_is_passed_over_is_counted(make):
    clutter = {
        **dict.fromkeys(["cat/.DS_Store", "dog/Thumbs.db", "__MACOSX/x.png", ".git/x.png"], b"x"),
        **dict.fromkeys(["README.md", "cat/labels.csv"], b"x"),
        "loose.png": None,
        "empty/notes.txt": b"x",
    }
    notes = load(make({**TEN, **clutter})).provenance["decisions"]
    assert notes[1:] == [
        "4 hidden files passed over: .git, __MACOSX, .DS_Store, Thumbs.db",
        "3 files that by name are no pictures passed over: README.md, labels.csv, notes.txt",
        "1 picture in no class folder passed over: loose.png",
        "1 class folder without pictures left out: empty",
    ]


BAD = {
    "damaged": ({**TEN, "cat/x.png": b"no"}, "cat/x.png: the file cannot be read as a picture"),
    "empty": ({**TEN, "cat/x.png": b""}, "cat/x.png: the file is empty"),
    "no suffix": ({**TEN, "dog/data": b"no"}, "dog/data: the file cannot be read as a picture"),
    "no folders": ({"1.png": None, "2.png": None}, "each class, got 2 pictures in no subfolder"),
    "nothing": ({"a/b.txt": b"x"}, "expected a subfolder with pictures for each class, got no pic"),
    "flat parts": ({"train/1.png": None, "test/1.png": None}, "for each class in train/, got pict"),
    "one class": ({"a/1.png": None, "a/2.png": None}, "at least two class folders, got only 'a'"),
    "strange": (
        {**{f"train/{k}": v for k, v in TEN.items()}, "test/fox/1.png": None},
        "expected in test/ the classes of train/, cat, dog; got also fox",
    ),
}


@pytest.mark.parametrize(("files", "message"), BAD.values(), ids=BAD)
def test_folders_that_are_refused(make, files, message):
    folder = make(files)
    with pytest.raises(InputError) as error:
        load(folder)
    assert str(error.value).startswith(str(folder))
    assert message in str(error.value)


def test_memory_and_options(make, monkeypatch):
    folder = make(TEN)
    with pytest.raises(InputError, match="picture_size applies only to folders of pictures"):
        load("iris", picture_size=8)
    with pytest.raises(InputError, match="picture_size must be from 1 to 4096, got 0"):
        Config(picture_size=0)
    monkeypatch.setenv("JAXMLP_MEMORY", "1k")
    with pytest.raises(InputError, match="10 pictures of shape"):
        load(folder)


def test_a_network_reads_a_folder_as_it_reads_each_file(make):
    """All are judged, in the order of the network's classes; a strange class is refused."""
    names = [f"{'ox' if i % 2 else 'elk'}/{i}.png" for i in range(6)]
    folder = make({name: picture((20, 10 + i), "RGB") for i, name in enumerate(names)})
    form = PictureForm("light", 1.0, scaled=True)
    shape = (7, 9, 1)
    dataset = load(folder, pictures=PictureReading(shape, form, ("ox", "elk", "emu")))
    files = [folder / name for name in sorted(names)]
    each = [read_inputs(file, shape, form=form) for file in files]
    assert np.array_equal(dataset.x_test, np.concatenate([one.x for one in each]))
    assert [len(one.notes) for one in each] == [1] * 6
    inverted = "6 pictures: inverted, because the training images have a light background"
    assert dataset.provenance["decisions"] == [inverted]
    assert dataset.y_test.tolist() == [1, 1, 1, 0, 0, 0]
    together = read_inputs(folder, shape, form=form)
    assert np.array_equal(together.x, dataset.x_test)
    assert together.names == [str(file) for file in files]
    with pytest.raises(InputError, match="named after the network's classes, cat, ox; got elk"):
        load(folder, pictures=PictureReading(shape, form, ("cat", "ox")))
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(InputError, match="expected pictures in the folder, got none"):
        read_inputs(folder, shape)


def test_the_path_of_a_run(tmp_path, monkeypatch):
    """A folder is found from anywhere; the name of a data set is no folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("pets", "mnist"):
        (tmp_path / name).mkdir()
    assert whole_path("pets") == str(tmp_path / "pets")
    assert whole_path("mnist") == "mnist"
    assert whole_path("./mnist") == str(tmp_path / "mnist")
    assert whole_path("iris") == "iris"
