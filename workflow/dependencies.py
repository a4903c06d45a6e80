"""What a chapter depends on: the modules of src/ it imports, and what those import in turn."""

import ast
from pathlib import Path

import nbformat

PACKAGE = Path(__file__).parents[1] / "src" / "regularization"


def of_notebook(path):
    """Return the sources, as paths, that the notebook's code cells reach."""
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    found, ahead = {PACKAGE / "__init__.py"}, _imports(code)
    while ahead:
        module = ahead.pop()
        if module not in found:
            found.add(module)
            text = module.read_text()
            # Data files of the package count where a module names them.
            found |= {
                file for file in PACKAGE.iterdir() if file.suffix != ".py" and file.name in text
            }
            ahead |= _imports(text)
    return sorted(map(str, found))


def _imports(code):
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("regularization"):
            inside = node.module.removeprefix("regularization").strip(".")
            names |= {inside.split(".")[0]} if inside else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {
                a.name.split(".")[1] for a in node.names if a.name.startswith("regularization.")
            }
    return {PACKAGE / f"{name}.py" for name in names if (PACKAGE / f"{name}.py").is_file()}
