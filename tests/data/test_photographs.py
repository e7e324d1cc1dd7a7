"""Drawings on paper are cut out, scaled and centred as the training drawings were."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from jaxmlp.data import form_of_pictures, load, read_inputs
from jaxmlp.data.drawings import Drawing, drawing_of
from jaxmlp.data.pictures import fit_picture

SHAPE = (28, 28, 1)
PENS = ((40, 55, 150), (30, 30, 32), (190, 40, 40))
MNIST = load("mnist_5k")
FORM = form_of_pictures(MNIST.x_train, 0, 255, np.arange(4000))


def photograph(digit, rng, pen, size=(480, 360), side=120):
    """Return a digit somewhere on a sheet, with a gradient, a shadow, a table's edge and noise."""
    ink = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    width, height = size
    # away from the table, and beside the shadow's edge
    x, y = int(rng.integers(40, width - side)), int(rng.integers(20, height // 2 - side + 20))
    amount = np.zeros((height, width, 1))
    amount[y : y + side, x : x + side, 0] = np.asarray(ink) / 255
    pixels = np.array([235, 230, 222]) * (1 - amount) + np.array(pen) * amount
    pixels *= np.linspace(1.0, 0.6, width)[:, None]
    pixels[height // 2 + 30 :] *= 0.5  # the shadow of a hand
    pixels[:, :25] = (90, 60, 40)  # the table
    pixels += rng.normal(0, 4, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def test_photographs_are_read_like_the_digits_themselves(tmp_path):
    """A nearest neighbour reads as many; each looks like its digit, also turned by the camera."""
    from sklearn.neighbors import KNeighborsClassifier

    rng = np.random.default_rng(0)
    reader = KNeighborsClassifier(1).fit(MNIST.x_train[::4].reshape(1000, -1), MNIST.y_train[::4])
    some = rng.choice(1000, 12, replace=False)
    exif = Image.Exif()
    exif[0x0112] = 6
    seen = []
    for number, digit in enumerate(MNIST.x_test[some, ..., 0]):
        picture = photograph(
            digit, rng, pen=[(40, 55, 150), (30, 30, 32), (190, 40, 40)][number % 3]
        )
        if number % 2:
            picture.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.jpg", exif=exif)
        else:
            picture.save(tmp_path / "a.jpg")
        inputs = read_inputs(tmp_path / "a.jpg", SHAPE, form=FORM)
        seen.append(inputs.x[0])
        said = "a.jpg: the drawing was cut out, scaled into 20 x 20 pixels and centred, as those of"
        assert said in inputs.notes[0]
    right = {
        name: int(np.sum(reader.predict(np.reshape(x, (12, -1))) == MNIST.y_test[some]))
        for name, x in (("digits", MNIST.x_test[some]), ("photographs", seen))
    }
    assert right["photographs"] >= right["digits"] - 1 >= 9
    alike = [
        np.corrcoef(a.ravel(), b.ravel())[0, 1]
        for a, b in zip(seen, MNIST.x_test[some], strict=True)
    ]
    assert np.median(alike) > 0.85  # rounding may move a digit by a pixel


def drawn(ink, paper, size, box, width, mode="RGB"):
    """Return a picture of a ring in a box."""
    picture = Image.new(mode, size, paper)
    ImageDraw.Draw(picture).ellipse(box, outline=ink, width=width)
    return picture


RINGS = {
    "thin pen": drawn((20, 20, 120), "white", (800, 600), (100, 80, 240, 280), 3),
    "marker": drawn("black", (250, 248, 240), (800, 600), (300, 200, 510, 500), 60),
    "paint": drawn("black", "white", (64, 64), (5, 5, 26, 35), 4),
    "chalk": drawn((230, 230, 220), (40, 70, 50), (800, 600), (400, 250, 540, 450), 14),
    "large sheet": drawn((30, 30, 30), "white", (1600, 1200), (1200, 900, 1250, 970), 7),
    "pale": drawn((90, 90, 90), (150, 150, 150), (600, 400), (200, 100, 330, 280), 18),
    "clear": drawn((0, 0, 0, 255), (0, 0, 0, 0), (300, 300), (60, 60, 165, 210), 16, "RGBA"),
}


@pytest.mark.parametrize("picture", RINGS.values(), ids=RINGS)
@pytest.mark.parametrize("background", ["dark", "light"])
def test_every_pen_and_paper(picture, background):
    """The ring is 20 pixels high, in the middle, empty inside, on the training background."""
    image, notes = fit_picture(picture, SHAPE, FORM._replace(background=background))
    ink = image[0, ..., 0] if background == "dark" else 255 - image[0, ..., 0]
    rows, columns = np.nonzero(ink > 100)
    assert np.ptp(rows) + 1 in (19, 20)
    assert np.ptp(columns) + 1 in range(12, 17)
    assert abs((rows.min() + rows.max()) / 2 - 14) <= 1
    assert abs((columns.min() + columns.max()) / 2 - 14) <= 1
    assert ink[14, 14] < 60
    assert ink.max() > 200
    assert len(notes) == 1


def test_what_is_left_as_it_is():
    """A picture of the training size is not touched, and a blank one is said to be blank."""
    digit = np.roll(MNIST.x_test[0], 4, axis=0)
    image, notes = fit_picture(Image.fromarray(digit[..., 0]), SHAPE, FORM)
    assert np.array_equal(image[0], digit)
    assert notes == []
    image, notes = fit_picture(Image.new("L", (90, 60), 200), SHAPE, FORM)
    assert np.ptp(image) == 0
    assert notes[0] == "the picture: no drawing was found; the picture is taken whole"


def scaled(box, rng, mass):
    """Return ellipses of a box, in pictures of 28 x 28, centred by the middle of their box."""
    y, x = np.mgrid[:28, :28] - 13.5
    half = rng.uniform(0.5, 1) * box / 2
    ring = (y / (box / 2)) ** 2 + (x / half) ** 2
    return 255 * ((ring <= 1) & (ring > (0.5 if mass else 0.6)))


def test_which_training_pictures_are_drawings():
    assert FORM.drawing == Drawing(20, True, (14.0, 14.0))
    light = drawing_of(255 - MNIST.x_train, "light")
    assert light == FORM.drawing
    rng = np.random.default_rng(0)
    rings = np.array([scaled(24, rng, False) for _ in range(50)])[..., None].astype(np.uint8)
    rings[:, :, 14:] //= 4  # the mass is not in the middle, by another amount in each
    found = drawing_of(rings, "dark")
    assert found is not None
    assert found.box == 24
    moved = np.stack([np.roll(d, rng.integers(-4, 5, 2), (0, 1)) for d in MNIST.x_train[::40]])
    for images, background in (
        (load("digits").x_train, "dark"),
        (moved, "dark"),
        (MNIST.x_train, None),
        (np.repeat(MNIST.x_train[::9], 3, axis=-1), "dark"),
        (rng.integers(0, 256, (50, 28, 28, 1)), "dark"),
    ):
        assert drawing_of(images, background) is None
