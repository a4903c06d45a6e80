"""Mend what axe finds wrong in the HTML of the theme and of Sphinx."""

from pathlib import Path

REPLACED = {
    # Roles that no longer exist, or that do not fit the list around them.
    'role="doc-biblioentry"': 'role="listitem"',
    # A control's name has to be what it shows.
    '<summary aria-label="Toggle hidden content">': "<summary>",
    # Pictures below the fold wait until they are near.
    "<img ": '<img loading="lazy" decoding="async" ',
}


def setup(app):
    """Mend the body of a page before its template takes it in, its head when it is written."""
    app.connect("html-page-context", mend)
    app.connect("build-finished", be_light_without_scripts)


def mend(app, pagename, templatename, context, doctree):
    """Replace what is wrong."""
    for wrong, right in REPLACED.items():
        context["body"] = context.get("body", "").replace(wrong, right)


def be_light_without_scripts(app, error):
    """Have the colours of links and code where no script chooses them by the reader's system."""
    for path in [] if error else Path(app.outdir).rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        path.write_text(
            html.replace('data-theme="auto"', 'data-theme="light"', 1), encoding="utf-8"
        )
