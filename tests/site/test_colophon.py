"""The colophon: what others made, and under which licence."""

from fnmatch import fnmatch

from bs4 import BeautifulSoup
from conftest import ROOT

from regularization.core import data


def test_the_licence_of_everything_that_others_made_is_listed(built):
    """Each file of the site's assets is ours, or stands in the table of the colophon."""
    table = BeautifulSoup(
        (built / "html" / "colophon.html").read_text(encoding="utf-8"), "html.parser"
    )
    rows = [row.select("td") for row in table.select("#what-others-made tbody tr")]
    listed = [code.get_text() for row in rows for code in row[3].select("code")]
    assert rows and all(row[2].get_text().strip() for row in rows)
    named = {code.get_text() for row in rows for code in row[2].select("code")}
    assert {source.card.licence for source in data.SETS.values()} <= named
    static = built / "html" / "_static"
    files = [path.relative_to(static).as_posix() for path in static.rglob("*") if path.is_file()]
    ours = {
        p.relative_to(ROOT / "book/assets").as_posix() for p in (ROOT / "book/assets").rglob("*")
    }
    ours.add("colours.css")  # written from those of the figures
    strangers = [
        name
        for name in files
        if not any(fnmatch(name, pattern) for pattern in listed)
        and (name not in ours or name.startswith("fonts/"))
    ]
    assert not strangers
    within = [pattern for pattern in listed if not pattern.startswith("../")]
    assert not [p for p in within if not any(fnmatch(name, p) for name in files)]
