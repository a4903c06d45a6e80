"""Measures of weights: what the pictures show, as numbers."""

import numpy as np
from scipy.optimize import least_squares, linear_sum_assignment


def smoothness(images, among=None):
    """Return the correlation of each pixel with its right and lower neighbours, over all images.

    `images` is `[..., height, width]`. 1 is a plane, 0 salt and pepper; Moran's I on a grid, in
    all but the borders' weights. `among`, bool `[height, width]`, are pixels that alone count.
    """
    images = np.asarray(images, "float64")
    among = np.ones(images.shape[-2:], bool) if among is None else among
    along, down = among[:, :-1] & among[:, 1:], among[:-1] & among[1:]
    right = images[..., :, :-1][..., along].ravel(), images[..., :, 1:][..., along].ravel()
    below = images[..., :-1, :][..., down].ravel(), images[..., 1:, :][..., down].ravel()
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
    power, frequencies = _power(images)
    return float(power[..., frequencies > above].sum() / (power[..., frequencies > 0].sum() or 1))


def grain(images, above=0.25):
    """Return the mean square of what the images have at frequencies over `above`, in their unit.

    `images` is `[..., height, width]`. Where `high_frequencies` is a share, this is an amount.
    """
    power, frequencies = _power(images)
    return float(power[..., frequencies > above].sum() / (power.size * frequencies.size))


def _power(images):
    """Return the images' power at each frequency, and how high that is, in cycles a pixel."""
    images = np.asarray(images, "float64")
    frequencies = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, images.shape[-2:]), indexing="ij"))
    return np.abs(np.fft.fft2(images)) ** 2, frequencies


def near_zero(weights, within=0.01):
    """Return the share of weights whose size is below `within`, in the weights' own unit."""
    return float(np.mean(np.abs(np.asarray(weights)) < within))


def pixels_in_use(weights):
    """Return on how many pixels a class relies, averaged: `(sum |w|)^2 / sum w^2` of its image.

    The participation ratio: k weights of one size and zeros elsewhere count k.
    """
    sizes = np.abs(np.asarray(weights, "float64")).reshape(len(weights), -1)
    return float(np.mean(sizes.sum(axis=1) ** 2 / ((sizes**2).sum(axis=1) + 1e-300)))


def inked(digits):
    """Return the pixels that have ink in a hundredth of the training images at least.

    Bool `[height, width]`. On others a penalty leaves nothing, which would pass for smooth, and no
    penalty leaves the start, which would pass for grain.
    """
    return (digits.train_images > 0).mean(axis=0) >= 0.01


def class_means(digits):
    """Return the mean training image of each class on [0, 1], `[classes, height, width]`."""
    images, labels = digits.train_images, digits.train_labels
    return np.stack([images[labels == c].mean(axis=0) / 255 for c in range(digits.classes)])


def template_likeness(weights, templates):
    """Return how much each class's weights look like its mean image, averaged over the classes.

    Both are `[classes, height, width]`. The templates are first centred: what is common to all
    classes tells none of them apart. The weights are not, since the question is what a picture
    shows to the eye. 1 is the same picture up to scale, 0 nothing in common.
    """
    weights, distinct = np.asarray(weights), templates - templates.mean(axis=0)
    pairs = zip(weights, distinct, strict=True)
    return float(np.mean([_correlation(w.ravel(), t.ravel()) for w, t in pairs]))


def own_template(weights, templates):
    """Return the share of classes whose image is most like the mean image of its own class.

    Both are `[classes, height, width]` and centred over the classes, which a softmax ignores.
    """
    weights, templates = (np.asarray(a) - np.mean(a, axis=0) for a in (weights, templates))
    match = [[_correlation(w.ravel(), t.ravel()) for t in templates] for w in weights]
    return float(np.mean(np.argmax(match, axis=1) == np.arange(len(weights))))


def likeness(a, b):
    """Return the cosine between two arrays of weights: 1 is the same picture up to scale."""
    a, b = np.ravel(a).astype("float64"), np.ravel(b).astype("float64")
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def laid_out(distances):
    """Return places `[n, 2]` whose distances come nearest to the given `[n, n]`, and their stress.

    The stress is Kruskal's (1964, equation 1): the root of the squared misses' share of the squared
    distances; 0 is a perfect map. It is lowered from where classical scaling lays them, and from
    twenty other starts.
    """
    distances = np.asarray(distances, float)
    pairs = np.triu_indices(len(distances), 1)
    middle = np.eye(len(distances)) - 1 / len(distances)
    values, vectors = np.linalg.eigh(-middle @ distances**2 @ middle / 2)
    start = vectors[:, :-3:-1] * np.sqrt(values[:-3:-1].clip(0))
    start *= np.sign(start[np.abs(start).argmax(axis=0), [0, 1]])  # an eigenvector has no sign

    def misses(flat):
        apart = flat.reshape(-1, 2)[pairs[0]] - flat.reshape(-1, 2)[pairs[1]]
        return np.hypot(*apart.T) - distances[pairs]

    others = np.random.default_rng(0).normal(size=(20, *start.shape)) * start.std()
    starts = [start, *others]
    found = min((least_squares(misses, at.ravel()) for at in starts), key=lambda each: each.cost)
    return found.x.reshape(-1, 2), float(np.sqrt(2 * found.cost / np.sum(distances[pairs] ** 2)))


def distance(a, b):
    """Return how far two arrays of weights are apart up to scale: 0 the same picture, 1 nothing.

    What is left of one, at length 1, when the best multiple of the other is taken away: the sine
    of the angle between them, `sqrt(1 - likeness^2)`. Both are `[classes, height, width]` and
    centred over the classes first: a softmax ignores what all classes share.
    """
    a, b = (np.asarray(x, "float64") - np.mean(np.asarray(x), axis=0) for x in (a, b))
    return float(np.sqrt(max(0.0, 1 - likeness(a, b) ** 2)))


def matched_likeness(a, b):
    """Return how alike two hidden layers' weights are, unit by unit: the mean cosine of the pairs.

    Both are `[units, height, width]`. A layer's units have no order, so they are first paired such
    that the cosines of the pairs are largest in sum (Kuhn, 1955); a ReLU ignores each one's scale.
    1 is the same pictures, 0 nothing in common, as of a unit that is turned into its negative.
    """
    a, b = (np.asarray(w, "float64").reshape(len(w), -1) for w in (a, b))
    a, b = (w / (np.linalg.norm(w, axis=1, keepdims=True) + 1e-300) for w in (a, b))
    cosines = a @ b.T
    pairs = linear_sum_assignment(cosines, maximize=True)
    return float(np.mean(cosines[pairs].clip(0)))


def _correlation(a, b):
    """Return Pearson's correlation, 0 where one of the two does not vary."""
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / (np.sqrt((a @ a) * (b @ b)) or 1))
