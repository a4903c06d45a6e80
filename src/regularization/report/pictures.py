"""Pictures: weights as images, one model's ten or many models' rows, and images themselves."""

import textwrap
from dataclasses import replace

import numpy as np
from PIL import Image

from regularization.analysis import measures
from regularization.analysis.written import fixed, number, span
from regularization.report.style import DIVERGING, GUIDE, WIDTH, drawn, live, switched

DARK = "#15171b"  # what is behind the pictures of a card
CLIPPED = 99.5  # percentile: one hot pixel would wash out all others


def ends(*weights):
    """Return where the colours of weights that share a scale end, (low, high): zero in the middle.

    At the `CLIPPED` percentile of the sizes that are not zero, of whoever's is largest. Weights of
    one sign take the whole map, with zero at its end. ValueError for what is no finite number.
    """
    weights = [np.asarray(each) for each in weights]
    if not all(np.isfinite(each).all() for each in weights):
        raise ValueError(
            "There are weights that are no finite numbers, which no colour can show. Expected "
            "those of a model whose training went well: lower its learning rate or its strength."
        )
    sizes = (np.abs(each[each != 0]) for each in weights)
    most = max((float(np.percentile(each, CLIPPED)) for each in sizes if each.size), default=1.0)
    below, above = any((w < 0).any() for w in weights), any((w > 0).any() for w in weights)
    return (-most if below or not above else 0.0), (most if above or not below else 0.0)


def own_ends(pictures):
    """Return `ends` for pictures on scales of their own, `[n, 2]`; zero has one colour in all."""
    most = np.abs([ends(picture) for picture in pictures]).max(axis=-1)
    return np.multiply.outer(most, np.sign(ends(pictures)))


def weight_images(weights, name, digits, film=None):
    """Show the weights of one model, `[classes, height, width]`, all in the colours of one scale.

    The alt text also says how much they look like the class means of `digits`. `film` is the name
    of a `web.Film`, through which the reader can go.
    """
    weights = np.asarray(weights)
    low, high = ends(weights)
    largest = weights.flat[np.abs(weights).argmax()]
    beyond = {(True, True): "both", (True, False): "min", (False, True): "max"}

    def draw(figure):
        axes = figure.subplots(2, 5)
        named = zip(axes.flat, weights, digits.names, strict=True)
        for axis, image, title in named:
            shown = show_weights(axis, image, (low, high))
            axis.set_title(title, pad=2)
        arrows = beyond.get((weights.min() < low, weights.max() > high), "neither")
        bar = figure.colorbar(shown, ax=axes, fraction=0.03, aspect=30, extend=arrows)
        bar.outline.set(color=GUIDE, linewidth=0.5)  # white meets a white page

    caption = (
        f"{name}: the weights of each {digits.card.noun[0]}'s output as an image, on a scale of "
    )
    caption += f"{scale((low, high))}; the weight farthest from zero is {number(largest, 2)}."
    return with_film(drawn(draw, (WIDTH, 2.5), caption, describe(weights, digits)), film, digits)


def with_film(figure, film, digits):
    """Return a figure through which the reader can go, where there is a film."""
    return live(figure, "film", film=film, classes=digits.names) if film else figure


def show_weights(axis, image, limits):
    """Show the weights of one class in the colours of the map, low and high as `ends` has them."""
    axis.set_axis_off()
    return axis.imshow(bars(image, limits), cmap=DIVERGING, vmin=limits[0], vmax=limits[1])


def bars(image, limits):
    """Return a signal `[1, width]` as a picture of bars about zero; any other image as it is.

    A bar has the signal's value, so it has its colour, too, and what is beside it is zero.
    """
    image = np.asarray(image)
    if image.shape[0] > 1:
        return image
    levels = np.linspace(*limits[::-1], image.shape[1] + 1)[:, None]
    reached = np.where(
        image > 0, (0 < levels) & (levels <= image), (image <= levels) & (levels < 0)
    )
    return np.where(reached, image, 0.0)


def scale(limits):
    """Write where a scale ends."""
    low, high = (number(end, 2) if end else "0" for end in limits)
    return f"±{high}" if limits[0] == -limits[1] else f"{low} to {high}"


def describe(weights, digits=None):
    """Say in words what the weight images `[classes, height, width]` show, from measures.

    And how much they look like the class means of `digits`, where these are given.
    """
    weights = np.asarray(weights)
    grain = measures.smoothness(weights)
    texture = "smooth" if grain > 0.8 else "partly smooth" if grain > 0.4 else "grainy"
    of = digits.card.listed if digits else "the ten classes"
    text = f"Ten weight images for {of}, {texture} ({_grain(grain)}), {_range(weights)}."
    if digits is not None:
        match = measures.template_likeness(weights, measures.class_means(digits))
        clear = (
            "are clear" if match > 0.6 else "show through" if match > 0.25 else "are hard to see"
        )
        text += (
            f" The shapes of the {digits.card.noun[1]} {clear} (correlation with the class means "
        )
        text += f"{fixed(match, 2)})."
    return text


def _grain(smoothness):
    return f"neighbouring pixels correlate at {fixed(smoothness, 2)}"


def _range(weights):
    return f"weights from {span(weights.min(), weights.max())}"


def ribbon(weights, name):
    """Show the weight images of one model in a row, small, without scale or caption."""
    colours = ends(weights)

    def draw(figure):
        figure.set_layout_engine("none")
        places = dict(left=0, bottom=0, right=1, top=1, wspace=0.06)
        for axis, image in zip(figure.subplots(1, 10, gridspec_kw=places), weights, strict=True):
            show_weights(axis, image, colours)

    picture = drawn(draw, (WIDTH, 0.536), name, describe(weights), wide=True)
    return replace(picture, kind="Opening")


def thumbnail(weights):
    """Return one weight image `[height, width]` as a picture of as many pixels."""
    return _coloured(weights, ends(weights)).quantize()


def _coloured(weights, limits):
    """Return one weight image as a picture of as many pixels, in the colours of a scale."""
    low, high = limits
    shades = DIVERGING((bars(weights, limits) - low) / (high - low), bytes=True)
    return Image.fromarray(shades).convert("RGB")


def card(weights, size=(1200, 630), gap=18):
    """Return ten weight images on one scale as a picture of `size`, two rows, for a link's card."""
    columns, rows = 5, 2
    colours = ends(weights)
    side = min((size[0] - gap) // columns, (size[1] - gap) // rows) - gap
    whole = Image.new("RGB", size, DARK)
    left, top = ((size[i] - n * (side + gap) + gap) // 2 for i, n in enumerate((columns, rows)))
    for place, image in enumerate(weights):
        row, column = divmod(place, columns)
        shown = _coloured(image, colours).resize((side, side), Image.Resampling.NEAREST)
        whole.paste(shown, (left + column * (side + gap), top + row * (side + gap)))
    return whole.quantize()


def draw_wall(figure, runs, own_scales=True):
    """Draw the weight images of several runs (a dict by title), a row each, of their first seed."""
    shared = None if own_scales else ends(*(run.weights[0] for run in runs.values()))
    figure.set_layout_engine("none")
    places = dict(left=0, bottom=0, right=1, top=1 - 0.25 / len(runs), wspace=0.08, hspace=0.35)
    axes = figure.subplots(len(runs), 10, squeeze=False, gridspec_kw=places)
    for row, (title, run) in zip(axes, runs.items(), strict=True):
        colours = shared or ends(run.weights[0])
        for axis, image in zip(row, run.weights[0], strict=True):
            show_weights(axis, image, colours)
        label = f"{title}, {scale(colours)}" if own_scales else title
        row[0].text(0, 1.08, label, transform=row[0].transAxes)


def wall(runs, own_scales=False, of="Weight images of the ten classes"):
    """Show the weight images of several runs (a dict by title), a row each, of their first seed.

    All rows share one scale, or each has its own; `of` says what the ten images are.
    """
    weights = [np.asarray(run.weights[0]) for run in runs.values()]
    how = f"all on a scale of {scale(ends(*weights))}"
    if own_scales:
        how = "each on a scale of its own, which stands above it"
    rows = (
        f"{title}: {_grain(measures.smoothness(run.weights[0]))}, {_range(run.weights[0])}."
        for title, run in runs.items()
    )
    caption = f"{of}, a row for each technique, {how}. Grey is zero, amber is "
    caption += "above it, blue below"
    caption += _where_zero_is(weights) if own_scales else ""
    alt = f"{len(runs)} rows of ten images, {how}. " + " ".join(rows)
    size = (WIDTH, 0.7 * len(runs))
    return drawn(lambda figure: draw_wall(figure, runs, own_scales), size, f"{caption}.", alt, True)


def _where_zero_is(weights):
    """Say where zero is in pictures without negative weights, if there are such."""
    alone = any(ends(each)[0] == 0 for each in weights)
    return "; where no weight is below zero, the darkest blue is zero" if alone else ""


def by_class(runs, digits, shown=3):
    """Show one class's weight image of each run (a dict by title), which class the reader chooses.

    Of the first seed, each on its own scale.
    """
    weights = np.stack([run.weights[0] for run in runs.values()])
    figures = {}
    for place, name in enumerate(digits.names):
        grains = zip(runs, map(measures.smoothness, weights[:, place]), strict=True)
        said = "; ".join(f"{title}: {_grain(grain)}" for title, grain in grains)
        alt = f"The weight images of {name}: {said}."
        figures[name] = images(weights[:, place], runs, "", alt, 4, True, whole_map=True)
    noun = digits.card.noun[0]
    caption = f"The weight image of one {noun} by each technique, each on its own scale"
    caption += f"{_where_zero_is(weights)}."
    return switched(figures, noun.capitalize(), caption, shown)


def images(pictures, titles, caption, alt, columns=5, signed=False, whole_map=False):
    """Show pictures `[n, height, width]`, a title above each: ink in grey, or signed values.

    Zero has one colour in all, unless those of one sign take the `whole_map`, as in a wall.
    """
    pictures = np.asarray(pictures)
    rows = -(-len(pictures) // columns)
    lines_of = [_lines(str(title), 64 // columns) for title in titles]

    def draw(figure):
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes[len(pictures) :]:
            axis.set_axis_off()
        _show(axes, pictures, signed, whole_map)
        for axis, (*above, last) in zip(axes, lines_of, strict=False):
            axis.set_title(last, pad=2)
            for place, line in enumerate(reversed(above), start=1):  # each in the middle by itself
                up = dict(xytext=(0, 2 + 14 * place), textcoords="offset points")
                axis.annotate(line, (0.5, 1), xycoords="axes fraction", ha="center", **up)

    more = max(map(len, lines_of)) - 1
    return drawn(draw, (WIDTH, (WIDTH / columns + 0.17 * more) * rows + 0.1), caption, alt)


def _lines(title, letters):
    """Return a title's lines, those that are too long for so many letters as several."""
    return [line for part in title.split("\n") for line in textwrap.wrap(part, letters) or [""]]


def finding(pair, titles, sentence, alt, signed=True):
    """Show what a chapter found: one sentence beside two small pictures. It opens the book, too.

    The `pair` is `[2, height, width]`, of weights, or of ink if it is not `signed`.
    """

    def draw(figure):
        figure.set_layout_engine("none")
        places = dict(left=0, bottom=0, right=1, top=0.82, wspace=0.06)
        axes = figure.subplots(1, 2, gridspec_kw=places)
        _show(axes, np.asarray(pair), signed)
        for axis, title in zip(axes, titles, strict=True):
            axis.set_title(title, pad=3, fontsize=11)

    return replace(drawn(draw, (2.4, 1.45), sentence, alt), kind="Finding")


def _show(axes, pictures, signed, whole_map=False):
    """Show pictures, each on its own scale: ink in grey, or signed values."""
    if signed:
        scales = map(ends, pictures) if whole_map else own_ends(pictures)
        for axis, picture, pair in zip(axes, pictures, scales, strict=False):
            show_weights(axis, picture, pair)
        return
    for axis, picture in zip(axes, pictures, strict=False):
        axis.imshow(_ink(picture), cmap="gray", vmin=0)
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set(visible=True, color=GUIDE)  # white meets a white page


def _ink(picture):
    """Return what is seen of an image: a signal as white bars about the middle of the grey."""
    if picture.shape[0] > 1:
        return picture
    most = 1 if picture.dtype.kind == "f" else 255
    return bars(2.0 * picture / most - 1, (-1, 1)) != 0


def film_strip(weights, titles, digits, classes, caption, film=None):
    """Show some classes' weights along a path, `[path, classes, h, w]`: each on its own scale.

    A column for each of the `titles`, a row for each of the `classes`; else as `weight_images`.
    """
    weights = np.asarray(weights)
    side = min(5.2 / len(titles), 1.1)
    named = [digits.names[c] for c in classes]
    left = 0.2 + 0.1 * max(map(len, named))
    size = side * len(titles) + left + 0.1, side * len(classes) + 0.3

    def draw(figure):
        figure.set_layout_engine("none")
        places = dict(left=left / size[0], bottom=0, right=0.98, top=1 - 0.3 / size[1], wspace=0.06)
        axes = figure.subplots(len(classes), len(titles), squeeze=False, gridspec_kw=places)
        shown = np.concatenate([weights[:, c] for c in classes])
        for axis, image, pair in zip(axes.flat, shown, own_ends(shown), strict=True):
            show_weights(axis, image, pair)
        for axis, name in zip(axes[:, 0], named, strict=True):
            axis.text(-0.1, 0.5, name, transform=axis.transAxes, va="center", ha="right")
        for axis, title in zip(axes[0], titles, strict=True):
            axis.set_title(title, pad=3)

    frames = (
        f"{title}: {_grain(measures.smoothness(images[list(classes)]))}"
        for title, images in zip(titles, weights, strict=True)
    )
    alt = f"Weight images of {' and '.join(named)}, from left to right. " + "; ".join(frames) + "."
    return with_film(drawn(draw, size, caption, alt, wide=len(titles) > 5), film, digits)
