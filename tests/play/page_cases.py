"""The page's scripts in V8, without a page: what they compute, by name."""

import json
from typing import Any

from py_mini_racer import MiniRacer

from jaxmlp.play.content import content_of
from jaxmlp.play.engine import engine
from jaxmlp.play.page import HERE, SCRIPTS, as_json

LESSONS = json.loads((HERE / "lessons.json").read_text(encoding="utf-8"))
LESSON_BY_ID = {lesson["id"]: lesson for lesson in LESSONS}

# What the tests ask for, each a function of JSON that returns JSON.
ASKED = """
const dataset = (name) => content.datasets.find((one) => one.name === name);
const courseOf = (given, steps = 0) => {
  const setting = page.setting.complete(given);
  const course = page.run.begin(dataset(setting.data), setting);
  course.gap = 1e9; // measured at the end alone
  for (let t = 0; t < steps; t += 1) page.run.step(course);
  return course;
};
const paramsOf = ({ state }) => state.params.map(({ W, b }) => [[...W], [...b]]);
const asked = {
  fields: () => Object.keys(page.setting.FIELDS),
  complete: (given) => page.setting.complete(given),
  hash: (given) => page.setting.toHash(page.setting.complete(given)),
  unhash: (text) => page.setting.fromHash(text),
  repair: (given) => page.check.repair(given, content.datasets),
  idle: (given) => page.check.idle(page.setting.complete(given), dataset(given.data)),
  command: (given) => page.share.command(courseOf(given)),
  params: ([given, steps]) => paramsOf(courseOf(given, steps)),
  result: ([given, steps]) => {
    const course = courseOf(given, steps);
    return { ...page.run.measure(course), weights: paramsOf(course), gradients: page.run.look(course).grads.map(({ W }) => page.terms.size(W)),
      dead: deadOf(course) };
  },
};
const deadOf = (course) => {
  const probed = page.layers.probe(course);
  return course.net.hidden.map((_, l) => page.terms.deadUnits(course, probed, l).filter(Boolean).length);
};
"""


class PageScripts:
    """The scripts of the page in V8, with its usual content."""

    def __init__(self, more: str = "") -> None:
        """Load them; `more` adds functions to `asked`."""
        self.v8 = MiniRacer()
        self.v8.eval(engine())
        for name in SCRIPTS[:-1]:  # the last one needs a page
            self.v8.eval((HERE / f"{name}.js").read_text(encoding="utf-8"))
        self.v8.eval(f"const content = {as_json(content_of())};")
        self.v8.eval(ASKED + more)

    def ask(self, name: str, value: Any = None) -> Any:
        """Call a function of `asked`, and return its answer; infinities and NaN become `None`."""
        return json.loads(self.v8.eval(f"JSON.stringify(asked.{name}({as_json(value)}))"))
