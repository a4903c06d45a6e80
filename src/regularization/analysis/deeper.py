"""Deeper networks: what the chapter trains, and what the post's conjectures come to on them.

Runs are held by their place, the widths of a network's hidden layers and how many images it is
trained on, and by a title.
"""

from functools import partial
from itertools import combinations

import numpy as np

from regularization.analysis import measures, statistics
from regularization.analysis.claims import POINTS, Check, claim, over_seeds, positive
from regularization.core.settings import Settings
from regularization.core.technique import Technique
from regularization.core.techniques import (
    L2,
    DrawnWeights,
    Dropout,
    GaussianWeights,
    VariationalWeights,
    WeightNormalization,
)
from regularization.results.store import train
from regularization.study import presets, tuning

TITLES = ("none", "Dropout", "L2", "Weight norm")
OTHERS = TITLES[1:]
ALIKE = ("L2", "Weight norm")
PAIRS = (ALIKE, ("none", "Weight norm"), ("none", "L2"), ("none", "Dropout"))
ONE_LAYER = ()  # the post's network
STRENGTHS = [1e-6, 1e-5, 1e-4]  # of L2
#: No regularization chooses among three learning rates, drawn and variational weights among three
#: scales. As published they learn so little that they are given both.
RATES = [3e-4, 1e-3, 3e-3]
SCALES = {
    "none": dict(technique=Technique(), learning_rate=RATES),
    "as published": dict(technique=GaussianWeights([0.0, 0.05, 0.5]), learning_rate=[1e-4, *RATES]),
    "drawn": dict(technique=DrawnWeights([0.01, 0.05, 0.15])),
    "none, cross-entropy": dict(technique=Technique(), learning_rate=RATES, loss="cross_entropy"),
    "variational": dict(technique=VariationalWeights([1.0, 3.0, 10.0]), loss="cross_entropy"),
}
GAUSSIAN = {"as published": "none", "drawn": "none", "variational": "none, cross-entropy"}


def name(hidden, images):
    """Return the name of a place: "2 × 128, 1,000 images"."""
    network = f"{len(hidden)} × {hidden[0]:,}" if hidden else "one layer"
    return f"{network}, {images:,} images"


def trained(digits, preset):
    """Return the runs of TITLES at every place, by place and title.

    L2 has the strength that validation images choose on the narrow network of the same depth;
    weight normalization has the length that this leaves to the first layer.
    """
    runs, strengths = {}, {}
    for place, train_at in _places(digits, preset):
        depth = len(place[0]), place[1]
        l2 = train_at(L2(strengths.get(depth, STRENGTHS)))
        if depth not in strengths:
            l2 = tuning.best(l2)
            strengths[depth] = l2.settings.technique.strength
        length = np.mean([np.linalg.norm(weights) for weights in l2.weights.values])
        norm = train_at(WeightNormalization(float(f"{length:.2g}")))
        each = train_at(Technique()), train_at(Dropout(0.5)), l2, norm
        runs[place] = dict(zip(TITLES, each, strict=True))
    return runs


def posts(digits, preset):
    """Return the runs at the post's own penalty and norm, of the first place with a hidden layer.

    They are returned by title, after the place.
    """
    place, train_at = next(each for each in _places(digits, preset) if each[0][0])
    techniques = {"the post's L2": L2(1e-2), "the post's norm": WeightNormalization(1.0)}
    return place, {title: train_at(each) for title, each in techniques.items()}


def scaled(digits, preset):
    """Return the runs of SCALES, each of several settings, by place and title.

    They are trained on narrow networks and few images alone.
    """
    size = presets.of("deeper", preset)
    return {
        place: {title: train_at(**settings) for title, settings in SCALES.items()}
        for place, train_at in _places(digits, preset)
        if place[0] and place[0] in size.narrow and place[1] < len(digits.train_images)
    }


def lengths(digits, preset):
    """Return how many training images there are in turn, `presets.ALL` for all, and the steps."""
    images, steps = zip(*presets.of("deeper", preset).lengths, strict=True)
    *fewer, most = presets.fitting(images, len(digits.train_images))
    most = presets.ALL if images[-1] is presets.ALL else most
    return [*zip(fewer, steps, strict=False), (most, steps[-1])]


def _places(digits, preset):
    """Yield every place, and a function that trains a technique there."""
    size = presets.of("deeper", preset)
    for images, steps in lengths(digits, preset):
        wide = () if images is presets.ALL else size.wide
        for hidden in size.narrow + wide:
            settings = dict(
                steps=steps,
                seeds=size.wide_seeds if hidden in wide else size.seeds,
                train_size=images,
                hidden=hidden,
                every=steps // 2,
            )
            place = hidden, images or len(digits.train_images)
            yield place, partial(_train, digits, settings)


def _train(digits, settings, technique, learning_rate=1e-3, **more):
    return train(Settings(technique, learning_rate=learning_rate, **settings, **more), digits)


def learned(at):
    """Return whether every seed of the runs of a place knows a fifth of its training images."""
    return min(run.train_accuracy.values.min() for run in at.values()) > 0.2


def grain_where(digits):
    """Return a measure: the neighbour correlation of the first layer's weights, seed by seed.

    It counts the `inked` ones alone (measures).
    """
    inked = measures.inked(digits)
    return lambda run: np.array([measures.smoothness(w, inked) for w in run.weights.values])


def moved(runs, place, measure):
    """Return what each of OTHERS adds to a measure of a run, seed by seed, by title."""
    at = runs[place]
    return {title: measure(at[title]) - measure(at["none"]) for title in OTHERS}


def points(run):
    """Return the test accuracy in points, seed by seed."""
    return 100 * run.test_accuracy.values


def gained(tried, place, title):
    """Return the points that Gaussian weights of a kind gain, seed by seed.

    Every seed chooses a setting by its validation images, of theirs and of no regularization's.
    """
    chosen = (tuning.chosen_by_seed(tried[place][each]) for each in (title, GAUSSIAN[title]))
    return 100 * np.subtract(*chosen)


def alike(runs, place, titles=TITLES):
    """Return how alike two techniques' first layers are, over two seeds of one, by pair of titles.

    An array by seed of the jackknife's pseudo-values, made of the logarithms so that none is below
    zero. Two seeds of one technique have as much in common as two seeds of the other have, in the
    geometric mean: 1 is as alike as that.
    """
    weights = {title: runs[place][title].weights.values for title in titles}
    found = statistics.apart(weights, measures.matched_likeness, over=_over_their_own)
    return {pair: np.exp(values) for pair, values in found.items()}


def _over_their_own(between, first, second):
    return np.log(between) - (np.log(first) + np.log(second)) / 2


def own_likeness(run):
    """Return how alike two seeds of a run are, on average."""
    pairs = combinations(run.weights.values, 2)
    return np.mean([measures.matched_likeness(*pair) for pair in pairs])


def conjectures(runs, tried, grain):
    """Return the claims of the post on deeper models, decided by what was `trained` and `scaled`.

    In the ledger's order: dropout smooths, L2 and weight normalization look alike, Gaussian weights
    are promising, and so is their idea, the impact is huge. `grain` is what `grain_where` returns.
    A place where a seed has learned nothing decides nothing.
    """
    deep = [place for place, at in runs.items() if place[0] and learned(at)]
    smooths, huge = _smooths(runs, deep, grain), _huge(runs, deep, grain)
    return [smooths, _alike(runs, deep), *_promising(tried), huge]


def shallow(runs, place):
    """Return the runs of the post's one layer on as many images, from the same seeds, as `runs`."""
    seeds = list(runs[place]["none"].settings.seeds)
    one = runs[ONE_LAYER, place[1]]
    return {place: {title: run.sel(seed=seeds) for title, run in one.items()}}


def _smooths(runs, deep, grain):
    checks = []
    for place in deep:
        here, there = (moved(r, place, grain)["Dropout"] for r in (runs, shallow(runs, place)))
        checks += [
            Check(
                f"neighbour correlation, dropout minus none, {name(*place)}", over_seeds(here), 0
            ),
            Check("the same, minus half of that in one layer", over_seeds(here - there / 2), 0),
        ]
    text = "Dropout will smooth multilayer networks in the same way."
    return claim("deeper-dropout", text, *checks)


def _alike(runs, deep):
    checks = []
    for place in deep:
        here, there = (alike(r, place, ALIKE)[ALIKE] for r in (runs, shallow(runs, place)))
        checks += [
            Check(
                f"likeness over that of two seeds of one, {name(*place)}",
                positive(here),
                low=0.9,
                why="nine tenths of what two seeds have in common",
            ),
            Check("the same, minus that in one layer", over_seeds(here - there), 0),
        ]
    text = "L2 and weight normalization will look alike in larger models too."
    return claim("deeper-alike", text, *checks)


def _promising(tried):
    published, *idea = (
        [
            Check(
                f"points of accuracy over none, {title}, {name(*place)}",
                over_seeds(gained(tried, place, title), POINTS),
                low=0,
            )
            for place in tried
        ]
        for title in GAUSSIAN
    )
    return (
        claim("promising", "Gaussian weights are a promising avenue.", *published),
        claim(
            "promising-idea",
            "So is the idea behind them, a distribution for each weight.",
            *sum(idea, []),
        ),
    )


def _huge(runs, deep, grain):
    checks = []
    for place in deep:
        here, there = (
            np.max([np.abs(each) for each in moved(r, place, grain).values()], axis=0)
            for r in (runs, shallow(runs, place))
        )
        of_accuracy = np.max([np.abs(each) for each in moved(runs, place, points).values()], axis=0)
        checks += [
            Check(
                f"neighbour correlation moved, minus that in one layer, {name(*place)}",
                over_seeds(here - there),
                low=0,
            ),
            Check(
                "points of accuracy moved",
                over_seeds(of_accuracy, (0, 100)),
                low=5,
                why="one image in twenty",
            ),
        ]
    return claim("deep-impact", "Regularization has a huge impact on deep models.", *checks)
