"""Figures and tables: each is returned with its caption and an alt text that says what is seen.

Figures are SVG inside HTML, drawn without ground and in the page's own text colour, so one source
serves light pages, dark pages and JupyterLab.
"""

import base64
import html
import inspect
import io
import json
import re
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML, Markdown
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Ellipse
from PIL import Image

from regularization import measures
from regularization.claims import FAILS, HOLDS, IN_PART, OPEN, points

STYLE = Path(__file__).with_name("book.mplstyle")
#: Negative is dark, zero grey, positive light: also without colour, on any ground.
DIVERGING = LinearSegmentedColormap.from_list(
    "diverging", ["#06184d", "#2f62b3", "#8b8f96", "#eaae55", "#fff6d6"]
)


@dataclass(frozen=True)
class Figure:
    """A picture or table as HTML, with its caption; notebooks display it as it stands.

    Its `kind` is "Figure", "Table" or "Opening". The site numbers the first two. A table has its
    caption within, an opening shows none. A page that is served makes a figure `live`: by the name
    of a widget (assets/living) and what it is told.
    """

    content: str
    caption: str
    alt: str = ""
    kind: str = "Figure"
    live: str = ""

    def _repr_html_(self):
        below = (
            f"<figcaption>{_caption(self.caption)}</figcaption>" if self.kind == "Figure" else ""
        )
        return (
            f'<figure class="book-figure" data-kind="{self.kind}"{self.live}>{self.content}{below}'
            "</figure>"
        )

    def __repr__(self):
        return f"Figure: {self.caption} {self.alt}"


def live(figure, widget, **told):
    """Return a figure that a widget (assets/living) takes over where the page is served."""
    return replace(figure, live=_live(widget, **told))


def _live(widget, **told):
    return f' data-live="{widget}" data-told="{html.escape(json.dumps(told))}"'


def _caption(text):
    return f'<span class="caption-text">{html.escape(text)}</span>'


def _figure(draw, size, caption, alt):
    """Run `draw(figure)` on an empty figure of `size` inches; return the `Figure`."""
    # The salt makes ids differ between the figures of a page, and agree between two builds.
    with plt.style.context(STYLE), plt.rc_context({"svg.hashsalt": caption + alt}):
        figure = plt.figure(figsize=size)
        draw(figure)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
        plt.close(figure)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace("#010203", "currentColor").strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r'(<image [^>]*?)id="image\w*" ?', r"\1", svg)  # equal pictures have equal ids
    svg = re.sub(r"font-family: [^;]*; ", "", svg)  # the page's own
    svg = re.sub(r'(?<=data:image/png;base64,)[^"]+', _with_palette, svg)
    svg = re.sub(r' (?:d|x|y|transform)="[^"]*"', _rounded, re.sub(r"\s+", " ", svg))
    svg = re.sub(
        r'<svg [^>]*viewBox="([^"]*)"[^>]*>',
        r'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        rf'viewBox="\1" role="img" aria-label="{html.escape(alt)}" '
        f'style="display:block;width:100%;max-width:{size[0] * 6.4:.0f}rem;height:auto">',
        svg,
        count=1,
    )
    return Figure(svg, caption, alt)


def _with_palette(png):
    """Write a PNG in base64 as one with a palette, where its colours are few: half as long."""
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(png[0]))).convert("RGBA"))
    colours, places = np.unique(picture.reshape(-1, 4), axis=0, return_inverse=True)
    if len(colours) > 256 or colours[:, 3].min() < 255:
        return png[0]
    packed = Image.fromarray(places.reshape(picture.shape[:2]).astype("uint8"), "P")
    packed.putpalette(colours[:, :3].tobytes())
    file = io.BytesIO()
    packed.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _rounded(attribute):
    """Cut the numbers of an attribute of SVG to a thousandth of a point."""
    return re.sub(r"(\.\d{3})\d+", r"\1", attribute[0])


def weight_images(weights, name, digits=None, film=None):
    """Show the weights of one model, `[classes, height, width]`, on one scale, zero in the middle.

    With `digits` the alt text also says how much the images look like the class means. `film` is
    the name of a `living.Film`, through which the reader can go.
    """
    limit = np.abs(weights).max()

    def draw(figure):
        axes = figure.subplots(2, 5)
        for digit, (axis, image) in enumerate(zip(axes.flat, weights, strict=True)):
            shown = _weight_image(axis, image, limit)
            axis.set_title(digit, pad=2)
        bar = figure.colorbar(shown, ax=axes, fraction=0.03, aspect=30)
        bar.outline.set_visible(False)

    caption = f"{name}: the weights of each digit's output as an image, all on one scale."
    return _with_film(_figure(draw, (5.6, 2.5), caption, describe(weights, digits)), film)


def _with_film(figure, film):
    return live(figure, "film", film=film) if film else figure


def _weight_image(axis, image, limit):
    axis.set_axis_off()
    return axis.imshow(image, cmap=DIVERGING, vmin=-limit, vmax=limit)


def describe(weights, digits=None):
    """Say in words what the weight images `[classes, height, width]` show, from measures."""
    grain = measures.smoothness(weights)
    texture = "smooth" if grain > 0.8 else "partly smooth" if grain > 0.4 else "grainy"
    text = (
        f"Ten weight images for the digits 0 to 9, {texture} (neighbouring pixels correlate at "
        f"{grain:.2f}), weights from {weights.min():.2g} to {weights.max():.2g}."
    )
    if digits is not None:
        match = measures.template_likeness(weights, measures.class_means(digits))
        clear = (
            "are clear" if match > 0.6 else "show through" if match > 0.25 else "are hard to see"
        )
        text += f" The shapes of the digits {clear} (correlation with the class means {match:.2f})."
    return text


def ribbon(run):
    """Show the weight images of a run's first seed in one row, small, without scale or caption."""
    weights = run.weights[0]
    limit = np.abs(weights).max()

    def draw(figure):
        figure.set_layout_engine("none")
        places = dict(left=0, bottom=0, right=1, top=1, wspace=0.06)
        for axis, image in zip(figure.subplots(1, 10, gridspec_kw=places), weights, strict=True):
            _weight_image(axis, image, limit)

    picture = _figure(draw, (7.0, 0.67), run.title, describe(weights))
    return replace(picture, kind="Opening")


def draw_wall(figure, runs, own_scales=True):
    """Draw the weight images of several runs (a dict by title), a row each, of their first seed."""
    top = max(np.abs(run.weights[0]).max() for run in runs.values())
    figure.set_layout_engine("none")
    places = dict(left=0, bottom=0, right=1, top=1 - 0.25 / len(runs), wspace=0.08, hspace=0.35)
    axes = figure.subplots(len(runs), 10, squeeze=False, gridspec_kw=places)
    for row, (title, run) in zip(axes, runs.items(), strict=True):
        limit = np.abs(run.weights[0]).max() if own_scales else top
        for axis, image in zip(row, run.weights[0], strict=True):
            _weight_image(axis, image, limit)
        label = f"{title}, ±{limit:.2g}" if own_scales else title
        row[0].text(0, 1.08, label, transform=row[0].transAxes)


def wall(runs, own_scales=False, of="the digits 0 to 9"):
    """Show the weight images of several runs (a dict by title), a row each, of their first seed.

    All rows share one scale, or each has its own; `of` says what the ten images belong to.
    """
    top = max(np.abs(run.weights[0]).max() for run in runs.values())
    scale = "each row on its own scale" if own_scales else f"one scale for all, ±{top:.2g}"
    rows = (
        f"{title}: neighbouring pixels correlate at {measures.smoothness(run.weights[0]):.2f}, "
        f"weights from {run.weights[0].min():.2g} to {run.weights[0].max():.2g}."
        for title, run in runs.items()
    )
    caption = f"Weight images of {of}, a row for each technique, {scale}."
    alt = f"{len(runs)} rows of ten weight images, {scale}. " + " ".join(rows)
    size = (5.6, 0.78 * len(runs))
    return _figure(lambda figure: draw_wall(figure, runs, own_scales), size, caption, alt)


def images(pictures, titles, caption, alt, columns=5, signed=False):
    """Show pictures `[n, height, width]`, a title above each: ink in grey, or signed values."""
    rows = -(-len(pictures) // columns)

    def draw(figure):
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes:
            axis.set_axis_off()
        for axis, picture, title in zip(axes, pictures, titles, strict=False):
            if signed:
                _weight_image(axis, picture, np.abs(picture).max())
            else:
                axis.imshow(picture, cmap="gray", vmin=0)
            axis.set_title(title, pad=2)

    return _figure(draw, (5.6, 5.6 / columns * rows + 0.1), caption, alt)


def film_strip(weights, titles, digits, caption, film=None):
    """Show some digits' weight images along a path, `[path, classes, h, w]`: each on its own scale.

    A column for each of the `titles`, a row for each of the `digits`; `film` as in `weight_images`.
    """
    side = min(5.2 / len(titles), 1.1)
    size = side * len(titles) + 0.4, side * len(digits) + 0.3

    def draw(figure):
        figure.set_layout_engine("none")
        places = dict(left=0.3 / size[0], bottom=0, right=0.98, top=1 - 0.3 / size[1], wspace=0.06)
        axes = figure.subplots(len(digits), len(titles), squeeze=False, gridspec_kw=places)
        for row, digit in zip(axes, digits, strict=True):
            row[0].text(-0.1, 0.5, digit, transform=row[0].transAxes, va="center", ha="right")
            for axis, images in zip(row, weights, strict=True):
                _weight_image(axis, images[digit], np.abs(images[digit]).max() or 1)
        for axis, title in zip(axes[0], titles, strict=True):
            axis.set_title(title, pad=3)

    names = " and ".join(map(str, digits))
    frames = (
        f"{title}: neighbouring pixels correlate at {measures.smoothness(images[list(digits)]):.2f}"
        for title, images in zip(titles, weights, strict=True)
    )
    alt = f"Weight images of {names}, from left to right. " + "; ".join(frames) + "."
    return _with_film(_figure(draw, size, caption, alt), film)


def along(x, panels, xlabel, caption, marks=None, log=True):
    """Plot measures against `x`, a panel each: the mean over the seeds, its 95 % interval as band.

    `panels` holds by the y axis's label curves by name, `[len(x), seeds]`. `marks` are places on
    the x axis by name.
    """

    def draw(figure):
        axes = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
        for axis, (label, curves) in zip(axes, panels.items(), strict=True):
            for name, values in curves.items():
                intervals = np.transpose([measures.interval(v) for v in values])
                _line_and_band(axis, name, x, *intervals)
            axis.set_ylabel(label)
            if log:
                axis.set_xscale("log")
                axis.minorticks_off()  # they would be half of the figure's bytes
            for place, style in zip((marks or {}).values(), ("--", ":", "-."), strict=False):
                axis.axvline(place, color="0.5", lw=1, ls=style)
            if len(curves) > 2:  # too many to leave room among the lines
                figure.legend(
                    *axis.get_legend_handles_labels(), loc="outside lower center", ncols=2
                )
            elif len(curves) > 1:
                axis.legend()
        if not log:
            axis.locator_params(axis="x", nbins=6)
        axis.set_xlabel(xlabel)

    said = (
        f"{label}, {name}: {np.mean(values[0]):.3g} at {x[0]:g}, {np.mean(values[-1]):.3g} at "
        f"{x[-1]:g}, largest at {x[int(np.argmax(np.mean(values, axis=1)))]:g}"
        for label, curves in panels.items()
        for name, values in curves.items()
    )
    placed = "".join(f" {name} is at {place:g}." for name, place in (marks or {}).items())
    below = max(len(curves) for curves in panels.values())
    size = (5.6, 1.75 * len(panels) + 0.5 + (0.15 * below + 0.1 if below > 2 else 0))
    return _figure(draw, size, caption, f"Curves against {xlabel}. {'; '.join(said)}.{placed}")


def gains(rows, headers, corner, caption):
    """Return a map as a table: points gained in amber or lost in blue, with paired intervals.

    `rows` holds lists of `claims.Estimate` by their title, one for each of the `headers`. Strong
    print says that the interval does not contain zero.
    """

    def cell(gain):
        half = (gain.upper - gain.lower) / 2
        spread = f"<small> ± {half:.1f}</small>" if np.isfinite(half) else ""
        said = f"{gain.mean:+.1f}".replace("-", "\N{MINUS SIGN}")
        weight = 600 if gain.lower > 0 or gain.upper < 0 else 400
        depth = 0.45 * min(abs(gain.mean) / 5, 1)  # full, and still legible, at five points
        colour = "217 115 13" if gain.mean > 0 else "47 98 179"
        style = f"background:rgb({colour} / {depth:.2f});font-weight:{weight};padding:0.1em 0.4em"
        return Html(f'<span style="{style}">{said}{spread}</span>')

    cells = [[title, *map(cell, estimates)] for title, estimates in rows.items()]
    return table([corner, *headers], cells, caption)


def _line_and_band(axis, name, x, middle, low, high):
    (line,) = axis.plot(x, middle, label=name)
    axis.fill_between(x, low, high, alpha=0.25, lw=0, color=line.get_color())


def curves(runs, measure="test_accuracy", windows=None):
    """Plot a measure of several runs (a dict by title) against the step: mean and range of seeds.

    `measure` is "test_accuracy" or "train_loss"; `windows` is a list of (title, first, last step),
    a panel each, or None for one panel with every step.
    """
    steps = max(run.steps for run in runs.values())
    windows = windows or [("", 0, steps)]
    label = {"test_accuracy": "test accuracy, %", "train_loss": "training loss"}[measure]
    scale = 100 if measure == "test_accuracy" else 1

    def draw(figure):
        panels = figure.subplots(len(windows), 1, squeeze=False)[:, 0]
        for panel, (title, first, last) in zip(panels, windows, strict=True):
            for name, run in runs.items():
                step = np.array(run.curve["step"])
                seen = (step >= first) & (step <= last)
                values = scale * np.array(run.curve[measure])[seen]
                band = values.min(axis=1), values.max(axis=1)
                _line_and_band(panel, name, step[seen], values.mean(axis=1), *band)
            panel.set(title=title, ylabel=label, xlim=(first, last))
            panel.locator_params(axis="x", nbins=4)  # 150,000 is a long word on a phone
            panel.xaxis.set_major_formatter("{x:,.0f}")
        panel.set_xlabel("step")
        if len(runs) > 1:
            figure.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=2)

    ends = "; ".join(
        f"{name} {scale * np.mean(run.curve[measure][0]):.3g} at step {run.curve['step'][0]:,} and "
        f"{scale * np.mean(run.curve[measure][-1]):.3g} at step {run.curve['step'][-1]:,}"
        for name, run in runs.items()
    )
    caption = f"{label.capitalize()} while training: mean and range over the seeds."
    size = (5.6, 2.1 * len(windows) + (0.9 if len(runs) > 1 else 0.5))
    return _figure(draw, size, caption, f"Curves of {label} against the step: {ends}.")


def lines(x, ys, xlabel, ylabel, caption, alt, mark=None, log=False):
    """Plot `ys`, a dict of curves over `x` by name; `mark` is an x to point out.

    With `log` both axes are logarithmic, a tick a doubling, and every point is marked.
    """

    def draw(figure):
        axis = figure.subplots()
        for name, y in ys.items():
            axis.plot(x, y, "o-" if log else "-", label=name)
        if log:
            axis.set_xscale("log", base=2)
            axis.set_yscale("log", base=2)
            axis.xaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_major_formatter("{x:g}")
            low, high = axis.get_ylim()
            axis.set_ylim(low, max(high, 2.5 * low))  # room for a second tick
        if mark is not None:
            axis.axvline(mark, color="0.5", lw=1)
        axis.set(xlabel=xlabel, ylabel=ylabel)
        if len(ys) > 1:
            axis.legend()

    return _figure(draw, (5.6, 2.8), caption, alt)


def source(*functions):
    """Return the code of functions as Markdown, without their docstrings."""
    code = "\n".join(textwrap.dedent(inspect.getsource(function)) for function in functions)
    code = re.sub(r'\n *""".*?"""', "", code, flags=re.DOTALL)
    return Markdown(f"```python\n{code}```")


def table(headers, rows, caption, kind=""):
    """Return a table: `headers` are strings, each row begins with its own header.

    A table of sentences is "stacked" where the page is narrow: its cells stand below one another. A
    "sortable" one is sorted and filtered by the reader, in the page (assets/tables.js).
    """
    head = "".join(
        f'<th scope="col">{html.escape(header)}</th>' if header else "<td></td>"
        for header in headers
    )
    body = "".join(
        f'<tr><th scope="row">{_cell(first)}</th>'
        + "".join(f"<td{_sort_value(cell)}>{_cell(cell)}</td>" for cell in cells)
        + "</tr>"
        for first, *cells in rows
    )
    kind = f' class="{kind}"' if kind else ""
    content = (
        # A table that is wider than the page is scrolled in its frame, by keyboard too.
        f'<div role="group" tabindex="0" aria-label="{html.escape(caption)}">'
        f"<table{kind}><caption>{_caption(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    return Figure(content, caption, kind="Table")


_MARKS = {HOLDS: "✓", IN_PART: "◐", FAILS: "✗", OPEN: "?"}


def ledger(claims):
    """Return a table of claims, their checks with bounds and evidence, and the verdict."""
    rows = [
        [
            Html(f'<span id="claim-{claim.name}">{html.escape(claim.text)}</span>'),
            Html("".join(f"<p>{html.escape(_check_line(check))}</p>" for check in claim.checks)),
            f"{_MARKS[claim.verdict]} {claim.verdict}",
        ]
        for claim in claims
    ]
    caption = "Claims, checks with 95 % intervals, and the verdict that follows."
    return table(["claim", "checks and evidence", "verdict"], rows, caption, "stacked")


def ledger_summary(claims):
    """Return a table of claims and verdicts, each claim a link to its row above."""
    rows = [
        [
            Html(f'<a href="#claim-{claim.name}">{html.escape(claim.text)}</a>'),
            f"{sum(check.outcome == HOLDS for check in claim.checks)} of {len(claim.checks)}",
            f"{_MARKS[claim.verdict]} {claim.verdict}",
        ]
        for claim in claims
    ]
    caption = "Every claim, how many of its checks hold, and the verdict."
    return table(["claim", "checks that hold", "verdict"], rows, caption)


def _check_line(check):
    estimate = check.estimate
    many = "" if estimate.test == "counted" else f"; n = {estimate.n:,}, {estimate.test}"
    return f"{_MARKS[check.outcome]} {check.what}: {estimate}, {check.expected}{many}"


class Html(str):
    """A table cell that is HTML as it stands."""


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
    return value if isinstance(value, Html) else html.escape(str(value))


def percent(values, digits=1):
    """Write an accuracy per seed as mean and 95 % interval: "93.1 % (93.0 to 93.2)"."""
    mean, low, high = (100 * value for value in measures.interval(values))
    if len(values) < 2:
        return f"{mean:.{digits}f} %"
    return f"{mean:.{digits}f} % ({low:.{digits}f} to {high:.{digits}f})"


def against_post(runs, post):
    """Return the post's table beside ours: `runs` by slug, `post` its quoted figures by slug.

    Ours are means over the seeds, accuracy with its 95 % interval: with the technique off at test,
    and as the post measured it. Several runs are a row each, a single one a column.
    """
    rows = []
    for slug, run in runs.items():
        theirs = post[slug]
        published = f"{100 * theirs['test_accuracy']:.1f} %"
        rows.append(
            {
                "": run.title,
                "test accuracy": (_plus_minus(run.test_accuracy), "–"),
                "as published": (_plus_minus(run.test_accuracy_as_published), published),
                "smallest weight": _with_quoted(np.mean(run.weight_min), theirs["weight_min"]),
                "largest weight": _with_quoted(np.mean(run.weight_max), theirs["weight_max"]),
            }
        )
    caption = (
        "Test accuracy with its 95 % interval over the seeds, smallest and largest weight (mean "
        "over the seeds); "
    )
    if len(rows) == 1:
        pairs = [(name, *values) for name, values in rows[0].items() if name]
        return table(["", "ours", "the post"], pairs, caption + "ours and the post's.")
    cells = [
        [row.pop(""), *(" | ".join(v for v in values if v != "–") for values in row.values())]
        for row in rows
    ]
    return table(["", *rows[0]], cells, caption + "ours, and after the bar the post's.")


def _plus_minus(values):
    mean, low, high = (100 * value for value in measures.interval(values))
    return f"{mean:.1f} ± {(high - low) / 2:.1f} %"


def guess(name, accuracy, plain=None):
    """Ask for a guess at a technique's test accuracy; the answer can be unfolded.

    `accuracy` and `plain`, without regularization, are one number a seed.
    """
    answer = f"{name}: {percent(accuracy)}"
    if plain is not None:
        answer += f", against {percent(plain)} without regularization"
    question = f"Guess first: of 100 test digits, how many will it know? ({name}, at the end.)"
    mean, low, high = (100 * value for value in measures.interval(accuracy))
    told = dict(name=name, mean=mean, low=low, high=high)
    if plain is not None:
        told["plain"] = 100 * np.mean(plain)
    return _guess("number", question, f"<p>{html.escape(answer)}.</p>", **told)


def guess_order(accuracies):
    """Ask for the order of test accuracies, by title, one number a seed each."""
    ordered = sorted(accuracies, key=lambda title: -np.mean(accuracies[title]))
    items = [f"{title}: {percent(accuracies[title])}" for title in ordered]
    answer = "".join(f"<li>{html.escape(item)}</li>" for item in items)
    question = "Guess first: which has the highest test accuracy, and which the lowest?"
    told = dict(names=ordered, said=items)
    return _guess("order", question, f"<ol>{answer}</ol>", **told)


def guess_rows(runs):
    """Ask which row of a wall is whose: `runs` by title, shown without it, and in another order."""
    titles = np.random.default_rng(2016).permutation(list(runs)).tolist()
    letters = "ABCDEFGHIJ"[: len(titles)]
    rows = {letter: runs[title] for letter, title in zip(letters, titles, strict=True)}
    shown = wall(rows, own_scales=True)
    answer = ", ".join(f"{letter}: {title}" for letter, title in zip(letters, titles, strict=True))
    question = "Guess first: which row is whose?"
    told = dict(letters=[*letters], names=titles)
    return shown, _guess("rows", question, f"<p>{html.escape(answer)}.</p>", **told)


def _guess(kind, question, answer, **told):
    """Return a question whose answer can be unfolded, and guessed where the page is served."""
    return HTML(
        f'<div class="guess"{_live("guess", kind=kind, question=question, **told)}><details>'
        f"<summary>{html.escape(question)}</summary>{answer}</details></div>"
    )


def answers(probabilities, titles, caption):
    """Return a table of the ten probabilities `[techniques, classes]` that each technique gives."""
    rows = [
        [title, *(Html(_share(p)) for p in each)]
        for title, each in zip(titles, probabilities, strict=True)
    ]
    headers = ["technique", *map(str, range(probabilities.shape[1]))]
    return table(headers, rows, caption, "answers")


def _share(probability):
    said = f"{100 * probability:.0f}"
    return f'<span style="--share:{probability:.2f}">{said if said != "0" else "·"}</span>'


def beside(runs):
    """Return a table of several runs (a dict by title): accuracy, and what the pictures show."""
    rows = [
        [
            title,
            _plus_minus(run.test_accuracy),
            f"{np.mean([measures.smoothness(w) for w in run.weights]):.2f}",
            f"{100 * measures.near_zero(run.weights):.0f} %",
            f"{np.mean(run.weight_min):.2g}",
            f"{np.mean(run.weight_max):.2g}",
        ]
        for title, run in runs.items()
    ]
    headers = ["", "test accuracy", "smoothness", "near zero", "smallest", "largest"]
    caption = (
        "Test accuracy with its 95 % interval over the seeds; smoothness of the weight images, "
        "share of weights below a hundredth, smallest and largest weight, means over the seeds."
    )
    return table(headers, rows, caption)


def with_equal_care(choice, best, plain):
    """Say in Markdown what validation chose for a technique, and how it compares with none.

    `choice` holds the settings by name, `best` and `plain` are the runs.
    """
    chosen = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in choice.items())
    gain = points(best.test_accuracy, plain.test_accuracy)
    return Markdown(
        f"Validation chose {chosen}. The test accuracy is then **{percent(best.test_accuracy)}**, "
        f"and without regularization, chosen with the same care, {percent(plain.test_accuracy)}: "
        f"a difference of **{gain}** points, seed by seed."
    )


def _with_quoted(ours, theirs):
    return f"{ours:.2g}" if abs(ours) < 1 else f"{ours:.2f}", f"{theirs:g}"


def forest(estimates, xlabel, caption):
    """Draw `claims.Estimate`s by name, the largest on top: each mean with its interval."""
    ordered = sorted(estimates.items(), key=lambda item: -item[1].mean)
    names, found = zip(*ordered, strict=True)
    means = np.array([estimate.mean for estimate in found])
    ends = np.array([[estimate.lower, estimate.upper] for estimate in found])
    ends = np.where(np.isfinite(ends), ends, means[:, None])  # one seed has no interval

    def draw(figure):
        axis = figure.subplots()
        axis.hlines(range(len(names)), *ends.T, color="#2f62b3", lw=2, alpha=0.7)
        axis.plot(means, range(len(names)), "o", color="#d9730d")
        axis.axvline(0, color="0.5", lw=1, ls="--")
        axis.set_yticks(range(len(names)), names)
        axis.set(xlabel=xlabel, ylim=(len(names) - 0.4, -0.6))

    alt = "From the largest down: " + "; ".join(f"{n} {e}" for n, e in ordered) + "."
    return _figure(draw, (5.6, 0.23 * len(names) + 0.7), caption, alt)


def family_tree(changes, kinds, distances, floor):
    """Draw which techniques' weights are close, and beside each name what the technique changes.

    `changes` holds some of the `kinds` by each technique's title, `distances` is the matrix of the
    distances of their weights, up to scale. Nearest are joined first, groups at the mean distance
    of their members. `floor` is two seeds' distance of one technique, a line to tell chance by.
    """
    # Here, since every chapter would wait for it and one draws a tree.
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import squareform

    names = list(changes)
    joined = hierarchy.linkage(
        squareform(distances, checks=False), "average", optimal_ordering=True
    )
    tree = hierarchy.dendrogram(joined, no_plot=True, labels=names)
    order, height = tree["ivl"], 0.23 * len(names) + 0.9

    def draw(figure):
        lines, dots = figure.subplots(1, 2, gridspec_kw=dict(width_ratios=[5, 4]), sharey=True)
        for places, heights in zip(tree["icoord"], tree["dcoord"], strict=True):
            lines.plot(heights, (np.array(places) - 5) / 10, color="#d9730d", lw=1.3, ls="-")
        lines.axvline(floor, color="0.5", lw=1, ls="--")
        lines.set(xlabel="distance", xlim=(1.02 * max(joined[-1, 2], floor), 0))
        lines.set_yticks(range(len(names)), order)
        lines.tick_params(axis="y", left=False, labelleft=False, right=False, labelright=True)
        lines.spines["left"].set_visible(False)
        for column, kind in enumerate(kinds):
            rows = [row for row, name in enumerate(order) if kind in changes[name]]
            dots.plot([column] * len(rows), rows, "osD^v"[column], ms=6)
        dots.set_xticks(range(len(kinds)), kinds, rotation=90)
        dots.set(xlim=(-0.6, len(kinds) - 0.4), ylim=(len(names) - 0.4, -0.6))
        dots.tick_params(axis="y", left=False, labelleft=False)
        dots.grid(axis="y", alpha=0.25)
        for side in ("left", "bottom"):
            dots.spines[side].set_visible(False)

    pairs = ", ".join(
        f"{names[i]} and {names[j]} ({distances[i, j]:.2f})" for i, j in _closest(distances, 5)
    )
    caption = (
        "Which techniques leave like weights: each is joined to its nearest, at their distance up "
        "to scale. Dashed, the distance of two seeds without regularization. At the right, what "
        "each technique changes."
    )
    alt = (
        f"A tree of {len(names)} techniques. In its order: {', '.join(order)}. The closest pairs "
        f"are {pairs}; two seeds of one technique are {floor:.2f} apart."
    )
    return _figure(draw, (5.6, height), caption, alt)


def _closest(distances, count):
    """Return the pairs of rows that are nearest to each other, nearest first."""
    pairs = np.transpose(np.triu_indices(len(distances), 1))
    return pairs[np.argsort([distances[tuple(pair)] for pair in pairs])[:count]]


def point_and_distribution(first, second, loss, optimum, width):
    """Draw a loss over two weights twice: its optimum as a point, and as a distribution.

    `loss` is `[len(second), len(first)]`, `optimum` the two weights, `width` the distribution's
    standard deviation (one, or one for each weight), drawn at one and two of them.
    """
    widths = np.broadcast_to(width, 2)
    levels = np.linspace(loss.min(), loss.max(), 14)

    def draw(figure):
        titles = ["a point", "a distribution"]
        for axis, title in zip(figure.subplots(1, 2, sharey=True), titles, strict=True):
            axis.contour(first, second, loss, levels=levels, colors="#8b8f96", linewidths=0.7)
            axis.set(title=title, xlabel="one weight", box_aspect=1)
            if title == "a point":
                axis.plot(*optimum, "o", color="#d9730d")
                axis.set_ylabel("another weight")
            else:
                for deviations in (1, 2):
                    size = 2 * deviations * widths
                    axis.add_patch(Ellipse(optimum, *size, color="#d9730d", alpha=0.3, lw=0))

    caption = "An optimum in weight space, as a point and as a distribution around it."
    alt = (
        "Two panels with the same contours of the loss over two weights. Left, one dot at "
        f"({optimum[0]:.2f}, {optimum[1]:.2f}); right, two discs around the same place, of one and "
        f"two standard deviations of {' and '.join(f'{w:.2g}' for w in np.unique(widths))}."
    )
    return _figure(draw, (5.6, 3.2), caption, alt)
