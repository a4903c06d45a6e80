"""The front page: a film that plays once, one technique's pictures to move, a board to draw on."""

import re

import numpy as np
import pytest
from conftest import dataset_of, read_living, until
from test_each_page import SHIFT
from test_living import PHONE, WIDE, draw

from regularization.analysis import evaluation
from regularization.core import data
from regularization.study import registry

PANEL = ".living-cover"


@pytest.fixture
def front(visit, served):
    """Open the front page from the server, and wait until it can be moved."""

    def front(query="", **options):
        page = visit(f"index?{query}" if query else "index", served, **{"viewport": WIDE} | options)
        page.locator(PANEL).wait_for()
        return page

    return front


def place(page):
    """Where the slider is, and where it ends."""
    slider = page.locator(f"{PANEL} input[type=range]")
    return int(slider.input_value()), int(slider.get_attribute("max"))


def test_a_film_plays_once_by_itself_and_not_for_who_asked_for_less_motion(front):
    page = front()
    seen = [place(page)[0]]
    until(lambda: seen.append(place(page)[0]) or seen[-1] == place(page)[1], 20, "the end")
    assert seen == sorted(seen) and seen[0] < seen[-1]
    page.wait_for_timeout(1_000)
    assert place(page)[0] == seen[-1] and not page.evaluate("location.search")
    page = front(reduced_motion="reduce")
    assert place(page)[0] == place(page)[1]
    assert not page.complaints


def test_a_touch_stops_the_film_and_what_is_set_is_in_the_address(front):
    page = front()
    page.get_by_role("button", name="Dropout").click()
    page.get_by_role("button", name="Dropout", pressed=True).wait_for()
    page.get_by_role("slider", name="Rate").press("Home")
    page.wait_for_timeout(1_000)
    assert place(page)[0] == 0
    until(lambda: "technique=Dropout&at=0" in page.evaluate("location.search"), 5, "the address")
    again = front(page.url.partition("?")[2])
    assert place(again)[0] == 0 and again.get_by_role("slider", name="Rate").count() == 1
    words = f"{PANEL} .living-words > span >> nth=0"
    assert again.locator(words).inner_text() == page.locator(words).inner_text()
    absurd = front("technique=Nobody&at=-3&ink=%%%")
    absurd.get_by_role("button", name="L2", pressed=True).wait_for()
    assert not page.complaints and not absurd.complaints


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "on a phone"])
def test_a_drawing_is_answered_by_the_pictures_and_goes_on_to_all_techniques(
    front, built, viewport
):
    page = front("technique=L2", viewport=viewport)
    draw(page, (0.5, 0.15), (0.5, 0.85))
    words = page.locator(f"{PANEL} .living-words", has_text=re.compile(r"says [\w -]+, with"))
    words.wait_for()
    shares = page.locator(".living-share").evaluate_all(
        "all => all.map(each => Number(each.style.getPropertyValue('--share')))"
    )
    assert sum(shares) == pytest.approx(1, abs=0.01)
    names = data.load(dataset_of(built)).names
    name = names[np.argmax(shares)]
    assert f"says {name}, with" in words.inner_text()
    assert name == "1" or dataset_of(built) != "mnist"
    link = page.get_by_role("link", name="Ask all techniques")
    ink = "new URLSearchParams(location.search).get('ink')"
    until(lambda: f"ink={page.evaluate(ink)}#" in link.get_attribute("href"), 5, "the address")
    page.get_by_role("button", name="Clear").click()
    page.locator(f".living-invited[data-invite='Draw a {names[3]}']").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert not page.complaints


def test_all_five_can_be_seen_as_printed_and_without_a_script_they_are(front, visit, served):
    page = front()
    wall = page.locator("figure[data-live=cover] > svg")
    assert not wall.is_visible()
    page.get_by_role("button", name="All five").click()
    assert wall.is_visible() and not page.locator(PANEL).is_visible()
    page.get_by_role("button", name="L2").click()
    assert not wall.is_visible() and page.locator(PANEL).is_visible()
    still = visit("index", served, java_script_enabled=False)
    assert still.locator("figure[data-live=cover] > svg").is_visible()


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "on a phone"])
def test_text_stands_still_while_the_wall_gives_way(front, viewport):
    page = front(viewport=viewport)
    page.wait_for_load_state("networkidle")
    assert page.evaluate(SHIFT) < 0.02


def test_the_front_page_is_light_and_accessible_as_it_moves(front, axe, served):
    page = front(color_scheme="dark")
    page.wait_for_load_state("networkidle")
    packed = page.evaluate(
        "performance.getEntriesByType('resource').map(each => [each.name, each.encodedBodySize])"
    )
    film = [size for url, size in packed if url.endswith("cover.film")]
    assert len(film) == 1 and film[0] <= 200_000
    page.evaluate(axe)
    violations = page.evaluate("axe.run({preload: false})")["violations"]
    assert not violations, [(v["id"], v["nodes"][0]["html"][:200]) for v in violations]


@pytest.mark.usefixtures("board")
def test_the_films_rounded_pictures_answer_as_the_runs_do(built):
    """Of each technique's best frame, at which a drawing is most likely to be asked."""
    frames, about = read_living(built / "html" / "files" / "results" / "cover.film")
    digits = data.load(dataset_of(built))
    assert [reel["title"] for reel in about["reels"]] == [
        registry.title(slug) for slug in registry.EXPERIMENTS
    ]
    for number, reel in enumerate(about["reels"]):
        best = int(np.argmax(reel["accuracy"]))
        shade = np.abs(reel["ends"][best]).max() / reel["shades"]
        answers = evaluation.logits(frames[str(number)][best] * shade, digits.test_images)
        right = np.mean(answers.argmax(axis=-1) == digits.test_labels)
        assert right == pytest.approx(reel["accuracy"][best], abs=0.02)
