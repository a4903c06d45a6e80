"""What a chapter depends on: the modules of src/ it imports, and what those import in turn."""

import ast
import functools
from pathlib import Path

import nbformat

PACKAGE = Path(__file__).parents[1] / "src" / "regularization"


def of_notebook(path):
    """Return the sources, as paths, that the notebook's code cells reach."""
    cells = nbformat.read(path, as_version=4).cells
    return _reached("\n".join(cell.source for cell in cells if cell.cell_type == "code"))


def of_module(name):
    """Return the sources, as paths, that a module of the package reaches, itself among them."""
    return _reached(f"import regularization.{name}")


def _reached(code):
    found, ahead = {PACKAGE / "__init__.py"}, _imports(code)
    while ahead:
        module = ahead.pop()
        if module not in found:
            found.add(module)
            files, modules = _of_module(module)
            found |= files
            ahead |= modules
    return sorted(map(str, found))


@functools.cache
def _of_module(path):
    """Return the data files beside a module that it names, and the modules that it imports."""
    text = path.read_text()
    files = (file for file in path.parent.glob("*.*") if file.suffix != ".py")
    return {file for file in files if file.name in text}, _imports(text)


def _imports(code):
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("regularization"):
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {path for name in names for path in _modules(name)}


def _modules(name):
    """Yield the package's modules that importing `name` runs: its own, and those above it."""
    first, *parts = name.split(".")
    for depth in range(len(parts) * (first == "regularization")):
        path = PACKAGE.joinpath(*parts[: depth + 1])
        for module in (path.with_suffix(".py"), path / "__init__.py"):
            if module.is_file():
                yield module
