"""The last cell of a chapter, trained where it stands: by whoever types, drags or stops it."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from conftest import dataset_of, read_living, until
from scipy import stats
from test_living import PHONE, WIDE

from regularization.core import data
from regularization.core.fit import fit
from regularization.core.settings import Settings, technique_of
from regularization.study.registry import EXPERIMENTS

PANEL = "[data-live=cell]"
STATUS = f"{PANEL} .living-words > span >> nth=0"


@pytest.fixture
def open_cell(visit, served):
    """Open a page from the server, at its last cell, with the numbers that can be changed."""

    def open_cell(name="techniques/l2", viewport=WIDE, **options):
        page = visit(name, served, viewport=viewport, **options)
        page.locator(PANEL).scroll_into_view_if_needed()
        page.get_by_role("button", name="Run it here").wait_for()
        return page

    return open_cell


def number(page, name):
    return page.get_by_role("spinbutton", name=name, exact=True)


def give(page, name, text):
    """Type a number in place of the one that stands there."""
    number(page, name).fill(text)
    number(page, name).press("Enter")


def run(page):
    """Run the cell to its end; return the accuracy, a share, and all that it says."""
    page.get_by_role("button", name="Run it here").click()
    page.get_by_role("button", name="Run it here").wait_for()  # until then it is called "Stop"
    said = page.locator(STATUS).inner_text()
    return float(re.search(r"Test accuracy ([\d.]+)", said)[1]) / 100, said


def test_a_changed_number_trains_beside_what_was_before(open_cell, axe):
    page = open_cell(viewport=PHONE, color_scheme="dark")
    give(page, "steps", "300")
    first, _ = run(page)
    give(page, "strength", "0.1")
    second, said = run(page)
    assert f"Before, with strength=1e-4, steps=300, learning_rate=1e-3: {first:.1%}"[:-1] in said
    assert second < first  # strong L2 costs
    models = page.locator(f"{PANEL} .living-model")
    assert models.count() == 2 and models.locator("canvas").count() == 20
    assert "strength=0.1" in models.first.inner_text() and "1e-4" in models.last.inner_text()
    assert page.locator(f"{PANEL} polyline").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.evaluate(axe)
    violations = page.evaluate("axe.run({preload: false})")["violations"]
    assert not violations, [(v["id"], v["nodes"][0]["html"][:200]) for v in violations]
    assert not page.complaints


def test_a_number_is_dragged_or_moved_by_keys_and_copied_as_it_stands(open_cell):
    page = open_cell(permissions=["clipboard-read", "clipboard-write"])
    number(page, "strength").press("ArrowUp")
    assert number(page, "strength").inner_text() == "1.25e-4"
    number(page, "strength").press("PageDown")
    assert number(page, "strength").get_attribute("aria-valuenow") == "0.0000125"
    box = number(page, "steps").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 5 + 21, box["y"] + 5, steps=3)  # three steps of seven pixels
    page.mouse.up()
    assert number(page, "steps").inner_text() == "10_000"
    page.locator("#try-it-yourself button.copybtn").first.click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "L2(strength=1.25e-5)" in copied and "steps=10_000, learning_rate=1e-3)" in copied
    compile(copied, "cell", "exec")
    assert not page.complaints


def test_what_is_no_such_number_is_said_in_place_and_the_last_one_stays(open_cell):
    page = open_cell()
    for name, text, said in (
        (
            "strength",
            "lots",
            "“lots” cannot be used. Expected a number of at least 0; it stays at 1e-4",
        ),
        ("strength", "-1", "“-1” cannot be used"),
        ("learning_rate", "0", "Expected a number above 0; it stays at 1e-3."),
        ("steps", "2.5", "Expected a whole number from 1; it stays at 5_000."),
        ("steps", "1e999", "Expected a whole number from 1"),
        ("steps", "", "“” cannot be used"),
    ):
        before = number(page, name).inner_text()
        give(page, name, text)
        assert said in page.locator(f"{PANEL} [role=alert]").inner_text()
        assert number(page, name).inner_text() == before
    give(page, "steps", "100")
    assert page.locator(f"{PANEL} [role=alert]").count() == 0
    run(page)


def test_an_absurdly_long_training_says_how_far_it_is_and_can_be_stopped(open_cell):
    page = open_cell()
    give(page, "steps", "10_000_000_000")
    page.get_by_role("button", name="Run it here").click()
    far = re.compile(r"Step [\d,]+ of 10,000,000,000, about .* left")
    page.locator(STATUS, has_text=far).wait_for()
    page.get_by_role("button", name="Stop").click()
    page.locator(STATUS, has_text="Stopped at step").wait_for()
    give(page, "steps", "100")
    assert run(page)[0] > 0.2


def test_a_worker_that_dies_is_said_in_place_and_the_next_run_has_another(open_cell):
    page = open_cell()
    give(page, "steps", "100")
    page.route("**/living/worker.js", lambda route: route.abort())
    page.get_by_role("button", name="Run it here").click()
    alert = page.locator(f"{PANEL} [role=alert]", has_text="the training stopped")
    alert.wait_for()
    page.complaints.clear()  # the browser's own, of the script that it could not load
    page.unroute("**/living/worker.js")
    run(page)
    assert alert.count() == 0 and not page.complaints


def test_whoever_presses_again_while_the_page_loads_has_one_training(open_cell):
    page = open_cell()
    give(page, "steps", "100")
    waiting = []
    page.route("**/training_digits.bin", lambda route: waiting.append(route))
    for name in ("Run it here", "Stop", "Run it here"):
        page.get_by_role("button", name=name).click()
    until(lambda: waiting, 10, "the digits to be asked for")
    for route in waiting:
        route.continue_()
    page.locator(STATUS, has_text="Test accuracy").wait_for()
    assert len(page.workers) == 1
    assert page.locator(f"{PANEL} .living-model").count() == 1
    page.locator(f"{PANEL} polyline").wait_for(state="attached")


def test_a_loss_that_is_no_number_ends_the_training_in_words(open_cell):
    page = open_cell()
    give(page, "strength", "1e38")
    page.get_by_role("button", name="Run it here").click()
    page.locator(STATUS, has_text="the numbers grew too large").wait_for()


def test_five_techniques_end_where_pythons_do_on_the_same_digits(open_cell, built):
    """Within the 99.9 % interval of one seed more, of five by Python's own loop."""
    parts, test = (
        read_living(built / "results" / f"{name}_digits.bin")[0] for name in ("training", "test")
    )
    parts |= {f"test_{name}": values for name, values in test.items()}
    small, steps, seeds = replace(data.load(dataset_of(built)), **parts), 1_000, 5
    found, expected = {}, {}
    for slug in EXPERIMENTS:
        page = open_cell(f"techniques/{slug}")
        give(page, "steps", str(steps))
        found[slug], _ = run(page)
        told = json.loads(page.locator(PANEL).get_attribute("data-told"))
        training = told["training"] | {"steps": steps, "loss": told["loss"], "seeds": seeds}
        training["train_size"] = min(training["train_size"], len(small.train_images))
        technique = technique_of({"name": told["technique"]} | told["hyper"])
        ours = fit(Settings(technique, **training), small)["test_accuracy"]
        off = stats.t.ppf(0.9995, seeds - 1) * ours.std(ddof=1) * np.sqrt(1 + 1 / seeds)
        expected[slug] = ours.mean() - off, ours.mean() + off
    within = {slug: low <= found[slug] <= high for slug, (low, high) in expected.items()}
    assert len(within) == 5 and all(within.values()), (found, expected)
