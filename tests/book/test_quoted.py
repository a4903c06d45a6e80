"""Numbers cannot drift: prose states no result, unless it is marked as quoted from a source."""

import html
import re
import tomllib
import unicodedata
from pathlib import Path

import nbformat
import pytest
from conftest import NOTEBOOKS, PAGES, ROOT

from regularization.study.registry import TECHNIQUES
from workflow.build import contents

QUOTES = Path(__file__).with_name("quoted.toml")
#: Phrases that prose may state, each with its source.
QUOTED = tomllib.loads(QUOTES.read_text(encoding="utf-8"))["quoted"]

NUMBER = r"(?<![\w.,])[-+\N{MINUS SIGN}]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)"
WORD = (
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty"
    r"|fifty|sixty|seventy|eighty|ninety|hundred|thousand)(?:-\w+)?\b"
)
PART = r"(?:half|third|quarter|fifth|sixth|seventh|eighth|ninth|tenth|hundredth)s?"
UNIT = (
    r"[\s-]*(?:%|‰|per[ -]?cent\b|pct\b|percentage[ -]points?\b|pp\b|points?\b|times\b|fold\b"
    r"|[x×](?!\w)|(?:[μmn]s|s|min|h)\b(?!')|(?:micro|milli|nano)?seconds?\b|minutes?\b|hours?\b"
    r"|[kMG]i?B\b|megabytes?\b|gigabytes?\b)"
)
SUBJECT = r"\b(?:accurac\w+|errors?|loss|gap|weights?|cosine|correlat\w+|ratio|distance|smoothness)"
RESULT = re.compile(
    rf"(?:{NUMBER}|{WORD}){UNIT}"  # 93 %, ten times, 12.5 points
    rf"|{NUMBER}e-?\d|(?<![\w.])[-+\N{{MINUS SIGN}}]?\d*[.]\d+(?![\d.]*\w)"  # 1e-3, 0.93
    r"|(?<![\d,])\d{1,2},\d{1,2}(?![\d,])"  # 92,2
    rf"|{NUMBER} (?:of|in|out of) (?:the |every )?{NUMBER}|{NUMBER} ?[:/±] ?\d"  # 9 of 10, 3:1
    rf"|{WORD}(?: \w+)? (?:in|out of) (?:the |every )?{WORD}"  # nine in ten
    rf"|factor of (?:about )?(?:{NUMBER}|{WORD})|\b\w+fold\b"
    rf"|{SUBJECT}(?: \w+)?(?: of| is| was| at| to| by| below| above| about|:)* {NUMBER}"  # gap of 2
    rf"|\b(?:an?|one|two|three|nine) {PART} (?:of (?:the|its|all)|as|less|more|fewer|lower|higher"
    r"|faster|slower)\b"
    r"|\b(?:twice|half|thrice) (?:as \w+|the (?:time|speed|size|errors?|gap|accuracy|loss))\b"
    r"|\b(?:halves|halved|doubles|doubled|triples|tripled)\b|\borders? of magnitude",
    flags=re.IGNORECASE,
)
#: Numerals that prose may state: sizes of the data, of the model and of a run, ends of a scale.
SETTINGS = {
    *("0", "1", "2", "10", "28", "32", "64", "255", "784", "7,840", "25,088"),
    *("1,000", "5,000", "10,000", "55,000", "60,000", "150,000"),
}
#: What else a numeral may be: a year, a version, the number of a section.
NAMED = re.compile(
    r"\b(?:19[5-9]|20[0-3])\d\b(?! (?:images|digits|errors))"
    r"|\b(?:Keras|Python|TensorFlow|JAX|NumPy|section|chapter|[Ee]xercise|equation|figure|the digit"
    r"|arXiv:) ?\d+(?:\.\d+)*\b|\b\d+ (?:seeds|runs|models|classes|cores)\b"
)
#: What is not prose: code that names something, the targets of links, comments.
ASIDE = re.compile(
    r"(?<!`)`(?!`)(?=[^`]*[A-Za-z])[^`]*`|\]\([^)]*\)|https?://\S+|<!--.*?-->", flags=re.DOTALL
)


def prose(path):
    """The markdown of a page, cell by cell."""
    if path.suffix == ".md":
        return [path.read_text(encoding="utf-8")]
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


def plain(text):
    """The text without code and markup, its numbers written in one way."""
    text = re.sub(r"^\s*\d{1,2}\. ", "", text, flags=re.MULTILINE)  # a list's own numbers
    text = re.sub(r"</?[A-Za-z][^>]*>", " ", html.unescape(ASIDE.sub("]", text)))
    text = re.sub(r"\\[dt]?frac\{?(\d)\}?\{?(\d)\}?", r"\1 over \2", text)
    text = re.sub(r"\\pm", "±", re.sub(r"\{([.,])\}", r"\1", text))
    text = re.sub(r"\\[,;:! ]|\\(?=%)|~(?=\\?%)|[*`|$]", " ", text)
    return " ".join(unicodedata.normalize("NFKC", text).split())


def results(text):
    """The results that a piece of prose states without being marked as quoted."""
    text = plain(text)
    for quoted in QUOTED:
        text = re.sub(rf"(?<![\w.]){re.escape(quoted['phrase'])}(?![\w%]|[.,]\d)", "", text)
    text = NAMED.sub("", text)
    found = [match.group() for match in RESULT.finditer(text)]
    numerals = (numeral.rstrip(".,") for numeral in re.findall(r"\d[\d.,]*", text))
    return found + [numeral for numeral in numerals if numeral not in SETTINGS]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_no_result_is_typed(path):
    found = [result for text in prose(path) for result in results(text)]
    assert not found, (
        f"{path.relative_to(ROOT)} states {found} in its prose. Expected a cell to compute and "
        "display it, or the phrase and its source under [[quoted]] in tests/book/quoted.toml."
    )


@pytest.mark.parametrize(
    "planted",
    [
        "Dropout reaches 92.2 % on the test images.",
        "Dropout reaches 92\N{NO-BREAK SPACE}% here.",
        "That is $92.2\\%$ of them.",
        "The accuracy is 92 percent.",
        "An accuracy of 92 is reached.",
        "It costs 1.1 points.",
        "It costs two points of accuracy.",
        "Our loop is 41 times as fast.",
        "Our loop is forty times as fast.",
        "The step takes 1.36x as long.",
        "The largest weight is 1.64.",
        "The smallest weight is -2.",
        "The smallest weight falls to \N{MINUS SIGN}2.03 at the end.",
        "Their cosine is 0.97.",
        "In 9 of 10 pictures the digit can be seen.",
        "A fit takes 7 seconds.",
        "It is faster by a factor of 41.",
        "It is faster by a factor of about forty.",
        "The odds are 3:1.",
        "A third of the weights is near zero.",
        "Ours takes half as long.",
        "| dropout | 92 |",
        "Dropout scores 93.",
        "```{figure} a.png\nDropout at 92.\n```",
        "The accuracy on the test images: 92.",
        "It is >92, or 93 (91 to 93).",
    ],
)
def test_a_planted_result_is_found(planted):
    assert results(f"Look at the picture. {planted} Do you see why?")


@pytest.mark.parametrize(
    "innocent",
    [
        "MNIST has 60,000 images of 28 by 28 pixels, and we train on 55,000.",
        "In 2016 a blog post did this in five ways; see section 2.1 and Keras 3.15.",
        "Set `rate=0.9` and look again.",
        "Batches of 32, and 10 classes.",
        "Ten pictures, two walls, half of the pixels.",
    ],
)
def test_settings_and_years_are_not_results(innocent):
    assert not results(innocent)


def test_what_is_quoted_stands_in_the_book_and_names_its_source():
    pieces = [piece for path in PAGES for piece in prose(path)]
    text, linking = " ".join(map(plain, pieces)), " ".join(pieces)
    keys = re.findall(
        r"@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    )
    for quoted in QUOTED:
        assert quoted["phrase"] in text, f"{quoted['phrase']!r} is quoted nowhere: remove it"
        linked = f"]({quoted['source']})" in linking
        assert linked or quoted["source"] in {"post", "setting", *keys}


def test_notebooks_are_found():
    found = {path.relative_to(ROOT / "book").with_suffix("").as_posix() for path in NOTEBOOKS}
    assert found == set(contents.notebooks()) >= {f"techniques/{slug}" for slug in TECHNIQUES}
