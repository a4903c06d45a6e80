"""Deeper networks: what the chapter trains, and what the post's conjectures come to on them.

Runs are held by their network, the widths of its hidden layers, and by a title.
"""

from functools import partial

import numpy as np

from regularization.analysis import measures
from regularization.analysis.claims import Check, claim, over_seeds
from regularization.core.settings import Settings
from regularization.core.techniques import (
    L2,
    DrawnWeights,
    Dropout,
    GaussianWeights,
    WeightNormalization,
)
from regularization.results.store import train
from regularization.study import presets

TITLES = ("none", "Dropout", "L2", "Weight norm", "Gaussian, published", "Gaussian, drawn")
PAIRS = (("L2", "Weight norm"), ("none", "Weight norm"), ("none", "L2"), ("none", "Dropout"))
ONE_LAYER = ()  # the post's network


def name(hidden):
    """Return a network's name: "2 × 128"."""
    return f"{len(hidden)} × {hidden[0]:,}"


def tried(digits, preset):
    """Return the runs of the first network by title, at the post's strengths and at others.

    The others: L2 at a hundredth of the post's, and the length that it leaves to the first layer.
    """
    at = partial(_train, digits, preset, presets.of("deeper", preset).networks[0])
    penalized = at(L2([0.0, 1e-4, 1e-2]), "none", "L2", "the post's L2")
    length = round(float(np.linalg.norm(penalized["L2"].weights[0])), 1)
    return penalized | at(WeightNormalization([1.0, length]), "the post's norm", "Weight norm")


def trained(digits, preset):
    """Return the runs of every technique on every network, by network and title."""
    first, *_ = networks = presets.of("deeper", preset).networks
    runs, on_first = {}, tried(digits, preset)
    length = on_first["Weight norm"].settings.technique.norm
    for hidden in networks:
        at = partial(_train, digits, preset, hidden)
        ran = at(Dropout([0.5]), "Dropout")
        if hidden == first:
            ran |= on_first
        else:
            ran |= at(L2([0.0, 1e-4]), "none", "L2")
            ran |= at(WeightNormalization([length]), "Weight norm")
        if hidden[0] == first[0]:  # twice the parameters, and the noise: on narrow ones alone
            ran |= at(GaussianWeights([0.5]), "Gaussian, published")
            ran |= at(DrawnWeights([0.5]), "Gaussian, drawn")
        runs |= {(hidden, title): run for title, run in ran.items()}
    return runs


def longer(digits, preset):
    """Return the runs with dropout and with none of one layer and of the first network, longer."""
    size, runs = presets.of("deeper", preset), {}
    for hidden in (size.networks[0], ONE_LAYER):
        at = partial(_train, digits, preset, hidden, steps=size.longer)
        ran = at(Dropout([0.0, 0.5]), "none", "Dropout")
        runs |= {(hidden, title): run for title, run in ran.items()}
    return runs


def _train(digits, preset, hidden, technique, *titles, steps=None):
    """Train a technique at its one list of values; return the runs by their titles."""
    size = presets.of("deeper", preset)
    steps = steps or size.steps
    settings = Settings(
        technique,
        steps=steps,
        seeds=size.seeds,
        learning_rate=1e-3,
        batch_size=128,
        hidden=hidden,
        every=steps,
    )
    run, (axis, _) = train(settings, digits), settings.axes
    pairs = zip(titles, settings.axes[axis], strict=True)
    return {title: run.sel(**{axis: value}) for title, value in pairs}


def grain(run):
    """Return the neighbour correlation of the first layer's weights, seed by seed."""
    return np.array([measures.smoothness(weights) for weights in run.weights.values])


def smoother(runs, hidden):
    """Return what dropout adds to the neighbour correlation, seed by seed."""
    return grain(runs[hidden, "Dropout"]) - grain(runs[hidden, "none"])


def distance(runs, hidden, pair):
    """Return the matched distance of two techniques' first layers, seed by seed."""
    weights = (runs[hidden, title].weights.values for title in pair)
    return np.array([*map(measures.matched_distance, *weights)])


def gained(runs, hidden, title):
    """Return the points of test accuracy that a technique gains over none, seed by seed."""
    technique, none = (runs[hidden, each].test_accuracy.values for each in (title, "none"))
    return 100 * (technique - none)


def conjectures(runs, trained_longer):
    """Return the claims of the post on deeper models, decided by what was `trained`, and `longer`.

    In the ledger's order: dropout smooths, L2 and weight normalization look alike, Gaussian weights
    are promising, the impact is huge.
    """
    networks = [*dict.fromkeys(hidden for hidden, _ in runs)]
    return [
        _smooths(runs, trained_longer, networks),
        _alike(runs, networks),
        _promising(runs, networks),
        _huge(runs, networks),
    ]


def _smooths(runs, trained_longer, networks):
    half = float(np.mean(smoother(trained_longer, ONE_LAYER))) / 2
    checks = [
        Check(
            f"neighbour correlation, dropout minus none, {name(h)}",
            over_seeds(smoother(runs, h)),
            low=0,
        )
        for h in networks
    ]
    same = Check(
        f"the same, trained longer, {name(networks[0])}",
        over_seeds(smoother(trained_longer, networks[0])),
        low=max(half, 0),
    )
    text = "Dropout will smooth multilayer networks in the same way."
    return claim("deeper-dropout", text, *checks, same)


def _alike(runs, networks):
    checks = []
    for h in networks:
        theirs, *others = (distance(runs, h, pair) for pair in PAIRS)
        nearer = over_seeds(np.min(others, axis=0) - theirs)
        checks += [
            Check(f"distance up to scale, {name(h)}", over_seeds(theirs), high=0.2),
            Check(f"next closest pair's, minus theirs, {name(h)}", nearer, low=0),
        ]
    text = "L2 and weight normalization will look alike in larger models too."
    return claim("deeper-alike", text, *checks)


def _promising(runs, networks):
    checks = [
        Check(
            f"points of accuracy over none, {title.lower()}, {name(h)}",
            over_seeds(gained(runs, h, title)),
            low=0,
        )
        for title in TITLES[-2:]
        for h in networks
        if (h, title) in runs
    ]
    return claim("promising", "Gaussian weights are a promising avenue.", *checks)


def _huge(runs, networks):
    checks = []
    for h in networks:
        none = grain(runs[h, "none"])
        moved = [np.abs(grain(runs[h, title]) - none) for title in TITLES[1:4]]
        points = [np.abs(gained(runs, h, title)) for title in TITLES[1:4]]
        moved, points = (over_seeds(np.max(each, axis=0)) for each in (moved, points))
        checks += [
            Check(f"neighbour correlation moved, {name(h)}", moved, low=0.5),
            Check(f"points of accuracy moved, {name(h)}", points, low=5),
        ]
    return claim("deep-impact", "Regularization has a huge impact on deep models.", *checks)
