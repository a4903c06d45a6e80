"""Plots: curves with bands, forests of intervals, trees, contours."""

from itertools import combinations

import numpy as np
from matplotlib.patches import Ellipse, Polygon
from matplotlib.ticker import NullLocator

from regularization.analysis import statistics
from regularization.analysis.written import fixed, number
from regularization.report.style import GUIDE, MARK, RANGE, WIDTH, drawn


def along(x, panels, xlabel, caption, marks=None, log=True):
    """Plot measures against `x`, a panel each: the mean over the seeds, its 95 % interval as band.

    `panels` holds by the y axis's label curves by name, `[len(x), seeds]`. `marks` are places on
    the x axis by name.
    """

    def draw(figure):
        axes, names = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0], {}
        for axis, (label, curves) in zip(axes, panels.items(), strict=True):
            for name, values in curves.items():
                intervals = np.transpose([statistics.interval(v) for v in values])
                _line_and_band(axis, name, x, *intervals)
            axis.set_ylabel(label)
            axis.locator_params(axis="y", steps=[1, 2, 5, 10])  # a quarter takes a digit more
            if log:
                axis.set_xscale("log")
                axis.minorticks_off()  # they would be half of the figure's bytes
                axis.xaxis.set_major_formatter(lambda place, _: number(place))
            for place, style in zip((marks or {}).values(), ("--", ":", "-."), strict=False):
                axis.axvline(place, color=GUIDE, lw=1, ls=style)
            if len(curves) == 2:
                axis.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
            elif len(curves) > 2:  # too many to leave room among the lines
                names |= dict(zip(curves, axis.get_lines(), strict=False))
        if names:
            figure.legend(names.values(), names, loc="outside lower center", ncols=2)
        if not log:
            axis.locator_params(axis="x", nbins=6)
            axis.xaxis.set_major_formatter(lambda place, _: number(place))
        axis.set_xlabel(xlabel)

    said = (
        f"{label}, {name}: {number(np.mean(values[0]))} at {number(x[0])}, "
        f"{number(np.mean(values[-1]))} at {number(x[-1])}, "
        f"largest at {number(x[int(np.argmax(np.mean(values, axis=1)))])}"
        for label, curves in panels.items()
        for name, values in curves.items()
    )
    placed = "".join(f" {name} is at {number(place)}." for name, place in (marks or {}).items())
    below = max(len(curves) for curves in panels.values())
    size = (WIDTH, 1.8 * len(panels) + 0.5 + (0.15 * below + 0.1 if below > 2 else 0))
    return drawn(draw, size, caption, f"Curves against {xlabel}. {'; '.join(said)}.{placed}")


def multiples(x, curves, xlabel, ylabel, caption):
    """Plot each of `curves` by name, `[len(x), seeds]`, in a panel of its own, over the others.

    The mean with its 95 % interval as band, the others as grey lines; the panels share their axes,
    of which `x` is logarithmic. Seeds that a place has not are NaN.
    """
    found = {
        name: np.transpose(
            [statistics.interval(v[np.isfinite(v)]) for v in map(np.asarray, values)]
        )
        for name, values in curves.items()
    }
    columns = 3 if len(curves) > 4 else 2
    rows = -(-len(curves) // columns)

    def draw(figure):
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
        for axis, (name, intervals) in zip(axes, found.items(), strict=False):
            for other, (mean, *_) in found.items():
                if other != name:
                    axis.plot(x, mean, color=GUIDE, ls="-", lw=0.7, alpha=0.6)
            middle, low, high = intervals
            axis.plot(x, middle, color=MARK, ls="-")
            axis.fill_between(x, low, high, alpha=0.25, lw=0, color=MARK)
            axis.axhline(0, color=GUIDE, lw=0.7, ls="--")
            axis.set_title(name, pad=3)
        for axis in axes[len(found) :]:
            axis.set_axis_off()
        for axis in axes[len(found) - columns : len(found)]:  # the lowest of their columns
            axis.tick_params(labelbottom=True)
        axes[0].locator_params(axis="y", steps=[1, 2, 5, 10])
        axes[0].set_xscale("log")
        axes[0].minorticks_off()
        axes[0].xaxis.set_major_formatter(lambda place, _: number(place))
        figure.supxlabel(xlabel, fontsize="medium")
        figure.supylabel(ylabel, fontsize="medium")

    said = "; ".join(
        f"{name}: {number(mean[0])} at {number(x[0])}, {number(mean[-1])} at {number(x[-1])}"
        for name, (mean, *_) in found.items()
    )
    return drawn(draw, (WIDTH, 1.6 * rows + 0.5), caption, f"{ylabel} by {xlabel}. {said}.")


def _line_and_band(axis, name, x, middle, low, high):
    (line,) = axis.plot(x, middle, label=name)
    axis.fill_between(x, low, high, alpha=0.25, lw=0, color=line.get_color())


#: Of an axis of accuracies, %: it is stretched towards the top, where good models differ.
STRETCHED = (lambda a: -np.log(100.5 - np.asarray(a)), lambda y: 100.5 - np.exp(-np.asarray(y)))
ACCURACIES = (10, 20, 40, 60, 70, 80, 85, 90, 92, 94, 96, 98, 99)


def curves(runs):
    """Plot the test accuracy of several runs (a dict by title) against the step.

    Mean and range of the seeds. Both axes are stretched, the steps' towards the first, accuracy
    towards the top.
    """

    def draw(figure):
        axis = figure.subplots()
        for name, run in runs.items():
            values = 100 * np.array(run.curve["test_accuracy"])
            band = values.min(axis=1), values.max(axis=1)
            _line_and_band(axis, name, np.array(run.curve["step"]), values.mean(axis=1), *band)
        axis.set(xlabel="step", ylabel="test accuracy, %", xscale="log")
        axis.set_yscale("function", functions=STRETCHED)
        low, high = axis.dataLim.intervaly
        axis.set_ylim(max(low - 1, 0), min(high + 0.5, 100))
        axis.set_yticks([tick for tick in ACCURACIES if low <= tick <= high] or [low])
        axis.yaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter("{x:.3g}")
        first, last = axis.dataLim.intervalx
        tens = (10**n for n in range(9) if 2 * first <= 10**n <= last / 2)
        axis.set_xticks([first, *tens, last])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_major_formatter("{x:,.0f}")
        if len(runs) > 1:
            figure.legend(loc="outside lower center", ncols=2)

    ends = "; ".join(
        f"{name} {number(100 * np.mean(run.curve['test_accuracy'][0]))} at step {at[0]:,} and "
        f"{number(100 * np.mean(run.curve['test_accuracy'][-1]))} at step {at[-1]:,}"
        for name, run in runs.items()
        for at in [run.curve["step"].values]
    )
    caption = (
        "Test accuracy while training: mean and range over the seeds. Both axes are stretched."
    )
    alt = f"Curves of test accuracy, %, against the step: {ends}."
    return drawn(draw, (WIDTH, 3.0 if len(runs) > 1 else 2.6), caption, alt)


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
            axis.axvline(mark, color=GUIDE, lw=1)
        axis.set(xlabel=xlabel, ylabel=ylabel)
        if len(ys) > 1:
            axis.legend()

    return drawn(draw, (WIDTH, 2.8), caption, alt)


def forest(estimates, xlabel, caption, placebos=()):
    """Draw `claims.Estimate`s by name, the largest on top: each mean with its interval.

    Those named in `placebos` are drawn grey and hollow.
    """
    ordered = sorted(estimates.items(), key=lambda item: -item[1].mean)
    names, found = zip(*ordered, strict=True)
    means = np.array([estimate.mean for estimate in found])
    ends = np.array([[estimate.lower, estimate.upper] for estimate in found])
    ends = np.where(np.isfinite(ends), ends, means[:, None])  # one seed has no interval

    def draw(figure):
        axis = figure.subplots()
        for hollow, line, dot in ((False, RANGE, MARK), (True, GUIDE, GUIDE)):
            at = [row for row, name in enumerate(names) if (name in placebos) == hollow]
            if not at:
                continue
            axis.hlines(at, *ends[at].T, color=line, lw=2, alpha=0.7)
            axis.plot(means[at], at, "o", color=dot, markerfacecolor="none" if hollow else dot)
        axis.axvline(0, color=GUIDE, lw=1, ls="--")
        axis.set_yticks(range(len(names)), names)
        axis.set(xlabel=xlabel, ylim=(len(names) - 0.4, -0.6))

    alt = "From the largest down: " + "; ".join(f"{n} {e}" for n, e in ordered) + "."
    return drawn(draw, (WIDTH, 0.23 * len(names) + 0.7), caption, alt)


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
            lines.plot(heights, (np.array(places) - 5) / 10, color=MARK, lw=1.3, ls="-")
        lines.axvline(floor, color=GUIDE, lw=1, ls="--")
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

    near = sorted(combinations(range(len(names)), 2), key=lambda pair: distances[pair])[:5]
    pairs = ", ".join(f"{names[i]} and {names[j]} ({distances[i, j]:.2f})" for i, j in near)
    caption = (
        "Which techniques leave like weights: the nearest are joined first, at their distance up "
        "to scale, groups at the mean of their members. Dashed, the distance of two seeds without "
        "regularization. At the right, what each technique changes."
    )
    alt = (
        f"A tree of {len(names)} techniques. In its order: {', '.join(order)}. The closest pairs "
        f"are {pairs}; two seeds of one technique are {floor:.2f} apart."
    )
    return drawn(draw, (WIDTH, height), caption, alt)


def limits(best, moments, touched):
    """Draw where limits on two weights touch their squared error: a diamond, and a circle.

    `best` and `moments` are as `least_squares.touching` takes them, `touched` its two points.
    """
    reach = np.abs(best).max()
    middle = np.where(best > 0, 0.4, -0.4) * reach
    frame = np.array([[-1.5], [1.5]]) * reach + middle
    curvatures, axes = np.linalg.eigh(moments)
    turned = np.degrees(np.arctan2(*axes[::-1, 0]))
    diamond = np.abs(touched[0]).sum() * np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    circle = 2 * np.linalg.norm(touched[1])
    bounds = {
        "a sum of sizes": lambda: Polygon(diamond, color=RANGE, alpha=0.35, lw=0),
        "a sum of squares": lambda: Ellipse((0, 0), circle, circle, color=RANGE, alpha=0.35, lw=0),
    }

    def draw(figure):
        panels = zip(figure.subplots(1, 2, sharey=True), bounds.items(), touched, strict=True)
        for axis, (title, bound), point in panels:
            here = (point - best) @ moments @ (point - best)
            for level in here * np.array([0.2, 1, 2.5]):  # of equal error
                size = 2 * np.sqrt(level / curvatures)
                axis.add_patch(Ellipse(best, *size, angle=turned, fill=False, color=GUIDE, lw=0.7))
            axis.add_patch(bound())
            axis.plot(*best, "o", color=GUIDE)
            axis.plot(*point, "o", color=MARK)
            axis.axhline(0, color=GUIDE, lw=0.5, ls="-")
            axis.axvline(0, color=GUIDE, lw=0.5, ls="-")
            axis.set(title=title, xlabel="one weight", box_aspect=1)
            axis.set(xlim=frame[:, 0], ylim=frame[:, 1])
        figure.axes[0].set_ylabel("its neighbour")

    said = " and ".join(f"({', '.join(number(w, 2) for w in point)})" for point in touched)
    caption = (
        "The squared error over two neighbouring weights, all others at their best, and the best "
        "that a limit allows: on the sum of their sizes, on the sum of their squares."
    )
    alt = (
        "Two panels with the same long ellipses around the best two weights, "
        f"({', '.join(number(w, 2) for w in best)}). Left, a diamond about zero, right, a circle. "
        f"They touch the lowest ellipse that they reach at {said}."
    )
    return drawn(draw, (WIDTH, 3.2), caption, alt)


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
            axis.contour(first, second, loss, levels=levels, colors=GUIDE, linewidths=0.7)
            axis.set(title=title, xlabel="one weight", box_aspect=1)
            if title == "a point":
                axis.plot(*optimum, "o", color=MARK)
                axis.set_ylabel("another weight")
            else:
                for deviations in (1, 2):
                    size = 2 * deviations * widths
                    axis.add_patch(Ellipse(optimum, *size, color=MARK, alpha=0.3, lw=0))

    caption = "An optimum in weight space, as a point and as a distribution around it."
    place = ", ".join(fixed(weight, 2) for weight in optimum)
    deviation = " and ".join(number(each, 2) for each in np.unique(widths))
    alt = (
        "Two panels with the same contours of the loss over two weights. Left, one dot at "
        f"({place}); right, two discs around the same place, of one and two standard deviations of "
        f"{deviation}."
    )
    return drawn(draw, (WIDTH, 3.2), caption, alt)
