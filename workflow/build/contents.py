"""The pages of the book, in the order of `_toc.yml`; and its other settings."""

import json
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
TITLE = re.compile(r"^# (.*)", re.MULTILINE)


def read(name):
    """Return what `_toc.yml` or `_config.yml` holds; ValueError says why it cannot be read."""
    try:
        return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise ValueError(
            f"{name} cannot be read: {' '.join(str(error).split())}. Expected YAML, as Jupyter "
            "Book has it. Mend it there."
        ) from error


def pages():
    """Return every page's name, e.g. `techniques/l2`; ValueError where that is not a list."""
    try:
        found = _pages(read("_toc.yml"))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"_toc.yml does not list the pages: {error}. Expected root, parts, chapters and file, "
            "as Jupyter Book has them. Mend it there."
        ) from error
    for page in found:
        kept = [ROOT / "book" / f"{page}{ending}" for ending in (".ipynb", ".md")]
        if not any(path.is_file() for path in kept):
            wrong = f"names {page}, and there is no book/{page}.ipynb or .md"
        elif found.count(page) > 1:
            wrong = f"names {page} twice"
        else:
            continue
        raise ValueError(f"_toc.yml {wrong}. Expected every page once, without its ending.")
    return found


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
    return TITLE.search("".join(cells[title_of(cells)]["source"]))[1]


def title_of(cells):
    """Return the place of the cell with the title, -1 without; other editors make its id anew."""
    texts = ("".join(cell["source"]) * (cell["cell_type"] == "markdown") for cell in cells)
    return next((i for i, text in enumerate(texts) if TITLE.search(text)), -1)
