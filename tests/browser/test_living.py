"""What the reader moves: drawing, training, films and guesses, on a site that is served."""

import itertools
import json
import re

import numpy as np
import pytest
from conftest import ON_EACH, dataset_of, reached_by_tab, read_living, saved, until

from regularization import web
from regularization.analysis import evaluation
from regularization.core import data
from regularization.report import tables
from regularization.study.registry import TECHNIQUES

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
DRAW, TRAIN = "figure[data-live=draw]", "figure[data-live=train]"
#: Buttons that take a test image, a digit or whatever the data have.
NEXT, PREVIOUS = re.compile(r"^Test \w+ →$"), re.compile(r"^← Test \w+$")


@pytest.fixture
def open_page(visit, served):
    """Open a page from the server and bring a widget into view, at work."""

    def open_page(name, widget=None, ready=".living-panel", viewport=WIDE, **options):
        page = visit(name, served, viewport=viewport, **options)
        if widget:
            page.locator(widget).first.scroll_into_view_if_needed()
            page.locator(f"{widget} {ready}").first.wait_for()
        return page

    return open_page


def slugs_of(built):
    """The techniques that a build has."""
    return [slug for slug in TECHNIQUES if (built / "results" / f"{slug}.npz").is_file()]


def table(page):
    """The answers: a row for each technique, the ten probabilities in hundredths."""
    rows = page.locator(f"{DRAW} tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].slice(1).map(cell => cell.textContent))"
    )
    return np.array([[int(cell.replace("·", "0")) for cell in row] for row in rows])


def says(page, text, widget=DRAW):
    """Wait until a live region of the widget says something, and return all of it."""
    region = page.locator(f"{widget} [role=status]", has_text=re.compile(text)).first
    region.wait_for(state="attached")
    return region.inner_text()


def asked(page):
    """What the page's address holds of its state."""
    return page.evaluate("location.search")


def evidence(page):
    """What is said beside the picture of the evidence."""
    return page.locator(".living-evidence p").inner_text()


def draw(page, *points):
    """Draw a line through points on the board, from 0 to 1 each way."""
    page.locator(".living-board").scroll_into_view_if_needed()
    box = page.locator(".living-board").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=12)
    page.mouse.up()


#: The share of a canvas that is bright.
INK = """canvas => {
    const { width, height } = canvas;
    const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    return pixels.filter((level, i) => i % 4 == 0 && level > 100).length / (width * height); }"""


def beside_the_pen(page):
    """The bars of the chosen technique, in hundredths, and what each technique says."""
    bars = page.locator(".living-shares span").all_inner_texts()
    votes = [each.get_attribute("data-said") for each in page.locator(".living-votes span").all()]
    return [*map(int, bars)], [*map(int, votes)]


SEVEN = (0.3, 0.25), (0.7, 0.25), (0.45, 0.85)


@ON_EACH
def test_a_digit_is_drawn_and_every_technique_answers(open_page, built):
    page = open_page("living", DRAW)
    printed = table(page)
    assert not any(".bin" in url for url in page.loaded), "weights before the first touch"
    if data.load(dataset_of(built)).card.form is None:
        assert page.locator(".living-board").count() == 0, "a board, and nobody draws a signal"
        return
    # The board has the printed digit on it, and beside it are the printed answers.
    assert beside_the_pen(page) == (printed[0].tolist(), printed.argmax(axis=1).tolist())
    assert page.locator(".living-board").evaluate(INK) > 0.05
    assert re.search(r"Its label is \w.*\.", page.locator(".living-about").inner_text())
    draw(page, *SEVEN)
    said = says(page, r"techniques? says? \w")
    answers = table(page)
    assert answers.shape == (len(slugs_of(built)), 10) and not np.array_equal(answers, printed)
    assert np.all(np.abs(answers.sum(axis=1) - 100) <= 5)  # rounded
    counts = [int(n) for n in re.findall(r"(\d+) of", said)]
    assert sum(counts) == len(slugs_of(built))
    if dataset_of(built) == "mnist":
        assert np.mean(answers.argmax(axis=1) == 7) > 0.7
    assert beside_the_pen(page) == (answers[0].tolist(), answers.argmax(axis=1).tolist())
    assert "your drawing" in page.locator(f"{DRAW} caption").inner_text()
    assert "ink that speaks for it" in evidence(page)
    assert not page.complaints


@ON_EACH
def test_the_answers_to_a_test_digit_are_pythons(open_page, built):
    page = open_page("living", DRAW)
    page.get_by_role("button", name=NEXT).click()
    about = page.locator(".living-about", has_text=re.compile(r"Test \w+ 2 of")).inner_text()
    says(page, "techniques? says?")
    runs = [saved(built, slug) for slug in slugs_of(built)]
    digits = data.load(dataset_of(built))
    place = web.test_digits(digits, runs)[1]
    ours = 100 * web.probabilities(runs, digits.test_images[place][None])[:, 0]
    assert np.abs(table(page) - ours).max() <= 0.51
    knew = np.sum(ours.argmax(axis=1) == digits.test_labels[place])
    who = {0: "No technique", 1: "Only .*", 2: "Only .* and .*", len(runs): "All .* techniques"}
    who = who.get(knew, f"{knew} of {len(runs)} techniques")
    label = digits.names[digits.test_labels[place]]
    assert re.search(rf"Its label is {label}\. {who} knew it\.$", about)
    logit = evaluation.logits(runs[0].weights[0], digits.test_images[place][None])[0].max()
    sign = "−" if logit < 0 else r"\+"
    assert re.search(f"together {sign}{abs(logit):.1f}", evidence(page))


def test_what_is_pressed_or_current_is_told_apart_where_all_colours_are_the_readers(open_page):
    page = open_page("living?train=1", DRAW, forced_colors="active")
    page.get_by_role("button", name="Second model").click()
    page.mouse.move(0, 0)

    def grounds(selector):
        return set(
            page.locator(selector).evaluate_all(
                "all => all.map((each) => getComputedStyle(each).backgroundColor)"
            )
        )

    for on, off in [
        (".living-panel [aria-pressed=true]", ".living-panel button:not([aria-pressed=true])"),
        (".bd-links a.current", ".bd-links a:not(.current)"),
    ]:
        assert len(grounds(on)) == 1 and grounds(off).isdisjoint(grounds(on))
    drawn = page.locator(".living-bar div, .living-shares i").evaluate_all(
        "all => all.map((each) => getComputedStyle(each).backgroundImage)"
    )
    assert drawn and "none" not in drawn, "scales and bars, which are gradients"


@pytest.mark.usefixtures("board")
def test_whoever_clicks_wildly_is_borne_with(open_page):
    page = open_page("living?train=1", DRAW)
    board = page.locator(".living-board")
    buttons = ["Undo", NEXT, "Clear", "Eraser", PREVIOUS, "Pen", "Undisturbed"]
    for name in buttons * 2:
        board.press("Space")
        board.press("ArrowLeft")
        draw(page, (0.2, 0.2), (0.8, 0.8))
        page.get_by_role("button", name=name, exact=True).click()
        board.press("ArrowDown")
    page.locator(TRAIN).scroll_into_view_if_needed()
    page.get_by_role("button", name="Run").click()
    for _ in range(8):
        page.get_by_role("button", name="Second model").click()
        page.get_by_role("combobox", name="Model A").select_option("gaussian_weights")
        page.get_by_role("slider", name="Seed").press("ArrowRight")
        page.get_by_role("combobox", name="Model A").select_option("max_norm")
        page.wait_for_timeout(60)
    page.get_by_role("button", name="Defaults").click()
    page.get_by_role("button", name="Pause").click()
    page.locator(".living-numbers", has_text="Paused").wait_for()
    assert not page.complaints


def test_a_model_that_is_added_catches_up(open_page):
    page = open_page("living?train=1", TRAIN)
    for _ in range(3):
        page.get_by_role("button", name="100 steps").click()
    page.locator(".living-numbers", has_text="Step 300.").wait_for()
    page.get_by_role("button", name="Second model").click()
    page.locator(".living-numbers", has_text="catches up, at step 0").wait_for()
    page.get_by_role("combobox", name="Model B").select_option("no_regularization")
    for _ in range(3):
        page.get_by_role("button", name="100 steps").click()
    numbers = page.locator(".living-numbers")
    until(lambda: "catches" not in numbers.inner_text(), 20, "the second model to catch up")
    words = page.locator(f"{TRAIN} .living-model > p").all_inner_texts()
    assert words[0] == words[1], "the same model, seed and number of steps"


def test_the_evidence_is_for_the_cell_that_is_chosen(open_page, built):
    page = open_page("living?digit=1", DRAW)
    says(page, "techniques? says?")
    page.locator(f"{DRAW} tbody tr").nth(3).locator("td").nth(6).click()
    digits = data.load(dataset_of(built))
    says(page, f"^L2, for {digits.names[6]}: ink that speaks")
    page.get_by_label(digits.card.noun[0].capitalize(), exact=True).select_option("2")
    says(page, f"^L2, for {digits.names[2]}: ")
    words = page.get_by_role("img", name="Evidence").get_attribute("aria-label")
    assert f"L2, for {digits.names[2]}" in words


@pytest.mark.usefixtures("board")
def test_a_drawing_comes_back_from_its_address(open_page):
    page = open_page("living", DRAW)
    draw(page, *SEVEN)
    says(page, "techniques? says?")
    page.get_by_label("Noise").fill("6")
    page.get_by_label("Shift down").fill("10")
    until(lambda: "ink=" in asked(page) and "down=2" in asked(page), 20, "the address")
    again = open_page(f"living?{page.url.partition('?')[2]}", DRAW)
    says(again, "techniques? says?")
    assert np.array_equal(table(page), table(again))
    assert again.get_by_label("Noise").get_attribute("aria-valuetext") == "0.3"
    again.get_by_role("button", name="Reset all").click()
    again.locator(".living-about", has_text=re.compile(r"Test \w+ 1 of")).wait_for()  # as it opened
    until(lambda: not asked(again), 20, "an empty address")


@pytest.mark.usefixtures("board")
def test_an_empty_board_says_so(open_page):
    page = open_page("living", DRAW)
    page.get_by_role("button", name="Clear").click()
    assert "Draw a " in says(page, "The board is empty")
    assert table(page).sum() == 0
    draw(page, *SEVEN)
    says(page, "techniques? says?")
    page.get_by_role("button", name="Eraser").click()
    for x in np.linspace(0.2, 0.8, 13):
        draw(page, (x, 0.1), (x, 0.95))
    says(page, "The board is empty")


@pytest.mark.usefixtures("board")
def test_a_digit_is_drawn_by_keyboard_and_heard(open_page):
    page = open_page("living", DRAW)
    board = page.get_by_role("application", name="Drawing board")
    board.focus()
    for _ in range(6):
        page.keyboard.press("ArrowUp")
    assert "Column 15, row 9" in says(page, "Column 15, row 9")
    page.keyboard.press("Space")
    says(page, "Pen down")
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    says(page, "Pen lifted. .*techniques? says?")
    assert table(page).sum() > 0
    page.keyboard.press("Space")
    page.keyboard.press("Delete")
    says(page, "The board is empty")
    page.keyboard.press("ArrowDown")  # the pen was lifted with the ink
    says(page, "row 24")
    assert not page.complaints
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SELECT", "the board keeps the focus"


@pytest.mark.usefixtures("board")
def test_a_finger_draws_on_a_phone_and_the_page_stays_where_it_is(open_page):
    page = open_page("living", DRAW, viewport=PHONE, has_touch=True, is_mobile=True)
    page.locator(".living-board").scroll_into_view_if_needed()
    box = page.locator(".living-board").bounding_box()
    before = page.evaluate("scrollY")
    touch = page.context.new_cdp_session(page)

    def finger(kind, *point):
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in point
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    finger("touchStart", (0.5, 0.15))
    for y in np.linspace(0.2, 0.85, 10):
        finger("touchMove", (0.5, float(y)))
    finger("touchEnd")
    says(page, "techniques? says?")
    assert page.evaluate("scrollY") == before
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize(
    "kind", ["missing", "cut off", "changed", "of another kind", "no connection"]
)
def test_what_cannot_be_loaded_is_said_in_place_and_the_figure_stays(open_page, built, kind):
    def harm(route):
        content = bytearray((built / "results" / route.request.url.rsplit("/")[-1]).read_bytes())
        content[len(content) // 2] ^= 255
        if kind == "no connection":
            return route.abort()
        if kind == "missing":
            return route.fulfill(status=404, body="Not found")
        bodies = {"cut off": content[:1_000], "changed": content, "of another kind": b"<html>"}
        return route.fulfill(status=200, body=bytes(bodies[kind]))

    def route(page):
        page.route(re.compile(r"\.(bin|film)$"), harm)

    page = open_page("living", DRAW, route=route)
    printed = table(page)
    page.get_by_role("button", name=NEXT).click()
    for widget in (DRAW, TRAIN):
        page.locator(widget).scroll_into_view_if_needed()
        if widget == TRAIN:
            page.get_by_role("button", name="Train it here").click()
        alert = page.locator(f"{widget} [role=alert]").inner_text()
        assert re.search(r"\w+\.bin (could not be loaded|is damaged)", alert)
        assert "Load the page again" in alert and "still holds" in alert
    assert np.array_equal(table(page), printed)
    assert page.locator(f"{TRAIN} svg").first.is_visible()

    page = open_page("techniques/l2", "#l2-weight-images", ".living-trouble", route=route)
    assert "l2.film" in page.locator("#l2-weight-images [role=alert]").inner_text()
    assert page.locator("#l2-weight-images figure svg").first.is_visible()
    assert not [each for each in page.complaints if not re.match("Failed to load|failed:", each)]


def test_what_could_not_be_loaded_is_tried_again_with_the_next_touch(open_page):
    failing = [True]

    def route(page):
        page.route("**/*.bin", lambda r: r.abort() if failing[0] else r.continue_())

    page = open_page("living", DRAW, route=route)
    page.get_by_role("button", name=NEXT).click()
    page.locator(f"{DRAW} [role=alert]").wait_for()
    failing[0] = False
    page.get_by_role("button", name=NEXT).click()
    says(page, "techniques? says?")
    assert page.locator(f"{DRAW} [role=alert]").count() == 0


@pytest.mark.parametrize(
    "query",
    [
        "digit=-3&noise=7&hidden=x&right=1.5&down=99&by=Nobody&for=12&ink=!!",
        "train=1&a=nothing&a.strength=-1&a.rate=1e9&b=constructor&batch=7&seed=-1",
        "digit=999999&train=yes&l2=9-9-9&a.strength=NaN&%E0%A4%A",
        "train=1&a=l2&a.strength=1e5&a.rate=0&b=dropout&b.strength=1&seed=1e3&ink=" + "A" * 5_000,
    ],
)
def test_an_absurd_address_falls_back_to_the_defaults(open_page, query):
    page = open_page(f"living?{query}", DRAW)
    page.get_by_role("button", name=NEXT).click()
    says(page, "techniques? says?")
    assert page.get_by_label("Noise").get_attribute("aria-valuetext") == "0"
    page.locator(TRAIN).scroll_into_view_if_needed()
    if "train=1" in query:
        page.locator(f"{TRAIN} .living-panel").wait_for()
        assert page.get_by_label("Learning rate").first.get_attribute("aria-valuetext") == "0.001"
        assert page.get_by_label("Batch", exact=True).input_value() == "32"
        page.get_by_role("button", name="100 steps").click()
        page.locator(".living-numbers", has_text="Step 100").wait_for()
    assert not page.complaints


def test_the_model_trains_and_its_settings_change_while_it_runs(open_page, built):
    page = open_page("living", TRAIN, ready="button")
    page.get_by_role("button", name="Train it here").click()
    page.locator(f"{TRAIN} .living-panel").wait_for()
    numbers, pictures = page.locator(".living-numbers"), page.locator(f"{TRAIN} .living-ten")

    def steps():
        return int(re.search(r"Step ([\d,]+)", numbers.inner_text())[1].replace(",", ""))

    def more(than, by=300):
        until(lambda: steps() > than + by, 20, f"{by} steps more")

    def accuracy(model=0):
        words = page.locator(f"{TRAIN} .living-model p").nth(model).inner_text()
        return float(re.search(r"Test accuracy ([\d.]+)\s%", words)[1])

    page.locator(".living-numbers", has_text="Step 0").wait_for()
    start = accuracy()
    page.get_by_role("button", name="Step", exact=True).click()
    page.locator(".living-numbers", has_text="Step 1.").wait_for()
    page.get_by_role("button", name="Run").click()
    more(0)
    signals = data.load(dataset_of(built)).card.form is None  # of which one layer knows few
    assert accuracy() > max(start, 10 if signals else 60)
    assert not page.locator(f"{TRAIN} .turned").count()
    page.get_by_role("combobox", name="Model A").select_option("dropout")
    more(steps())
    assert page.locator(f"{TRAIN} .turned").count() == 1  # a mark where the technique changed
    assert "A: Dropout" in page.locator(f"{TRAIN} .living-curve text").all_text_contents()
    page.get_by_role("slider", name="Rate", exact=True).fill("2")
    page.get_by_label("Batch", exact=True).select_option("8")
    page.get_by_label("Learning rate").first.press("ArrowRight")
    more(steps())
    page.get_by_role("button", name="Second model").click()
    page.get_by_role("combobox", name="Model B").select_option("l2")
    assert page.locator(".living-legend span").all_inner_texts() == ["A: Dropout", "B: L2"]
    places = [each.bounding_box()["y"] for each in pictures.all()]
    assert places[0] == pytest.approx(places[1], abs=1), "the models' pictures on one line"
    page.get_by_role("button", name="As in the post").last.click()
    more(0)
    before = pictures.last.get_attribute("aria-label")
    page.get_by_label("Strength").last.fill("0")
    more(steps())
    page.get_by_role("button", name="Pause").click()
    page.locator(".living-numbers", has_text="Paused").wait_for()
    assert pictures.last.get_attribute("aria-label") != before
    until(lambda: "b=l2" in asked(page), 20, "the address")
    again = open_page(f"living?{page.url.partition('?')[2]}", TRAIN)
    assert again.get_by_role("combobox", name="Model A").input_value() == "dropout"
    assert again.get_by_role("combobox", name="Model B").input_value() == "l2"
    assert again.get_by_label("Batch", exact=True).input_value() == "8"
    assert again.get_by_label("Strength").get_attribute("aria-valuetext") == "10⁻⁷"
    assert not page.complaints and not again.complaints


def test_a_lessons_link_starts_the_training_and_keeps_its_question(open_page):
    page = open_page("living", TRAIN, ready="button")
    lesson = page.locator("article li", has=page.locator("a[href*='lesson=2']"))
    question = lesson.inner_text()
    lesson.locator("a").click()
    page.locator(f"{TRAIN} .living-panel").wait_for()
    assert page.locator(".living-lesson").inner_text() == question
    page.locator(".living-numbers", has_text=re.compile("[1-9][0-9]* steps a second")).wait_for()
    page.get_by_role("button", name="Defaults").click()
    assert not page.locator(".living-lesson").is_visible()


def test_validations_choice_and_the_posts_are_those_of_this_build(open_page, built):
    page = open_page("living?train=1&a=l2", TRAIN)
    tuned, own = (saved(built, f"l2{end}") for end in ("_tuned", ""))
    for name, run in {"What validation picks": tuned, "As in the post": own}.items():
        page.get_by_role("button", name=name).first.click()
        rate = page.get_by_label("Learning rate").first.get_attribute("aria-valuetext")
        strength = page.get_by_label("Strength").first.get_attribute("aria-valuetext")
        assert float(rate) == pytest.approx(run.learning_rate)
        power = strength.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
        strength = re.sub(r"^(?:(.+) × )?10(?=-)", lambda n: f"{n[1] or 1}e", power)
        assert float(strength) == pytest.approx(run.technique["strength"])


def test_a_reset_begins_anew_and_a_seed_is_another_start(open_page):
    page = open_page("living?train=1&a=dropout&seed=2", TRAIN)

    def pictures(steps):
        page.get_by_role("button", name="100 steps").click()
        page.locator(".living-numbers", has_text=f"Step {steps}").wait_for()
        return page.locator(f"{TRAIN} .living-ten").first.get_attribute("aria-label")

    page.locator(".living-numbers", has_text="Step 0").wait_for()
    first = pictures(100)
    page.get_by_role("button", name="Reset", exact=True).click()
    page.locator(".living-numbers", has_text="Step 0").wait_for()
    assert pictures(100) == first
    page.get_by_label("Seed").press("ArrowRight")
    page.locator(".living-numbers", has_text="Step 0").wait_for()
    assert pictures(100) != first


@ON_EACH
def test_a_film_moves_all_ten_images_and_the_marker_on_the_curve(open_page, built):
    page = open_page("techniques/l2", "#l2-weight-images")
    figure = page.locator("#l2-weight-images")
    printed, reset = (
        figure.locator("figure svg").first,
        page.get_by_role("button", name="As printed"),
    )
    assert printed.is_visible() and reset.is_disabled()
    seen = []
    for slider, keys in [("Training time", ["Home", "End"]), ("Strength", ["Home", "End"])]:
        for key in keys:
            figure.get_by_role("slider", name=slider).press(key)
            assert not printed.is_visible()
            canvases = "cs => cs.map(c => c.toDataURL())"
            pictures = figure.locator(".living-ten canvas").evaluate_all(canvases)
            marker = figure.locator(".living-curve circle").evaluate("c => c.getAttribute('cx')")
            seen.append((pictures, marker, says(page, "At ", "#l2-weight-images")))
            assert len(set(pictures)) == 10
            page.wait_for_timeout(200)
    for (one, *_), (two, *_) in itertools.pairwise(seen):
        assert not set(one) & set(two), "an image has not moved"
    assert float(seen[0][1]) < float(seen[1][1]) and float(seen[2][1]) < float(seen[3][1])
    run = saved(built, "l2")
    figure.get_by_role("slider", name="Training time").press("End")
    said = says(page, f"step {run.steps:,}", "#l2-weight-images")
    assert f"test accuracy {100 * run.test_accuracy[0]:.1f}\N{NO-BREAK SPACE}%" in said
    sizes = np.abs(run.weights[0][run.weights[0] != 0])
    ends = figure.locator(".living-bar span").all_inner_texts()
    assert [float(end.replace("−", "-")) for end in ends] == pytest.approx(
        [-np.percentile(sizes, 99.5), np.percentile(sizes, 99.5)], rel=0.06
    )
    beyond = figure.locator(".living-bar div").get_attribute("class") or ""
    assert ("less" in beyond) == (run.weights[0].min() < -np.percentile(sizes, 99.5))
    assert ("more" in beyond) == (run.weights[0].max() > np.percentile(sizes, 99.5))
    until(lambda: "l2=0-" in asked(page), 20, "the address")
    again = open_page(f"techniques/l2?{page.url.partition('?')[2]}", "#l2-weight-images")
    assert says(again, "At step", "#l2-weight-images") == said
    reset.click()
    assert printed.is_visible()
    until(lambda: not asked(page), 20, "an empty address")


def test_an_old_address_leads_to_the_new_one_with_all_that_was_set(open_page):
    page = open_page("beyond/strength?strength_l2_strength=0-2-1", "#strength-l2-images")
    assert page.url.partition("?")[0].endswith("/why/strength.html")
    assert page.locator("#strength-l2-images .living-ten").is_visible()  # not as printed


def test_the_chapter_on_strengths_has_a_film_for_each_knob(open_page, built):
    page = open_page("why/strength")
    for name in ("l2", "l1", "dropout", "noise", "gaussian", "norm"):
        page.locator(f"#strength-{name}-images").scroll_into_view_if_needed()
        page.locator(f"#strength-{name}-images .living-panel").wait_for()
        sliders = page.locator(f"#strength-{name}-images input[type=range]")
        assert sliders.count() == (2 if name == "l2" else 1)
        sliders.last.press("Home")
        assert page.locator(f"#strength-{name}-images .living-ten").is_visible()
    films = [body for url, body in page.loaded.items() if url.endswith(".film")]
    dense = dataset_of(built) == "fashion"  # garments leave no border dark, which packs to nothing
    assert len(films) == 6 and sum(map(len, films)) <= (300_000 if dense else 250_000)
    assert not page.complaints


@pytest.mark.parametrize("slug", TECHNIQUES)
def test_a_films_frames_are_the_runs(built, slug):
    path = built / "results" / f"{slug}.film"
    assert path.stat().st_size <= 250_000
    frames, about = read_living(path)
    training, strengths = about["reels"]
    run = saved(built, slug)
    low, high = training["ends"][-1]
    step, seen = high / training["shades"], np.clip(run.weights[0], low, high)
    assert np.abs(frames["0"][-1] * step - seen).max() <= step
    assert 0 < np.sum(seen != run.weights[0]) <= np.ceil(0.005 * seen.size)
    assert training["axes"][0]["at"][0] == 0 and training["axes"][0]["at"][-1] == run.steps
    assert training["accuracy"][-1] == pytest.approx(run.test_accuracy[0], abs=1e-3)
    assert len(strengths["axes"][0]["at"]) == len(frames["1"]) >= 4


def test_guesses_are_judged_and_go_nowhere(open_page, built):
    page = open_page("techniques/dropout", ".guess", "button")
    which, number = page.locator(".guess").all()
    number.scroll_into_view_if_needed()
    number.get_by_role("button").wait_for()
    assert not page.locator(".guess details").count()
    right = json.loads(which.get_attribute("data-told"))["right"]
    which.get_by_role("button", name=right, exact=True).click()
    which.get_by_role("button", name="Reveal").click()
    which.locator("[role=status]", has_text=f"Yes. {right}: its neighbouring").wait_for()
    page.get_by_label("Your guess").fill("50")  # 100 of 100, where no interval reaches
    number.get_by_role("button", name="Reveal").click()
    run = saved(built, "dropout")
    mean = 100 * np.mean(run.test_accuracy)
    said = says(page, "You guessed 100. ", ".guess:has-text('of 100')")
    assert f"Dropout: {tables.percent(run.test_accuracy)}, against" in said
    assert f"That is {100 - mean:.1f} fewer" in said
    assert not page.locator(".guess details").count()  # it would say the same again
    you, found = (each.bounding_box()["x"] for each in page.locator(".guess-line span").all())
    assert found < you

    page = open_page("comparison", "#comparison-whose", ".living-select")
    rows = page.locator(".guess", has_text="which row is whose")
    told = json.loads(rows.get_attribute("data-told"))
    for letter, name in zip(told["letters"], told["names"], strict=True):
        rows.get_by_label(letter, exact=True).select_option(name)
    rows.get_by_role("button", name="Reveal").click()
    rows.locator("[role=status]", has_text="5 of 5 are right").wait_for()

    order = page.locator(".guess", has_text="which has the highest")
    names = json.loads(order.get_attribute("data-told"))["names"]
    order.scroll_into_view_if_needed()
    for place, name in enumerate(names):
        while order.locator("ol.guess-order li").nth(place).get_attribute("data-name") != name:
            order.get_by_role("button", name=f"{name}: higher").press("Enter")
    order.get_by_role("button", name="Reveal").click()
    order.locator("[role=status]", has_text="10 of 10 pairs").wait_for()
    first, last = (order.locator("li").nth(n).bounding_box() for n in (0, 4))
    page.mouse.move(first["x"] + first["width"] - 5, first["y"] + first["height"] / 2)  # by hand
    page.mouse.down()
    page.mouse.move(last["x"] + 5, last["y"] + last["height"] / 2, steps=10)
    page.mouse.up()
    assert order.locator("li").last.get_attribute("data-name") == names[0]
    assert not page.complaints


@pytest.mark.parametrize(
    "scheme, viewport",
    [
        pytest.param("light", WIDE, id="by day, wide"),
        pytest.param("dark", PHONE, id="by night, on a phone"),
    ],
)
def test_moved_pages_are_accessible_and_within_their_frame(open_page, axe, scheme, viewport):
    options = dict(color_scheme=scheme, viewport=viewport)
    living = open_page("living?digit=1&train=1&b=l2", DRAW, **options)
    says(living, "techniques? says?")
    living.locator(TRAIN).scroll_into_view_if_needed()
    living.locator(f"{TRAIN} .living-panel").wait_for()
    film = open_page("techniques/l2", "#l2-weight-images", **options)
    film.get_by_role("slider", name="Strength").press("Home")
    guess = open_page("comparison", ".guess", "button", **options)
    guess.get_by_role("button", name="Reveal").first.click()
    for page in (living, film, guess):
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        page.evaluate(axe)
        violations = page.evaluate("axe.run({preload: false})")["violations"]
        assert not violations, [(v["id"], v["nodes"][0]["html"][:200]) for v in violations]
        assert not page.complaints


@pytest.mark.usefixtures("board")
def test_what_is_loaded_is_little_and_from_here_and_nothing_is_sent(open_page, served):
    sent = []

    def route(page):
        page.on("request", lambda r: sent.append((r.method, r.url, r.post_data)))

    page = open_page("living", DRAW, route=route)
    page.locator(TRAIN).scroll_into_view_if_needed()
    page.get_by_role("button", name="Train it here").wait_for()
    scripts = {url: body for url, body in page.loaded.items() if "/living" in url}
    scripts = {url: body for url, body in scripts.items() if url.endswith(".js")}
    assert len(scripts) > 10 and sum(map(len, scripts.values())) <= 120_000
    assert not any(url.endswith((".bin", ".film")) for url in page.loaded)
    page.get_by_role("button", name="Train it here").click()
    page.locator(f"{TRAIN} .living-panel").wait_for()
    draw(page, *SEVEN)
    says(page, "techniques? says?")
    digits = [body for url, body in page.loaded.items() if "digits.bin" in url]
    assert len(digits) == 2 and sum(map(len, digits)) <= 600_000
    assert all(m == "GET" and u.startswith(served) and d is None for m, u, d in sent)


def test_less_motion_means_fewer_pictures(open_page):
    """Two seconds between two pictures, where there are ten a second for others."""
    changes = """() => new Promise(done => {
        let count = 0;
        new MutationObserver(() => count++).observe(document.querySelector('.living-numbers'),
            {childList: true});
        setTimeout(() => done(count), 3000); })"""
    counts = {}
    for motion in ("reduce", "no-preference"):
        page = open_page("living?train=1", TRAIN, reduced_motion=motion)
        page.get_by_role("button", name="Run").click()
        counts[motion] = page.evaluate(changes)
    assert counts["reduce"] <= 3 < 6 <= counts["no-preference"]


def test_without_scripts_every_figure_and_answer_is_there(open_page):
    page = open_page("living", java_script_enabled=False)
    assert page.locator(f"{DRAW} tbody tr").count() == len(TECHNIQUES)
    assert page.locator(f"{TRAIN} svg").first.is_visible()
    page = open_page("techniques/l2", java_script_enabled=False)
    assert page.locator("#l2-weight-images figure svg").first.is_visible()
    page.locator(".guess summary").last.click()
    assert "without regularization" in page.locator(".guess p").last.inner_text()


def test_from_a_file_the_page_says_that_it_would_move_if_it_were_served(visit):
    page = visit("living")
    assert page.locator(".living-note", has_text="make serve").count() == 2
    assert not page.complaints


@pytest.mark.parametrize("name", ["living?train=1", "techniques/l2", "comparison"])
def test_the_keyboard_reaches_every_control_and_shows_where_it_is(open_page, name):
    page = open_page(name, "[data-live]", ":is(button, .living-panel)")
    controls = "[data-live] :is(button, input, select, canvas[tabindex])"
    for widget in page.locator("[data-live]").all():  # they begin when they are looked at
        widget.scroll_into_view_if_needed()
        widget.locator(":is(button, input, select, canvas)").first.wait_for(state="attached")
    page.wait_for_load_state("networkidle")
    seen = page.locator(f"{controls} >> visible=true")
    wanted = sum(control.is_enabled() for control in seen.all())
    page.locator("article h1").click()
    assert reached_by_tab(page, controls) >= wanted > 2
