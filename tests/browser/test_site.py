"""Every page in a real browser: quiet, self-contained, within its frame and weight, accessible."""

import gzip
import re

import contents
import pytest
from conftest import EITHER

pytestmark = EITHER
WIDTHS = (360, 768, 1280)
PAGES = [*contents.pages(), "search", "genindex"]
#: A page's width once its margin notes have moved to where they belong at a new one.
SETTLED_WIDTH = """Promise.all(document.getAnimations().map(motion => motion.finished))
    .then(() => document.documentElement.scrollWidth)"""
#: What `page` may weigh, bytes: as it is, packed, and with its pictures.
RAW, PACKED, WITH_PICTURES = 900_000, 300_000, 1_500_000
PICTURE = re.compile(rb"data:image/png;base64,[^\"]*")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme, read_at", [("light", 1280), ("dark", 360)])
def test_a_page_is_quiet_accessible_and_within_its_frame(visit, axe, name, scheme, read_at):
    page = visit(name, color_scheme=scheme, viewport={"width": read_at, "height": 800})
    page.wait_for_load_state("networkidle")
    assert page.locator("html").get_attribute("data-theme") == scheme
    assert page.locator("html").get_attribute("lang") == "en"
    page.evaluate(axe)
    violations = page.evaluate("axe.run({preload: false})")["violations"]
    assert not violations, [(v["id"], v["nodes"][0]["html"][:200]) for v in violations]
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(SETTLED_WIDTH) <= width
    assert not page.complaints
    assert all(url.startswith(("file:", "data:")) for url in page.loaded)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_light_and_stands_still_while_it_appears(visit, name):
    page = visit(name, viewport={"width": 1280, "height": 800})
    page.wait_for_load_state("networkidle")
    shift = page.evaluate(
        """new Promise(done => {
             let sum = 0;
             new PerformanceObserver(list => {
               for (const entry of list.getEntries()) sum += entry.value;
             }).observe({type: "layout-shift", buffered: true});
             setTimeout(() => done(sum), 300);
           })"""
    )
    assert shift < 0.02
    files = {url: body for url, body in page.loaded.items() if url.startswith("file:")}
    text = [PICTURE.sub(b"", body) for body in files.values()]
    assert sum(map(len, text)) <= RAW
    assert sum(len(gzip.compress(body)) for body in text) <= PACKED
    assert sum(map(len, files.values())) <= WITH_PICTURES
    for image in page.locator("article img").all():
        assert image.get_attribute("alt") and image.get_attribute("loading") == "lazy"


def test_the_first_screen_is_one_sentence_and_the_wall(visit):
    for viewport in ({"width": 1280, "height": 800}, {"width": 360, "height": 740}):
        page = visit("index", viewport=viewport)
        box = page.locator("article figure svg").first.bounding_box()
        assert box["y"] + box["height"] <= viewport["height"]
        assert page.locator("article p").first.inner_text().count(".") == 1


@pytest.mark.parametrize("name", [p for p in PAGES if "techniques" in p] + ["corrected"])
def test_a_chapter_that_trains_opens_with_its_ten_weight_images(visit, name):
    page = visit(name, viewport={"width": 1280, "height": 800})
    opening = page.locator("article figure").first
    assert opening.locator("image").count() == 10
    assert opening.bounding_box()["y"] < 800
    assert "Ten weight images" in opening.locator("svg").get_attribute("aria-label")


def test_a_figures_text_can_be_read_on_a_phone(visit):
    page = visit("techniques/l2", viewport={"width": 360, "height": 740})
    heights = page.locator("figure svg text").evaluate_all(
        "texts => texts.map(t => t.getBoundingClientRect().height)"
    )
    assert len(heights) > 30 and min(heights) >= 9


@pytest.mark.parametrize("name", contents.notebooks())
def test_no_word_of_a_figure_is_cut_off_or_lies_over_another(visit, name):
    page = visit(name, viewport={"width": 1280, "height": 800})
    cut = page.locator("figure svg").evaluate_all(
        """svgs => svgs.flatMap(svg => {
             const frame = svg.getBoundingClientRect();
             const texts = [...svg.querySelectorAll('text')].map(t => [
               t.textContent, t.getBoundingClientRect()]);
             const out = texts.filter(([, b]) => b.left < frame.left - 3 || b.top < frame.top - 3
               || b.right > frame.right + 3 || b.bottom > frame.bottom + 3);
             const over = texts.filter(([, a], i) => texts.some(([, b], j) => i < j
               && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
               && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 6));
             return [...out, ...over].map(([text]) => text);
           })"""
    )
    assert not cut


def test_figures_stand_on_the_pages_own_ground_in_the_dark(visit):
    from io import BytesIO

    from matplotlib.image import imread

    page = visit("techniques/l2", color_scheme="dark", viewport={"width": 1280, "height": 800})
    for figure in page.locator("figure.book-figure").all():
        corner = imread(BytesIO(figure.screenshot()))[0, 0, :3]
        assert corner.max() < 0.2, "a light box in a dark page"


def test_each_figure_table_and_equation_is_numbered_in_order_and_links_carry_its_number(visit):
    page = visit("techniques/l2")
    for kind in ("Figure", "Table"):
        labels = page.locator(f'figure[data-kind="{kind}"] .number').all_inner_texts()
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
    controls = page.locator("article a, article button, article summary, article [tabindex='0']")
    wanted = sum(control.is_visible() for control in controls.all())
    reached = 0
    for _ in range(200):
        page.keyboard.press("Tab")
        inside, outline = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
                       return [!!e.closest("article"),
                               s.outlineStyle != "none" || s.boxShadow != "none"]; }"""
        )
        reached += inside
        assert outline, page.evaluate("document.activeElement.outerHTML")
        if reached and not inside:
            break
    assert reached >= wanted > 10


def test_nothing_moves_for_who_asked_for_less_motion(visit):
    page = visit("index", reduced_motion="reduce")
    moving = """[...document.querySelectorAll('*')].filter(e => {
        const s = getComputedStyle(e);
        return s.animationName != 'none' || parseFloat(s.transitionDuration) > 0; }).length"""
    assert page.evaluate(moving) == 0


def test_search_finds_a_word(visit, served):
    page = visit("index")
    page.goto(f"{served}/search.html?q=dropout")
    page.locator("ul.search li a").first.wait_for()
    assert any(
        "dropout" in href
        for href in page.locator("ul.search li a").evaluate_all(
            "links => links.map(link => link.href)"
        )
    )


def test_next_and_previous_walk_the_whole_book(visit):
    page, walked = visit("index"), ["index"]
    for direction in ("right-next", "left-prev"):
        while page.locator(f"a.{direction}").count():
            with page.expect_navigation():
                page.locator(f"a.{direction}").click()
            walked.append(re.search(r"/html/(.+)\.html", page.url)[1])
    assert walked == [*contents.pages(), *contents.pages()[-2::-1]]


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
    assert page.locator("math").count() > 3
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
        values = [float(value) for value in shown(index)]
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
