"""The ledger at a glance: a mark for each claim, section by section, above all that decides."""

import re
from html import escape
from itertools import groupby

from regularization.analysis import claims
from regularization.report.tables import MARKS

PAGE = "reproduction"
CLAIM = re.compile(r'<span id="claim-([\w-]+)">')


def opening(cells, path):
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
    verdicts = [claim.verdict for _, claim in rows]
    chosen = "".join(
        f'<label><input type="radio" name="verdict" value="{_kind(verdict)}"/> '
        f"{MARKS[verdict]} {verdicts.count(verdict)} {several}</label>"
        for verdict, several in claims.SEVERAL.items()
    )
    every = '<label><input type="radio" name="verdict" value="all" checked/> all '
    chosen = f"{every}{len(rows)} claims</label>{chosen}"
    content = (
        '<nav class="verdicts" aria-label="Every claim by its verdict"><fieldset>'
        f"<legend>Show</legend>{chosen}</fieldset><dl>{sections}</dl></nav>"
    )
    picture = {"output_type": "display_data", "metadata": {}, "data": {"text/html": content}}
    return {
        "cell_type": "code",
        "id": "verdicts",
        "execution_count": None,
        "metadata": {"tags": ["remove-input"]},
        "source": "verdicts(ledger)",
        "outputs": [picture],
    }


def _mark(claim):
    said = escape(f"{claim.text} {claim.verdict.capitalize()}.")
    return (
        f'<a class="{_kind(claim.verdict)}" href="#claim-{claim.name}" title="{said}" '
        f'aria-label="{said}">{MARKS[claim.verdict]}</a>'
    )


def _kind(verdict):
    return verdict.replace(" ", "-")
