"""Begin chapters with a cell that sets up, where `_config.yml` has the repository's address."""

import json
from pathlib import Path

from workflow.build import contents

ROOT = Path(__file__).parents[2]
SET_UP = """\
# On Colab: install the book's code. Elsewhere it is there already.
import importlib.util

if importlib.util.find_spec("regularization") is None:
    get_ipython().run_line_magic("pip", "install --quiet git+{address}")
"""


def address():
    """Return the repository's address, empty where it is not set."""
    return (
        contents.read("_config.yml")["sphinx"]["config"]["html_theme_options"]["repository_url"]
        or ""
    )


def with_set_up(cells):
    """Return a chapter's cells, the first of them one that sets up, or none without an address.

    It is hidden on the page, and folded in Lab.
    """
    others = [cell for cell in cells if cell["id"] != "set-up"]
    if not (at := address()):
        return others
    set_up = {
        "cell_type": "code",
        "execution_count": None,
        "id": "set-up",
        "metadata": {"jupyter": {"source_hidden": True}, "tags": ["remove-cell"]},
        "outputs": [],
        "source": SET_UP.format(address=at).strip().splitlines(keepends=True),
    }
    return [set_up, *others]


def main():
    """Put the cell into every chapter, or take it out."""
    for path in (ROOT / "book").rglob("*.ipynb"):
        if ".ipynb_checkpoints" in path.parts:
            continue
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"] = with_set_up(notebook["cells"])
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
