"""Tables and sentences: numbers with their intervals, beside the post's, and the ledger."""

import html
import inspect
import math
import re
import textwrap
from collections import Counter
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from IPython.display import Markdown
from matplotlib.colors import to_hex, to_rgb

from regularization.analysis import measures, statistics, written
from regularization.analysis.claims import FAILS, HOLDS, IN_PART, OPEN, points
from regularization.report.style import GUIDE, MARK, RANGE, Figure, Html, caption_of, switched
from regularization.study import registry, tuning


def gains(rows, headers, corner, caption, kind=""):
    """Return a map as a table: points gained in amber or lost in blue, with paired intervals.

    `rows` holds lists of `claims.Estimate` by their title, one for each of the `headers`. Strong
    print says that the interval does not contain zero. The "heat" kind leaves intervals out.
    """

    def cell(gain):
        said, _, width = spread(gain, sign="+").partition(" ")
        width = f"<small> {width}</small>" if width and not kind else ""
        weight = 600 if gain.lower > 0 or gain.upper < 0 else 400
        depth = 0.45 * min(abs(gain.mean) / 5, 1)  # full, and still legible, at five points
        ground = to_hex((*to_rgb(MARK if gain.mean > 0 else RANGE), depth), keep_alpha=True)
        style = f"background:{ground};font-weight:{weight};padding:0.1em 0.2em"
        return Html(f'<span style="{style}">{said}{width}</span>')

    cells = [[title, *map(cell, estimates)] for title, estimates in rows.items()]
    return table([corner, *headers], cells, caption, kind)


def heat(maps, headers, corner, legend, caption):
    """Return maps of `gains`, rows by what each is of, of which the reader chooses one to see.

    What is chosen is the `legend`; the intervals stand behind each map.
    """
    figures = {}
    for name, rows in maps.items():
        brief, whole = (
            gains(rows, headers, corner, said, kind).content.replace(caption_of(said), "")
            for said, kind in ((name, "heat"), (f"{name}, with 95 % intervals", ""))
        )
        behind = f'<details class="numbers"><summary>With intervals</summary>{whole}</details>'
        figures[name] = Figure(brief + behind, "")
    return switched(figures, legend, caption)


def source(*functions):
    """Return the code of functions as Markdown, without their docstrings."""
    code = "\n".join(textwrap.dedent(inspect.getsource(function)) for function in functions)
    code = re.sub(r'\n *""".*?"""', "", code, flags=re.DOTALL)
    return Markdown(f"```python\n{code}```")


def table(headers, rows, caption, kind=""):
    """Return a table: `headers` are strings, each row begins with its own header.

    A table of sentences is "stacked" where the page is narrow: its cells stand below one another,
    each after its column's name, unless it is a "ledger" too, whose cells say what they are. A
    "sortable" one is sorted and filtered by the reader, in the page (assets/tables.js).
    """

    def cell_of(header, cell):
        column = f' data-column="{html.escape(header)}"' if kind == "stacked" else ""
        return f"<td{column}{_sort_value(cell)}>{_cell(cell)}</td>"

    head = "".join(
        f'<th scope="col">{html.escape(header)}</th>' if header else "<td></td>"
        for header in headers
    )
    body = "".join(
        f'<tr><th scope="row">{_cell(first)}</th>'
        + "".join(map(cell_of, headers[1:], cells))
        + "</tr>"
        for first, *cells in rows
    )
    of_kind = f' class="{kind}"' if kind else ""
    content = (
        # A table that is wider than the page is scrolled in its frame, by keyboard too.
        f'<div role="group" tabindex="0" aria-label="{html.escape(caption)}">'
        f"<table{of_kind}><caption>{caption_of(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    return Figure(content, caption, kind="Table")


MARKS = {HOLDS: "✓", IN_PART: "◐", FAILS: "✗", OPEN: "?"}


def ledger(claims):
    """Return a table of claims, their checks with bounds and evidence, and the verdict."""
    rows = [
        [
            Html(f'<span id="claim-{claim.name}">{html.escape(claim.text)}</span>'),
            Html("".join(map(_check, claim.checks))),
            _verdict(claim),
        ]
        for claim in claims
    ]
    caption = "Claims, checks with 95 % intervals, and verdicts."
    return table(["claim", "checks and evidence", "verdict"], rows, caption, "stacked ledger")


def ledger_summary(claims):
    """Return a table of claims and verdicts, each claim a link to its row above."""
    rows = [
        [
            Html(f'<a href="#claim-{claim.name}">{html.escape(claim.text)}</a>'),
            f"{sum(check.outcome == HOLDS for check in claim.checks)} of {len(claim.checks)}",
            _verdict(claim),
        ]
        for claim in claims
    ]
    caption = "Every claim, how many of its checks hold, and the verdict."
    return table(["claim", "checks that hold", "verdict"], rows, caption)


def verdict(said):
    """Write a verdict with its mark."""
    return f"{MARKS[said]} {said}" if said in MARKS else said


def _verdict(claim):
    return verdict(claim.verdict) + ", near a bound" * claim.near_a_bound


def _check(check):
    """Return a check's outcome and a sketch of it; what was expected, and by which test, folded."""
    estimate = check.estimate
    many = "" if estimate.test == "counted" else f"; n = {estimate.n:,}, {estimate.test}"
    said = f"{MARKS[check.outcome]} {check.what}: {estimate}"
    return (
        f'<details class="check"><summary>{html.escape(said)}{_sketch(check)}</summary>'
        f"{html.escape(check.expected + many)}</details>"
    )


def _sketch(check):
    """Draw an interval as a line, its estimate as a dot, and what lies between the bounds grey.

    The dot of what does not hold is hollow.
    """
    e, bounds = check.estimate, (check.low, check.high)
    seen = [x for x in (e.mean, e.lower, e.upper, *bounds) if math.isfinite(x)]
    low, high = (min(seen), max(seen)) if math.isfinite(e.mean) else (0, 0)
    if low == high:
        return ""
    left, right, start, end, dot = (
        round(4 + 92 * min(1.04, max(-0.04, (x - low) / (high - low))), 1)
        for x in (*bounds, e.lower, e.upper, e.mean)
    )
    inside = "none" if check.outcome == FAILS else MARK
    return (
        '<svg viewBox="0 0 100 10" width="100" height="10" aria-hidden="true">'
        f'<rect x="{left}" width="{max(right - left, 0.8):.1f}" height="10" fill="{GUIDE}" '
        f'opacity="0.4"/><path d="M{start} 5H{end}" stroke="currentColor"/>'
        f'<circle cx="{dot}" cy="5" r="2.5" stroke="{MARK}" fill="{inside}"/></svg>'
    )


class Sorted(NamedTuple):
    """A table cell with the number by which it is sorted."""

    text: str
    number: float

    def __str__(self):
        """The text."""
        return self.text


def _sort_value(cell):
    return f' data-sort="{cell.number:.9g}"' if isinstance(cell, Sorted) else ""


def _cell(value):
    if isinstance(value, Html):
        return value
    return re.sub(r"(?<![\w.])-(?=\d)", "\N{MINUS SIGN}", html.escape(str(value)))


def percent(values):
    """Write an accuracy per seed as mean and 95 % interval: "93.25 % (93.20 to 93.29)"."""
    return written.interval(*_in_percent(values), " %")


def plus_minus(values):
    """Write an accuracy per seed as mean and half of its 95 % interval: "93.25 ± 0.04 %"."""
    return written.spread(*_in_percent(values), " %")


def _in_percent(values):
    return (100 * value for value in statistics.interval(values, statistics.SHARE))


def spread(estimate, sign=""):
    """Write an estimate with half of its interval: "0.40 ± 0.25"."""
    return written.spread(estimate.mean, estimate.lower, estimate.upper, sign=sign)


def against_post(runs, post):
    """Return the post's table beside ours: `runs` by slug, `post` its quoted figures by slug.

    Ours are means over the seeds, accuracy with its 95 % interval: with the technique off at test,
    and as the post measured it. Several runs are a row each, a single one a column.
    """
    names = ["test accuracy", "as published", "smallest weight", "largest weight"]
    rows = {}
    for slug, run in runs.items():
        theirs = post[slug]
        rows[registry.title(slug)] = [
            (plus_minus(run.test_accuracy), "–"),
            (plus_minus(run.test_accuracy_as_published), f"{100 * theirs['test_accuracy']:.1f} %"),
            _with_quoted(np.mean(run.weight_min), theirs["weight_min"]),
            _with_quoted(np.mean(run.weight_max), theirs["weight_max"]),
        ]
    caption = (
        "Test accuracy with its 95 % interval over the seeds, smallest and largest weight (mean "
        "over the seeds); "
    )
    if len(rows) == 1:
        pairs = [(name, *pair) for name, pair in zip(names, *rows.values(), strict=True)]
        return table(
            ["", "ours", "the post"],
            pairs,
            caption + "ours and the post's. As published is our accuracy measured as the post did.",
        )
    cells = [
        [title, *(" | ".join(v for v in pair if v != "–") for pair in pairs)]
        for title, pairs in rows.items()
    ]
    return table(["", *names], cells, caption + "ours, and after the bar the post's.")


def answers(probabilities, titles, digits, caption):
    """Return a table of the ten probabilities `[techniques, classes]` that each technique gives.

    Below it is who says what, the commonest answer first.
    """
    rows = [
        [title, *(Html(_share(p)) for p in each)]
        for title, each in zip(titles, probabilities, strict=True)
    ]
    names = digits.names
    headers = ["technique", *names]
    found, best = table(headers, rows, caption, "answers"), probabilities.argmax(axis=1)
    sides = Counter(best.tolist()).most_common()
    said = "; ".join(f"{names[c]}: {', '.join(np.array(titles)[best == c])}" for c, _ in sides)
    content = f'{found.content}<p class="answers-said">They say {html.escape(said)}.</p>'
    return replace(found, content=content, wide=True)


def _share(probability):
    said = f"{100 * probability:.0f}"
    return f'<span style="--share:{probability:.2f}">{said if said != "0" else "·"}</span>'


def beside(runs):
    """Return a table of several runs (a dict by title): accuracy, and what the pictures show."""
    rows = [
        [
            title,
            plus_minus(run.test_accuracy),
            written.fixed(np.mean([measures.smoothness(w) for w in run.weights]), 2),
            f"{100 * measures.near_zero(run.weights):.0f} %",
            *written.span(np.mean(run.weight_min), np.mean(run.weight_max)).split(" to "),
        ]
        for title, run in runs.items()
    ]
    headers = ["", "test accuracy", "smoothness", "near zero", "smallest", "largest"]
    caption = (
        "Test accuracy with its 95 % interval over the seeds; smoothness of the weight images, "
        "share of weights nearer to 0 than 0.01, smallest and largest weight, means over the seeds."
    )
    return table(headers, rows, caption)


def seeds_and_images(run, digits):
    """Say in Markdown what the interval over a run's seeds holds, and what it does not."""
    accuracy = run.test_accuracy.values.mean()
    error = statistics.sampling_error(accuracy, len(digits.test_images))
    return Markdown(
        "The interval is over the seeds, each read off at its last step. So it holds what another "
        "start, another order of images and a few steps more or less would change (*The ledger* "
        "tells these apart). Another test set of this size would move the accuracy, too, with a "
        f"standard error of {100 * error:.1f} points."
    )


def with_equal_care(slug, digits, preset):
    """Say in Markdown what validation chose for a technique, and how it compares with none."""
    tried = [tuning.tried(each, digits, preset) for each in (slug, "no_regularization")]
    best, plain = map(tuning.best, tried)
    choice = tuning.choice(best, slug)
    chosen = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in choice.items())
    gain = points(*map(tuning.chosen_by_seed, tried))
    return Markdown(
        f"Validation chose {chosen}. The test accuracy is then **{percent(best.test_accuracy)}**, "
        f"and without regularization, chosen with the same care, {percent(plain.test_accuracy)}. "
        "Here one setting serves all seeds. If each seed chooses for itself, some choose "
        "otherwise, and that luck has to count, too. So we compare seed by seed, each at its own "
        "choice, and the difference need not be that of the two numbers above: "
        f"**{gain}** points. (That "
        "is one technique by itself; of many one may look better or worse by chance. *With "
        "equal care* has intervals that hold for all at once.)"
    )


def _with_quoted(ours, theirs):
    """Write a weight as the post has it, and ours with as many places, two at least."""
    quoted = f"{theirs:g}"
    return written.fixed(ours, max(2, len(quoted.partition(".")[2]))), quoted
