"""What the chapters found, for the front page: a sentence each, a small picture, and a link."""

import json
from html import escape

from workflow.build import contents

FINDING = '<figure class="book-figure" data-kind="Finding"'


def written(stage):
    """Return the findings of the executed chapters in `stage`, in the book's order, as Markdown."""
    found = []
    for page in contents.notebooks():
        path = stage / f"{page}.ipynb"
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.is_file() else []
        link = f'<a href="{page}.html">{escape(contents.title(page))}</a>'
        for output in (each for cell in cells for each in cell.get("outputs", [])):
            text = "".join(output.get("data", {}).get("text/html", ""))
            if text.startswith(FINDING):
                found.append(text.replace("</figcaption>", f" {link}</figcaption>"))
    return "\n".join(["```{raw} html", *found, "```"]) if found else ""
