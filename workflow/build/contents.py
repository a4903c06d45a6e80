"""The pages of the book, in the order of `_toc.yml`."""

import json
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def pages():
    """Return every page's name, e.g. `techniques/l2`."""
    return _pages(yaml.safe_load((ROOT / "_toc.yml").read_text()))


def _pages(entry):
    own = [entry.get("root") or entry["file"]] if entry.keys() & {"root", "file"} else []
    children = entry.get("parts", []) + entry.get("chapters", []) + entry.get("sections", [])
    return own + [page for child in children for page in _pages(child)]


def notebooks():
    """Return the pages that are notebooks."""
    return [page for page in pages() if (ROOT / "book" / f"{page}.ipynb").is_file()]


def title(page):
    """Return the title of a page that is a notebook."""
    cells = json.loads((ROOT / "book" / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]
    text = "".join(line for cell in cells for line in [*cell["source"], "\n"])
    return next(line[2:] for line in text.splitlines() if line.startswith("# "))
