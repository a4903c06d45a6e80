"""Formulas mean in MathML what they mean in TeX."""

import pytest
from bs4 import BeautifulSoup

from workflow.site.theme import formulas


@pytest.mark.parametrize("tex", [r"\frac12 x", r"\tfrac12 x", r"\dfrac 1 2 x", r"\frac{1}{2} x"])
def test_a_half_is_one_over_two_however_it_is_written(tex):
    half = BeautifulSoup(formulas.mathml(None, tex), "html.parser").find("mfrac")
    assert [part.get_text() for part in half.find_all("mn")] == ["1", "2"]
    assert half.find_next_sibling("mi").get_text() == "x"


def test_no_formula_of_the_book_has_a_number_over_a_letter_that_it_has_not_written(built):
    """As twelve over sigma, once, where a half of sigma was meant."""
    pages = (built / "html").rglob("*.html")
    for page in (path for path in pages if "_static" not in path.parts):
        for fraction in BeautifulSoup(page.read_text(), "html.parser").find_all("mfrac"):
            assert fraction.find(recursive=False).get_text() != "12", page
