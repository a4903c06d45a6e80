"""How text is set when a page is written."""

import re

import pytest

from workflow.site.theme.typography import typeset

SET = {
    "<p>at 1e-07, or −3.4e-10</p>": "<p>at 10<sup>−7</sup>, or −3.4 × 10<sup>−10</sup></p>",
    "<td>93.2 % (n = 5)</td>": "<td>93.2\xa0% (n\xa0=\xa05)</td>",
    "<p>the post's <b>L2</b>'s, d&#x27;Alembert</p>": "<p>the post’s <b>L2</b>’s, d’Alembert</p>",
    '<svg aria-label="at 1e-06, 4 %"></svg>': '<svg aria-label="at 10⁻⁶, 4\xa0%"></svg>',
}
AS_TYPED = [
    "<code>L2(1e-07)</code>",
    "<pre><span>rate = 1e-3  # the post's</span></pre>",
    "<script>const x = '1e-07';</script>",
    '<figure data-told="{&quot;strength&quot;: 1e-07}"></figure>',
    "<p>v1e-07 2e-9x 3.1</p>",
]


@pytest.mark.parametrize("typed", SET)
def test_powers_of_ten_spaces_and_quotes_are_set_as_a_printer_would(typed):
    assert typeset(typed) == SET[typed]


@pytest.mark.parametrize("typed", AS_TYPED)
def test_code_and_what_scripts_are_told_stay_as_they_were_typed(typed):
    assert typeset(typed) == typed


def test_in_a_picture_a_power_stands_above_the_line():
    drawn = typeset("<svg><text>1e-06</text></svg><p>1e-06</p>")
    assert re.fullmatch(r"<svg><text>10<tspan dy=.*>−6</tspan></text></svg><p>10<sup>.*</p>", drawn)
