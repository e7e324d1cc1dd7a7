"""Picture files of every kind become images like those a network was trained on."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from jaxmlp.data import PictureForm, background, load, read_inputs
from jaxmlp.errors import InputError

SHAPE = (28, 28, 1)


def drawing(ink=0, paper=255, size=(56, 56), mode="L"):
    """Return a picture of a thick bar in the middle of the left half."""
    picture = Image.new(mode, size, paper)
    width, height = size
    box = (width // 8, height // 4, width * 3 // 8, height * 3 // 4)
    ImageDraw.Draw(picture).rectangle(box, fill=ink)
    return picture


def read(path, picture, shape=SHAPE, **options):
    if picture is not None:
        picture.save(path)
    return read_inputs(path, shape, form=PictureForm(**options))


@pytest.mark.parametrize(
    "suffix", ["png", "jpg", "JPEG", "bmp", "gif", "tif", "webp", "pgm", "jp2"]
)
def test_formats(tmp_path, suffix):
    name = f"a.{suffix}"
    inputs = read(tmp_path / name, drawing())
    assert (inputs.x.shape, inputs.x.dtype) == ((1, *SHAPE), np.uint8)
    assert inputs.x[0, 14, 7, 0] < 10  # the bar
    assert inputs.x[0, 14, 21, 0] > 245  # the paper
    assert inputs.names == [str(tmp_path / name)]
    assert inputs.notes == []


def test_picture_of_the_right_size_is_not_touched(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)
    inputs = read(tmp_path / "a.png", Image.fromarray(image[..., 0]))
    assert np.array_equal(inputs.x[0], image)


@pytest.mark.parametrize("size", [(28, 28), (100, 100), (5, 5), (300, 280)])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "F"])
def test_modes_and_sizes(tmp_path, size, mode):
    picture = drawing(size=size)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 256)
    elif mode == "F":
        picture = Image.fromarray(np.asarray(picture, np.float32) / 255)
    else:
        picture = picture.convert(mode)
    inputs = read(tmp_path / ("a.tif" if mode in ("CMYK", "F") else "a.png"), picture)
    assert inputs.x.shape == (1, *SHAPE)
    assert inputs.x[0, 14, 7, 0] < 30
    assert inputs.x[0, 14, 22, 0] > 225


@pytest.mark.parametrize(
    ("ink", "paper", "ground", "inverted"),
    [
        (0, 255, "dark", True),
        (255, 0, "dark", False),
        (0, 255, "light", False),
        (255, 0, "light", True),
        (0, 255, None, False),
        (60, 200, "dark", True),  # a pale scan
    ],
)
def test_ground_is_that_of_the_training_images(tmp_path, ink, paper, ground, inverted):
    path = tmp_path / "a.png"
    inputs = read(path, drawing(ink, paper), background=ground)
    expected = (255 - ink, 255 - paper) if inverted else (ink, paper)
    assert (inputs.x[0, 14, 7, 0], inputs.x[0, 14, 21, 0]) == expected
    note = f"{path}: inverted, because the training images have a {ground} background"
    assert inputs.notes == ([note] if inverted else [])


@pytest.mark.parametrize("ink", [0, 255])
def test_transparency_is_laid_on_the_other_colour(tmp_path, ink):
    clear = (ink, ink, ink, 0)  # transparent in the very colour of the ink
    picture = drawing((ink, ink, ink, 255), clear, mode="RGBA")
    inputs = read(tmp_path / "a.png", picture, background="dark")
    assert inputs.x[0, 14, 7, 0] == 255
    assert inputs.x[0, 14, 21, 0] == 0
    assert len(inputs.notes) == (ink == 0)


def test_wholly_transparent_picture_is_blank(tmp_path):
    picture = Image.new("RGBA", (9, 9), (0, 0, 0, 0))
    assert (read(tmp_path / "a.png", picture, background="dark").x == 0).all()


@pytest.mark.parametrize("size", [(40, 80), (80, 40)])
@pytest.mark.parametrize(("ground", "paper"), [("light", 200), ("dark", 55)])
def test_aspect_is_kept_and_the_rest_is_paper(tmp_path, size, ground, paper):
    x = read(tmp_path / "a.png", drawing(0, 200, size), background=ground).x[0, :, :, 0]
    rows, columns = np.nonzero(np.abs(x.astype(int) - paper) > 100)
    bar = (rows.max() - rows.min() + 1) / (columns.max() - columns.min() + 1)
    assert bar == pytest.approx(size[1] / 2 / (size[0] / 4), rel=0.15)  # as it was drawn
    assert (x[[0, 0, -1, -1], [0, -1, 0, -1]] == paper).all()


def test_image_need_not_be_square(tmp_path):
    x = read(tmp_path / "a.png", drawing(size=(120, 40)), shape=(20, 60, 1)).x
    assert x.shape == (1, 20, 60, 1)
    assert x[0, 10, 15, 0] < 10
    assert x[0, 10, 45, 0] > 245


def test_colour(tmp_path):
    picture = drawing((250, 10, 20), (0, 0, 0), mode="RGB")
    x = read(tmp_path / "a.png", picture, shape=(28, 28, 3), background="dark").x
    assert x[0, 14, 7].tolist() == [250, 10, 20]
    grey = read(tmp_path / "a.png", None, shape=SHAPE).x[0, 14, 7, 0]
    assert grey == round(0.299 * 250 + 0.587 * 10 + 0.114 * 20)


def test_white_of_the_training_images(tmp_path):
    """The 8x8 digits count from 0 to 16."""
    x = read(tmp_path / "a.png", drawing(), shape=(8, 8, 1), background="dark", white=16).x
    assert x.dtype == np.uint8
    assert (x.min(), x.max()) == (0, 16)


def test_camera_orientation(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3  # the camera was held upside down
    drawing().save(tmp_path / "a.jpg", exif=exif)
    x = read(tmp_path / "a.jpg", None).x
    assert x[0, 14, 20, 0] < 10


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (
            b"no picture",
            {},
            "the file cannot be read as a picture: expected PNG, JPEG, GIF, BMP",
        ),
        (b"\x89PNG\r\n\x1a\n", {}, "the file cannot be read as a picture: "),
        ("half", {}, "the file cannot be read as a picture: "),
        (
            "whole",
            {"shape": (4,)},
            "the network's input shape must be (H, W, 1) or (H, W, 3), got (4,)",
        ),
        (
            "whole",
            {"shape": (4, 4, 2)},
            "the network's input shape must be (H, W, 1) or (H, W, 3), got (4, 4, 2)",
        ),
    ],
)
def test_what_is_no_picture(tmp_path, content, options, message):
    path = tmp_path / "a.png"
    drawing(size=(500, 500)).save(path)
    data = path.read_bytes()
    path.write_bytes({"half": data[: len(data) // 2], "whole": data}.get(content, content))
    with pytest.raises(InputError) as error:
        read(path, None, **options)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"background": "grey"}, "background must be dark, light or none, got 'grey'"),
        ({"white": 0}, "white must be positive, got 0"),
    ],
)
def test_options(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path / "a.png", drawing(), **options)


def test_background():
    digits = load("mnist_5k").x_train
    assert background(digits) == "dark"
    assert background(255 - digits) == "light"
    assert background(load("digits").x_train) == "dark"
    noise = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3)).astype(np.uint8)
    assert background(noise) is None
