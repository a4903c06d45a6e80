"""Let `jupyter-book build .` in the repository's root render what `make book` has executed there.

Pages are written and executed in different folders; Sphinx is led to the one where the last build
has laid them out, with its settings.
"""

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]


def setup(app):
    """Take the pages from the last build, where the root itself is given as their source."""
    if Path(app.srcdir) != ROOT:
        return
    build = ROOT / "_build"
    if not (build / "stage" / "index.md").is_file():
        sys.exit("No chapter has been executed yet: make book does that, and builds the site.")
    app.srcdir = app.confdir = type(app.srcdir)(build / "stage")
    configured = yaml.safe_load((build / "config.yml").read_text(encoding="utf-8"))
    known = configured["sphinx"]["config"]
    app.config.overrides.update({k: v for k, v in known.items() if k != "extensions"})
