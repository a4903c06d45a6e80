"""Questions that a page asks before it answers them."""

import html
import zlib
from types import SimpleNamespace

import numpy as np
from IPython.display import HTML

from regularization.analysis import measures, statistics
from regularization.analysis.written import fixed
from regularization.report.pictures import wall
from regularization.report.style import live_by
from regularization.report.tables import percent


def guess(name, accuracy, plain=None):
    """Ask for a guess at a technique's test accuracy; the answer can be unfolded.

    `accuracy` and `plain`, without regularization, are one number a seed.
    """
    answer = f"{name}: {percent(accuracy)}"
    if plain is not None:
        answer += f", against {percent(plain)} without regularization"
    question = f"Guess first: of 100 test images, how many will it know? ({name}, at the end.)"
    ends = (100 * value for value in statistics.interval(accuracy, statistics.SHARE))
    told = dict(zip(("mean", "low", "high"), ends, strict=True), said=answer)
    return _guess("number", question, f"<p>{html.escape(answer)}.</p>", **told)


def guess_which(name, run, plain):
    """Ask which of two rows of weight images is a technique's; the other is of `plain`.

    Both are of the last seed, since the first one's open the chapter. Return the rows, and the
    question.
    """
    ours, theirs = (SimpleNamespace(weights=each.weights.values[-1:]) for each in (run, plain))
    right, other = "AB" if zlib.crc32(name.encode()) % 2 else "BA"
    shown = wall(dict(sorted({right: ours, other: theirs}.items())), own_scales=True)
    grains = (fixed(measures.smoothness(each.weights[0]), 2) for each in (ours, theirs))
    answer = "{}: its neighbouring pixels correlate at {}, those of the other row at {}"
    answer = answer.format(right, *grains)
    question = f"Guess by looking: one row is {name}, one no regularization. Which is {name}?"
    told = dict(letters=["A", "B"], right=right, said=answer)
    return shown, _guess("which", question, f"<p>{html.escape(answer)}.</p>", **told)


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
        f'<div class="guess"{live_by("guess", kind=kind, question=question, **told)}><details>'
        f"<summary>{html.escape(question)}</summary>{answer}</details></div>"
    )
