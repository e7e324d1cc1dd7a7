"""The page's scripts in V8, without a page: what they compute, by name."""

import json
from pathlib import Path
from typing import Any

from py_mini_racer import MiniRacer

from jaxmlp.play.content import content_of
from jaxmlp.play.engine import engine
from jaxmlp.play.page import HERE, SCRIPTS, as_json

LESSONS = json.loads((HERE / "lessons.json").read_text(encoding="utf-8"))
LESSON_BY_ID = {lesson["id"]: lesson for lesson in LESSONS}
ASKED = Path(__file__).parent / "asked.js"  # what the tests ask for


class PageScripts:
    """The scripts of the page in V8, with its usual content."""

    def __init__(self) -> None:
        self.v8 = MiniRacer()
        self.v8.eval(engine())
        for name in SCRIPTS[:-1]:  # the last one needs a page
            self.v8.eval((HERE / f"{name}.js").read_text(encoding="utf-8"))
        self.v8.eval(f"const content = {as_json(content_of())};")
        self.v8.eval(ASKED.read_text(encoding="utf-8"))

    def ask(self, name: str, value: Any = None) -> Any:
        """Call a function of `asked`, and return its answer; infinities and NaN become `None`."""
        return json.loads(self.v8.eval(f"JSON.stringify(asked.{name}({as_json(value)}))"))
