"""The repository's address is one setting: buttons and set-up cells follow it, or are absent."""

import json
import re
import shutil
import subprocess
import sys
from urllib.parse import unquote, urlparse

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT

from workflow.build import contents
from workflow.tools import repository

ADDRESS = "https://github.com/someone/seeing-regularization"


def launchers(html, page):
    soup = BeautifulSoup((html / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
    return [a["href"] for a in soup.select(".article-header-buttons a[href]")]


#: Of all pages alike, so a few are enough.
ON_AN_EXTRACT = pytest.mark.parametrize("built", ["extract"], indirect=True, scope="session")


@pytest.fixture(scope="module")
def elsewhere(built, tmp_path_factory):
    """A copy of a book with the address set, carried into the chapters, and its site built."""
    copy = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(built.parent, copy, symlinks=True)
    config = (copy / "_config.yml").read_text(encoding="utf-8")
    assert config.count('repository_url: ""') == 1
    (copy / "_config.yml").write_text(
        config.replace('repository_url: ""', f'repository_url: "{ADDRESS}"'),
        encoding="utf-8",
    )
    for words in (["tools.repository"], ["site.pages", "--build", "_build", "--log", "log"]):
        command = [sys.executable, "-m", f"workflow.{words[0]}", *words[1:]]
        process = subprocess.run(command, cwd=copy, capture_output=True, encoding="utf-8")
        assert process.returncode == 0, process.stderr
    return copy


def chapters(folder):
    """The names of a book's chapters."""
    paths = (folder / "book").rglob("*.ipynb")
    return [path.relative_to(folder / "book").with_suffix("").as_posix() for path in paths]


def test_without_an_address_there_are_no_buttons(built):
    for page in contents.notebooks():
        assert not launchers(built / "html", page)


def test_the_cell_that_sets_up_comes_with_an_address_and_goes_without(monkeypatch):
    kept = [{"id": "parameters"}, {"id": "title"}]
    monkeypatch.setattr(repository, "address", lambda: ADDRESS)
    with_cell = repository.with_set_up(kept)
    assert [cell["id"] for cell in with_cell] == ["set-up", "parameters", "title"]
    assert repository.with_set_up(with_cell) == with_cell
    monkeypatch.setattr(repository, "address", lambda: "")
    assert repository.with_set_up(with_cell) == kept


@ON_AN_EXTRACT
@pytest.mark.thorough
def test_with_an_address_the_buttons_go_to_files_that_exist(elsewhere):
    for page in chapters(elsewhere):
        links = launchers(elsewhere / "_build" / "html", page)
        (colab,) = [link for link in links if "colab" in link]
        (binder,) = [link for link in links if "mybinder" in link]
        assert urlparse(colab).path.startswith("/github/someone/seeing-regularization/blob/main/")
        for path in (colab.partition("/blob/main/")[2], unquote(binder).partition("lab/tree/")[2]):
            assert path == f"book/{page}.ipynb" and (ROOT / path).is_file()


@ON_AN_EXTRACT
@pytest.mark.thorough
def test_with_an_address_each_chapter_installs_the_book_where_it_is_missing(elsewhere):
    calls = []

    class Shell:
        def run_line_magic(self, *arguments):
            calls.append(arguments)

    for page in chapters(elsewhere):
        path = elsewhere / "book" / f"{page}.ipynb"
        code = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        exec(code, {"get_ipython": Shell})
        assert not calls  # the package is here
        exec(code.replace('"regularization"', '"not_installed"'), {"get_ipython": Shell})
        assert calls.pop() == ("pip", f"install --quiet git+{ADDRESS}")


@ON_AN_EXTRACT
@pytest.mark.thorough
def test_the_address_stands_in_the_citation(elsewhere):
    page = (elsewhere / "_build" / "html" / "colophon.html").read_text(encoding="utf-8")
    said = BeautifulSoup(page, "html.parser").get_text()
    assert re.search(rf"url += {{{re.escape(ADDRESS)}}}", said)
