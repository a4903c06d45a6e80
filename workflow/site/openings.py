"""What chapters open with: the ten weight images of a run, or the ledger at a glance."""

import re
from collections import Counter
from html import escape
from itertools import groupby

from regularization.analysis import claims
from regularization.report import pictures
from regularization.report.tables import MARKS
from regularization.study import registry

LEDGER = "reproduction"  # the page that opens with verdicts
CLAIM = re.compile(r'<span id="claim-([\w-]+)">')


def ribbon(run, slug):
    """Return a cell with the ten weight images of a chapter's run in a row."""
    picture = pictures.ribbon(run.weights[0], registry.title(slug))
    return _cell("opening", "pictures.ribbon(run.weights[0], title)", picture._repr_html_())


def verdicts(cells, path):
    """Return a cell with a mark for each claim of a `ledger.json` that the page's `cells` decide.

    Each leads to its claim. Buttons leave one verdict alone; they need no script.
    """
    known, heading, rows = {each.name: each for each in claims.load(path)}, "", []
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            heading = ([heading] + re.findall(r"^## (.*)", source, re.MULTILINE))[-1]
        for output in cell.get("outputs", []):
            said = "".join(output.get("data", {}).get("text/html", ""))
            rows += [(heading, known.pop(name)) for name in CLAIM.findall(said) if name in known]
    sections = "".join(
        f"<dt>{escape(heading)}</dt><dd>{''.join(_mark(claim) for _, claim in of_section)}</dd>"
        for heading, of_section in groupby(rows, lambda row: row[0])
    )
    counts = Counter(claim.verdict for _, claim in rows)
    chosen = "".join(
        f'<label><input type="radio" name="verdict" value="{_kind(verdict)}"/> '
        f"{MARKS[verdict]} {counts[verdict]} {several}</label>"
        for verdict, several in claims.SEVERAL.items()
    )
    every = '<label><input type="radio" name="verdict" value="all" checked/> all '
    chosen = f"{every}{len(rows)} claims</label>{chosen}"
    *most, last = (f"{counts[verdict]} {several}" for verdict, several in claims.SEVERAL.items())
    content = (
        f"<p>Of {len(rows)} claims {', '.join(most)}, and {last}.</p>"
        '<nav class="verdicts" aria-label="Every claim by its verdict"><fieldset class="switch">'
        f"<legend>Show</legend>{chosen}</fieldset><dl>{sections}</dl></nav>"
    )
    return _cell("verdicts", "verdicts(ledger)", content)


def _cell(name, source, content):
    """Return a cell that shows HTML alone. (One without a source would be passed over.)"""
    return {
        "cell_type": "code",
        "id": name,
        "execution_count": None,
        "metadata": {"tags": ["remove-input"]},
        "source": source,
        "outputs": [shown(content)],
    }


def shown(content):
    """Return an output that shows HTML."""
    return {"output_type": "display_data", "metadata": {}, "data": {"text/html": content}}


def _mark(claim):
    said = escape(f"{claim.text} {claim.verdict.capitalize()}.")
    return (
        f'<a class="{_kind(claim.verdict)}" href="#claim-{claim.name}" title="{said}" '
        f'aria-label="{said}">{MARKS[claim.verdict]}</a>'
    )


def _kind(verdict):
    return verdict.replace(" ", "-")
