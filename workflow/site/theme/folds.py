"""Fold the code that draws and counts: one fold for each section, at its end, by what it makes.

A notebook marks such cells by the tag "hide-input".
"""

import re
from html import escape

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode


def setup(app):
    """Bring the folds together once the figures have their numbers."""
    app.connect("doctree-resolved", fold, priority=600)


def fold(app, doctree, docname):
    """Move the folded code of each section into one fold behind what it shows."""
    for section in list(doctree.findall(nodes.section)):
        own = [child for child in section if not isinstance(child, nodes.section)]
        cells = [cell for child in own for cell in child.findall(_is_folded)]
        if not cells:
            continue
        made = _made_by(cells) or ("this section" if section.parent is not doctree else "the start")
        opening = f'<details class="code-fold"><summary>The code of {escape(made)}</summary>'
        gathered = [nodes.raw("", opening, format="html")]
        for cell in cells:
            gathered += cell.pop(0).children
            if not cell.children:
                cell.parent.remove(cell)
        gathered.append(nodes.raw("", "</details>", format="html"))
        parts = (i for i, child in enumerate(section) if isinstance(child, nodes.section))
        at = next(parts, len(section))
        section[at:at] = gathered


def _is_folded(node):
    """Return whether a node is a cell whose input alone is folded."""
    return (
        isinstance(node, nodes.container)
        and node.get("nb_element") == "cell_code"
        and isinstance(node[0], HideCodeCellNode)
        and [code.get("nb_element") for code in node[0]] == ["cell_code_source"]
    )


def _made_by(cells):
    """Say which figures and tables some cells make: "Figures 6.1 and 6.2, Table 6.1"."""
    text = "".join(raw.astext() for cell in cells for raw in cell.findall(nodes.raw))
    made = []
    for kind in ("Figure", "Table"):
        *others, last = re.findall(rf'<span class="number">{kind} ([\d.]+)<', text) or [""]
        made.append(f"{kind}s {', '.join(others)} and {last}" if others else f"{kind} {last}")
    return ", ".join(each for each in made if each[-1].isdigit())
