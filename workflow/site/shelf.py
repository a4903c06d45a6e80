"""The contents in pictures: a card for each chapter, by part, with its first picture."""

import base64
import json
import re
from html import escape

from regularization.study import registry
from workflow.build import contents

HERE = "contents"  # the page itself
PNG = re.compile(r'href="data:image/png;base64,\s*([^"]+)"')
SENTENCE = re.compile(r"(?<=[.?!])\s")
MARKUP = re.compile(r"\{term\}`([^`<]+)[^`]*`|\[([^\]]*)\]\([^)]*\)|[*_`]")


def written(stage, thumbnails):
    """Return the parts of the book and their chapters as Markdown.

    The first picture that a chapter of `stage` shows is kept in `thumbnails`, where techniques
    have theirs.
    """
    lines = []
    for part in contents.read("_toc.yml").get("parts", []):
        cards = [_card(entry["file"], stage, thumbnails) for entry in part["chapters"]]
        if cards := [card for card in cards if card]:
            lines += [f"## {part['caption']}", "", "```{raw} html", '<ul class="shelf">']
            lines += [*cards, "</ul>", "```", ""]
    return "\n".join(lines)


def _card(page, stage, thumbnails):
    """Return a chapter's picture, name and first sentence; nothing for what is not there."""
    executed, text = stage / f"{page}.ipynb", stage / f"{page}.md"
    if executed.is_file():
        cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    elif text.is_file() and page != HERE:
        cells = [{"cell_type": "markdown", "source": text.read_text(encoding="utf-8")}]
    else:
        return ""
    title, *below = "".join(cells[contents.title_of(cells)]["source"]).split("\n\n", 1)
    name = page.rpartition("/")[2]
    if name not in registry.TECHNIQUES:
        _keep_first(cells, thumbnails / f"{name}.png")
    there = (thumbnails / f"{name}.png").is_file()
    of = "A 3 in its weights" if name in registry.TECHNIQUES else "Its first picture"
    image = f'<img src="files/thumbnails/{name}.png" alt="{of}"/>'
    picture = image if there else ""
    below = [] if "".join(below).startswith("```") else below
    said = MARKUP.sub(r"\1\2", SENTENCE.split("".join(below).strip())[0])
    return (
        f'<li><a href="{page}.html">{picture}<b>{escape(contents.TITLE.search(title)[1])}</b></a>'
        f"<span>{escape(said)}</span></li>"
    )


def _keep_first(cells, path):
    shown = (
        "".join(output.get("data", {}).get("text/html", ""))
        for cell in cells
        for output in cell.get("outputs", [])
    )
    found = next((png for html in shown for png in PNG.findall(html)), None)
    if found:
        path.write_bytes(base64.b64decode(found))
