"""Number the figures and tables of each chapter, and the links to them.

`regularization.report` writes them as HTML, and a notebook names its cells. So the figure of the
cell `numbers` in the chapter `l2` can be reached as `[Table](#l2-numbers)`, from every page; here
it gets its number, "Table 6.1", and so does the link.
"""

import re

from docutils import nodes
from sphinx.transforms import SphinxTransform

FIGURE = re.compile(r'<figure class="book-figure[^"]*" data-kind="(Figure|Table)"')


def setup(app):
    """Name the figures while reading, number them and their links while writing."""
    app.add_transform(NameFigures)
    app.connect("doctree-resolved", number)


class NameFigures(SphinxTransform):
    """Give each figure the name of its page and cell, so that links can find it."""

    default_priority = 400  # before the links of the page are resolved

    def apply(self):
        """Walk the cells with figures in the page's order."""
        page = self.env.docname.rsplit("/")[-1]
        std = self.env.get_domain("std")
        figures = self.env.metadata[self.env.docname].setdefault("figures", [])
        for cell in self.document.findall(nodes.container):
            name = cell.get("cell_metadata", {}).get("name")
            found = [raw for raw in cell.findall(nodes.raw) if FIGURE.match(raw.astext())]
            if not name or not found:
                continue
            target = f"{page}-{name}"
            cell["ids"].append(target)
            self.document.ids[target] = cell
            kinds = [FIGURE.match(raw.astext())[1] for raw in found]
            std.note_hyperlink_target(target, self.env.docname, target, kinds[0])
            figures += [(target, kind) for kind in kinds]


def number(app, doctree, docname):
    """Write the numbers into the captions of a page, and into its links to figures."""
    labels = {page: numbered(app.env, page) for page in app.env.found_docs}
    own = {page: iter(names) for page, names in labels.items()}
    for raw in list(doctree.findall(nodes.raw)):
        if FIGURE.match(raw.astext()) and (label := next(own[page_of(raw, docname)], None)):
            caption = '<span class="caption-text">'
            numbered_caption = f'{caption}<span class="number">{label[1]}</span> '
            text = raw.astext().replace(caption, numbered_caption, 1)
            raw.replace_self(nodes.raw("", text, format="html"))
    # A cell with several figures is known by the number of its first.
    of = dict(name for names in labels.values() for name in reversed(names))
    for link in doctree.findall(nodes.reference):
        target = link.get("refid") or link.get("refuri", "").rpartition("#")[2]
        if link.astext() in ("Figure", "Table") and target in of:
            link.children = [nodes.inline("", of[target])]


def page_of(node, docname):
    """Return the page a node was written in; in a book on a single page its sections say so."""
    while node := node.parent:
        if isinstance(node, nodes.section) and "docname" in node:
            return node["docname"]
    return docname


def numbered(env, docname):
    """Return the figures of a page, each with its label; a page without a number has none."""
    chapter = env.toc_secnumbers.get(docname, {}).get("")
    counts, labels = {"Figure": 0, "Table": 0}, []
    for target, kind in env.metadata[docname].get("figures", []) if chapter else []:
        counts[kind] += 1
        labels.append((target, f"{kind} {chapter[0]}.{counts[kind]}"))
    return labels
