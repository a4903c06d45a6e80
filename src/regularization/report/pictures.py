"""Pictures: weights as images, one model's ten or many models' rows, and images themselves."""

from dataclasses import replace

import numpy as np

from regularization.analysis import measures
from regularization.analysis.written import fixed, number, span
from regularization.report.style import DIVERGING, drawn, live


def weight_images(weights, name, digits=None, film=None):
    """Show the weights of one model, `[classes, height, width]`, on one scale, zero in the middle.

    With `digits` the alt text also says how much the images look like the class means. `film` is
    the name of a `web.Film`, through which the reader can go.
    """
    weights = np.asarray(weights)
    limit = np.abs(weights).max()

    def draw(figure):
        axes = figure.subplots(2, 5)
        for digit, (axis, image) in enumerate(zip(axes.flat, weights, strict=True)):
            shown = show_weights(axis, image, limit)
            axis.set_title(digit, pad=2)
        bar = figure.colorbar(shown, ax=axes, fraction=0.03, aspect=30)
        bar.outline.set_visible(False)

    caption = f"{name}: the weights of each digit's output as an image, all on one scale."
    return with_film(drawn(draw, (5.6, 2.5), caption, describe(weights, digits)), film)


def with_film(figure, film):
    """Return a figure through which the reader can go, where there is a film."""
    return live(figure, "film", film=film) if film else figure


def show_weights(axis, image, limit):
    """Show the weights of one class on the diverging map, zero in the middle."""
    axis.set_axis_off()
    return axis.imshow(image, cmap=DIVERGING, vmin=-limit, vmax=limit)


def describe(weights, digits=None):
    """Say in words what the weight images `[classes, height, width]` show, from measures."""
    weights = np.asarray(weights)
    grain = measures.smoothness(weights)
    texture = "smooth" if grain > 0.8 else "partly smooth" if grain > 0.4 else "grainy"
    text = f"Ten weight images for the digits 0 to 9, {texture} ({_grain(grain)})"
    text += f", {_range(weights)}."
    if digits is not None:
        match = measures.template_likeness(weights, measures.class_means(digits))
        clear = (
            "are clear" if match > 0.6 else "show through" if match > 0.25 else "are hard to see"
        )
        text += f" The shapes of the digits {clear} (correlation with the class means "
        text += f"{fixed(match, 2)})."
    return text


def _grain(smoothness):
    return f"neighbouring pixels correlate at {fixed(smoothness, 2)}"


def _range(weights):
    return f"weights from {span(weights.min(), weights.max())}"


def ribbon(weights, name):
    """Show the weight images of one model in a row, small, without scale or caption."""
    weights = np.asarray(weights)
    limit = np.abs(weights).max()

    def draw(figure):
        figure.set_layout_engine("none")
        places = dict(left=0, bottom=0, right=1, top=1, wspace=0.06)
        for axis, image in zip(figure.subplots(1, 10, gridspec_kw=places), weights, strict=True):
            show_weights(axis, image, limit)

    picture = drawn(draw, (7.0, 0.67), name, describe(weights))
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
            show_weights(axis, image, limit)
        label = f"{title}, ±{number(limit, 2)}" if own_scales else title
        row[0].text(0, 1.08, label, transform=row[0].transAxes)


def wall(runs, own_scales=False, of="the digits 0 to 9"):
    """Show the weight images of several runs (a dict by title), a row each, of their first seed.

    All rows share one scale, or each has its own; `of` says what the ten images belong to.
    """
    top = max(np.abs(run.weights[0]).max() for run in runs.values())
    scale = f"one scale for all, ±{number(top, 2)}"
    if own_scales:
        scale = "each on a colour scale of its own, ± the number above it"
    rows = (
        f"{title}: {_grain(measures.smoothness(run.weights[0]))}, {_range(run.weights[0])}."
        for title, run in runs.items()
    )
    caption = f"Weight images of {of}, a row for each technique, {scale}. Grey is zero, amber is "
    caption += "above it, blue below."
    alt = f"{len(runs)} rows of ten weight images, {scale}. " + " ".join(rows)
    size = (5.6, 0.78 * len(runs))
    return drawn(lambda figure: draw_wall(figure, runs, own_scales), size, caption, alt)


def images(pictures, titles, caption, alt, columns=5, signed=False):
    """Show pictures `[n, height, width]`, a title above each: ink in grey, or signed values."""
    pictures = np.asarray(pictures)
    rows = -(-len(pictures) // columns)

    def draw(figure):
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes:
            axis.set_axis_off()
        for axis, picture, title in zip(axes, pictures, titles, strict=False):
            _show(axis, picture, signed)
            axis.set_title(title, pad=2)

    return drawn(draw, (5.6, 5.6 / columns * rows + 0.1), caption, alt)


def finding(pair, titles, sentence, alt, signed=True):
    """Show what a chapter found: one sentence beside two small pictures. It opens the book, too.

    The `pair` is `[2, height, width]`, of weights, or of ink if it is not `signed`.
    """

    def draw(figure):
        figure.set_layout_engine("none")
        places = dict(left=0, bottom=0, right=1, top=0.82, wspace=0.06)
        axes = figure.subplots(1, 2, gridspec_kw=places)
        for axis, picture, title in zip(axes, np.asarray(pair), titles, strict=True):
            _show(axis, picture, signed)
            axis.set_title(title, pad=3, fontsize=11)

    return replace(drawn(draw, (2.4, 1.45), sentence, alt), kind="Finding")


def _show(axis, picture, signed):
    """Show one picture on its own scale: ink in grey, or signed values."""
    if signed:
        show_weights(axis, picture, np.abs(picture).max())
    else:
        axis.set_axis_off()
        axis.imshow(picture, cmap="gray", vmin=0)


def film_strip(weights, titles, digits, caption, film=None):
    """Show some digits' weight images along a path, `[path, classes, h, w]`: each on its own scale.

    A column for each of the `titles`, a row for each of the `digits`; `film` as in `weight_images`.
    """
    weights = np.asarray(weights)
    side = min(5.2 / len(titles), 1.1)
    size = side * len(titles) + 0.4, side * len(digits) + 0.3

    def draw(figure):
        figure.set_layout_engine("none")
        places = dict(left=0.3 / size[0], bottom=0, right=0.98, top=1 - 0.3 / size[1], wspace=0.06)
        axes = figure.subplots(len(digits), len(titles), squeeze=False, gridspec_kw=places)
        for row, digit in zip(axes, digits, strict=True):
            row[0].text(-0.1, 0.5, digit, transform=row[0].transAxes, va="center", ha="right")
            for axis, images in zip(row, weights, strict=True):
                show_weights(axis, images[digit], np.abs(images[digit]).max() or 1)
        for axis, title in zip(axes[0], titles, strict=True):
            axis.set_title(title, pad=3)

    names = " and ".join(map(str, digits))
    frames = (
        f"{title}: {_grain(measures.smoothness(images[list(digits)]))}"
        for title, images in zip(titles, weights, strict=True)
    )
    alt = f"Weight images of {names}, from left to right. " + "; ".join(frames) + "."
    return with_film(drawn(draw, size, caption, alt), film)
