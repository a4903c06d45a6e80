"""What a page shows with: the modules of src/ that its chapter imports, and those they import."""

import functools
from pathlib import Path

import nbformat

from regularization.results.provenance import PACKAGE, names, reached


def of_notebook(path):
    """Return the sources, as paths, that the notebook's code cells reach."""
    cells = nbformat.read(path, as_version=4).cells
    return _reached("\n".join(cell.source for cell in cells if cell.cell_type == "code"))


def of_scripts(*paths):
    """Return the sources, as paths, that scripts reach."""
    return _reached("\n".join(Path(path).read_text(encoding="utf-8") for path in paths))


def _reached(code):
    """Return the modules that code reaches, and the data files beside them that they name."""
    modules = reached(PACKAGE / "__init__.py", *_imported(code), imports=_imported)
    texts = {path: path.read_text(encoding="utf-8") for path in modules}
    data = {f for path in modules for f in path.parent.glob("*.toml") if f.name in texts[path]}
    return sorted(map(str, {*modules, *data}))


@functools.cache
def _imported(code):
    paths = {PACKAGE.joinpath(*name.split(".")[1:]) for name in names(code)}
    files = {file for p in paths for file in (p.with_suffix(".py"), p / "__init__.py")}
    return {file for file in files if file.is_file()}
