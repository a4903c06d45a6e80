"""The book as a PDF: its chapters in the outline, its pages numbered, its figures whole."""

import shutil
import subprocess

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, dataset_of
from pypdf import PdfReader

from workflow.build import contents

A4 = {"width": 627, "height": 963}  # what its margins leave of a page, CSS pixels


@pytest.fixture(scope="session")
def build(browser, built, tmp_path_factory):
    """A copy of the built book that was printed; what is written anew others read meanwhile."""
    build = tmp_path_factory.mktemp("pdf") / "build"
    shutil.copytree(built, build)
    command = ["make", "--no-print-directory", "pdf", f"BUILD={build}", "PRESET=quick"]
    command.append(f"DATA={dataset_of(built)}")
    process = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert process.returncode == 0, process.stdout + process.stderr
    return build


@pytest.fixture(scope="session")
def printed(build):
    return PdfReader(build / "seeing-regularization.pdf")


@pytest.fixture(scope="session")
def texts(printed):
    return [page.extract_text() for page in printed.pages]


def flat(outline):
    for entry in outline:
        yield from flat(entry) if isinstance(entry, list) else [entry]


@pytest.mark.thorough
def test_its_outline_leads_to_every_chapter_on_a_page_of_its_own(printed, texts):
    entries = list(flat(printed.outline))
    starts = {}
    for number in range(1, len(contents.notebooks()) + 1):
        (entry,) = [e for e in entries if e.title.startswith(f"{number}. ")]
        starts[number] = printed.get_destination_page_number(entry)
    assert sorted(starts.values()) == list(starts.values())
    assert len(set(starts.values())) == len(starts)
    for number, page in starts.items():
        assert f"{number}." in texts[page][:40]


@pytest.mark.thorough
def test_its_figures_and_tables_have_the_numbers_of_the_site(texts, built):
    text = " ".join(texts)
    for page in contents.notebooks():
        soup = BeautifulSoup(
            (built / "html" / f"{page}.html").read_text(encoding="utf-8"), "html.parser"
        )
        for number in soup.select("figure .number"):
            if number.find_parent("details"):  # a solution, which is not printed
                continue
            assert f"{number.get_text()} " in text.replace("\n", " ")


@pytest.mark.thorough
def test_its_pages_are_numbered(texts):
    for number, text in enumerate(texts, start=1):
        assert text.split()[-1] == str(number)


@pytest.mark.thorough
def test_no_figure_is_taller_than_a_page_so_none_is_cut(browser, build):
    page = browser.new_page(viewport=A4)
    page.emulate_media(media="print")
    page.goto((build / "singlehtml" / "index.html").as_uri())
    boxes = page.locator("figure").evaluate_all(
        """all => all.map(f => ({kind: f.dataset.kind, width: f.scrollWidth,
                                 height: f.getBoundingClientRect().height,
                                 whole: getComputedStyle(f).breakInside == "avoid"}))"""
    )
    assert len(boxes) >= 200
    for box in boxes:
        assert box["width"] <= A4["width"]
        # Long tables may go on overleaf, between their rows; pictures may not.
        assert box["height"] < A4["height"] if box["whole"] else box["kind"] == "Table"
    page.close()


def test_without_a_browser_it_says_what_to_install_before_it_builds(tmp_path):
    process = subprocess.run(
        ["make", "--no-print-directory", "pdf", f"BUILD={tmp_path}/b", "CHROMIUM=no-such-browser"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )
    said = process.stderr.strip().splitlines()
    assert process.returncode and "apt install chromium" in said[0]
    assert len(said) == 2 and said[1].startswith("make")
    assert not (tmp_path / "b").exists()
