"""What our pages add to sphinx-book-theme: a Sphinx extension, in pieces.

Formulas become MathML, figures and tables get numbers, the code that draws is folded, terms show
what they mean, text is set as a printer would, what makes a page heavy without being seen is left
out, the theme's faults of accessibility are mended, and a policy keeps everything from outside out.
Old addresses lead to the new, and pages say what they are to who links to them.
"""

from pathlib import Path

from workflow.site.theme import (
    accessibility,
    content_security_policy,
    folds,
    formulas,
    glossary,
    moved,
    navigation,
    numbering,
    sharing,
    slimming,
    source,
    typography,
)


def setup(app):
    """Register the pieces with Sphinx."""
    app.connect("config-inited", use_templates)
    pieces = (
        formulas,
        numbering,
        folds,
        glossary,
        accessibility,
        sharing,
        typography,
        slimming,
        content_security_policy,
    )
    for piece in (source, moved, navigation, *pieces):
        piece.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def use_templates(app, config):
    """Let our templates come before the theme's, and the search find chapters by their names."""
    config.templates_path.append(str(Path(__file__).parent / "templates"))
    config.epub_cover = tuple(config.epub_cover)  # YAML has none
    config.html_search_scorer = str(Path(__file__).parent / "scorer.js")
