"""What leads to a page from elsewhere: a link's title, sentence and picture, sitemap, llms.txt.

Pictures and the sitemap are known by whole addresses: they wait until the site's is set,
`html_baseurl`, by which Sphinx says each page's canonical one, too.
"""

import re
import textwrap
from html import escape
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from docutils import nodes

LONGEST = 200  # letters of what is said of a page
CARDS = "files/cards"  # the pictures, by page; `book` is for those that have none


def setup(app):
    """Describe each page, and write what names all of them when they are there."""
    app.connect("html-page-context", describe)
    app.connect("build-finished", write)


def describe(app, pagename, templatename, context, doctree):
    """Put a page's tags into its head."""
    if doctree is None:  # the search, for example
        return
    title, name = app.env.titles[pagename].astext(), pagename.rpartition("/")[2]
    card = name if pagename in app.config.html_context.get("pictured", ()) else "book"
    base = app.config.html_baseurl
    tags = tags_of(base, pagename, title, app.config.html_title, sentence(doctree), card)
    context["metatags"] = context.get("metatags", "") + tags
    if book := app.config.html_context.get("cited"):
        context["cited"] = of_chapter(book, title, name, base and address(base, pagename))


def sentence(doctree):
    """Return the first sentences of a page, as many as fit."""
    own = (p for p in doctree.findall(nodes.paragraph) if isinstance(p.parent, nodes.section))
    said = re.sub(r"\s+", " ", next((p.astext() for p in own), ""))
    return textwrap.shorten(said, LONGEST, placeholder=" …")


def tags_of(base, page, title, book, said, card):
    """Return the tags of a page's head by the Open Graph protocol (ogp.me), as HTML."""
    known = {"og:title": title, "og:site_name": book, "og:type": "article", "og:description": said}
    if base:
        known |= {
            "og:url": address(base, page),
            "og:image": f"{base.rstrip('/')}/{CARDS}/{card}.png",
        }
        known |= {"og:image:width": "1200", "og:image:height": "630"}
    pairs = [("property", name, value) for name, value in known.items()]
    pairs += [("name", "description", said), ("name", "twitter:card", "summary_large_image")]
    return "".join(
        f'<meta {key}="{name}" content="{escape(value)}"/>\n' for key, name, value in pairs
    )


def of_chapter(book, title, name, at):
    """Return a chapter of the book, as `colophon.cited` has it, as BibTeX; `at` is its address."""
    known = book | {"title": title, "booktitle": book["title"]} | ({"url": at} if at else {})
    return bibtex("incollection", f"seeing_regularization_{name}", known)


def bibtex(kind, key, known):
    """Return what is cited as BibTeX."""
    # A second pair of braces: the author is not a person's name.
    lines = known | {"author": f"{{{known['author']}}}"}
    said = ",\n".join(f"  {name:9} = {{{value}}}" for name, value in lines.items())
    return f"@{kind}{{{key},\n{said}\n}}"


def address(base, page):
    """Return a page's whole address."""
    return f"{base.rstrip('/')}/{quote(page)}.html"


def write(app, exception):
    """Write `llms.txt` (llmstxt.org) and, where the site has an address, `sitemap.xml`."""
    if exception or app.builder.name != "html":
        return
    base, pages = app.config.html_baseurl, sorted(app.env.found_docs)
    known = {p: (app.env.titles[p].astext(), sentence(app.env.get_doctree(p))) for p in pages}
    out = Path(app.outdir)
    (out / "llms.txt").write_text(listed(base, known, app.config.root_doc), encoding="utf-8")
    if base:
        (out / "sitemap.xml").write_bytes(sitemap(base, pages))


def listed(base, known, first):
    """Return all pages as Markdown, `known` by name as pairs of title and sentence."""
    title, said = known[first]
    at = (lambda page: address(base, page)) if base else (lambda page: f"{quote(page)}.html")
    others = (
        f"- [{each}]({at(page)}): {what}" for page, (each, what) in known.items() if page != first
    )
    return f"# {title}\n\n> {said}\n\n## Pages\n\n" + "\n".join(others) + "\n"


def sitemap(base, pages):
    """Return the site's pages as XML (sitemaps.org, protocol 0.9)."""
    root = ElementTree.Element("urlset", xmlns="http://www.sitemaps.org/schemas/sitemap/0.9")
    for page in pages:
        ElementTree.SubElement(ElementTree.SubElement(root, "url"), "loc").text = address(
            base, page
        )
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
