"""Measures of a run: what the pictures show, as numbers."""

from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.optimize import linear_sum_assignment
from scipy.special import log_softmax, softmax


def interval(values, level=0.95):
    """Return mean, lower and upper end of Student's t interval over seeds (one seed: no width)."""
    values = np.asarray(values, "float64")
    mean = values.mean()
    if len(values) < 2:
        return mean, mean, mean
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * stats.sem(values)
    return mean, mean - half, mean + half


def smoothness(images):
    """Return the correlation of each pixel with its right and lower neighbours, over all images.

    `images` is `[..., height, width]`. 1 is a plane, 0 salt and pepper; Moran's I on a grid, in
    all but the borders' weights.
    """
    images = np.asarray(images, "float64")
    right = images[..., :, :-1].ravel(), images[..., :, 1:].ravel()
    below = images[..., :-1, :].ravel(), images[..., 1:, :].ravel()
    return _correlation(*(np.concatenate(pair) for pair in zip(right, below, strict=True)))


def total_variation(images):
    """Return the mean jump between neighbouring pixels over the mean size of a pixel.

    `images` is `[..., height, width]`. The anisotropic total variation of Rudin, Osher and Fatemi
    (1992), per pixel and free of scale: 0 for a plane, large for salt and pepper.
    """
    images = np.asarray(images, "float64")
    jumps = np.abs(np.diff(images, axis=-1)).mean() + np.abs(np.diff(images, axis=-2)).mean()
    return float(jumps / (np.abs(images).mean() or 1))


def high_frequencies(images, above=0.25):
    """Return the share of the images' power at spatial frequencies over `above` cycles a pixel.

    `images` is `[..., height, width]`; 0.5 is the finest pattern along a row or a column. A mean
    has no frequency and does not count. White noise has most of its power up there.
    """
    return fine_power(images, above) / (fine_power(images, 0) or 1)


def fine_power(images, above=0.25):
    """Return the images' power at spatial frequencies over `above` cycles a pixel."""
    images = np.asarray(images, "float64")
    rows, columns = (np.fft.fftfreq(size) for size in images.shape[-2:])
    power = np.abs(np.fft.fft2(images)) ** 2
    return float(power[..., np.hypot(rows[:, None], columns) > above].sum())


def near_zero(weights, within=0.01):
    """Return the share of weights whose size is below `within`, in the weights' own unit."""
    return float(np.mean(np.abs(weights) < within))


def pixels_in_use(weights):
    """Return on how many pixels a class relies, averaged: `(sum |w|)^2 / sum w^2` of its image.

    The participation ratio: k weights of one size and zeros elsewhere count k.
    """
    sizes = np.abs(np.asarray(weights, "float64")).reshape(len(weights), -1)
    return float(np.mean(sizes.sum(axis=1) ** 2 / ((sizes**2).sum(axis=1) + 1e-300)))


def class_means(digits):
    """Return the mean training image of each class on [0, 1], `[classes, height, width]`."""
    images, labels = digits.train_images, digits.train_labels
    return np.stack([images[labels == c].mean(axis=0) / 255 for c in range(digits.classes)])


def template_likeness(weights, templates):
    """Return how much each class's weights look like its mean image, averaged over the classes.

    Both are `[classes, height, width]`. The templates are first centred: what is common to all
    classes tells none of them apart. 1 is the same picture up to scale, 0 nothing in common.
    """
    distinct = templates - templates.mean(axis=0)
    pairs = zip(weights, distinct, strict=True)
    return float(np.mean([_correlation(w.ravel(), t.ravel()) for w, t in pairs]))


def own_template(weights, templates):
    """Return the share of classes whose image is most like the mean image of its own class.

    Both are `[classes, height, width]` and centred over the classes, which a softmax ignores.
    """
    weights, templates = (a - a.mean(axis=0) for a in (weights, templates))
    match = [[_correlation(w.ravel(), t.ravel()) for t in templates] for w in weights]
    return float(np.mean(np.argmax(match, axis=1) == np.arange(len(weights))))


def likeness(a, b):
    """Return the cosine between two arrays of weights: 1 is the same picture up to scale."""
    a, b = np.ravel(a).astype("float64"), np.ravel(b).astype("float64")
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def distance(a, b):
    """Return how far two arrays of weights are apart up to scale: 0 the same picture, 1 nothing.

    What is left of one, at length 1, when the best multiple of the other is taken away: the sine
    of the angle between them, `sqrt(1 - likeness^2)`. Both are `[classes, height, width]` and
    centred over the classes first: a softmax ignores what all classes share.
    """
    a, b = (np.asarray(x, "float64") - np.mean(x, axis=0) for x in (a, b))
    return float(np.sqrt(max(0.0, 1 - likeness(a, b) ** 2)))


def matched_distance(a, b):
    """Return the distance up to scale of two hidden layers' weights, unit by unit, averaged.

    Both are `[units, height, width]`. A layer's units have no order, so they are first paired such
    that the cosines of the pairs are largest in sum (Kuhn, 1955); a ReLU ignores each one's scale.
    """
    a, b = (np.float64(w).reshape(len(w), -1) for w in (a, b))
    a, b = (w / (np.linalg.norm(w, axis=1, keepdims=True) + 1e-300) for w in (a, b))
    cosines = a @ b.T
    pairs = linear_sum_assignment(cosines, maximize=True)
    return float(np.mean(np.sqrt(np.clip(1 - cosines[pairs] ** 2, 0, 1))))


def sampling_error(accuracy, count):
    """Return the standard error of an accuracy measured on `count` test images, from the binomial.

    It is what another test set would change; the seeds' interval does not contain it.
    """
    return float(np.sqrt(accuracy * (1 - accuracy) / count))


def logits(weights, images):
    """Return `[n, classes]` for weights `[classes, height, width]` and bytes `[n, height, width]`.

    Images may also be floats on [0, 255].
    """
    return images.reshape(len(images), -1) @ weights.reshape(len(weights), -1).T / np.float32(255)


def probabilities(weights, images):
    """Return what the weights make of images `[n, height, width]`, `[n, classes]`."""
    return softmax(logits(weights, images), axis=1)


def right(weights, images, labels):
    """Return which images `[n, height, width]` the weights classify as labelled, bool `[n]`."""
    return logits(weights, images).argmax(axis=1) == labels


def calibration_error(probabilities, labels, bins=15):
    """Return the expected calibration error of `[n, classes]` (Guo et al., 2017, equation 5).

    Answers are sorted into bins by the probability of the answer given; counted is the mean
    difference between how sure the model was and how often it was right.
    """
    sure, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bin_of = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=correct - sure, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def confidence(weights, images, labels):
    """Return how sure models are of their answers, and their calibration error: means over seeds.

    `weights` are `[seeds, classes, height, width]`; sure is the mean probability of the answer.
    """
    models = [probabilities(each, images) for each in weights]
    sure = np.mean([probabilities.max(axis=1).mean() for probabilities in models])
    return sure, np.mean([calibration_error(each, labels) for each in models])


def stopping(scores, patience):
    """Return the numbers of the best examination before training stops, and of the last one.

    It stops `patience` examinations after the best one, the earliest of equal ones; or at the end.
    """
    best = 0
    for number, score in enumerate(scores):
        best = number if score > scores[best] else best
        if number - best >= patience:
            break
    return best, number


def disturbed(images, seed=0):
    """Return images `[n, height, width]` by what was done to them, a list of arrays each.

    Normal noise of standard deviation 0.25 on pixels in [0, 1], cut to that range; shifts by one
    and by two pixels, one array for each of four directions; half of the pixels missing.
    """
    rng, x = np.random.default_rng(seed), images.astype("float32")
    noisy = np.clip(x + 0.25 * 255 * rng.standard_normal(x.shape, "float32"), 0, 255)
    return {
        "as they are": [x],
        "pixel noise": [noisy],
        "shifted by 1 pixel": _shifts(x, 1),
        "shifted by 2 pixels": _shifts(x, 2),
        "half of the pixels missing": [x * (rng.random(x.shape) < 0.5)],
    }


def robustness(weights, images_by_kind, labels):
    """Return the accuracy on each kind of `disturbed` images, a dict."""
    return {
        kind: float(np.mean([right(weights, images, labels).mean() for images in arrays]))
        for kind, arrays in images_by_kind.items()
    }


def _shifts(images, by):
    """Return the images shifted by some pixels in four directions, what enters is zero."""
    height, width = images.shape[1:]
    padded = np.pad(images, ((0, 0), (by, by), (by, by)))
    starts = (0, by), (2 * by, by), (by, 0), (by, 2 * by)
    return [padded[:, row : row + height, column : column + width] for row, column in starts]


def late_accuracy(run):
    """Return the test accuracy at the checkpoints of the last third, `[points, seeds]`."""
    late = np.array(run.curve["step"]) > run.steps * 2 / 3
    return np.array(run.curve["test_accuracy"])[late]


def spreads(run):
    """Return the standard deviations of the late test accuracy: between seeds, and checkpoints.

    The first is of the seeds' means over the last third, the second of a seed's checkpoints there.
    """
    late = late_accuracy(run)
    seeds = late.mean(axis=0).std(ddof=1) if late.shape[1] > 1 else 0.0
    return float(seeds), float(late.std(axis=0).mean())


class Paired(NamedTuple):
    """Two models on the same test images: `first` minus `second`, as shares of the images."""

    difference: float
    lower: float
    upper: float
    p_value: float
    only_first: int
    only_second: int
    images: int


def paired(first, second, level=0.95):
    """Compare which images two models get right, bool `[n]` each: a `Paired`.

    McNemar's (1947) exact test on the images that only one of them gets right, and the normal
    interval of the difference of two paired shares.
    """
    n, b, c = len(first), int(np.sum(first & ~second)), int(np.sum(~first & second))
    p_value = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    difference = (b - c) / n
    half = stats.norm.ppf((1 + level) / 2) * np.sqrt((b + c) / n - difference**2) / np.sqrt(n)
    return Paired(difference, difference - half, difference + half, p_value, b, c, n)


def rank_correlation(a, b):
    """Return Spearman's rank correlation of two lists."""
    return float(stats.spearmanr(a, b).statistic)


def distance_from_mean(images, labels, templates):
    """Return each image's squared distance from the mean image of its class, `[n]`."""
    return ((images / 255 - templates[labels]) ** 2).sum(axis=(1, 2))


def over_draws(run, seed, images, draws):
    """Return the probabilities `[draws, n, classes]` of several draws of drawn weights.

    `run` is of DrawnWeights or VariationalWeights, `seed` the place of the model in it.
    """
    rng = np.random.default_rng(seed)
    mu = run.parameters["mu"][seed]
    scale = run.technique.get("noise_scale", 1.0)  # which variational weights do not have
    width = scale * np.exp(run.parameters["log_sigma"][seed])
    drawn = (mu + width * rng.standard_normal(mu.shape, "float32") for _ in range(draws))
    return np.stack([probabilities(weights, images) for weights in drawn])


def averaged_over_draws(run, seed, images, labels, draws):
    """Return the accuracy of drawn weights whose probabilities are averaged over several draws."""
    answers = over_draws(run, seed, images, draws).mean(axis=0).argmax(axis=1)
    return float(np.mean(answers == labels))


def _correlation(a, b):
    """Return Pearson's correlation, 0 where one of the two does not vary."""
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / (np.sqrt((a @ a) * (b @ b)) or 1))


def loss_surface(weights, images, labels, digit, pixels, offsets, loss="squared_error"):
    """Return the loss `[offsets, offsets]` as two of a digit's weights move.

    `weights` is `[classes, height, width]`, `pixels` two (row, column), `offsets` are added to
    the first weight along the columns and to the second along the rows.
    """
    x = images.reshape(len(images), -1) / 255
    logits = x @ weights.reshape(len(weights), -1).T
    first, second = (images[:, row, column] / 255 for row, column in pixels)
    targets = np.eye(len(weights))[labels]

    def at(a, b):
        moved = logits.copy()
        moved[:, digit] += a * first + b * second
        if loss == "cross_entropy":
            return -np.mean(np.sum(targets * log_softmax(moved, axis=1), axis=1))
        return 0.5 * np.mean((targets - softmax(moved, axis=1)) ** 2)

    return np.array([[at(a, b) for a in offsets] for b in offsets])
