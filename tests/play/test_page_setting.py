"""Settings of the page: lessons are valid, links restore them, and bad links are told."""

import shlex

import pytest

from experiments.lectures.rows import ROWS
from jaxmlp import train
from jaxmlp.config.complete import complete
from jaxmlp.config.options import Config
from jaxmlp.data import load
from tests.play.page_cases import LESSON_BY_ID, LESSONS, PageScripts

pytestmark = pytest.mark.usefixtures("compile_quickly")

TRIED = [
    pytest.param({**lesson["set"], **tried["set"]}, id=f"{lesson['id']}, {tried['text']}")
    for lesson in LESSONS
    for tried in ({"text": "its own", "set": {}}, *lesson["tries"])
]


@pytest.fixture(scope="module")
def scripts():
    ready = PageScripts()
    yield ready
    ready.v8.close()


def test_lessons_are_complete():
    assert 10 <= len(LESSONS) == len(LESSON_BY_ID)
    for lesson in LESSONS:
        assert set(lesson) == {
            *("id", "title", "rows", "steps", "set", "text", "tries", "question", "answer"),
        }
        assert lesson["question"].count("?") >= 1
        assert 2 <= lesson["text"].count(". ") + 1 <= 3, lesson["id"]
        assert lesson["rows"]
        assert set(lesson["rows"]) <= ROWS.keys()
        assert lesson["tries"]
        assert 50 <= lesson["steps"] <= 1000


@pytest.mark.parametrize("given", TRIED)
def test_lessons_are_valid(scripts, given):
    """Every name is known, and nothing had to be changed."""
    assert given.keys() <= set(scripts.ask("fields"))
    repaired = scripts.ask("repair", given)
    assert repaired == {"setting": scripts.ask("complete", given), "problems": []}


@pytest.mark.parametrize("given", TRIED)
def test_a_link_restores_a_setting(scripts, given):
    restored = scripts.ask("unhash", "#" + scripts.ask("hash", given))
    assert restored == {"setting": scripts.ask("complete", given), "problems": []}


@pytest.mark.parametrize(
    "given",
    [
        {"act": ["tanh", "relu"], "hidden": [3, 4]},
        {"noise": 0, "train": 7, "step": 12, "lesson": "xor"},
        {"hidden": [], "rate": 1e-7, "seed": 4294967295, "data": "a & b=c#,d"},
    ],
)
def test_a_link_restores_what_is_unusual(scripts, given):
    assert scripts.ask("unhash", scripts.ask("hash", given))["setting"].items() >= given.items()


@pytest.mark.parametrize(
    ("text", "field", "problem"),
    [
        ("#rate=fast", "rate", "rate must be a number from 1e-7 to 100000, got fast"),
        ("#batch=0", "batch", "batch must be a whole number from 1 to 100000, got 0"),
        ("#batch=2.5", "batch", "batch must be a whole number from 1 to 100000, got 2.5"),
        ("#seed=", "seed", "seed must be a whole number from 0 to 4294967295, got nothing"),
        (
            "#hidden=16,0",
            "hidden",
            "hidden must be at most 12 whole numbers from 1 to 256, got 16,0",
        ),
        ("#colour=red", None, "a setting has no colour"),
        ("#data=%E0%A4%A", "data", "data is no text of an address"),
    ],
)
def test_a_bad_link_is_told(scripts, text, field, problem):
    """The part that cannot be read takes its usual value, and the others stay."""
    found = scripts.ask("unhash", f"{text}&mu=0.5")
    assert found["problems"] == [problem]
    usual = scripts.ask("complete", {})
    assert found["setting"] == {**usual, "mu": 0.5}
    assert field is None or field in usual


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"data": "cats"}, "data", "this page has no data set cats"),
        ({"init": "best"}, "init", "there is no initializer best"),
        ({"opt": "magic"}, "opt", "there is no optimizer magic"),
        ({"sched": "never"}, "sched", "there is no schedule never"),
        ({"act": ["relu", "swoosh"]}, "act", "there is no activation swoosh"),
        ({"act": ["step"]}, "act", "step does not train: it has no slope"),
        ({"loss": "guess"}, "loss", "there is no loss guess"),
        ({"data": "sine", "loss": "cross_entropy"}, "loss", "Sine has numbers to learn"),
        ({"data": "iris", "loss": "perceptron"}, "loss", "Iris has classes to learn"),
        ({"prep": "magic"}, "prep", "prep must be usual or none, got magic"),
    ],
)
def test_what_does_not_go_together_is_told(scripts, given, field, words):
    repaired = scripts.ask("repair", given)
    assert len(repaired["problems"]) == 1
    assert words in repaired["problems"][0]
    changed = {**scripts.ask("complete", given), field: repaired["setting"][field]}
    assert repaired["setting"] == changed != scripts.ask("complete", given)


def test_idle_fields_say_why(scripts):
    def idle(**given):
        return {k for k, why in scripts.ask("idle", {"data": "moons", **given}).items() if why}

    usual = {"scale", "mu", "epochs"}
    assert idle() == usual
    assert idle(init="normal", opt="momentum", sched="cosine") == set()
    assert idle(hidden=[]) == usual | {"act", "drop"}
    assert idle(data="iris") == usual | {"noise"}
    assert idle(data="digits") == usual | {"noise", "prep"}


@pytest.mark.parametrize("given", TRIED)
def test_the_command_does_the_same(scripts, given):
    """`jaxmlp.train` reads the command of each lesson, and takes what the page takes."""
    command = shlex.split(scripts.ask("command", given))
    assert command[:3] == ["python", "-m", "jaxmlp.train"]
    told = vars(train.make_parser().parse_args(command[3:]))
    config = Config(**{name: told[name] for name in vars(Config()) if name in told})
    setting = scripts.ask("complete", given)
    assert list(config.hidden) == setting["hidden"]
    assert config.optimizer == setting["opt"]
    assert config.learning_rate == setting["rate"]
    assert config.seed == setting["seed"]
    assert config.initializer == setting["init"]
    assert config.schedule == setting["sched"]
    if setting["train"] == 0 and setting["noise"] is None:
        recipe = complete(config, load(setting["data"]))
        assert recipe.batch_size == setting["batch"] or setting["batch"] > 100
        assert recipe.loss == (setting["loss"] or recipe.loss)
        assert config.dataset == setting["data"]
    else:  # the page writes these points into a file
        assert config.dataset.endswith(".csv")
        assert config.test.endswith("-test.csv")
