"""How sure a number is: intervals over seeds, spreads, comparisons on the same images."""

import numpy as np
from scipy import stats


def interval(values, level=0.95):
    """Return mean, lower and upper end of Student's t interval over seeds (one seed: no width)."""
    values = np.asarray(values, "float64")
    mean = values.mean()
    if len(values) < 2:
        return mean, mean, mean
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * stats.sem(values)
    return mean, mean - half, mean + half


def sampling_error(accuracy, count):
    """Return the standard error of an accuracy measured on `count` test images, from the binomial.

    It is what another test set would change; the seeds' interval does not contain it.
    """
    return float(np.sqrt(accuracy * (1 - accuracy) / count))


def spreads(run):
    """Return the standard deviations of the late test accuracy: between seeds, and checkpoints.

    The first is of the seeds' means over the last third, the second of a seed's checkpoints there.
    """
    curve = run.curve["test_accuracy"]
    late = curve[curve["step"] > run.settings.steps * 2 / 3].values
    seeds = late.mean(axis=0).std(ddof=1) if late.shape[1] > 1 else 0.0
    return float(seeds), float(late.std(axis=0).mean())


def paired(first, second, level=0.95):
    """Compare which images two models get right, bool `[n]` each: first minus second, as shares.

    Returns the difference, the ends of its interval and the p value: McNemar's (1947) exact
    test on the images that only one of them gets right, and the normal interval of paired shares.
    """
    n, b, c = len(first), int(np.sum(first & ~second)), int(np.sum(~first & second))
    p_value = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    difference = (b - c) / n
    half = stats.norm.ppf((1 + level) / 2) * np.sqrt((b + c) / n - difference**2) / np.sqrt(n)
    return difference, difference - half, difference + half, p_value


def rank_correlation(a, b):
    """Return Spearman's rank correlation of two lists."""
    return float(stats.spearmanr(a, b).statistic)
