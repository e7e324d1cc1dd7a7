"""The page as a file: it needs no other one, and trains in a browser as its scripts do in V8."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from jaxmlp.play.content import content_of
from jaxmlp.play.page import HERE, SCRIPTS, page_of
from tests.play.page_cases import PageScripts

pytestmark = pytest.mark.usefixtures("compile_quickly")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
LINKS = ("src", "href", "srcset", "action", "data", "poster", "background")
REACHES = r"\b(fetch|import|url)\s*\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|@import"


class Reader(HTMLParser):
    """Reads which elements a page has, and their attributes."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note an element."""
        self.elements.append((tag, dict(attrs)))

    def all_of(self, *tags):
        """Return the attributes of all elements of some kinds."""
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def text():
    return page_of("A page <&> its title", content_of())


@pytest.fixture(scope="module")
def read(text):
    return Reader(text)


def test_the_page_is_one_file(text, read):
    """Nothing is loaded from elsewhere, by an element, a style or a script."""
    assert not [(tag, a) for tag, a in read.elements if set(LINKS) & a.keys()]
    assert not read.all_of("link", "iframe", "img", "object", "embed", "base")
    own = text[: text.index('<script type="application/json"')] + text[text.rindex("</script>") :]
    for name in (*(f"{name}.js" for name in SCRIPTS), "page.css"):
        own += (HERE / name).read_text(encoding="utf-8")
    assert not re.search(REACHES, own)
    assert not re.search(r"https?://", own)


def test_every_script_is_in_the_page(text):
    """No script is forgotten, and each stands once."""
    files = {path.stem for path in HERE.glob("page*.js")}
    assert files == set(SCRIPTS)
    assert len(SCRIPTS) == len(files)
    for name in SCRIPTS:
        script = (HERE / f"{name}.js").read_text(encoding="utf-8")
        assert text.count(script) == 1
        assert script.count("\n") <= 300


def test_the_title_is_text(text):
    assert text.count("A page &lt;&amp;&gt; its title") == 2
    assert "<&>" not in text


def test_what_is_used_has_a_name(text, read):
    """Each control has a label or a text, each drawing a name; scripts find what they look for."""
    labels = {label.get("for") for label in read.all_of("label")}
    inside = re.findall(r"<label[^>]*>[^<]*<select id=\"([\w-]+)\"", text)
    for select in read.all_of("select", "input"):
        assert select["id"] in labels | set(inside)
    for canvas in read.all_of("canvas"):
        assert canvas["aria-label"]
        assert canvas["role"] in ("img", "application")
    ids = [a["id"] for _, a in read.elements if "id" in a]
    assert len(ids) == len(set(ids))
    scripts = "".join((HERE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    for name in set(re.findall(r'byId\("([\w-]+)"\)', scripts)):
        assert name in ids or f'id: "{name}"' in scripts, name


def test_without_javascript_the_page_says_so(text):
    told = text[text.index("<noscript>") : text.index("</noscript>")]
    assert "JavaScript" in told
    assert "python -m jaxmlp.train" in told


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_a_browser_trains_as_v8_does(text, tmp_path):
    """The page is opened from the file system, takes 20 steps by itself, and has V8's loss."""
    given = {"data": "circles", "hidden": [4], "act": ["tanh"], "batch": 8, "seed": 3}
    scripts = PageScripts()
    expected = scripts.ask("result", [given, 20])["loss"]
    link = scripts.ask("hash", {**given, "step": 20})
    scripts.v8.close()
    file = tmp_path / "page.html"
    file.write_text(text, encoding="utf-8")
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [BROWSER, *options, profile, "--dump-dom", f"{file.as_uri()}#{link}"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    state = Reader(done.stdout.decode()).all_of("html")[0]
    assert state["data-ready"] == "yes"
    assert state["data-step"] == "20"
    assert float(state["data-loss"]) == pytest.approx(expected, rel=1e-12)
