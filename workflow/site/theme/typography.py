"""Set what pages say as a printer would: powers of ten, spaces that do not break, curly quotes.

In one place, when a page is written: so a notebook may say 1e-07 or 93.2 %, as Python does.
"""

import re

#: What stays as it was typed.
VERBATIM = re.compile(r"<(pre|code|kbd|script|style|math|textarea)\b")
TAG = re.compile(r"(<[^>]*>)")
POWER = re.compile(r"(?<![\w.])(\d[\d.]*)e-0?(\d+)(?!\w)")
RAISED = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SAID = re.compile(r'(?<= aria-label=")[^"]*')


def setup(app):
    """Set the body of each page before its template takes it in."""
    app.connect("html-page-context", set_page)


def set_page(app, pagename, templatename, context, doctree):
    """Set the text of a page, and of its pictures."""
    context["body"] = typeset(context.get("body", ""))


def typeset(html):
    """Return HTML whose text is set; tags stay, but for what they say in place of a picture."""
    parts, verbatim, drawn = TAG.split(html), "", False
    for i, part in enumerate(parts):
        if i % 2:  # a tag
            opened = VERBATIM.match(part)
            if verbatim:
                verbatim = "" if part == f"</{verbatim}>" else verbatim
            elif opened and not part.endswith("/>"):
                verbatim = opened[1]
            drawn = part.startswith("<svg") or (drawn and part != "</svg>")
            parts[i] = SAID.sub(lambda said: _set(said[0], _raised), part)
        elif part and not verbatim:
            parts[i] = _set(part, _drawn_above if drawn else _above)
    return "".join(parts)


def _set(text, raised):
    text = POWER.sub(lambda n: ("" if n[1] == "1" else f"{n[1]} × ") + "10" + raised(n[2]), text)
    text = re.sub(r"(?<=\d) (?=%)|(?<=\bn) (?== \d)|(?<=\bn[ \xa0]=) (?=\d)", "\xa0", text)
    return re.sub(r"(?<=\w)(?:'|&#x27;)|^(?:'|&#x27;)(?=s\b)", "’", text)


def _above(exponent):
    return f"<sup>−{exponent}</sup>"


def _drawn_above(exponent):
    return f'<tspan dy="-0.4em" style="font-size: 0.7em">−{exponent}</tspan>'


def _raised(exponent):
    return f"−{exponent}".translate(RAISED)
