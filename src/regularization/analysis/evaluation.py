"""What models answer: logits, accuracy, calibration, on images as they are and disturbed."""

import numpy as np
from scipy.special import log_softmax, softmax
from scipy.stats import rankdata


def logits(weights, images):
    """Return `[n, ..., classes]` for weights `[..., classes, height, width]` of one or many models.

    Images are bytes `[n, height, width]`, or floats on [0, 255]. Many models are one product: the
    images are turned into floats once.
    """
    images, weights = np.asarray(images), np.asarray(weights)
    pixels = images.reshape(len(images), -1)
    found = pixels @ weights.reshape(-1, pixels.shape[1]).T / np.float32(255)
    return found.reshape(len(images), *weights.shape[:-2])


def probabilities(weights, images):
    """Return what the weights make of images `[n, height, width]`, `[n, classes]`."""
    return softmax(logits(weights, images), axis=1)


def correct(weights, images, labels):
    """Return which images `[n, height, width]` the weights classify as labelled, bool `[n]`."""
    return logits(weights, images).argmax(axis=1) == labels


def calibration_error(probabilities, labels, bins=15):
    """Return the expected calibration error of `[n, classes]` (Guo et al., 2017, equation 3).

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


def attacked(weights, images, labels, epsilon):
    """Return images `[n, height, width]` in which each pixel is moved by `epsilon` to do harm.

    To where the model's cross-entropy grows (the fast gradient sign method, Goodfellow, Shlens and
    Szegedy, 2015), on pixels in [0, 1], cut to that range; as floats on [0, 255].
    """
    error = probabilities(weights, images)
    error[np.arange(len(labels)), labels] -= 1
    slope = error @ np.reshape(weights, (error.shape[1], -1))
    moved = images + 255 * epsilon * np.sign(slope).reshape(images.shape)
    return moved.clip(0, 255).astype("float32")


def by_class(run, images, labels):
    """Return the accuracy on the images of each class, `[classes]`: the mean over the seeds."""
    right = np.array([correct(weights, images, labels) for weights in run.weights.values])
    return np.array([right[:, labels == label].mean() for label in np.unique(labels)])


def robustness(weights, images_by_kind, labels):
    """Return the accuracy on each kind of `disturbed` images, a dict."""
    return {
        kind: float(np.mean([correct(weights, images, labels).mean() for images in arrays]))
        for kind, arrays in images_by_kind.items()
    }


def _shifts(images, by):
    """Return the images shifted by some pixels in four directions, what enters is zero.

    Signals are shifted in two, and go on as they end.
    """
    height, width = images.shape[1:]
    starts = (by, 0), (by, 2 * by)
    if height > 1:
        starts = (0, by), (2 * by, by), *starts
    padded = np.pad(images, ((0, 0), (by, by), (by, by)), "constant" if height > 1 else "edge")
    return [padded[:, row : row + height, column : column + width] for row, column in starts]


def distance_from_mean(images, labels, templates):
    """Return each image's squared distance from the mean image of its class, `[n]`."""
    return ((images / 255 - templates[labels]) ** 2).sum(axis=(1, 2))


def rank_within_class(values, labels):
    """Return the rank of each value among those of its own class, from 0 to 1, `[n]`."""
    ranks = np.empty(len(values))
    for label in np.unique(labels):
        own = labels == label
        ranks[own] = (rankdata(values[own], "ordinal") - 1) / max(own.sum() - 1, 1)
    return ranks


def over_draws(run, seed, images, draws):
    """Return the probabilities `[draws, n, classes]` of several draws of drawn weights.

    `run` is of DrawnWeights or VariationalWeights, `seed` the place of the model in it.
    """
    rng = np.random.default_rng(seed)
    mu, log_sigma = (run.parameters[name].values[seed] for name in ("mu", "log_sigma"))
    width = run.settings.technique.noise_scale * np.exp(log_sigma)
    drawn = mu + width * rng.standard_normal((draws, *mu.shape), "float32")
    return softmax(logits(drawn, images), axis=-1).swapaxes(0, 1)


def averaged_over_draws(run, seed, images, labels, draws):
    """Return the accuracy of drawn weights whose probabilities are averaged over several draws."""
    answers = over_draws(run, seed, images, draws).mean(axis=0).argmax(axis=1)
    return float(np.mean(answers == labels))


def loss_surface(weights, images, labels, digit, pixels, offsets, loss="squared_error"):
    """Return the loss `[offsets, offsets]` as two of a digit's weights move.

    `weights` is `[classes, height, width]`, `pixels` two (row, column), `offsets` are added to
    the first weight along the columns and to the second along the rows.
    """
    x = images.reshape(len(images), -1) / 255
    weights = np.asarray(weights)
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
