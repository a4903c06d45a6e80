"""What leads to a page from elsewhere: its description, its card, the lists of all pages."""

import re
from xml.etree import ElementTree

from bs4 import BeautifulSoup
from PIL import Image

from workflow.site.theme import sharing

BASE = "https://name.example/book/"


def of_page(path):
    """A page's tags by name."""
    head = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").head
    return {
        tag.get("property") or tag.get("name"): tag["content"]
        for tag in head.find_all("meta", content=True)
    }


def test_every_page_says_what_it_is_to_who_links_to_it(built):
    listed = (built / "html" / "llms.txt").read_text(encoding="utf-8")
    first, *_ = listed.splitlines()
    assert first == "# Seeing Regularization"
    pages = re.findall(r"^- \[(.+)\]\((.+)\.html\): (.+)$", listed, re.MULTILINE)
    assert len(pages) > 10
    for title, page, said in pages:
        tags = of_page(built / "html" / f"{page}.html")
        assert tags["og:title"] == title and tags["description"] == tags["og:description"] == said
        assert 0 < len(said) <= sharing.LONGEST
        assert "og:image" not in tags  # a card's address has to be whole
    assert len({page for _, page, _ in pages}) == len({title for title, _, _ in pages})


def test_with_the_sites_address_a_link_has_a_picture_and_there_is_a_map(built):
    html = sharing.tags_of(BASE, "why/a b", 'A & "B"', "Book", "Said <so>.", "l2")
    tags = {
        tag.get("property") or tag["name"]: tag["content"]
        for tag in BeautifulSoup(html, "html.parser").find_all("meta")
    }
    assert tags["og:title"] == 'A & "B"' and tags["description"] == "Said <so>."
    assert tags["og:url"] == "https://name.example/book/why/a%20b.html"
    assert tags["og:image"] == "https://name.example/book/files/cards/l2.png"
    with Image.open(built / "html" / "files" / "cards" / "l2.png") as card:
        assert (
            f"{card.width}x{card.height}" == f"{tags['og:image:width']}x{tags['og:image:height']}"
        )
    assert (built / "html" / "files" / "cards" / "book.png").stat().st_size < 100_000
    root = ElementTree.fromstring(sharing.sitemap(BASE, ["index", "why/exact"]))
    found = [loc.text for loc in root.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert found == [f"{BASE}index.html", f"{BASE}why/exact.html"]
