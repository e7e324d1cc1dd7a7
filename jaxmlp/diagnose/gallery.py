"""The pictures of a diagnosis: each is a function in a module of its own, named in `PICTURES`."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jaxmlp.config.own_files import Files
from jaxmlp.diagnose.boundary import draw_boundary
from jaxmlp.diagnose.evidence import NEEDS_PARTS, Evidence
from jaxmlp.diagnose.pictures import draw_watch
from jaxmlp.diagnose.subject import Subject
from jaxmlp.diagnose.surface import draw_surface
from jaxmlp.diagnose.weights import draw_weights
from jaxmlp.files import usable_path


class Picture(NamedTuple):
    """One kind of picture of a run's network.

    Attributes:
      name: what it shows.
      draw: `(subject, out) -> files`: draws it into the folder `out`. It returns the files that it
        wrote, or, in one line, why it does not apply to this run.
    """

    name: str
    draw: Callable[[Subject, Path], "list[Path] | str"]


PICTURES = (
    Picture("decision boundary", draw_boundary),
    Picture("picture of the first layer's weights", draw_weights),
    Picture("loss surface", draw_surface),
)


def draw_one(picture: Picture, subject: Subject | str, out: Path) -> list[Path] | str:
    """Draw a picture of a run.

    Args:
      picture: the kind of picture.
      subject: the run; or why it has no network.
      out: the folder for the pictures.

    Returns:
      The files; or, in one line, why there is no such picture.

    Raises:
      InputError: if a file of the run is damaged.
      OSError: if a picture cannot be written.
    """
    drawn = subject if isinstance(subject, str) else picture.draw(subject, out)
    return f"no {picture.name}: {drawn}" if isinstance(drawn, str) else drawn


def draw_all(found: Evidence, out: Path, parts: Files) -> tuple[list[Path], list[str]]:
    """Draw every picture that applies to a run.

    Args:
      found: what the run left.
      out: the folder for the pictures; it is made if there is none.
      parts: the files of the parts of one's own that the run was made with.

    Returns:
      The files, and for each picture that does not apply the reason.

    Raises:
      InputError: if a file of the run is damaged, or there can be no such folder.
      OSError: if a picture cannot be written.
    """
    usable_path(out, "the folder for the pictures").mkdir(parents=True, exist_ok=True)
    drawn = [draw_watch(found, out)]
    if found.needs_parts:
        drawn.insert(0, f"no pictures of the network: {NEEDS_PARTS}")
    else:
        subject = Subject.open(found.path, parts)
        drawn += [draw_one(picture, subject, out) for picture in PICTURES]
    files = [file for each in drawn if not isinstance(each, str) for file in each]
    return files, [reason for reason in drawn if isinstance(reason, str)]
