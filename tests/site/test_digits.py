"""The digits of the numbers that pages say: as many as their intervals bear, of what can be."""

import json
import re

import pytest
from bs4 import BeautifulSoup
from conftest import UNLEARNED, dataset_of

NUMBER = r"[−-]?\d[\d,]*(?:\.\d+)?(?:e-\d+)?"
INTERVAL = re.compile(rf"({NUMBER})(?: %)? \(({NUMBER}) to ({NUMBER})\)|({NUMBER}) ± ({NUMBER})")
#: What no text may say, outside of code and of what is quoted.
FAULTS = {
    "a width of zero": r"± 0(?:\.0+)?(?![\d.]*\d)|\((\S+) to \1\)",
    "a zero with a sign": r"(?<![\w.])[-−+]0(?:\.0+)?(?![\d.]*\d|e)",
    "a hyphen for a minus": r"(?<![\w.\-/])-\d",
    "five digits together": r"(?<![\w.,/#])\d{5,}(?![\w.])",
    "a share that cannot be": r"-\d[\d.]*\s%|(?<![\d.,])(?!100(?:\.0+)?\s%)\d{3,}(?:\.\d+)?\s% \(",
    "a power of ten as Python writes it": r"\de-\d",
}
CODE = "script, style, pre, code, .math, .highlight, .doi, a[href*='//']"


@pytest.fixture(scope="module")
def texts(built):
    """What is read, seen or heard on every page: (page, text).

    But for the references, and the colophon, whose commit may have digits alone.
    """
    found = []
    for path in sorted((built / "html").rglob("*.html")):
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").select_one("article")
        if page is None or path.stem in ("references", "colophon"):
            continue
        for code in page.select(CODE):
            code.decompose()
        said = [
            tag.get("aria-label") or tag.get("alt") for tag in page.select("[aria-label], [alt]")
        ]
        said += [tag.get_text() for tag in page.select("p, li, td, th, text, figcaption, caption")]
        found += [(path.stem, text) for text in said if text]
    return found


@pytest.mark.parametrize("fault", FAULTS)
def test_no_page_says(texts, fault):
    found = [
        (page, match[0], text) for page, text in texts for match in re.finditer(FAULTS[fault], text)
    ]
    assert not found


def test_an_estimate_and_its_interval_have_as_many_places(texts):
    def places(number):
        return len(number.partition(".")[2].partition("e")[0]) if "e" not in number else number[-2:]

    intervals = [(page, match) for page, text in texts for match in INTERVAL.finditer(text)]
    assert len(intervals) > 300
    uneven = [
        (page, match[0])
        for page, match in intervals
        if len({places(number) for number in match.groups() if number}) > 1
    ]
    assert not uneven


def test_a_number_alone_has_four_digits_at_most(texts):
    def digits(number):
        return len(re.sub(r"\D", "", number).lstrip("0"))

    alone = [(page, INTERVAL.sub("", text)) for page, text in texts]
    decimals = [
        (p, each) for p, text in alone for each in re.findall(r"(?<![\w.])\d+\.\d+(?![.\d])", text)
    ]
    assert not [(page, each) for page, each in decimals if digits(each) > 4]


@pytest.mark.parametrize(
    "kind, low, high",
    [
        (r"^(?!points).*\bover\b(?!.*(?:minus|moved))", 0, float("inf")),  # a ratio
        (r"^(?!.*minus).*\bshare\b", 0, 1),
        (r"^(?!.*(?:minus|moved)).*\bcorrelation\b", -1, 1),
        (r"^(?!.*minus).*\bdistance\b", 0, 1),
        (r"\bpoints\b", -100, 100),
        (r"points of accuracy moved", 0, 100),
    ],
)
def test_no_estimate_of_the_ledger_ends_where_nothing_can_be(built, kind, low, high):
    ledger = json.loads((built / "results" / "ledger.json").read_text(encoding="utf-8"))
    checks = [check for claim in ledger for check in claim["checks"]]
    found = [check for check in checks if re.search(kind, check["what"])]
    assert found or dataset_of(built) in UNLEARNED
    for check in found:
        lower, upper = check["estimate"]["lower"], check["estimate"]["upper"]
        assert lower is None or low <= lower <= upper <= high, check
