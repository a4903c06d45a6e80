"""What our pages add to sphinx-book-theme: a Sphinx extension, in pieces.

Formulas become MathML, figures and tables get numbers, terms show what they mean, what makes a
page heavy without being seen is left out, the theme's faults of accessibility are mended, and a
policy keeps everything from outside out. Old addresses lead to the new.
"""

from pathlib import Path

from workflow.site.theme import (
    accessibility,
    content_security_policy,
    formulas,
    glossary,
    moved,
    numbering,
    slimming,
    source,
)


def setup(app):
    """Register the pieces with Sphinx."""
    app.connect("config-inited", use_templates)
    pieces = (formulas, numbering, glossary, accessibility, slimming, content_security_policy)
    for piece in (source, moved, *pieces):
        piece.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def use_templates(app, config):
    """Let our templates come before the theme's."""
    config.templates_path.append(str(Path(__file__).parent / "templates"))
