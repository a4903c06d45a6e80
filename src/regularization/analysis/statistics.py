"""How sure a number is: intervals over seeds, spreads, comparisons on the same images."""

import functools
import itertools

import numpy as np
from scipy import stats
from scipy.special import expit, logit

#: Within which ends a quantity lies, whatever the data: none, or those of a kind.
ANYWHERE, RATIO, SHARE, CORRELATION = (-np.inf, np.inf), (0, np.inf), (0, 1), (-1, 1)


def interval(values, within=ANYWHERE, level=0.95):
    """Return mean, lower and upper end of Student's t interval over seeds (one seed: no width).

    Where a quantity has an end, or two, the interval is made on a scale that never reaches them, by
    its slope at the mean: of the logarithm, or of the log odds (a correlation's are Fisher's z).
    """
    values, (low, high) = np.asarray(values, "float64"), within
    mean = values.mean()
    if len(values) < 2 or not low < mean < high:  # at an end where all seeds are
        return mean, mean, mean
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * stats.sem(values)
    both = half * np.array([-1, 1])
    if np.isinf(low):
        return mean, *(mean + both)
    if np.isinf(high):
        return mean, *(low + (mean - low) * np.exp(both / (mean - low)))
    share, width = (mean - low) / (high - low), high - low
    return mean, *(low + width * expit(logit(share) + both / width / (share * (1 - share))))


def sampling_error(accuracy, count):
    """Return the standard error of an accuracy measured on `count` test images, from the binomial.

    It is what another test set would change; the seeds' interval does not contain it.
    """
    return float(np.sqrt(accuracy * (1 - accuracy) / count))


def spreads(run):
    """Return the standard deviations of the late test accuracy: between seeds, and checkpoints.

    The first is of the seeds' means over the last third, the second of a seed's checkpoints there.
    """
    late = _late(run)
    seeds = late.mean(axis=0).std(ddof=1) if late.shape[1] > 1 else 0.0
    checkpoints = late.var(axis=0, ddof=1).mean() if len(late) > 1 else 0.0
    return float(seeds), float(np.sqrt(checkpoints))


def of_one_reading(run):
    """Return the standard deviation of one late reading of one seed, and its degrees of freedom.

    The two variances of `spreads` added, with Satterthwaite's (1946) degrees of freedom.
    """
    count, seeds = _late(run).shape
    between, within = np.square(spreads(run))
    freedom = between**2 / max(seeds - 1, 1) + within**2 / (seeds * max(count - 1, 1))
    total = between + within
    return float(np.sqrt(total)), float(total**2 / freedom) if freedom else np.inf


def _late(run):
    curve = run.curve["test_accuracy"]
    return curve[curve["step"] > run.settings.steps * 2 / 3].values


def paired(first, second, level=0.95):
    """Compare which images two models get right, bool `[n]` each: first minus second, as shares.

    Returns the difference, the ends of its interval and the p value: McNemar's (1947) exact
    test on the images that only one of them gets right, and the normal interval of paired shares.
    """
    n, b, c = len(first), int(np.sum(first & ~second)), int(np.sum(~first & second))
    p_value = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    difference = (b - c) / n
    half = stats.norm.ppf((1 + level) / 2) * paired_error(first, second)
    return difference, difference - half, difference + half, p_value


def paired_error(first, second):
    """Return the standard error of the difference of two models' accuracies on the same images.

    Both are bool `[n]`, which images they get right; what counts is where they disagree.
    """
    apart = first.astype(float) - second
    return float(apart.std() / np.sqrt(len(apart)))


def pseudovalues(statistic, seeds):
    """Return the jackknife's pseudo-values of a statistic of several seeds, one a seed.

    `statistic` is computed from a list of seeds' indices. The interval over what is returned is one
    of the statistic also where each seed is in several pairs (Tukey, 1958). Of two seeds or fewer
    there is the statistic alone.
    """
    places = [*range(seeds)]
    whole = statistic(places)
    if seeds < 3:
        return np.array([whole])
    left_out = [statistic(places[:k] + places[k + 1 :]) for k in places]
    return seeds * whole - (seeds - 1) * np.array(left_out)


def _over_the_mean(between, *within):
    return between - np.mean(within)


def apart(groups, distance, over=_over_the_mean):
    """Return how much farther two groups are apart than their own members, by pair of names.

    `groups` are arrays `[seeds, ...]` by name. Half the energy distance of Székely and Rizzo
    (2013): the mean distance of two different seeds' members, one of each group, less the mean of
    those within the two groups; 0 for groups of one kind. Or another comparison, what `over` makes
    of the mean between the groups and those within the first and the second. Returned are its
    `pseudovalues`.
    """
    seeds = len(next(iter(groups.values())))
    between = {
        (a, b): np.array([[distance(x, y) for y in groups[b]] for x in groups[a]])
        for a, b in itertools.combinations_with_replacement(groups, 2)
    }
    others = ~np.eye(seeds, dtype=bool)  # never a seed and itself: they have one start

    def farther(pair, places):
        square = np.ix_(places, places)
        means = [
            between[each][square][others[square]].mean()
            for each in (pair, *((name, name) for name in pair))
        ]
        return over(*means)

    return {
        pair: pseudovalues(functools.partial(farther, pair), seeds)
        for pair in itertools.combinations(groups, 2)
    }


def rank_correlation(a, b):
    """Return Spearman's rank correlation of two lists."""
    return float(stats.spearmanr(a, b).statistic)
