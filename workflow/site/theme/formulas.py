"""Formulas as MathML: browsers lay them out, screen readers speak them, nothing is loaded."""

import re

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

LOGGER = logging.getLogger(__name__)
#: A formula that is wider than the page is scrolled in its frame, by keyboard too.
SCROLLED = {"tabindex": "0", "role": "group", "aria-label": "Formula"}
#: TeX takes a digit for each part of a fraction, docutils both digits for the first part.
DIGITS = re.compile(r"(\\[dt]?frac)\s*(\d)\s*(\d)")
#: What HTML does without: the namespace, space between elements, and what Firefox calls deprecated.
NEEDLESS = re.compile(r' xmlns="[^"]*"|(?<=>)\s+(?=<)|(?<=<mo) accent="true"')
#: Over and under a part of a formula; what is attached to them is said of that part.
BRACES = ("⏞", "⏟")
#: What TeX sets and a browser may not: a thin space on either side of a function's name, where a
#: letter, a number or a fraction is; around "max" and its like as around a sum.
THIN = '<mspace width="0.1667em"></mspace>'
SPACED = {
    r"(</m(?!o>|space>)\w+>)(?=<mi[^>]*>[^<]+</mi><mo>&ApplyFunction;)": rf"\1{THIN}",
    r"(?=<mo>&ApplyFunction;</mo><m(?!o|space|under|row><mo))": THIN,
    r"<mo(?=[^>]*>(?:inf|lim|max|min|sup)</mo>)": '<mo lspace="0.1667em" rspace="0.1667em"',
}
#: Formulas within a line, with all that no space parts from them: "(x)," for example. (The first
#: bracket lets it begin with a word alone: a picture within a page is one of a million letters.)
UNBROKEN = re.compile(r"(?<![^\s<>])[^\s<>]*(?:<math>.*?</math>[^\s<]*)+", re.DOTALL)


def setup(app):
    """Make this the renderer of formulas, in place of MathJax."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    app.config.html_math_renderer = "mathml"
    app.connect("html-page-context", keep_together)


def visit_inline(translator, node):
    """Write a formula within a line."""
    translator.body.append(mathml(node, node.astext()))
    raise nodes.SkipNode


def visit_display(translator, node):
    """Write a formula on a line of its own, with its number if it has one."""
    translator.body.append(translator.starttag(node, "div", CLASS="formula", **SCROLLED))
    translator.body.append(mathml(node, node.astext(), as_block=True))
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})</span>')
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def keep_together(app, pagename, templatename, context, doctree):
    """Let no line begin with the comma after a formula: browsers break on either side of one."""
    kept = r'<span class="unbroken">\g<0></span>'
    context["body"] = UNBROKEN.sub(kept, context.get("body", ""))


def mathml(node, tex, as_block=False):
    """Return a TeX formula as MathML; one that is not understood is a warning, and stays TeX."""
    tex = DIGITS.sub(r"\1{\2}{\3}", tex.strip())
    try:
        formula = NEEDLESS.sub("", latex2mathml.tex2mathml(tex, as_block=as_block))
    except (MathError, SyntaxError) as error:
        LOGGER.warning("the formula %r cannot be set: %s", tex, error, location=node)
        return f"<code>{tex}</code>"
    for place, spaced in SPACED.items():
        formula = re.sub(place, spaced, formula)
    return formula


def attach(node, mark, limits="", attach=latex2mathml.handle_script_or_limit):
    """Set an index beside an accented letter; docutils has it under the letter, as a limit."""
    child = node[-1]
    if isinstance(child, latex2mathml.mover | latex2mathml.munder):
        if child[-1].text in BRACES:
            limits = "limits"
        if not child[0].get("movablelimits"):
            node.append(latex2mathml.mrow(node.pop()))
    return attach(node, mark, limits)


latex2mathml.handle_script_or_limit = attach
