"""Mend what axe finds wrong in the HTML of the theme and of Sphinx."""

REPLACED = {
    # Roles that no longer exist, or that do not fit the list around them.
    'role="doc-biblioentry"': 'role="listitem"',
    # A control's name has to be what it shows.
    '<summary aria-label="Toggle hidden content">': "<summary>",
    # Pictures below the fold wait until they are near.
    "<img ": '<img loading="lazy" decoding="async" ',
}


def setup(app):
    """Mend the body of each page before its template takes it in."""
    app.connect("html-page-context", mend)


def mend(app, pagename, templatename, context, doctree):
    """Replace what is wrong."""
    for wrong, right in REPLACED.items():
        context["body"] = context.get("body", "").replace(wrong, right)
