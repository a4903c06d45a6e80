"""The built site: every link leads somewhere, and nothing that is not meant for readers shows."""

import re
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import nbformat
import pytest
from bs4 import BeautifulSoup
from conftest import ON_EACH, ROOT, dataset_of

from workflow.build import contents

GENERATED = {"search.html", "genindex.html"}
#: Where pages were: these only forward.
MOVED = {f"{old}.html" for old in contents.read("_config.yml")["sphinx"]["config"]["moved"]}

pytestmark = ON_EACH


@pytest.fixture(scope="session")
def pages(built):
    """Every page by its path, parsed."""
    html = built / "html"
    return {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(html.resolve().rglob("*.html"))
        if "_static" not in path.parts
    }


def written(pages, built):
    """Those of the pages that somebody wrote."""
    html = (built / "html").resolve()
    return {
        path: page
        for path, page in pages.items()
        if path.relative_to(html).as_posix() not in GENERATED | MOVED
    }


def toc_of(build):
    """The pages of what was built: the whole book's, or its extract's."""
    whole, built = contents.pages(), (build / "html").rglob("*.html")
    names = {path.relative_to(build / "html").with_suffix("").as_posix() for path in built}
    return [page for page in whole if page in names]


def test_the_site_has_every_chapter(pages, built):
    names = {path.relative_to((built / "html").resolve()).as_posix() for path in pages}
    assert "index.html" in names
    for path in (built / "executed").rglob("*.ipynb"):
        assert path.relative_to(built / "executed").with_suffix(".html").as_posix() in names


def test_the_contents_in_pictures_lead_to_every_page(pages, built):
    page = pages.get((built / "html" / "contents.html").resolve())
    if not page:
        pytest.skip("an extract of the book has no such page")
    found = [link["href"].removesuffix(".html") for link in page.select(".shelf a")]
    assert found == [name for name in toc_of(built)[1:] if name != "contents"]
    shown = {Path(image["src"]).stem for image in page.select(".shelf img")}
    assert shown >= {Path(name).name for name in found if name.startswith("techniques/")}


def rules(styles):
    """The rules of a style sheet, in one spelling."""
    styles = re.sub(r"/\*.*?\*/", "", styles, flags=re.DOTALL)
    return {" ".join(rule.split()) for rule in re.findall(r"[^{}@;]+\{[^{}]*\}", styles)}


@pytest.mark.parametrize("name", ["book.css", "living.css"])
def test_no_style_of_ours_is_left_out_for_a_name_that_only_a_script_puts_together(built, name):
    if not (built / "html" / "contents.html").is_file():
        pytest.skip("an extract of the book shows not all that our styles are for")
    ours = ROOT / "book" / "assets" / name
    kept = rules((built / "html" / "_static" / name).read_text(encoding="utf-8"))
    assert rules(ours.read_text(encoding="utf-8")) <= kept


def test_next_and_previous_walk_the_whole_book(pages, built):
    html, listed = built / "html", toc_of(built)
    at, walked = (html / f"{listed[0]}.html").resolve(), [listed[0]]
    for direction in ("right-next", "left-prev"):
        while link := pages[at].select_one(f"a.{direction}"):
            at = (at.parent / link["href"]).resolve()
            walked.append(at.relative_to(html.resolve()).with_suffix("").as_posix())
    assert walked == [*listed, *listed[-2::-1]]


def test_every_internal_link_image_and_anchor_resolves(pages):
    ids = {path: {tag["id"] for tag in page.find_all(id=True)} for path, page in pages.items()}
    broken = []
    for path, page in pages.items():
        targets = [tag[key] for key in ("href", "src") for tag in page.find_all(**{key: True})]
        for target in targets:
            url, anchor = urldefrag(target)
            if urlparse(url).scheme or url.startswith("//"):
                continue
            file = (path.parent / unquote(urlparse(url).path)).resolve() if url else path
            if not file.is_file():
                broken.append((path.name, target))
            elif anchor and file in ids and unquote(anchor) not in ids[file]:
                broken.append((path.name, target))
    assert not broken


def test_ids_are_unique_on_every_page(pages):
    for path, page in pages.items():
        ids = [tag["id"] for tag in page.find_all(id=True)]
        twice = {id for id in ids if ids.count(id) > 1}
        assert not twice, f"{path.name}: {twice}"


NOISE = [
    r"<Figure size",
    r"Traceback",
    r"Figure\(",
    r"PosixPath",
    r"\bWARNING\b",
    r"\bI0000\b",
    r"oneDNN",
    r"cudart",
    r"\b(?:it|step)/s\b",
    r"/site-packages/",
]


def test_no_page_shows_a_log_line_a_traceback_or_a_bare_object(pages):
    for path, page in pages.items():
        outputs = " ".join(tag.get_text(" ") for tag in page.select("article"))
        for pattern in NOISE:
            assert not re.search(pattern, outputs), f"{path.name}: {pattern}"


def test_every_figure_says_in_words_what_it_shows(pages, built):
    seen = set()
    for path, page in pages.items():
        for figure in page.select("figure.book-figure"):
            if figure["data-kind"] == "Opening":
                assert figure.find_previous(["h1", "article"]).name == "h1", path  # below the title
            else:
                assert figure.select_one(".caption-text").get_text().strip()
            for svg in figure.select("svg:not([aria-hidden])"):
                assert len(svg["aria-label"]) > 20
                seen.add(path)
        for image in page.select("article img"):
            assert image.get("alt")
    drawn = set(contents.notebooks()) - {"reproduction"}  # a ledger is tables
    assert {(built / "html" / f"{page}.html").resolve() for page in drawn} & pages.keys() <= seen


def test_a_quick_or_stand_in_build_says_so_at_the_top_of_every_page(pages, built):
    stand_in = dataset_of(built) == "digits"
    for page in written(pages, built).values():
        banner = page.select_one(".bd-header-announcement").get_text()
        assert "quick build" in banner
        assert ("stand-in for MNIST" in banner) == stand_in


def test_every_page_says_at_its_end_what_made_it(pages, built):
    dataset = dataset_of(built)
    for path, page in written(pages, built).items():
        footer = page.select_one("footer.bd-footer-content, .bd-footer-content").get_text(" ")
        for word in ("preset quick", f"data set {dataset}", "seeds 0, 1", "Keras", "commit"):
            assert word in footer, f"{path.name}: {word}"


def test_parameters_do_not_show(pages):
    for page in pages.values():
        assert 'dataset = "' not in page.get_text()


def test_every_page_permits_nothing_from_outside(pages):
    """Its policy names no host and no scheme but data, and no script that is not written here."""
    for path, page in pages.items():
        policy = page.select_one("meta[http-equiv=Content-Security-Policy]")["content"]
        allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert allowed["default-src"] == "'none'", path
        assert "'unsafe-inline'" not in allowed["script-src"] and "eval" not in policy
        for what, where in allowed.items():
            quoted = all(re.fullmatch(r"'[^']+'|data:", each) for each in where.split())
            assert quoted, f"{path.name}: {what} {where}"
        charset = page.select_one("meta[charset]")
        assert charset.find_next("meta")["http-equiv"] == "Content-Security-Policy"


def test_no_page_names_what_a_browser_would_load_ahead(pages):
    """Firefox takes rel="next" for that, and then complains of the policy."""
    for path, page in pages.items():
        assert not page.select("link[rel=next], link[rel=prefetch], link[rel=prerender]"), path


def test_no_style_sheet_draws_a_line_in_words_that_safari_passes_over(built):
    """It knows no style beside the line in `text-decoration`: terms looked like links there."""
    for path in (built / "html" / "_static").glob("*.css"):
        assert not re.search(
            r"[{;\s]text-decoration:[^;}]*(dotted|dashed)", path.read_text(encoding="utf-8")
        ), path


def test_the_front_page_says_what_the_chapters_found(pages, built):
    """A sentence with a number, a picture that is told in words, and a link to where it stands."""
    html = (built / "html").resolve()
    found = pages[html / "index.html"].select('figure[data-kind="Finding"]')
    there = [page for path, page in pages.items() if path != html / "index.html"]
    assert len(found) == sum(len(page.select('figure[data-kind="Finding"]')) for page in there)
    assert len(found) == (5 if (built / "executed/why/grain.ipynb").is_file() else 0)
    for finding in found:
        link = finding.select_one("figcaption a")
        sentence = finding.select_one(".caption-text").get_text()
        chapter = pages[html / link["href"]]
        assert sentence in chapter.get_text() and re.search(r"\d", sentence)
        assert len(finding.svg["aria-label"]) > 40
        assert link.get_text() in chapter.h1.get_text()


def test_where_a_page_was_leads_to_where_it_is(pages, built):
    html, moved = (built / "html").resolve(), contents.read("_config.yml")["sphinx"]["config"]
    for old, new in moved["moved"].items():
        assert old not in contents.pages() and new in contents.pages()
        if (html / f"{new}.html") in pages:
            page = pages[html / f"{old}.html"]
            for link in (page.select_one("link[rel=canonical]"), page.select_one("main a")):
                assert (html / old).parent.joinpath(link["href"]).resolve() == html / f"{new}.html"


def test_the_code_that_draws_is_in_one_fold_a_section_which_names_what_it_makes(pages, built):
    paths = {name: (built / "html" / f"{name}.html").resolve() for name in contents.notebooks()}
    there = {name: pages[path] for name, path in paths.items() if path in pages}
    assert there
    for name, page in there.items():
        notebook = nbformat.read(built / "html" / "files" / f"{name}.ipynb", as_version=4)
        marked = [
            c.source.strip() for c in notebook.cells if c.metadata.get("tags") == ["hide-input"]
        ]
        folds = page.select("details.code-fold")
        shown = [code.get_text().strip() for fold in folds for code in fold.select("pre")]
        assert shown == marked, name
        assert not page.select("details.hide.above-input:not(:has(.cell_output))"), name
        for fold in folds:
            section = fold.find_parent("section")
            assert [each.find_parent("section") for each in folds].count(section) == 1
            summary = fold.summary.get_text()
            kinds = ("Figure", "Table", "section", "start")
            assert summary.startswith("The code of ") and any(kind in summary for kind in kinds)
            numbers = [each.get_text() for each in section.select("figure .number")]
            assert all(n in str(numbers) for n in re.findall(r"\d+\.\d+", summary)), (name, summary)
