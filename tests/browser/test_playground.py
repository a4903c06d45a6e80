"""What a reader takes along from the playground, and brings to it; and where guesses come home."""

import json
import re

import numpy as np
import pytest
from conftest import read_living, run_python
from PIL import Image
from safetensors import safe_open
from test_living import PHONE, TRAIN, WIDE

from regularization.analysis import evaluation

OWN = ".living-own"


@pytest.fixture
def playground(visit, served):
    """Open the playground, its training begun."""

    def playground(query="", **options):
        page = visit(f"living?train=1&{query}", served, **{"viewport": WIDE} | options)
        page.locator(TRAIN).scroll_into_view_if_needed()
        page.locator(".living-numbers", has_text="Step 0").wait_for()
        return page

    return playground


def accuracy(page, model=0):
    words = page.locator(f"{TRAIN} .living-model p").nth(model).inner_text()
    return float(re.search(r"ccuracy(?: on these pictures)? ([\d.]+)\s%", words)[1]) / 100


def a_hundred_steps(page):
    page.get_by_role("button", name="100 steps").click()
    page.locator(".living-numbers", has_text="Step 100").wait_for()


def test_the_code_that_is_shown_trains_in_python_what_the_knobs_say(playground, built, tmp_path):
    page = playground("a=l2&a.strength=0.01&a.rate=0.001&b=weight_normalization&batch=16&seed=3")
    a_hundred_steps(page)
    page.get_by_role("button", name="Show the code").click()
    code = page.locator(".living-code").inner_text()
    assert "L2(strength=0.01)" in code and "WeightNormalization(" in code and "seeds=[3]" in code
    train, _, loading = code.partition("# And")
    process = run_python(train, RUNS_DIR=str(tmp_path))
    assert process.returncode == 0, process.stderr
    said = process.stdout.strip().splitlines()
    assert [line.split("(")[0] for line in said] == ["L2", "WeightNormalization"]
    ours = [float(line.split()[-1]) for line in said]
    # Other images and other noise, and few steps; but the same model.
    assert ours == pytest.approx([accuracy(page), accuracy(page, 1)], abs=0.15)
    assert 'load_file("weights.safetensors")' in loading


def test_the_weights_that_are_taken_along_know_what_the_page_says(playground, built, tmp_path):
    page = playground("a=l2&a.rate=0.001&b=dropout")
    a_hundred_steps(page)
    with page.expect_download() as begun:
        page.get_by_role("button", name="Download the weights").click()
    path = tmp_path / begun.value.suggested_filename
    begun.value.save_as(path)
    test = read_living(built / "results" / "test_digits.bin")[0]
    with safe_open(path, framework="numpy") as file:
        assert json.loads(file.metadata()["models"])[1]["technique"] == "Dropout"
        for model, name in enumerate(("a", "b")):
            weights = file.get_tensor(name)
            assert weights.shape == (10, *test["images"].shape[1:])
            known = evaluation.logits(weights, test["images"]).argmax(axis=-1) == test["labels"]
            assert known.mean() == pytest.approx(accuracy(page, model), abs=6e-4)


@pytest.mark.usefixtures("board")
def test_classes_of_ones_own_are_drawn_or_loaded_and_trained_on(playground, built, tmp_path, axe):
    page = playground(viewport=PHONE)
    page.get_by_role("button", name="Use your own pictures").click()
    own, keep = page.locator(OWN), page.get_by_role("button", name="Add to this class")
    keep.click()
    assert "There is no ink on the board" in own.locator("[role=alert]").inner_text()
    board = own.locator(".living-board")

    def draw(*ends):
        box = board.bounding_box()
        (x, y), *rest = [
            (box["x"] + a * box["width"], box["y"] + b * box["height"]) for a, b in ends
        ]
        page.mouse.move(x, y)
        page.mouse.down()
        for place in rest:
            page.mouse.move(*place, steps=6)
        page.mouse.up()
        keep.click()

    own.get_by_label("Its name").fill("upright")
    for shift in (0, 0.05, 0.1, 0.15):
        draw((0.4 + shift, 0.2), (0.4 + shift, 0.8))
    own.get_by_label("Class", exact=True).select_option("1")
    own.get_by_label("Its name").fill("lying")
    for shift in (0, 0.05, 0.1, 0.15):
        draw((0.2, 0.4 + shift), (0.8, 0.4 + shift))
    assert own.locator(".living-strip button").count() == 4
    own.locator(".living-strip button").last.click()  # taken away again
    assert own.locator(".living-strip button").count() == 3
    own.get_by_label("Class", exact=True).select_option("2")
    ring = np.hypot(*np.meshgrid(*2 * [np.linspace(-1, 1, 60)]))
    Image.fromarray(np.uint8(255 * ((ring < 0.6) | (ring > 0.9)))).save(tmp_path / "ring.png")
    (tmp_path / "words.png").write_text("no picture", encoding="utf-8")
    loaded = own.get_by_label("Pictures of this class")
    loaded.set_input_files([tmp_path / "words.png"])
    own.locator("[role=alert]", has_text="words.png is no picture").wait_for()
    loaded.set_input_files([tmp_path / "ring.png"])
    own.get_by_label("Class", exact=True).select_option("3")  # while it is loaded
    all_of_them = own.locator("[role=status]", has_text="8 pictures in 3 of ten classes.")
    all_of_them.wait_for(state="attached")
    assert not own.locator("[role=alert]").count()
    page.evaluate(axe)
    violations = page.evaluate("axe.run({preload: false})")["violations"]
    assert not violations, [(v["id"], v["nodes"][0]["html"][:200]) for v in violations]
    page.get_by_role("button", name="Train on these").click()
    page.locator(".living-numbers", has_text=re.compile(r"Step [1-9]\d\d")).wait_for()
    assert accuracy(page) == 1
    assert page.locator(f"{TRAIN} .living-ten div").first.inner_text() == "upright"
    assert "8 pictures, and tested on the same ones" in page.locator(TRAIN).inner_text()
    page.get_by_role("button", name="Back to the").click()
    page.locator(".living-numbers", has_text="Step 0").wait_for()
    a_hundred_steps(page)
    assert accuracy(page) > 0.3 and not page.complaints


def test_guesses_come_home_and_can_be_forgotten(visit, served, built):
    page = visit("techniques/dropout", served, viewport=WIDE)
    number = page.locator(".guess", has_text="of 100")
    number.scroll_into_view_if_needed()
    number.get_by_role("slider", name="Your guess").fill("45")  # 95 of 100
    number.get_by_role("button", name="Reveal").click()
    page.wait_for_load_state("networkidle")
    number.get_by_role("link", name="your guesses").click()
    row = page.locator("[data-live=guesses] tbody tr")
    row.wait_for()
    assert row.locator("a").inner_text() == "Dropout" and "95 of 100" in row.inner_text()
    known = json.loads((built / "results" / "dropout.json").read_text(encoding="utf-8"))
    off = 95 - 100 * np.mean(known["test_accuracy"])
    said = page.locator("[data-live=guesses] [role=status]").inner_text()
    assert f"Of 1 accuracy you were {abs(off):.1f} points away" in said
    assert ("too high" if off > 0 else "too low") in said
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    row.locator("a").click()
    assert page.url.endswith("techniques/dropout.html")
    page.go_back()
    page.get_by_role("button", name="Forget them").click()
    page.locator("[data-live=guesses]", has_text="no guess yet").wait_for()
    assert page.evaluate("localStorage.getItem('seeing-regularization.guesses')") is None
    assert not page.complaints


def test_whatever_stands_in_the_storage_or_forbids_it_the_pages_hold(visit, served):
    odd = {
        "a": {"page": "https://elsewhere.example/x.html", "title": "<b>T</b>", "kind": "number"}
        | {"yours": "1", "found": "2", "right": 1, "of": 2},
        "b": {"page": 3},
        "c": None,
    }
    for stored, rows in (("{", 0), ("[1]", 0), ("null", 0), (json.dumps(odd), 1)):
        page = visit("guesses", served)
        page.evaluate("text => localStorage.setItem('seeing-regularization.guesses', text)", stored)
        page.wait_for_load_state("networkidle")
        page.reload()
        page.locator("[data-live=guesses] :is(table, .living-note)").first.wait_for()
        assert page.locator("[data-live=guesses] tbody tr").count() == rows
    assert page.locator("tbody a").get_attribute("href").startswith(served)  # no way out
    assert page.locator("tbody a").inner_text() == "<b>T</b>" and not page.complaints

    page = visit("techniques/dropout", served)
    page.evaluate(
        "void (Storage.prototype.getItem = Storage.prototype.setItem = () => { throw Error(); })"
    )
    number = page.locator(".guess", has_text="of 100")
    number.scroll_into_view_if_needed()
    number.get_by_role("button", name="Reveal").click()
    number.locator(".living-hint", has_text="does not keep your guess").wait_for()
    assert "You guessed 90" in number.inner_text()
