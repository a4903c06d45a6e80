"""Leave out what makes a page heavy and is never used: the search's index where nothing searches,
styles of what is on no page, icons that no page shows.
"""

import re
from io import BytesIO
from pathlib import Path

from fontTools import subset

#: The theme loads these everywhere, for a search as one types, which is off.
SEARCH = re.compile(
    r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js"></script>'
)
#: A rule of a style sheet, its selectors and what it says; and what separates selectors.
RULE = re.compile(r"([^{}@;]+)\{[^{}]*\}")
OUTER_COMMA = re.compile(r",(?![^(]*\))")
#: The rule of a style sheet that gives an icon's names its character.
ICON = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')


def setup(app):
    """Cut when the site is written."""
    app.connect("build-finished", leave_search_to_its_page)
    app.connect("build-finished", fit)


def leave_search_to_its_page(app, error):
    """Load the search's scripts, its index among them, on the page of the search alone."""
    for path in [] if error else Path(app.outdir).rglob("*.html"):
        if path.name != "search.html":
            path.write_text(SEARCH.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")


def fit(app, error):
    """Cut styles, and then icons, down to those that the pages and scripts of the site name."""
    if error:
        return
    site, kinds = Path(app.outdir), ("*html", "*.js")  # an ePub is XHTML
    pages = "".join(path.read_text(encoding="utf-8") for kind in kinds for path in site.rglob(kind))
    fit_styles(site, pages)
    fit_icons(site, pages)


def fit_styles(site, pages):
    """Cut the style sheets down to rules for classes that are named."""
    named = set(re.findall(r"[\w-]+", pages))

    def is_used(selector):
        """Return whether all classes of a selector are named, but for those in its brackets."""
        while (bare := re.sub(r":[\w-]+\([^()]*\)", "", selector)) != selector:
            selector = bare
        return "\\" in selector or named >= set(re.findall(r"\.([\w-]+)", selector))

    for path in site.rglob("_static/**/*.css"):
        styles = re.sub(r"/\*(?!!).*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        slim = RULE.sub(
            lambda rule: rule[0] if any(map(is_used, OUTER_COMMA.split(rule[1]))) else "", styles
        )
        path.write_text(slim, encoding="utf-8")


def fit_icons(site, pages):
    """Cut the icon font, and its style sheet, down to the icons that the site uses."""
    sheet = site / "_static" / "styles" / "pydata-sphinx-theme.css"
    if not sheet.is_file():
        return
    names = {f".{name}:before" for name in re.findall(r"fa-[\w-]+", pages)}
    styles = sheet.read_text(encoding="utf-8")
    used = {
        int(code, 16)
        for selectors, code in ICON.findall(styles)
        if names & set(selectors.split(","))
    }
    sheet.write_text(
        ICON.sub(lambda rule: rule[0] if int(rule[2], 16) in used else "", styles), encoding="utf-8"
    )
    # Characters that style sheets use without a name.
    others = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    used |= {ord(icon) for icon in re.findall(r'--pst-icon-[\w-]+:\s*"(.)"', others)}
    used |= {int(code, 16) for code in re.findall(r'content:"\\(f[0-9a-f]{3})"', others)}
    for path in sheet.parents[1].glob("vendor/fontawesome/webfonts/*.woff2"):
        options = subset.Options(flavor="woff2", ignore_missing_unicodes=True)
        font = subset.load_font(BytesIO(path.read_bytes()), options)
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=used)
        cutter.subset(font)
        subset.save_font(font, path, options)
