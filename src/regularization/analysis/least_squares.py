"""Least squares on digits, exactly: of least norm, by ridge, stopped early; and over many draws.

Images are bytes `[n, height, width]` and count as pixels on [0, 1], labels are integers `[n]`, and
the targets are one-hot. There is no softmax here, and so nothing that has to be trained.
"""

import itertools

import numpy as np
import xarray as xr
from scipy import optimize

from regularization.analysis import evaluation, measures
from regularization.core.subsets import subset
from regularization.results import store


def pixels(images):
    """Return images as float64 `[n, pixels]` on [0, 1]."""
    return images.reshape(len(images), -1) / 255


class LeastSquares:
    """Half the mean squared error of `x W^T`, summed over the classes: its best fit, and the way.

    From zero, ridge and gradient descent go along each principal direction of the images by itself,
    a share of the way to the best fit that depends on how strong that direction is.
    """

    def __init__(self, images, labels, classes=10):
        """Find the `directions` `[rank, pixels]`, strongest first, and their `eigenvalues`.

        An eigenvalue is the mean square of the images along its direction.
        """
        x, targets = pixels(images), np.eye(classes)[labels]
        self.shape = classes, *images.shape[1:]
        # Images and targets, turned together into a triangle: nothing is lost, nor squared.
        triangle = np.linalg.qr(np.hstack([x, targets]), mode="r")
        u, s, directions = np.linalg.svd(triangle[:, : x.shape[1]], full_matrices=False)
        rank = np.sum(s > s[0] * max(x.shape) * np.finfo(float).eps)  # as NumPy and SciPy count it
        self.eigenvalues, self.directions = s[:rank] ** 2 / len(x), directions[:rank]
        self._fit = (u.T @ triangle[:, x.shape[1] :])[:rank] / s[:rank, None]

    def weights(self, shares=1.0):
        """Return weights `[classes, height, width]`, these shares of the way along each direction.

        All of the way is the best fit of least norm (Moore and Penrose's inverse).
        """
        gone = np.reshape(shares, (-1, 1)) * self._fit  # [rank, classes]
        return (gone.T @ self.directions).reshape(self.shape)

    def ridge(self, strength):
        """Return the minimum with `strength / 2` times the squared weights added; 0: least norm.

        Raises ValueError for a strength below zero: nothing is at a minimum then.
        """
        if not 0 <= strength < np.inf:
            raise ValueError(
                f"ridge(strength={strength!r}): expected a number of at least 0. A negative "
                "penalty pays for weights without end."
            )
        return self.weights(ridge_shares(self.eigenvalues, strength))

    def descent(self, rate, steps):
        """Return the weights after `steps` of gradient descent from zero, at any real `steps`."""
        return self.weights(descent_shares(self.eigenvalues, rate, steps))


def ridge_shares(eigenvalues, strength):
    """Return how far ridge goes along directions of these eigenvalues, shares of the way."""
    return eigenvalues / (eigenvalues + strength)


def descent_shares(eigenvalues, rate, steps):
    """Return how far `steps` of gradient descent at a learning rate go, shares of the way."""
    return -np.expm1(steps * np.log1p(-rate * eigenvalues))


def under_dropout(images):
    """Return the eigenvalues, and directions `[rank, pixels]`, along which dropout shrinks.

    Dropout taxes a pixel by its own power (`dropout_penalty`). Measured in its root, every pixel
    has the power 1, and the tax is ridge's, of strength `rate / (1 - rate)`.
    """
    x = pixels(images)
    root = np.sqrt(np.mean(x**2, axis=0))
    x /= np.where(root, root, 1)
    eigenvalues, vectors = np.linalg.eigh(x.T @ x / len(x))
    return eigenvalues[::-1], vectors.T[::-1]


def drawn(digits, size, seed):
    """Return `size` training images that a seed draws, and their labels.

    A larger draw of a seed has its smaller ones in it. Raises ValueError where there are fewer.
    """
    count = len(digits.train_images)
    if not 0 < size <= count:
        raise ValueError(
            f"{size:,} images are asked for, and {digits.name} has {count:,} to train on. Expected "
            f"a number from 1 to {count:,}."
        )
    indices = subset(digits, seed, size).indices
    return digits.train_images[indices], digits.train_labels[indices]


def by_size(digits, sizes, strengths, seeds):
    """Return ridge's weights on so many images, drawn by each seed, and how good they are.

    An xarray.Dataset along "images", "ridge" (the strengths; 0: of least norm) and "seed":
    `weights`, `test_accuracy`, and `neighbour_correlation`, their smoothness; along "images" and
    "seed" the `rank` of the images.
    """

    def solve():
        found, ranks = [], []
        for each in (LeastSquares(*drawn(digits, n, seed)) for n in sizes for seed in range(seeds)):
            found.append([each.ridge(strength) for strength in strengths])
            ranks.append(len(each.eigenvalues))
        found = np.reshape(found, (len(sizes), seeds, len(strengths), *found[0][0].shape))
        ranks = np.reshape(ranks, (len(sizes), seeds))
        return {"weights": found.swapaxes(1, 2).astype("float32"), "rank": ranks}

    known = dict(sizes=[*sizes], strengths=[*strengths], seeds=seeds, data=digits.hash)
    kept = store.computed("least squares by size", known, __file__, solve)
    weights = kept["weights"]
    places = {"images": [*sizes], "ridge": [*strengths], "seed": range(seeds)}
    models = weights.reshape(-1, *weights.shape[3:])
    answers = evaluation.logits(models, digits.test_images).argmax(axis=-1).T
    measured = {
        "test_accuracy": np.mean(answers == digits.test_labels, axis=1),
        "neighbour_correlation": np.array([measures.smoothness(model) for model in models]),
    }
    measured = {
        name: ([*places], each.reshape(weights.shape[:3])) for name, each in measured.items()
    }
    measured |= {
        "weights": ([*places, *"cyx"], weights),
        "rank": (["images", "seed"], kept["rank"]),
    }
    return xr.Dataset(measured, places)


def over_draws(digits, sizes, strengths, draws):
    """Return what ridge's weights have in common over many draws of images, and what not.

    An xarray.Dataset along "images" and "ridge": `mean` and `deviation` of the weights, pixel by
    pixel; of the test images' squared error the part that more draws would not average away,
    `bias`, and the rest, `variance` (Geman, Bienenstock and Doursat, 1992): what they add up to is
    the error of one draw, on average; what each draw gets right, `accuracy`, and what the mean
    weights do, `accuracy_of_mean`; and for each pair of draws `accidental`, the share of their
    grain that they do not have in common.
    """

    def solve():
        found = [_over_draws(digits, size, strengths, draws) for size in sizes]
        return {name: np.array([each[name] for each in found]) for name in found[0]}

    known = dict(sizes=[*sizes], strengths=[*strengths], draws=draws, data=digits.hash)
    kept = store.computed("least squares over draws", known, __file__, solve)
    more = {"mean": "cyx", "deviation": "cyx", "accuracy": ["draw"], "accidental": ["pair"]}
    values = {k: (["images", "ridge", *more.get(k, [])], value) for k, value in kept.items()}
    return xr.Dataset(values, {"images": [*sizes], "ridge": [*strengths]})


def _over_draws(digits, size, strengths, draws):
    problems = (LeastSquares(*drawn(digits, size, seed)) for seed in range(draws))
    weights = np.array([[each.ridge(strength) for strength in strengths] for each in problems])
    mean, x = weights.mean(axis=0), pixels(digits.test_images)
    targets = np.eye(digits.classes)[digits.test_labels]

    def judged(models):
        """Return the squared error and the accuracy of each of some weights."""
        found = []
        for model in models:
            answers = x @ model.reshape(len(model), -1).T
            right = np.mean(answers.argmax(axis=1) == digits.test_labels)
            found.append((0.5 * np.mean(np.sum((answers - targets) ** 2, axis=1)), right))
        return np.transpose(found)

    of_mean, accuracy_of_mean = judged(mean)
    error, accuracy = np.transpose([judged(each) for each in weights], (1, 2, 0))
    variance = (error.mean(axis=1) - of_mean) * draws / (draws - 1)
    return {
        "mean": mean.astype("float32"),
        "deviation": weights.std(axis=0, ddof=1).astype("float32"),
        "bias": error.mean(axis=1) - variance,
        "variance": variance,
        "accuracy": accuracy,
        "accuracy_of_mean": accuracy_of_mean,
        "accidental": np.transpose(
            [
                [_accidental(*two) for two in zip(*pair, strict=True)]
                for pair in zip(weights[:-1:2], weights[1::2], strict=True)
            ]
        ),
    }


def _accidental(one, other):
    """Return the share of two independent weights' grain that is not common to both.

    The mean of the two has all of the common part, and of the rest one half.
    """
    each = (measures.grain(one) + measures.grain(other)) / 2
    return 2 - 2 * measures.grain((one + other) / 2) / each


def touching(best, moments, share, corners):
    """Return where a limit on two weights touches the lowest squared error within it.

    `best` are the two weights without a limit, `moments` `[2, 2]` the mean products of their
    pixels: all else given, the error is a quadratic form about `best`. The limit is a diamond, a
    constant sum of sizes, if it has `corners`, else a circle; it is as large as `share` of what
    `best` would need.
    """
    if corners:
        size = share * np.abs(best).sum()
        ends = size * np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [1, 0]])
        found = []
        for start, end in itertools.pairwise(ends):  # the lowest place of each edge
            along = (end - start) @ moments
            place = np.clip(along @ (best - start) / (along @ (end - start)), 0, 1)
            found.append((1 - place) * start + place * end)
        return min(found, key=lambda w: (w - best) @ moments @ (w - best))

    def within(strength):
        """Return ridge's weights: on a circle, the larger the strength the smaller."""
        return np.linalg.solve(moments + strength * np.eye(2), moments @ best)

    size, most = share * np.linalg.norm(best), np.trace(moments) / share
    return within(optimize.brentq(lambda s: np.linalg.norm(within(s)) - size, 0, most))


def squared_error(kernel, x, y):
    """Return half the squared error of `kernel @ x`, `[n]`: `x` is `[n, pixels]`, `y` targets."""
    return 0.5 * np.sum((y - x @ kernel.T) ** 2, axis=1)


def dropout_penalty(kernel, x, rate):
    """Return what dropout of the inputs adds to the expected `squared_error`, `[n]`.

    `rate / (1 - rate) / 2` times the sum of `(x_j w_cj)^2`: an L2 penalty that adapts to each
    pixel's own power (Srivastava et al., 2014, section 9.1; Wager et al., 2013).
    """
    return 0.5 * rate / (1 - rate) * np.sum((x**2) @ (kernel**2).T, axis=1)


def noise_penalty(kernel, scale):
    """Return what normal noise on the inputs adds to the expected `squared_error`: L2's penalty.

    `scale^2 / 2` times the sum of squared weights, Tikhonov's regularizer (Bishop, 1995).
    """
    return 0.5 * scale**2 * np.sum(kernel**2)
