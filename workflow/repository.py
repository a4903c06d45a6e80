"""Carry the repository's address from `_config.yml` into the cell with which chapters set up."""

import json
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
SET_UP = """\
# On Colab: install the book's code. Elsewhere it is there already.
import importlib.util

repository = "{address}"
if repository and importlib.util.find_spec("regularization") is None:
    get_ipython().run_line_magic("pip", f"install --quiet git+{{repository}}")
"""


def address():
    """Return the repository's address, empty where it is not set."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    return config["sphinx"]["config"]["html_theme_options"]["repository_url"] or ""


def set_up():
    """Return the cell with which every chapter begins, hidden on the page and folded in Lab."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": "set-up",
        "metadata": {"jupyter": {"source_hidden": True}, "tags": ["remove-cell"]},
        "outputs": [],
        "source": SET_UP.format(address=address()).strip().splitlines(keepends=True),
    }


def main():
    """Write the cell into every chapter."""
    for path in (ROOT / "book").rglob("*.ipynb"):
        if ".ipynb_checkpoints" in path.parts:
            continue
        notebook = json.loads(path.read_text())
        others = [cell for cell in notebook["cells"] if cell["id"] != "set-up"]
        notebook["cells"] = [set_up(), *others]
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
