"""Formulas mean in MathML what they mean in TeX."""

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from fontTools.ttLib import TTFont

from workflow.site.theme import formulas


def parsed(tex):
    return BeautifulSoup(formulas.mathml(None, tex), "html.parser").math


def parts(tex):
    """A formula's outermost element, and what each of its parts shows."""
    (outer,) = parsed(tex).find_all(recursive=False)
    return outer.name, [part.get_text() for part in outer.find_all(recursive=False)]


@pytest.mark.parametrize("tex", [r"\frac12 x", r"\tfrac12 x", r"\dfrac 1 2 x", r"\frac{1}{2} x"])
def test_a_half_is_one_over_two_however_it_is_written(tex):
    half = parsed(tex).mfrac
    assert [part.get_text() for part in half.find_all("mn")] == ["1", "2"]
    assert half.find_next_sibling("mi").get_text() == "x"


@pytest.mark.parametrize(
    "tex, outer, shown",
    [
        (r"\tilde x_j", "msub", ["x~", "j"]),
        (r"\tilde x_j^2", "msubsup", ["x~", "j", "2"]),
        (r"\tilde x^2_j", "msubsup", ["x~", "j", "2"]),
        (r"\hat w^2", "msup", ["wˆ", "2"]),
        (r"\overline{AB}_i", "msub", ["AB_", "i"]),
        (r"\underline{x}^2", "msup", ["x_", "2"]),
        (r"\underbrace{x}_n", "munder", ["x⏟", "n"]),
        (r"\overbrace{x}^n", "mover", ["x⏞", "n"]),
        (r"\sum_i^n", "munderover", ["∑", "i", "n"]),
        (r"\sum^n_i", "munderover", ["∑", "i", "n"]),
        (r"\max_j", "munder", ["max", "j"]),
    ],
)
def test_an_index_stands_beside_an_accented_letter_and_under_a_sum(tex, outer, shown):
    assert parts(tex) == (outer, shown)


@pytest.mark.parametrize(
    "tex, shown",
    [
        (r"2 \log p", "2 log p"),
        (r"\log \operatorname{softmax}(z)", "log softmax(z)"),
        (r"-\ln \frac1n", "−ln 1n"),
        (r"w_c \exp(x)", "wc exp(x)"),
    ],
)
def test_a_functions_name_stands_apart_from_letters_and_close_to_brackets(tex, shown):
    formula = parsed(tex)
    for space in formula.find_all("mspace"):
        space.string = " "
    assert formula.get_text().replace("\N{FUNCTION APPLICATION}", "") == shown


@pytest.fixture(scope="module")
def formulas_of(built):
    """Every formula of the book, with its page."""
    pages = [path for path in (built / "html").rglob("*.html") if "_static" not in path.parts]
    return [
        (path.stem, formula)
        for path in pages
        for formula in BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").find_all(
            "math"
        )
    ]


def test_no_formula_of_the_book_has_a_number_over_a_letter_that_it_has_not_written(formulas_of):
    """As twelve over sigma, once, where a half of sigma was meant."""
    for page, formula in formulas_of:
        for fraction in formula.find_all("mfrac"):
            assert fraction.find(recursive=False).get_text() != "12", page


def test_the_two_bars_of_each_formula_of_the_book_are_as_tall(formulas_of):
    """Those of a pair, \\left| and \\right|, are; a bare one is as tall as all beside it."""
    for page, formula in formulas_of:
        for bar in formula.find_all("mo", string=["|", "‖"]):
            row = bar.parent.find_all(recursive=False)
            assert bar.parent.name == "mrow" and bar in (row[0], row[-1]), (page, formula)


def test_the_books_font_has_every_letter_of_its_formulas(formulas_of):
    """Where a browser takes one from elsewhere, an accent may float above its letter."""
    font = TTFont(ROOT / "book" / "assets" / "fonts" / "stix-two-math.woff2").getBestCmap()
    for page, formula in formulas_of:
        lacking = {letter for letter in formula.get_text() if ord(letter) not in font}
        assert lacking <= {"ϵ"}, (page, formula.get_text())  # which it has in italics alone


def test_firefox_calls_nothing_in_the_books_formulas_deprecated(formulas_of):
    for page, formula in formulas_of:
        assert not formula.select("mo[accent]"), (page, formula)
