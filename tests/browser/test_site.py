"""The site in a real browser: what is asked of some of its pages, or of all of them together."""

from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import reached_by_tab
from matplotlib.image import imread
from PIL import Image
from pypdf import PdfReader


def test_the_first_screen_is_one_sentence_and_the_wall(visit):
    for viewport in ({"width": 1280, "height": 800}, {"width": 360, "height": 740}):
        page = visit("index", viewport=viewport)
        box = page.locator("article figure svg").first.bounding_box()
        assert box["y"] + box["height"] <= viewport["height"]
        assert page.locator("article p").first.inner_text().count(".") == 1


@pytest.mark.parametrize("name", ["map", "reproduction", "contents"])
def test_the_list_of_contents_gives_way_to_what_reaches_into_the_margin(visit, name):
    """Else it would lie on tables, cards and code that are wider than the text."""
    page = visit(name, viewport={"width": 1600, "height": 900})
    contents = page.locator(".bd-sidebar-secondary")
    edge = contents.bounding_box()["x"]
    wide = [
        each
        for each in page.locator(".bd-article :is(table, .highlight, .shelf)").all()
        if each.is_visible() and sum(map(each.bounding_box().get, ("x", "width"))) > edge
    ]
    assert wide
    for each in wide[:4]:
        each.evaluate("element => element.scrollIntoView({block: 'start'})")
        page.locator(".bd-sidebar-secondary.hide").wait_for(state="attached")


def test_a_figures_text_can_be_read_on_a_phone(visit):
    page = visit("techniques/l2", viewport={"width": 360, "height": 740})
    heights = page.locator("figure svg text").evaluate_all(
        "texts => texts.map(t => t.getBoundingClientRect().height)"
    )
    assert len(heights) >= 40 and min(heights) >= 9


def test_figures_stand_on_the_pages_own_ground_in_the_dark(visit):
    page = visit("techniques/l2", color_scheme="dark", viewport={"width": 1280, "height": 800})
    for figure in page.locator("figure.book-figure:visible").all():
        corner = imread(BytesIO(figure.screenshot()))[0, 0, :3]
        assert corner.max() < 0.2, "a light box in a dark page"


def test_each_figure_table_and_equation_is_numbered_in_order_and_links_carry_its_number(visit):
    page = visit("techniques/l2")
    for kind in ("Figure", "Table"):
        labels = page.locator(f'figure[data-kind="{kind}"] .number').all_text_contents()
        chapter = labels[0].split()[1].split(".")[0]
        assert labels == [f"{kind} {chapter}.{i}" for i in range(1, len(labels) + 1)]
        assert len(labels) == page.locator(f'figure[data-kind="{kind}"]').count()
    assert page.locator(".eqno").first.inner_text() == f"({chapter}.1)"
    link = page.locator('a[href="#l2-weight-images"]')
    assert link.inner_text() == page.locator("#l2-weight-images .number").inner_text()


def test_a_term_shows_its_meaning_on_hover_and_on_focus(visit):
    page = visit("techniques/l2", viewport={"width": 360, "height": 740})
    term = page.locator(".term").first
    meaning = term.get_by_role("tooltip", include_hidden=True)
    assert not meaning.is_visible()
    term.locator("a").hover()
    assert meaning.is_visible() and "multiplied" in meaning.inner_text()
    page.mouse.move(0, 0)
    assert not meaning.is_visible()
    term.locator("a").focus()
    assert meaning.is_visible()
    box = meaning.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360
    described = term.locator("a").get_attribute("aria-describedby")
    assert described == meaning.get_attribute("id")


def test_the_keyboard_reaches_every_control_and_shows_where_it_is(visit):
    page = visit("techniques/l2", viewport={"width": 1280, "height": 800})
    controls = "article :is(a, button, summary, [tabindex='0'])"
    wanted = page.locator(f"{controls} >> visible=true").count()
    assert reached_by_tab(page, controls) >= wanted > 10


def test_nothing_moves_for_who_asked_for_less_motion(visit):
    page = visit("index", reduced_motion="reduce")
    moving = """[...document.querySelectorAll('*')].filter(e => {
        const s = getComputedStyle(e);
        return s.animationName != 'none' || parseFloat(s.transitionDuration) > 0; }).length"""
    assert page.evaluate(moving) == 0


def test_a_page_prints_dark_on_light_from_a_dark_screen_notes_in_the_margin_and_all(visit):
    page = visit("techniques/l2", color_scheme="dark")
    note = page.locator(".admonition.margin p").last.inner_text()
    printed, ink, inks = PdfReader(BytesIO(page.pdf())), (0, 0, 0), set()

    def look(operator, operands, *_):
        nonlocal ink
        if operator == b"rg":
            ink = tuple(map(float, operands))
        elif operator in (b"Tj", b"TJ"):
            inks.add(ink)

    texts = [each.extract_text(visitor_operand_before=look) for each in printed.pages]
    assert "".join(note.split()) in "".join("".join(texts).split())
    assert len(inks) > 3 and max(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in inks) < 0.5
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_search_finds_the_chapter_of_a_name_first(visit, served):
    page = visit("index")
    for asked, chapter in {
        "dropout": "dropout",
        "weight decay": "weight_decay",
        "l2": "l2",
    }.items():
        page.goto(f"{served}/search.html?q={asked}")
        first = page.locator("ul.search li a").first
        first.wait_for()
        href = first.get_attribute("href").partition("?")[0].partition("#")[0]
        assert href.endswith(f"techniques/{chapter}.html"), "not the chapter of that name"


@pytest.mark.parametrize(
    "refusal",
    [
        "get: () => null",
        "get() { throw new DOMException('', 'SecurityError'); }",
        "value: {getItem: () => null, setItem() { throw new DOMException('', 'QuotaExceeded'); }}",
    ],
    ids=["has no storage", "forbids to ask for it", "forbids to write to it"],
)
def test_search_and_colours_work_in_a_browser_that(visit, served, refusal):
    refuse = "".join(
        f"Object.defineProperty(window, '{name}Storage', {{configurable: true, {refusal}}});"
        for name in ("local", "session")
    )
    page = visit("index", served, lambda page: page.add_init_script(refuse), color_scheme="light")
    page.wait_for_load_state("networkidle")
    page.locator(".theme-switch-button:visible").click()
    page.locator("html[data-theme=dark]").wait_for(state="attached")
    page.locator(".search-button__button:visible").first.click()
    page.locator("#pst-search-dialog input").fill("dropout")
    page.keyboard.press("Enter")
    page.locator("ul.search li a").first.wait_for()
    assert not page.complaints


def test_a_fold_opens_in_its_place_and_all_of_them_by_a_button_that_is_remembered(visit, served):
    page = visit("techniques/l2", served, viewport={"width": 1280, "height": 800})
    folds, first = (
        page.locator("details.code-fold"),
        page.locator("details.code-fold summary").first,
    )
    before = first.bounding_box()
    first.click()
    assert first.bounding_box() == before and folds.first.locator("pre").is_visible()
    open_ones = page.locator("details.code-fold[open]")
    page.get_by_role("button", name="Show all code").click()
    assert open_ones.count() == folds.count() > 3
    page.goto(f"{served}/techniques/dropout.html")
    assert open_ones.count() == folds.count() > 3
    page.get_by_role("button", name="Hide all code").click()
    page.reload()
    assert not open_ones.count() and not page.complaints


def test_code_can_be_copied(browser, served):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{served}/techniques/l2.html")
    cell = page.locator("div.cell_input:visible", has_text="technique = L2").first
    cell.hover()
    cell.locator("button.copybtn").click()
    assert (
        page.evaluate("navigator.clipboard.readText()") == cell.locator("pre").inner_text().strip()
    )
    context.close()


def test_formulas_are_spoken_and_set_without_a_script(visit):
    page = visit("techniques/l2")
    assert page.locator("math").count() >= 4
    assert not any("mathjax" in url.lower() for url in page.loaded)
    assert any("stix-two-math" in url for url in page.loaded)
    formula = page.locator(".formula math").first.bounding_box()
    assert formula["height"] > 30  # a fraction stands on two lines


@pytest.mark.parametrize("name, column", [("equal_care", "smoothness"), ("map", "from none")])
def test_a_reader_sorts_a_table_by_its_headers_and_filters_it(visit, name, column):
    page = visit(name, viewport={"width": 1280, "height": 800})
    table = page.locator("table.sortable")
    rows = table.locator("tbody tr")

    def shown(index):
        visible = (row for row in rows.all() if row.is_visible())
        return [row.locator("th, td").nth(index).inner_text() for row in visible]

    headers = [header.strip() for header in table.locator("thead th").all_inner_texts()]
    index = headers.index(column)
    names = shown(0)
    for first, second in [(column, True), (column, False)]:  # by pointer, by keyboard
        header = table.get_by_role("button", name=first, exact=True)
        header.click() if second else header.press("Enter")
        values = [float(value.replace("−", "-")) for value in shown(index)]
        assert values == sorted(values, reverse=second) and len(set(values)) > 5
        direction = "descending" if second else "ascending"
        assert table.locator("th[aria-sort]").get_attribute("aria-sort") == direction
    table.get_by_role("button", name="technique").click()
    assert shown(0) == sorted(names, key=str.lower)

    page.get_by_label("Name").fill("weight")
    assert shown(0) and all("weight" in name.lower() for name in shown(0))
    page.get_by_label("Changes").select_option("labels")
    assert shown(0) == [] and page.get_by_role("status").inner_text() == f"0 of {len(names)}"
    page.get_by_label("Name").fill("")
    assert {"Label smoothing", "Mixup"} <= set(shown(0)) < set(names)
    page.get_by_label("Changes").select_option("anything")
    assert len(shown(0)) == len(names) and not page.get_by_role("status").inner_text()


def test_a_page_refuses_what_comes_from_outside_and_scripts_that_are_not_its_own(visit):
    """A script, a picture, a request and a handler, as a hostile notebook's output might bring."""
    page = visit("index")
    refused = page.evaluate(
        """async () => {
          const refused = [];
          document.addEventListener("securitypolicyviolation", (event) =>
            refused.push(event.effectiveDirective));
          const script = document.createElement("script");
          script.src = "https://example.org/a.js";
          document.body.append(script);
          const written = document.createElement("script");
          written.textContent = "window.written = true";
          document.body.append(written);
          document.body.insertAdjacentHTML("beforeend",
            '<img src="https://example.org/a.png" alt=""><b onclick="window.written = true">b</b>');
          document.body.lastChild.click();
          await fetch("https://example.org/").catch(() => {});
          await new Promise((done) => setTimeout(done, 200));
          return [refused, window.written === true];
        }"""
    )
    kinds, written = refused
    assert {"script-src-elem", "script-src-attr", "img-src", "connect-src"} <= set(kinds)
    assert not written


def test_a_figure_is_saved_as_it_stands_with_its_caption_and_whose_it_is(visit, served, tmp_path):
    page = visit(
        "techniques/l2", served, viewport={"width": 1280, "height": 900}, color_scheme="dark"
    )
    figure = page.locator("figure[data-kind=Figure]", has=page.locator("svg")).first
    caption = figure.locator(".caption-text").inner_text()
    for kind in ("SVG", "PNG"):
        figure.hover()
        with page.expect_download() as begun:
            figure.get_by_role("button", name=kind).click()
        begun.value.save_as(tmp_path / begun.value.suggested_filename)
    svg, png = sorted(tmp_path.iterdir(), key=lambda path: path.suffix, reverse=True)
    root = ElementTree.parse(svg).getroot()
    said = " ".join(" ".join(text.itertext()) for text in root.findall(".//{*}tspan"))
    assert caption.split() == said.split()[: len(caption.split())] and "MIT licence" in said
    assert len(root.findall(".//{*}image")) == figure.locator("image").count() > 5
    assert svg.stem == png.stem
    with Image.open(png) as picture:
        pixels = np.asarray(picture.convert("L"))
        assert picture.width == 2 * float(root.get("width"))
    # Dark on white, whatever the page is; and the ten images are there.
    assert (pixels[-4:] == 255).all() and (pixels < 60).mean() > 0.005
    assert not page.complaints
