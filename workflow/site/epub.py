"""Pack the pages that Sphinx has made for an ePub, as reading systems take them.

Sphinx writes HTML and calls it XHTML. What its pages, and the HTML of the cells, leave to a
browser's good will is written out here; what nothing in an ePub would answer is left out (EPUB 3.2,
W3C, 2019).
"""

import argparse
import posixpath
import re
import zipfile
from pathlib import Path

from bs4 import BeautifulSoup

NAMESPACES = {
    "html": "http://www.w3.org/1999/xhtml",
    "svg": "http://www.w3.org/2000/svg",
    "math": "http://www.w3.org/1998/Math/MathML",
}
#: What would be pressed, or shown by a script or a style; and drawings of nothing.
LEFT_OUT = (
    "script, noscript, template, input, button, select, textarea, .switch, .switched > [hidden], "
    "[role=tooltip], path:not([d])"
)
#: EPUB's MathML 3 knows these of a style alone.
STYLES = ("displaystyle", "scriptlevel")
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n'


def main():
    """Pack a folder of pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", type=Path, help="the folder that Sphinx has written")
    parser.add_argument("epub", type=Path)
    arguments = parser.parse_args()
    pack(arguments.pages, arguments.epub)
    print(f"The book is at {arguments.epub}")


def pack(folder, epub):
    """Write the ePub, whole or not at all."""
    contents = (folder / "content.opf").read_text(encoding="utf-8")
    files = {
        name: (folder / name).read_bytes()
        for name in re.findall(r'<item [^>]*href="([^"]*)"', contents)
    }
    for name in [name for name in files if name.endswith(".xhtml")]:
        page = as_xhtml(files[name].decode(), name, files)
        files[name] = page.encode()
        if has := [kind for kind in ("svg", "math") if f"<{kind} " in page]:
            has = " ".join(has).replace("math", "mathml")
            item = f'href="{name}" media-type='
            contents = contents.replace(item, f'properties="{has}" {item}')
    part = epub.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as packed:
        # First, and as it is.
        packed.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        packed.write(folder / "META-INF" / "container.xml", "META-INF/container.xml")
        for name, content in {"content.opf": contents, **files}.items():
            packed.writestr(name, content)
    part.replace(epub)


def as_xhtml(html, name, files):
    """Return a page as XHTML, whose links lead to `files` of the ePub or outside."""
    soup = BeautifulSoup(re.sub(r"^\s*<\?xml.*?\?>", "", html), "html5lib")

    def held(link):
        return posixpath.normpath(posixpath.join(posixpath.dirname(name), link)) in files

    for element in soup.select(LEFT_OUT):
        element.decompose()
    for kind, namespace in NAMESPACES.items():
        for element in soup.find_all(kind):
            element["xmlns"] = namespace
    for link in soup.select("a[href]"):
        link.attrs.pop("aria-describedby", None)  # a tooltip that was left out
        place, mark, part = link["href"].partition("#")
        if place and not re.match(r"[a-z]+:", place):
            place = re.sub(r"\.html$", ".xhtml", place.partition("?")[0])
            link["href"] = place + mark + part
            if not held(place):
                link.unwrap()
    for sheet in soup.select("link[rel=stylesheet]"):
        if not held(sheet["href"]):
            sheet.decompose()
    for image in soup.select("img"):
        image.attrs.pop("loading", None)
        image.attrs.pop("decoding", None)
    for paragraph in soup.select("summary > p"):
        paragraph.unwrap()
    for picture in soup.select("svg[role=group]"):  # one that holds links
        picture["role"] = "document"
    for fraction in soup.select("mfrac"):
        if style := {each: fraction.attrs.pop(each) for each in STYLES if each in fraction.attrs}:
            fraction.wrap(soup.new_tag("mstyle", attrs=style))
    return HEAD + soup.html.decode(formatter="minimal")


if __name__ == "__main__":
    main()
