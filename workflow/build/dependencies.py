"""What a page shows with: the modules of src/ that its chapter imports, and those they import."""

import functools

import nbformat

from regularization.results.provenance import PACKAGE, names


def of_notebook(path):
    """Return the sources, as paths, that the notebook's code cells reach."""
    cells = nbformat.read(path, as_version=4).cells
    return _reached("\n".join(cell.source for cell in cells if cell.cell_type == "code"))


def of_modules(*dotted):
    """Return the sources, as paths, that modules of the package reach, themselves among them."""
    return _reached("\n".join(f"import regularization.{name}" for name in dotted))


def _reached(code):
    found, ahead = set(), {PACKAGE / "__init__.py"} | _imported(code)
    while ahead:
        module = ahead.pop()
        if module not in found:
            files, modules = _of_module(module)
            found |= {module} | files
            ahead |= modules
    return sorted(map(str, found))


@functools.cache
def _of_module(path):
    """Return the data files beside a module that it names, and the modules that it imports."""
    text = path.read_text(encoding="utf-8")
    return {file for file in path.parent.glob("*.toml") if file.name in text}, _imported(text)


def _imported(code):
    paths = {PACKAGE.joinpath(*name.split(".")[1:]) for name in names(code)}
    files = {file for p in paths for file in (p.with_suffix(".py"), p / "__init__.py")}
    return {file for file in files if file.is_file()}
