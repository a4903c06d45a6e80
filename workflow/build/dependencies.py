"""What a page shows with: the modules of src/ that its chapter imports, and those they import; and
what it reads of the repository's records.

Code that cannot be read imports nothing: whoever executes it says where and why.
"""

import functools
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from regularization.results.provenance import PACKAGE, names, reached

ROOT = Path(__file__).parents[2]


#: Folders with records, JSON, that a chapter reads which names them in its code.
RECORDS = ("published", "bench/results")


def of_notebook(path):
    """Return the sources and records, as paths, that the notebook's code cells reach."""
    try:
        cells = nbformat.read(path, as_version=4).cells
        codes = [cell.source for cell in cells if cell.cell_type == "code"]
        return sorted({*_reached(*codes), *_records("\n".join(codes))})
    except Exception:  # nbformat has no common class for all that is no notebook
        return []


def of_scripts(*paths):
    """Return the sources, as paths, that scripts reach."""
    return _reached(*(Path(path).read_text(encoding="utf-8") for path in paths))


def _reached(*codes):
    """Return the modules that code reaches, and the data files beside them that they name."""
    begun = {path for code in codes for path in _imported(plain(code))}
    modules = reached(PACKAGE / "__init__.py", *begun, imports=_imported)
    texts = {path: path.read_text(encoding="utf-8") for path in modules}
    data = {f for path in modules for f in path.parent.glob("*.toml") if f.name in texts[path]}
    return sorted(map(str, {*modules, *data}))


def _records(code):
    """Return the records that code reads: it names their folder as `root / "bench" / "results"`."""
    read = [each for each in RECORDS if '"' + each.replace("/", '" / "') + '"' in code]
    return {str(file) for folder in read for file in (ROOT / folder).rglob("*.json")}


def plain(cell):
    """Return the Python of a cell that IPython reads: magics, and what stands below a `%%time`."""
    body = "".join(line for line in cell.splitlines(keepends=True) if not line.startswith("%%"))
    return TransformerManager().transform_cell(body)


@functools.cache
def _imported(code):
    try:
        paths = {PACKAGE.joinpath(*name.split(".")[1:]) for name in names(code)}
    except (SyntaxError, ValueError):
        return set()
    files = {file for p in paths for file in (p.with_suffix(".py"), p / "__init__.py")}
    return {file for file in files if file.is_file()}
