"""Measures of a run: what the pictures show, as numbers."""

import numpy as np
from scipy import stats
from scipy.special import softmax


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


def likeness(a, b):
    """Return the cosine between two arrays of weights: 1 is the same picture up to scale."""
    a, b = np.ravel(a).astype("float64"), np.ravel(b).astype("float64")
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def sampling_error(accuracy, count):
    """Return the standard error of an accuracy measured on `count` test images, from the binomial.

    It is what another test set would change; the seeds' interval does not contain it.
    """
    return float(np.sqrt(accuracy * (1 - accuracy) / count))


def _correlation(a, b):
    """Return Pearson's correlation, 0 where one of the two does not vary."""
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / (np.sqrt((a @ a) * (b @ b)) or 1))


def loss_surface(weights, images, labels, digit, pixels, offsets):
    """Return the squared error `[offsets, offsets]` as two of a digit's weights move.

    `weights` is `[classes, height, width]`, `pixels` two (row, column), `offsets` are added to
    the first weight along the columns and to the second along the rows.
    """
    x = images.reshape(len(images), -1) / 255
    logits = x @ weights.reshape(len(weights), -1).T
    first, second = (images[:, row, column] / 255 for row, column in pixels)
    targets = np.eye(len(weights))[labels]

    def loss(a, b):
        moved = logits.copy()
        moved[:, digit] += a * first + b * second
        return 0.5 * np.mean((targets - softmax(moved, axis=1)) ** 2)

    return np.array([[loss(a, b) for a in offsets] for b in offsets])
