"""The book as an ePub: what a parser and epubcheck take, with links that lead somewhere."""

import posixpath
import shutil
import subprocess
import zipfile
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import yaml
from conftest import dataset_of

from workflow.site.epub import as_xhtml

XHTML, MATHML = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/1998/Math/MathML}"
SVG, OPF = "{http://www.w3.org/2000/svg}", "{http://www.idpf.org/2007/opf}"
#: On any of them: the book's pages are alike, so a few are enough.
ON_AN_EXTRACT = pytest.mark.parametrize("built", ["extract"], indirect=True, scope="session")


@pytest.fixture(scope="module")
def epub(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("epub") / "copy"
    shutil.copytree(built.parent, folder, symlinks=True)
    command = ["make", "--no-print-directory", "epub", "BUILD=_build", "PRESET=quick"]
    command += [f"DATA={dataset_of(built)}", "BACKEND=jax"]
    process = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8")
    assert process.returncode == 0, process.stdout + process.stderr
    return folder / "_build" / "seeing-regularization.epub"


@pytest.fixture(scope="module")
def files(epub):
    with zipfile.ZipFile(epub) as packed:
        assert packed.namelist()[0] == "mimetype"
        return {name: packed.read(name) for name in packed.namelist()}


@pytest.fixture(scope="module")
def pages(files):
    return {name: ElementTree.fromstring(files[name]) for name in files if name.endswith(".xhtml")}


@ON_AN_EXTRACT
@pytest.mark.thorough
def test_epubcheck_has_nothing_to_say(epub):
    found, java = shutil.which("epubcheck"), shutil.which("java")
    if not (found and java):
        pytest.skip("epubcheck is not here: Debian's package epubcheck brings it")
    # In a container the system does not know what to start an archive of Java's with.
    command = [java, "-jar", found, str(epub)]
    process = subprocess.run(command, capture_output=True, encoding="utf-8")
    said = process.stdout + process.stderr
    assert process.returncode == 0 and "0 fatals / 0 errors / 0 warnings / 0 infos" in said, said


@ON_AN_EXTRACT
@pytest.mark.thorough
def test_it_has_every_page_in_the_order_of_the_contents(files, epub):
    package = ElementTree.fromstring(files["content.opf"])
    at = {item.get("id"): item.get("href") for item in package.iter(f"{OPF}item")}
    order = [at[item.get("idref")] for item in package.iter(f"{OPF}itemref")]
    toc = yaml.safe_load((epub.parents[1] / "_toc.yml").read_text(encoding="utf-8"))
    asked = [toc["root"], *(each["file"] for part in toc["parts"] for each in part["chapters"])]
    assert order == ["epub-cover.xhtml", *(f"{page}.xhtml" for page in asked)]


@ON_AN_EXTRACT
@pytest.mark.thorough
def test_each_link_and_picture_leads_to_what_is_in_it_or_outside(files, pages):
    ids = {name: {e.get("id") for e in page.iter()} for name, page in pages.items()}
    for name, page in pages.items():
        for element in (*page.iter(f"{XHTML}a"), *page.iter(f"{XHTML}img")):
            link = element.get("href") or element.get("src") or ""
            if link.startswith(("https://", "http://", "mailto:", "data:")):
                continue
            place, _, part = link.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(place)))
            target = target if place else name
            assert target in files, f"{name} leads to {link}"
            assert not part or part in ids[target], f"{name} leads to {link}"


@ON_AN_EXTRACT
@pytest.mark.thorough
def test_formulas_are_mathml_and_pictures_are_there_and_nothing_waits_for_a_script(files, pages):
    for tag, least in ((f"{MATHML}math", 20), (f"{SVG}svg", 10)):
        assert sum(1 for page in pages.values() for _ in page.iter(tag)) >= least, tag
    for tag in ("script", "input", "button", "select"):
        assert not [name for name, page in pages.items() if list(page.iter(f"{XHTML}{tag}"))]
    styles = files["_static/ebook.css"].decode()
    assert ".formula" in styles and ".admonition" in styles


def test_what_a_browser_forgives_is_written_out():
    page = as_xhtml(
        "<p>a&nbsp;<b>b<p><input checked><a href='x.html?a=1&b#c'>c</a><a href='gone.html'>d</a>"
        "<img src=y.png loading=lazy><svg viewBox='0 0 1 1'><path></svg>"
        "<math><mfrac displaystyle=true><mi>x</mi><mi>&ApplyFunction;</mi></mfrac></math>",
        "index.xhtml",
        {"x.xhtml", "y.png"},
    )
    root = ElementTree.fromstring(page)
    assert [link.get("href") for link in root.iter(f"{XHTML}a")] == ["x.xhtml#c"]
    assert "d" in "".join(root.itertext()) and "\u2061" in page and "\xa0" in page
    assert root.find(f".//{SVG}svg").get("viewBox") and root.find(f".//{SVG}path") is None
    style = root.find(f".//{MATHML}mstyle")
    assert style.get("displaystyle") == "true" and not style[0].attrib
