"""The pictures of a diagnosis: each is a function in a module of its own, named in `PICTURES`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from jaxmlp.diagnose.boundary import draw_boundary
from jaxmlp.diagnose.evidence import Evidence
from jaxmlp.diagnose.pictures import draw_watch
from jaxmlp.diagnose.surface import draw_surface
from jaxmlp.diagnose.weights import draw_weights
from jaxmlp.files import usable_path

Picture = Callable[[Path, Path], "list[Path] | str"]
"""`(run, out) -> files`: draws one kind of picture of the run in the folder `run` into `out`.

It returns the files that it wrote, or, in one line, why it does not apply to this run.
"""

PICTURES: tuple[Picture, ...] = (draw_boundary, draw_weights, draw_surface)


def draw_all(found: Evidence, out: Path) -> tuple[list[Path], list[str]]:
    """Draw every picture that applies to a run.

    Args:
      found: what the run left.
      out: the folder for the pictures; it is made if there is none.

    Returns:
      The files, and for each picture that does not apply the reason.

    Raises:
      InputError: if a file of the run is damaged, or there can be no such folder.
      OSError: if a picture cannot be written.
    """
    usable_path(out, "the folder for the pictures").mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    reasons: list[str] = []
    own = [partial(draw, found.path, out) for draw in PICTURES]
    for draw_one in (partial(draw_watch, found, out), *own):
        drawn = draw_one()
        if isinstance(drawn, str):
            reasons.append(drawn)
        else:
            files += drawn
    return files, reasons
