"""Figures and tables show, and say, the numbers of what they are given."""

import base64
import html
import io
import itertools
import json
import math
import re
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from matplotlib.colors import to_rgba
from PIL import Image
from scipy import stats

from regularization.analysis import claims, measures, statistics, written
from regularization.analysis.claims import Check, Estimate, claim
from regularization.core.dataset import Card
from regularization.core.fit import fit
from regularization.core.settings import Settings
from regularization.core.techniques import L2
from regularization.report import guesses, pictures, places, plots, style, tables
from regularization.results.run import Run
from regularization.study import tuning


@pytest.fixture
def drawn(monkeypatch):
    """The figures that Matplotlib has drawn, kept after they are written."""
    kept, close = [], plt.close
    monkeypatch.setattr(plt, "close", kept.append)
    yield kept
    for figure in kept:
        close(figure)


def t_interval(values):
    """Mean, lower and upper end, by SciPy."""
    return np.mean(values), *stats.ttest_1samp(values, 0).confidence_interval(0.95)


def cells(figure):
    """The text of a table's cells, row by row."""
    page = BeautifulSoup(figure.content, "html.parser")
    return [[c.get_text() for c in row.select("th, td")] for row in page.select("tbody tr")]


def numbers(text):
    text = text.replace("\N{MINUS SIGN}", "-")
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


def neighbours_correlate(images):
    """As NumPy has it, of all pairs of pixels side by side and one above the other."""
    beside = images[..., :-1].ravel(), images[..., 1:].ravel()
    above = images[..., :-1, :].ravel(), images[..., 1:, :].ravel()
    return np.corrcoef(np.concatenate([beside, above], axis=1))[0, 1]


def band_at(band, x):
    """The lower and upper edge of what is filled between two curves, at one of its places."""
    (path,) = band.get_paths()
    at = path.vertices[path.vertices[:, 0] == x, 1]
    return at.min(), at.max()


def a_run(**arrays):
    """A run of as many seeds as there are of each of `arrays`, which nobody trained."""
    arrays = {name: np.array(values) for name, values in arrays.items()}
    return Run(Settings(seeds=len(next(iter(arrays.values())))), arrays, {})


def end_of_colours(weights):
    """The size below which 99.5 % of the weights are, of those that are not zero."""
    sizes = np.sort(np.abs(weights[weights != 0]))
    return np.interp(0.995, np.linspace(0, 1, len(sizes)), sizes)


@pytest.fixture(scope="module")
def models():
    """Three runs, smooth to grainy, on scales of their own; the second seed's is another again."""
    rng = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(8.0), np.arange(8)) / 14
    found = {}
    for title, size, grain in [("Smooth", 0.5, 0.02), ("Between", 3, 0.3), ("Grainy", 0.07, 2)]:
        weights = size * (rng.choice([-1, 1], (2, 10, 1, 1)) * ramp - 0.3)
        weights = weights + size * grain * rng.normal(size=(2, 10, 8, 8))
        found[title] = a_run(weights=weights * [[[[1]]], [[[5]]]])
    return found


def test_a_figure_is_the_same_whatever_matplotlib_is_set_up_to():
    def bars(figure):
        figure.subplots().bar(["one", "two"], [1, 2])

    drawn = [style.drawn(bars, (3, 2), "Bars.", "Two bars.")]
    own = {"text.usetex": True, "axes.grid": True, "font.size": 30, "svg.fonttype": "path"}
    with plt.rc_context(own):
        drawn.append(style.drawn(bars, (3, 2), "Bars.", "Two bars."))
    assert drawn[0] == drawn[1]


def test_a_weight_image_figure_says_what_is_seen_and_takes_the_pages_colours(digits):
    weights = np.zeros((10, 8, 8))
    weights[:, 0, 0] = -2.0
    figure = pictures.weight_images(weights, "A corner", digits)
    page = figure._repr_html_()
    assert "grainy" in figure.alt and "from −2.0 to 0.0" in figure.alt
    assert f'aria-label="{figure.alt}"' in page and "currentColor" in page
    assert "#010203" not in page and ">A corner: the weights" in page
    assert page.count("<image") >= 10


@pytest.mark.parametrize("title", ["Smooth", "Between", "Grainy"])
def test_weight_images_are_on_one_scale_and_described_by_what_they_are(
    models, digits, drawn, title
):
    weights = models[title].weights.values[1]
    figure = pictures.weight_images(models[title].weights[1], title, digits)
    limit = end_of_colours(weights)
    said = figure.alt
    grain, low, high, _ = numbers(said.partition("correlate")[2])
    assert grain == pytest.approx(neighbours_correlate(weights), abs=0.0051)
    assert [low, high] == pytest.approx([weights.min(), weights.max()], rel=0.05)
    texture = {"Smooth": "smooth", "Between": "partly smooth", "Grainy": "grainy"}[title]
    assert f"0 to 9, {texture} (" in said
    axes = [axis for axis in drawn[0].axes if axis.get_title()]
    assert [axis.get_title() for axis in axes] == list("0123456789")
    for axis, image in zip(axes, weights, strict=True):
        (shown,) = axis.images
        np.testing.assert_array_equal(shown.get_array(), image)
        assert shown.get_clim() == pytest.approx((-limit, limit))
    (bar,) = (axis for axis in drawn[0].axes if hasattr(axis, "_colorbar"))
    arrows = {(True, True): "both", (True, False): "min", (False, True): "max"}
    assert bar._colorbar.extend == arrows[weights.min() < -limit, weights.max() > limit]
    end, largest = numbers(figure.caption.partition("scale of")[2])
    assert end == pytest.approx(limit, rel=0.05)
    assert largest == pytest.approx(max(weights.min(), weights.max(), key=abs), rel=0.05)


SIGNS = [
    ([1.0, 2.0], (0, 1)),  # positive
    ([-1.0, -2.0], (-1, 0)),  # negative
    ([0.3, 0.3], (0, 0.3)),  # all of one value
    ([0.0, -0.5], (-0.5, 0)),  # one alone that is not zero
    ([0.0, 0.0], (-1, 1)),  # all zero
    ([-1.0, 1.0], (-1, 1)),  # of both signs
]


@pytest.mark.parametrize(("pair", "expected"), SIGNS)
def test_weights_of_one_sign_take_the_whole_map_and_none_is_a_blank(drawn, digits, pair, expected):
    weights = np.full((10, 8, 8), pair[0])
    weights[3, 4, 4] = pair[1]
    assert pictures.ends(weights) == pytest.approx(expected)
    figure = pictures.weight_images(weights, "Hand-made", digits)
    (image,) = drawn[0].axes[3].images
    shown = image.cmap(image.norm(image.get_array()))
    assert np.isfinite(shown).all() and (shown[..., 3] == 1).all()
    assert image.get_clim() == pytest.approx(expected) and "on a scale of" in figure.caption


def test_weights_that_are_no_numbers_are_refused(digits):
    weights = np.ones((10, 8, 8))
    weights[2, 1, 1] = np.nan
    for show in (partial(pictures.weight_images, digits=digits), pictures.ribbon):
        with pytest.raises(ValueError, match="no finite numbers.*lower its learning rate"):
            show(weights, "Diverged")


def test_a_description_says_how_much_the_shapes_of_the_digits_show(digits):
    means = np.stack([digits.train_images[digits.train_labels == c].mean(0) for c in range(10)])
    distinct, noise = means - means.mean(axis=0), np.random.default_rng(0).normal(size=means.shape)
    words = {0: "are clear", 100: "show through", 1000: "are hard to see"}
    for amount, word in words.items():
        weights = distinct + amount * noise
        pairs = zip(weights, distinct, strict=True)
        match = np.mean([np.corrcoef(w.ravel(), m.ravel())[0, 1] for w, m in pairs])
        said = pictures.describe(weights, digits)
        assert f"The shapes of the digits {word} " in said
        assert numbers(said)[-1] == pytest.approx(match, abs=0.0051)


def test_a_ribbon_is_of_the_first_seed(models, drawn):
    run = models["Between"]
    picture, first = pictures.ribbon(run.weights[0], "Between"), run.weights.values[0]
    said = picture.alt
    assert picture.caption == "Between" and picture.kind == "Opening"
    grain, low, high = numbers(said.partition("correlate")[2])
    assert grain == pytest.approx(neighbours_correlate(first), abs=0.0051)
    assert [low, high] == pytest.approx([first.min(), first.max()], rel=0.05)
    for axis, image in zip(drawn[0].axes, first, strict=True):
        np.testing.assert_array_equal(axis.images[0].get_array(), image)
        limit = end_of_colours(first)
        assert axis.images[0].get_clim() == pytest.approx((-limit, limit))


@pytest.mark.parametrize("own_scales", [False, True])
def test_a_wall_has_a_row_for_each_run_and_says_what_is_in_it(models, drawn, own_scales):
    figure = pictures.wall(models, own_scales)
    rows = re.findall(r"(\w+): neighbouring pixels (.*?)\.(?= |$)", figure.alt)
    assert [title for title, _ in rows] == list(models)
    top = max(end_of_colours(run.weights.values[0]) for run in models.values())
    axes = np.reshape(drawn[0].axes, (3, 10))
    for (title, said), row in zip(rows, axes, strict=True):
        first = models[title].weights.values[0]
        grain, low, high = numbers(said)
        assert grain == pytest.approx(neighbours_correlate(first), abs=0.0051)
        assert [low, high] == pytest.approx([first.min(), first.max()], rel=0.05)
        limit = end_of_colours(first) if own_scales else top
        for axis, image in zip(row, first, strict=True):
            np.testing.assert_array_equal(axis.images[0].get_array(), image)
            assert axis.images[0].get_clim() == pytest.approx((-limit, limit))
        label = row[0].texts[0].get_text()
        assert label.startswith(title)
        assert not own_scales or numbers(label) == [pytest.approx(limit, rel=0.05)]
    scale = "each on a scale of its own" if own_scales else f"all on a scale of ±{top:.2g}."
    assert scale in figure.alt and scale in figure.caption


def test_a_digit_by_each_technique_is_chosen_among_all_and_the_rest_is_hidden(
    models, digits, drawn
):
    page = BeautifulSoup(pictures.by_class(models, digits, shown=3)._repr_html_(), "html.parser")
    labels = [label.get_text().strip() for label in page.select(".switch label")]
    assert labels == list("0123456789") and len({i["name"] for i in page.select("input")}) == 1
    assert [i.has_attr("checked") for i in page.select("input")] == [d == 3 for d in range(10)]
    shown = page.select(".switched > div")
    assert [div.has_attr("hidden") for div in shown] == [digit != 3 for digit in range(10)]
    for digit, (div, figure) in enumerate(zip(shown, drawn, strict=True)):
        assert div.svg["aria-label"].startswith(f"The weight images of {digit}: Smooth: ")
        for axis, (title, run) in zip(figure.axes, models.items(), strict=False):
            assert axis.get_title() == title
            np.testing.assert_array_equal(axis.images[0].get_array(), run.weights.values[0, digit])


def test_a_strip_is_of_some_digits_along_the_path(models, digits, drawn):
    weights = np.stack([run.weights.values[0] for run in models.values()])
    said = pictures.film_strip(weights, ["a", "b", "c"], digits, (7, 2), "Caption").alt
    assert said.startswith("Weight images of 7 and 2, from left to right. a: ")
    for title, images in zip("abc", weights, strict=True):
        (grain,) = re.findall(rf"{title}: neighbouring pixels correlate at (\S+)[;.]", said)
        assert numbers(grain) == [pytest.approx(neighbours_correlate(images[[7, 2]]), abs=0.0051)]
    axes = np.reshape(drawn[0].axes, (2, 3))
    assert [axis.get_title() for axis in axes[0]] == ["a", "b", "c"]
    for digit, row in zip((7, 2), axes, strict=True):
        assert row[0].texts[0].get_text() == str(digit)
        for axis, images in zip(row, weights, strict=True):
            np.testing.assert_array_equal(axis.images[0].get_array(), images[digit])
            limit = end_of_colours(images[digit])
            assert axis.images[0].get_clim() == pytest.approx((-limit, limit))


def test_a_signal_is_seen_as_bars_about_zero(drawn, digits):
    """Where a bar reaches is the signal's value, to the height of a row."""
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(10, 1, 40))
    low, high = pictures.ends(signals)
    shown = pictures.bars(signals[3], (low, high))
    assert shown.shape == (41, 40)
    up, down = (np.sum(side, axis=0) for side in (shown > 0, shown < 0))
    expected = np.clip(signals[3, 0], low, high) * 40 / (high - low)
    np.testing.assert_allclose(up - down, expected, atol=1)
    for bar, value in zip(shown.T, signals[3, 0], strict=True):
        assert {*bar} <= {0, value}
    assert pictures.thumbnail(signals[3]).size == (40, 41)
    image = rng.normal(size=(8, 8))
    assert pictures.bars(image, (-1, 1)) is image
    positive = pictures.bars(np.abs(signals[3]), (0, high))
    assert (positive[-1] == 0).all() and (positive >= 0).all()


def test_what_a_picture_is_of_is_called_by_its_name(drawn, digits):
    named = replace(digits, card=Card("Clothes", tuple("ABCDEFGHIJ"), ("garment", "garments")))
    weights = np.random.default_rng(0).normal(size=(10, 8, 8))
    figure = pictures.weight_images(weights, "Trained", named, film="trained")
    assert [axis.get_title() for axis in drawn[0].axes[:10]] == list("ABCDEFGHIJ")
    assert "each garment's output" in figure.caption
    assert "for the classes A, B, C, D, E, F, G, H, I and J, grainy" in figure.alt
    assert "The shapes of the garments" in figure.alt
    assert json.loads(html.unescape(figure.live.split('"')[3]))["classes"] == list("ABCDEFGHIJ")
    strip = pictures.film_strip(weights[None], ["a"], named, (7, 2), "Caption")
    assert strip.alt.startswith("Weight images of H and C, from left")


@pytest.mark.parametrize("log", [True, False])
def test_curves_along_a_path_are_means_with_their_intervals(drawn, log):
    x = [1, 10, 1000]
    one = {"a": [[1, 2, 3], [7, 7, 10], [4, 5, 6]], "b": [[80, 90], [50, 54], [10, 30]]}
    panels = {"accuracy": one, "distance": {"a": [[0.25], [0.125], [0.5]]}}
    figure = plots.along(x, panels, "strength", "Caption", {"the post's": 50, "best": 10}, log)
    axes = drawn[0].axes
    assert [axis.get_ylabel() for axis in axes] == list(panels)
    assert axes[-1].get_xlabel() == "strength"
    for axis, curves in zip(axes, panels.values(), strict=True):
        assert axis.get_xscale() == ("log" if log else "linear")
        lines = axis.lines[: len(curves)]
        assert [line.get_label() for line in lines] == list(curves)
        for line, band, values in zip(lines, axis.collections, curves.values(), strict=True):
            assert list(line.get_xdata()) == x
            np.testing.assert_allclose(line.get_ydata(), [np.mean(v) for v in values])
            for place, v in zip(x, values, strict=True):
                ends = t_interval(v)[1:] if len(v) > 1 else (v[0], v[0])
                np.testing.assert_allclose(band_at(band, place), ends)
        assert [line.get_xdata()[0] for line in axis.lines[len(curves) :]] == [50, 10]
    assert figure.alt == (
        "Curves against strength. accuracy, a: 2 at 1, 5 at 1,000, largest at 10; accuracy, b: "
        "85 at 1, 20 at 1,000, largest at 1; distance, a: 0.25 at 1, 0.5 at 1,000, largest at "
        "1,000. "
        "the post's is at 50. best is at 10."
    )


@pytest.fixture
def watched():
    """Two runs of two seeds, whose curves have little in common."""

    def run(losses, accuracies):
        curve = {"curve.train_loss": losses, "curve.test_accuracy": accuracies}
        arrays = {name: np.array(values) for name, values in curve.items()}
        arrays["curve.step"] = np.array([100, 200, 3_000])
        return Run(Settings(steps=3_000, seeds=2), arrays, {})

    return {
        "plain": run([[4, 6], [3, 1], [0.5, 0.25]], [[0.5, 0.7], [0.8, 0.9], [0.94, 0.9]]),
        "other": run([[9, 9], [8, 6], [7, 5]], [[0.1, 0.1], [0.3, 0.2], [0.25, 0.35]]),
    }


def test_curves_are_the_mean_and_range_of_the_seeds_and_say_where_they_begin_and_end(
    watched, drawn
):
    said = plots.curves(watched).alt
    (axis,) = drawn[0].axes
    assert axis.get_xscale() == "log"
    for line, band, name in zip(axis.lines, axis.collections, watched, strict=True):
        curve = watched[name].curve
        assert line.get_label() == name and list(line.get_xdata()) == [100, 200, 3_000]
        rows = [[100 * value for value in row] for row in curve["test_accuracy"].values]
        np.testing.assert_allclose(line.get_ydata(), [sum(row) / 2 for row in rows])
        for step, row in zip(line.get_xdata(), rows, strict=True):
            np.testing.assert_allclose(band_at(band, step), (min(row), max(row)))
    assert "plain 60 at step 100 and 92 at step 3,000; other 10 at step 100 and 30 at" in said


def test_an_axis_of_accuracies_is_stretched_towards_the_top_and_has_its_ticks_inside(
    watched, drawn
):
    plots.curves(watched)
    axis = drawn[0].axes[0]
    low, high = axis.get_ylim()
    assert all(low <= tick <= high for tick in axis.get_yticks()) and len(axis.get_yticks()) > 3
    place = axis.transData.transform
    at = [place((100, accuracy))[1] for accuracy in (20, 30, 80, 90)]
    assert at[3] - at[2] > 3 * (at[1] - at[0])


def test_gains_are_marked_by_sign_size_and_whether_they_exclude_zero():
    def estimate(mean, half):
        return Estimate(mean, mean - half, mean + half, 5, "by hand")

    rows = {
        "0.1": [estimate(2, 1.5), estimate(-5, 7.5), estimate(10, 0.5)],
        "0.5": [estimate(-1, 0.5), estimate(0.5, math.inf), estimate(-20, 3)],
    }
    figure = tables.gains(rows, ["a", "b", "c"], "strength", "Caption")
    assert cells(figure) == [
        ["0.1", "+2.0 ± 1.5", "−5 ± 8", "+10.0 ± 0.5"],
        ["0.5", "−1.0 ± 0.5", "+0.5", "−20 ± 3"],
    ]
    spans = BeautifulSoup(figure.content, "html.parser").select("td span")
    depths = []
    for span, gain in zip(spans, [*rows["0.1"], *rows["0.5"]], strict=True):
        red, _, blue, depth = to_rgba(re.search("#[0-9a-f]{8}", span["style"])[0])
        weight = float(re.search(r"font-weight:(\d+)", span["style"])[1])
        assert (red > blue) == (gain.mean > 0)
        assert (weight > 400) == (gain.lower > 0 or gain.upper < 0)
        depths.append(depth)
    full = depths[1]
    assert depths == pytest.approx([full * share for share in (0.4, 1, 1, 0.2, 0.1, 1)], abs=0.006)


def test_a_heat_map_has_its_intervals_behind_it_and_one_technique_at_a_time():
    def estimate(mean, half):
        return Estimate(mean, mean - half, mean + half, 5, "by hand")

    maps = {
        name: {"0.1": [estimate(sign * 2, 1.5)], "none": [estimate(-1, 0.5)]}
        for name, sign in {"L2": 1, "Dropout": -1}.items()
    }
    figure = tables.heat(maps, ["100"], "strength", "Technique", "Gains.")
    page = BeautifulSoup(figure._repr_html_(), "html.parser")
    assert [each.get_text(strip=True) for each in page.select("label")] == ["L2", "Dropout"]
    panes = page.select(".switched > div")
    for pane, first in zip(panes, ("+2.0", "−2.0"), strict=True):
        brief, whole = pane.select("table")
        assert [td.get_text() for td in brief.select("td span")] == [first, "−1.0"]
        assert [td.get_text() for td in whole.select("td span")] == [f"{first} ± 1.5", "−1.0 ± 0.5"]
        assert whole.find_parent("details") and not brief.find_parent("details")
    assert page.select_one(".caption-text").get_text() == "Gains."


def test_below_the_answers_stands_who_says_what_the_commonest_first():
    shares = np.array([[0.2, 0.7, 0.1], [0.1, 0.3, 0.6], [0, 0.9, 0.1]])
    three = SimpleNamespace(names=("boot", "bag", "coat"))
    figure = tables.answers(shares, ["L2", "Dropout", "A & B"], three, "Answers.")
    said = BeautifulSoup(figure.content, "html.parser").select_one(".answers-said").get_text()
    assert said == "They say bag: L2, A & B; coat: Dropout."
    assert cells(figure)[1] == ["Dropout", "10", "30", "60"]


def test_multiples_show_each_curve_in_a_panel_over_the_others(drawn):
    rng = np.random.default_rng(0)
    curves = {name: rng.normal(size=(3, 6)) for name in "ABCDE"}
    curves["B"][2, 4:] = np.nan  # two seeds that this place has not
    figure = plots.multiples([100, 1_000, 5_000], curves, "images", "points", "Gains.")
    panels = [axis for axis in drawn[0].axes if axis.get_title()]
    assert [axis.get_title() for axis in panels] == list(curves)
    for axis, values in zip(panels, curves.values(), strict=True):
        own = [line for line in axis.get_lines() if line.get_color() == style.MARK]
        assert len(axis.get_lines()) == 1 + 4 + 1  # its own, the others', zero
        np.testing.assert_allclose(own[0].get_ydata(), np.nanmean(values, axis=1))
        for at, each in zip(own[0].get_xdata(), values, strict=True):
            known = each[np.isfinite(each)]
            assert band_at(axis.collections[0], at) == pytest.approx(t_interval(known)[1:])
    assert "images" in figure.alt


def test_places_name_their_nearest_and_leave_each_other_room():
    rng = np.random.default_rng(0)
    at = np.concatenate([rng.normal(size=(15, 2)), np.zeros((5, 2))])  # five in one place
    apart = np.linalg.norm(at[:, None] - at[None], axis=-1)
    titles = [f"Technique {name}" for name in "ABCDEFGHIJKLMNOPQRST"]
    weights = rng.normal(size=(20, 8, 8))
    figure = places.places(at, titles, weights, apart, "A map.")
    page = BeautifulSoup(figure.content, "html.parser")
    found = page.select("g.place")
    boxes = [[float(g.image[name]) for name in ("x", "y", "width")] for g in found]
    for (x, y, side), (other_x, other_y, _) in itertools.combinations(boxes, 2):
        assert abs(x - other_x) >= side or abs(y - other_y) >= side
    width, height = (float(size) for size in page.svg["viewbox"].split()[2:])
    assert all(0 <= x <= width - side and 0 <= y <= height - side for x, y, side in boxes)
    for i, group in enumerate(found):
        nearest = min((n for n in range(20) if n != i), key=lambda n: apart[i, n])
        assert group["aria-label"].startswith(f"{titles[i]}. Nearest: {titles[nearest]} (")
        assert group["tabindex"] == "0" and len(group.find_all("path")) == 3


def test_pictures_are_all_there():
    shown_images = np.random.default_rng(0).uniform(size=(7, 8, 8))
    for signed in (False, True):
        figure = pictures.images(
            shown_images, range(7), "Caption", "Seven", columns=3, signed=signed
        )
        assert figure.content.count("<image") == 7 and ">6</text>" in figure.content
        assert (style.GUIDE in figure.content) != signed  # white ink has a frame on a white page


def test_tables_escape_and_have_headers():
    page = tables.table(["", "a<b"], [["row", 1]], "Caption")._repr_html_()
    assert '<th scope="col">a&lt;b</th>' in page and '<th scope="row">row</th>' in page


def test_a_sortable_table_has_the_numbers_by_which_it_is_sorted():
    rows = [["a", "loss", tables.Sorted("12 %", 12.5)], ["b", "<i>", tables.Sorted("", -1e-7)]]
    page = BeautifulSoup(
        tables.table(["technique", "changes", "x"], rows, "caption", "sortable").content,
        "html.parser",
    )
    assert page.table["class"] == ["sortable"]
    numbers = [cell.get("data-sort") for cell in page.select("td")]
    assert numbers == [None, "12.5", None, "-1e-07"] and "<i>" in page.get_text()


@pytest.fixture(scope="module")
def two(digits):
    plain, other = (
        Run(settings, fit(settings, digits), {})
        for settings in (Settings(L2(strength), steps=100, seeds=2) for strength in (0, 0.1))
    )
    return {"no regularization": plain, "L2": other}


def test_runs_stand_beside_one_another_in_a_table(two):
    page = BeautifulSoup(tables.beside(two).content, "html.parser")
    rows = [[cell.get_text() for cell in row.select("th, td")] for row in page.select("tbody tr")]
    assert [row[0] for row in rows] == list(two)
    for run, row in zip(two.values(), rows, strict=True):
        smooth = np.mean([measures.smoothness(w) for w in run.weights.values])
        assert float(row[2]) == pytest.approx(smooth, abs=0.006)
        assert float(row[5]) == pytest.approx(np.mean(run.weight_max), rel=0.06)


@pytest.fixture
def published():
    """Two runs and what a post has of them: no two figures are alike."""

    def run(accuracies, as_published, smallest, largest):
        """Weights whose least and greatest are known."""
        weights = np.zeros((len(smallest), 10, 8, 8))
        weights[:, 3, 1, 2], weights[:, 7, 5, 0] = smallest, largest
        return a_run(
            weights=weights, test_accuracy=accuracies, test_accuracy_as_published=as_published
        )

    runs = {
        "l2": run([0.91, 0.93, 0.98], [0.81, 0.83, 0.79], [-3.25, -3.75, -3.5], [5.25, 5.5, 5.0]),
        "dropout": run([0.3, 0.34], [0.1, 0.14], [-0.05, -0.07], [0.2, 0.28]),
    }
    post = {
        "dropout": {"test_accuracy": 0.222, "weight_min": -7.5, "weight_max": 8.125},
        "l2": {"test_accuracy": 0.666, "weight_min": -0.5, "weight_max": 1.75},
        "none": {"test_accuracy": 0.999, "weight_min": -0.99, "weight_max": 0.99},
    }
    return runs, post


def ours_and_the_posts(run, post):
    """The numbers of a run's cells, ours and the post's, by what they are of."""

    def accuracy(values):
        ends = statistics.interval(values, statistics.SHARE)
        return numbers(written.spread(*(100 * end for end in ends)))

    ends = run.arrays["weights"].reshape(len(run.arrays["weights"]), -1)

    return {
        "test accuracy": (accuracy(run.test_accuracy), []),
        "as published": (
            accuracy(run.test_accuracy_as_published),
            [100 * post["test_accuracy"]],
        ),
        "smallest weight": ([np.mean(ends.min(axis=1))], [post["weight_min"]]),
        "largest weight": ([np.mean(ends.max(axis=1))], [post["weight_max"]]),
    }


def test_several_runs_stand_against_the_post_in_rows(published):
    runs, post = published
    figure = tables.against_post(runs, post)
    heads = BeautifulSoup(figure.content, "html.parser").select("thead th")
    for slug, (title, *row) in zip(runs, cells(figure), strict=True):
        assert title == {"l2": "L2", "dropout": "Dropout"}[slug]
        expected = ours_and_the_posts(runs[slug], post[slug])
        assert [head.get_text() for head in heads] == list(expected)
        for cell, pair in zip(row, expected.values(), strict=True):
            ours, _, theirs = cell.partition(" | ")
            assert numbers(ours) == pytest.approx(pair[0])
            assert numbers(theirs) == pytest.approx(pair[1])


@pytest.mark.parametrize("slug", ["l2", "dropout"])
def test_one_run_stands_against_the_post_in_columns(published, slug):
    runs, post = published
    rows = cells(tables.against_post({slug: runs[slug]}, post))
    expected = ours_and_the_posts(runs[slug], post[slug])
    assert [name for name, _, _ in rows] == list(expected)
    for (_, *both), pair in zip(rows, expected.values(), strict=True):
        for cell, figure in zip(both, pair, strict=True):
            assert numbers(cell) == pytest.approx(figure)


def test_a_tuned_run_is_compared_with_none_seed_by_seed(two, monkeypatch):
    plain, other = two.values()
    runs = {"l2": other, "no_regularization": plain}
    monkeypatch.setattr(tuning, "tried", lambda slug, *asked: runs[slug])
    monkeypatch.setattr(tuning, "best", lambda run: run)  # of one setting
    said = tables.with_equal_care("l2", None, "quick").data
    points = claims.points(other.test_accuracy.values, plain.test_accuracy.values)
    assert "learning rate 0.0001, strength 0.1" in said and f"**{points}** points" in said
    for run in (plain, other):
        assert tables.percent(run.arrays["test_accuracy"]) in said


def test_what_the_interval_leaves_out_is_the_binomials_error(two, digits):
    said = tables.seeds_and_images(two["L2"], digits).data
    p, n = two["L2"].arrays["test_accuracy"].mean(), len(digits.test_images)
    (points,) = numbers(said.partition("standard error")[2].partition("points")[0])
    assert points == pytest.approx(100 * np.sqrt(p * (1 - p) / n), abs=0.051)


def test_a_forest_is_ordered_and_takes_one_seed():
    estimates = {"worse": claims.over_seeds([-1, -2]), "better": claims.over_seeds([0.5])}
    figure = plots.forest(estimates, "points", "A caption.")
    assert figure.alt.index("better 0.5") < figure.alt.index("worse −2 (")
    assert "worse" in figure.content and "nan" not in figure.content.lower()


def test_a_forest_has_dots_at_means_and_bars_to_the_ends_of_intervals(drawn):
    seeds = {"low": [-3, -2, -1], "high": [4, 6], "one": [2], "middle": [0, 1, 2, 3]}
    figure = plots.forest({k: claims.over_seeds(v) for k, v in seeds.items()}, "points", "C.")
    (axis,) = drawn[0].axes
    order = ["high", "one", "middle", "low"]
    assert [label.get_text() for label in axis.get_yticklabels()] == order
    assert axis.get_ylim()[0] > axis.get_ylim()[1] and axis.get_xlabel() == "points"
    dots, zero = axis.lines
    assert zero.get_xdata() == [0, 0]
    np.testing.assert_allclose(dots.get_xydata(), [[5, 0], [2, 1], [1.5, 2], [-2, 3]])
    for row, (name, bar) in enumerate(zip(order, axis.collections[0].get_segments(), strict=True)):
        ends = t_interval(seeds[name])[1:] if name != "one" else (2, 2)
        np.testing.assert_allclose(bar, [[ends[0], row], [ends[1], row]])
    assert [figure.alt.index(name) for name in order] == sorted(map(figure.alt.index, order))


def ends(lower, upper):
    return Estimate((lower + upper) / 2, lower, upper, 1_200, "by hand")


@pytest.fixture
def ledger():
    """Claims of every verdict, with it and with how many of their checks hold."""
    within, outside = (Check(*each, low=0) for each in (("in", ends(1, 2)), ("out", ends(-2, -1))))
    between = Check("between", ends(-1, 1), low=0)
    return [
        (claim("a", "A & B.", within, within), "✓ holds", "2 of 2"),
        (claim("b", "B.", within, outside, between), "◐ holds in part", "1 of 3"),
        (claim("c", "C.", outside), "✗ does not hold", "0 of 1"),
        (claim("d", "D.", between, within), "? cannot be told", "1 of 2"),
        (claim("e", "E."), "? cannot be told", "0 of 0"),
    ]


def test_a_row_of_the_ledger_has_the_checks_and_the_verdict_of_its_claim(ledger):
    page = BeautifulSoup(tables.ledger([each for each, *_ in ledger]).content, "html.parser")
    for row, (each, verdict, _) in zip(page.select("tbody tr"), ledger, strict=True):
        text, checks, said = row.select("th, td")
        assert (text.get_text(), said.get_text()) == (each.text, verdict)
        assert text.span["id"] == f"claim-{each.name}"
        lines = [line.get_text("|") for line in checks.select("details")]
        marks = {"in": "✓", "out": "✗", "between": "?"}
        assert [line.split(":")[0] for line in lines] == [
            f"{marks[check.what]} {check.what}" for check in each.checks
        ]
        for line, check in zip(lines, each.checks, strict=True):
            assert f"{check.estimate}|expected at least 0; n = 1,200, by hand" in line


def test_what_is_counted_has_no_number_of_samples():
    figure = tables.ledger([claim("a", "A.", Check("pages", claims.exact(3), 3, 3))])
    assert cells(figure) == [["A.", "✓ pages: 3expected 3", "✓ holds"]]


SKETCHED = {  # bounds, interval: what of a hundred is grey, and where the line and the dot are
    ((0, 10), (2, 4)): (4, 92, 22.4, 40.8, 31.6),
    ((5, np.inf), (0, 10)): (50, 49.7, 4, 96, 50),
    ((3, 3), (1, 5)): (50, 0.8, 4, 96, 50),
}


@pytest.mark.parametrize("bounds, interval", SKETCHED)
def test_a_check_is_sketched_between_its_bounds(bounds, interval):
    check = Check("x", ends(*interval), *bounds)
    page = BeautifulSoup(tables.ledger([claim("a", "A.", check)]).content, "html.parser")
    svg = page.summary.svg
    line = re.findall(r"[\d.]+", svg.path["d"])
    found = svg.rect["x"], svg.rect["width"], line[0], line[2], svg.circle["cx"]
    assert [float(each) for each in found] == pytest.approx(SKETCHED[bounds, interval], abs=0.11)


def test_what_has_no_estimate_has_no_sketch():
    without = claims.Estimate(np.nan, -np.inf, np.inf, 0, "t interval over seeds")
    figure = tables.ledger([claim("a", "A.", Check("x", without, 0))])
    assert "no evidence" in figure.content and "<svg" not in figure.content


def test_the_summary_counts_the_checks_that_hold_and_leads_to_each_claim(ledger):
    figure = tables.ledger_summary([each for each, *_ in ledger])
    assert cells(figure) == [[each.text, count, verdict] for each, verdict, count in ledger]
    links = BeautifulSoup(figure.content, "html.parser").select("tbody th a")
    assert [link["href"] for link in links] == [f"#claim-{name}" for name in "abcde"]


def test_the_tree_joins_the_nearest_and_says_so():
    changes = {"a": ["loss"], "b": [], "c": ["inputs", "labels"]}
    distances = np.array([[0, 0.1, 0.8], [0.1, 0, 0.9], [0.8, 0.9, 0]])
    figure = plots.family_tree(changes, ["inputs", "loss", "labels"], distances, 0.3)
    assert "closest pairs are a and b (0.10)" in figure.alt
    order = re.search(r"In its order: (.*?)\.", figure.alt)[1].split(", ")
    assert abs(order.index("a") - order.index("b")) == 1
    assert all(word in figure.content for word in ("labels", "inputs"))


def test_a_picture_is_packed_without_a_change_of_its_colours():
    rng = np.random.default_rng(0)
    few = rng.integers(0, 4, (28, 28, 1), "uint8") * np.uint8([60, 20, 5])
    many = rng.integers(0, 256, (28, 28, 3), "uint8")
    for picture in (few, many):
        file = io.BytesIO()
        Image.fromarray(picture).convert("RGBA").save(file, "PNG")
        png = base64.b64encode(file.getvalue()).decode()
        packed = style._with_palette([png])
        read = Image.open(io.BytesIO(base64.b64decode(packed))).convert("RGB")
        np.testing.assert_array_equal(np.array(read), picture)
        assert (len(packed) < len(png)) == (picture is few)


def test_equal_pictures_do_not_share_an_id(digits):
    weights = np.ones((10, 8, 8)) * np.linspace(-1, 1, 8)
    page = BeautifulSoup(
        pictures.weight_images(weights, "Ten alike", digits).content, "html.parser"
    )
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(page.find_all("image")) >= 10 and len(set(ids)) == len(ids)


def test_a_guess_holds_its_answer_folded_and_tells_the_page_what_it_is():
    asked = guesses.guess("L2", [0.9, 0.92], [0.93, 0.95])
    block = BeautifulSoup(asked.data, "html.parser").select_one("div.guess")
    assert "91 %" in block.select_one("details p").get_text()
    assert "94 %" in block.get_text() and not block.select_one("details").has_attr("open")
    told = json.loads(block["data-told"])
    assert told["mean"] == pytest.approx(91)
    assert f"{told['said']}." == block.select_one("details p").get_text()
    order = guesses.guess_order({"a": [0.5], "b": [0.9], "c & d": [0.7]})
    block = BeautifulSoup(order.data, "html.parser")
    assert [li.get_text().split(":")[0] for li in block.select("li")] == ["b", "c & d", "a"]


def test_of_two_rows_one_is_the_techniques_and_neither_is_named(models):
    sides = set()
    for name in ("L2", "Dropout", "Mixup", "L1"):
        wall, asked = guesses.guess_which(name, models["Smooth"], models["Grainy"])
        block = BeautifulSoup(asked.data, "html.parser").select_one(".guess")
        told = json.loads(block["data-told"])
        sides.add(told["right"])
        ours, theirs = numbers(told["said"].partition("correlate")[2])
        grains = [
            neighbours_correlate(models[each].weights.values[1]) for each in ("Smooth", "Grainy")
        ]
        assert [ours, theirs] == pytest.approx(
            grains, abs=0.0051
        )  # of the seed that is not shown above
        assert told["said"].startswith(told["right"]) and name in told["question"]
        assert name not in wall.content
        assert f"{told['said']}." == block.select_one("details p").get_text()
    assert sides == {"A", "B"}


def test_rows_to_guess_are_in_another_order_and_not_named(digits):
    settings = Settings(L2(0.0), steps=20)
    run = Run(settings, fit(settings, digits), {})
    titles = ["One", "Two", "Three", "Four"]
    wall, asked = guesses.guess_rows(dict.fromkeys(titles, run))
    told = json.loads(BeautifulSoup(asked.data, "html.parser").select_one(".guess")["data-told"])
    assert sorted(told["names"]) == sorted(titles) and told["names"] != titles
    assert not any(title in wall.content for title in titles)


def test_colours_and_widths_stand_once_for_figures_styles_and_scripts():
    assets = [p for kind in ("*.js", "*.css") for p in (ROOT / "book" / "assets").rglob(kind)]
    others = "".join(path.read_text(encoding="utf-8").lower() for path in assets)
    colours = {*style.SIGNED, *style.LINES}
    assert not [colour for colour in colours if colour in others]
    used = set(re.findall(r'var\(--book-(\w+)|"(mark|line|signed)"', others))
    known = set(re.findall(r"--book-(\w+):", style.css()))
    assert {a or b for a, b in used} - {"serif", "span"} == known
