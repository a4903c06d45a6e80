"""What every browser must do: load each page without complaint, and let it be moved.

On a site that is served below a path, as GitHub Pages serves one; with each browser's own mouse
and touch.
"""

import json
from pathlib import Path

import drivers
import pytest
from conftest import Quiet, serving, until

from workflow.build import contents
from workflow.site.browser import NoBrowser

pytestmark = pytest.mark.thorough

#: In Chromium each page is looked at more closely elsewhere (test_each_page.py).
OTHERS = [name for name in drivers.DRIVERS if name != "chromium"]
#: Keeps what a page complains of; it comes before all that could fail, and before the policy.
LISTENING = b"""<script>
window.complaints = [];
const heard = what => complaints.push(what);
addEventListener("error", e => heard(e.message || `not loaded: ${e.target.outerHTML}`), true);
addEventListener("unhandledrejection", e => heard(String(e.reason)));
addEventListener("securitypolicyviolation", e => heard(`forbidden: ${e.violatedDirective}`));
for (const kind of ["error", "warn"]) console[kind] = (...words) => heard(words.join(" "));
</script>"""
NARROW = 320  # 1,280 pixels at 400 %; WebKitGTK's window is never narrower than 450
LOADED = """(() => ({
  complaints,
  fonts: [...document.fonts].filter(font => font.status == "error").length,
  formulas: [...document.querySelectorAll("math")].filter(
    math => math.checkVisibility() && !(math.getBoundingClientRect().width > 3)).length,
  wide: document.documentElement.scrollWidth > innerWidth,
}))()"""


class Site(Quiet):
    """Serves the pages below /name/, each with a script that listens."""

    def translate_path(self, path):
        return super().translate_path(path.removeprefix("/name"))

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.suffix != ".html":
            return super().do_GET()
        content = path.read_bytes().replace(b"<head>", b"<head>" + LISTENING, 1)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(scope="session")
def site(built):
    with serving(built / "html", Site) as address:
        yield f"{address}/name"


@pytest.fixture(scope="session", params=drivers.DRIVERS)
def driven(request):
    try:
        with drivers.DRIVERS[request.param]() as page:
            yield page
    except NoBrowser as error:
        pytest.skip(str(error))


@pytest.fixture
def at(driven, site):
    """Open a page of the site; at the end it must not have complained."""

    def at(name, width=1280):
        path, _, query = name.partition("?")
        driven.resize(width, 900)
        driven.go(f"{site}/{path}.html" + (f"?{query}" if query else ""))
        return driven

    yield at
    assert not driven.evaluate("window.complaints")


def shows(page, selector, text=""):
    """Wait until something that is seen has a text in it; return all of its text."""
    found = f"""[...document.querySelectorAll({json.dumps(selector)})].find(
        each => each.checkVisibility() && each.textContent.includes({json.dumps(text)}))"""
    until(lambda: page.evaluate(f"!!{found}"), 20, f"{text!r} in {selector}")
    return page.evaluate(f"{found}.textContent")


def bring(page, selector, shown, text=""):
    """Bring what wakes when it is near into view, and wait until something of it is shown."""
    page.evaluate(f"document.querySelector({json.dumps(selector)}).scrollIntoView()")
    shows(page, shown, text)


def button(name):
    return f"//button[normalize-space()='{name}']"


@pytest.mark.parametrize("driven", OTHERS, indirect=True, scope="session")
def test_each_page_loads_and_fits_at_400_percent(at):
    found = {}
    for name in [*contents.pages(), "search", "genindex"]:
        page = at(name, NARROW)
        page.evaluate("document.fonts.ready.then(() => true)")
        found[name] = page.evaluate(LOADED)
    quiet = {"complaints": [], "fonts": 0, "formulas": 0, "wide": False}
    assert {name: said for name, said in found.items() if said != quiet} == {}


def test_the_colours_turn_and_stay_turned(at):
    page = at("techniques/l2")
    ground = "getComputedStyle(document.body).backgroundColor"
    seen = {page.evaluate(ground)}
    for _ in range(2):
        page.click("button.theme-switch-button")
        seen.add(page.evaluate(ground))
    assert len(seen) == 2
    turned = page.evaluate("document.documentElement.dataset.mode")
    at("techniques/dropout")
    assert page.evaluate("document.documentElement.dataset.mode") == turned


def test_a_film_plays_to_its_end(at):
    page = at("index")
    shows(page, ".living-cover")
    slider = "document.querySelector('.living-cover input[type=range]')"
    until(lambda: page.evaluate(f"{slider}.value == {slider}.max"), 20, "the film's end")


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize("pointer", ["mouse", "touch"])
def test_a_drawing_is_answered(at, pointer):
    page = at("living")
    bring(page, "figure[data-live=draw]", ".living-board")
    page.draw(pointer, ".living-board", (0.3, 0.25), (0.7, 0.25), (0.45, 0.85))
    shows(page, "figure[data-live=draw] [role=status]", "techniques say")
    shows(page, "figure[data-live=draw] caption", "your drawing")


def test_a_guess_is_judged_and_comes_home(at):
    page = at("techniques/dropout")
    bring(page, ".guess[data-told*='\"number\"']", ".guess input[type=range]")
    page.click("//*[contains(@class, 'guess')]//input[@type='range']")
    page.click("//*[contains(@class, 'guess')][.//input]" + button("Reveal"))
    shows(page, ".guess [role=status]", "You guessed")
    at("guesses")
    shows(page, "[data-live=guesses] tbody tr", "Dropout")
    page.click(button("Forget them"))
    shows(page, "[data-live=guesses]", "no guess yet")


def test_a_cell_trains_with_another_number(at):
    page = at("techniques/l2")
    bring(page, "[data-live=cell]", "[data-live=cell] button", "Run it here")
    page.give("[role=spinbutton][aria-label=steps]", "300")
    page.click(button("Run it here"))
    shows(page, "[data-live=cell] .living-words", "Test accuracy")


def test_the_playground_trains_and_speaks_python(at):
    page = at("living?train=1&a=l2&b=dropout")
    bring(page, "figure[data-live=train]", ".living-numbers", "Step 0")
    page.click(button("100 steps"))
    shows(page, ".living-numbers", "Step 100")
    page.click(button("Show the code"))
    assert "Dropout(" in shows(page, ".living-code")
