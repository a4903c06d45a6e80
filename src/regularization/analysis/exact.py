"""What need not be trained: optima and expected losses that are known exactly, in float64.

Images are bytes `[n, height, width]` and count as pixels on [0, 1], labels are integers `[n]`.
"""

import hashlib
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from regularization.results import store


class Optimum(NamedTuple):
    """Where a convex loss has its minimum: weights `[classes, height, width]`, how it was found."""

    weights: np.ndarray
    loss: float
    gradient_norm: float
    evaluations: int


def pixels(images):
    """Return images as float64 `[n, pixels]` on [0, 1]."""
    return images.reshape(len(images), -1) / 255


class SoftmaxRegression:
    """Cross-entropy of `softmax(x W^T)` plus `strength / 2` times the sum of squared weights.

    Convex, and with a strength above zero it has one minimum.
    """

    def __init__(self, images, labels, classes=10):
        """Keep the images' pixels that ever have ink: the others' weights are zero at a minimum."""
        self.shape = classes, *images.shape[1:]
        self.ink = images.any(axis=0).ravel()
        self.x, self.targets = pixels(images)[:, self.ink], np.eye(classes)[labels]

    def loss(self, weights, strength=0.0):
        """Return the loss at weights `[classes, height, width]`, and the norm of its gradient.

        Both count the pixels without ink, where the penalty alone pulls.
        """
        flat = np.float64(weights).reshape(len(weights), -1)
        loss, gradient = self._loss_and_gradient(flat[:, self.ink].ravel(), strength)
        dark = flat[:, ~self.ink]
        norm = np.hypot(np.linalg.norm(gradient), strength * np.linalg.norm(dark))
        return float(loss + strength / 2 * np.sum(dark**2)), float(norm)

    def _loss_and_gradient(self, flat, strength):
        w = flat.reshape(self.shape[0], -1)
        z = self.x @ w.T
        log_p = z - logsumexp(z, axis=1, keepdims=True)
        loss = -np.sum(self.targets * log_p) / len(z) + strength / 2 * np.sum(w**2)
        gradient = (np.exp(log_p) - self.targets).T @ self.x / len(z) + strength * w
        return loss, gradient.ravel()

    def solve(self, strength, start=None, tolerance=1e-8):
        """Return the `Optimum`, by L-BFGS (Liu and Nocedal, 1989) until the gradient is that small.

        `start` is another Optimum, of a strength nearby. Raises ValueError for a strength that is
        not above zero: then there may be no minimum, or none that is reached.
        """
        if not 0 < strength < np.inf:
            raise ValueError(
                f"solve(strength={strength!r}): expected a number above 0. Without a penalty the "
                "weights of separable classes grow for ever; give a small strength."
            )
        first = np.zeros(self.shape) if start is None else start.weights
        found = minimize(
            self._loss_and_gradient,
            first.reshape(self.shape[0], -1)[:, self.ink].ravel(),
            args=(strength,),
            jac=True,
            method="L-BFGS-B",
            # The tolerance is on the largest entry; 50 corrections halve the evaluations.
            options=dict(
                gtol=tolerance / np.sqrt(self.shape[0] * self.ink.sum()),
                ftol=0,
                maxcor=50,
                maxiter=50_000,
                maxfun=50_000,
            ),
        )
        weights = np.zeros((self.shape[0], self.ink.size))
        weights[:, self.ink] = found.x.reshape(self.shape[0], -1)
        norm = np.linalg.norm(found.jac)
        return Optimum(weights.reshape(self.shape), float(found.fun), float(norm), found.nfev)


def path(images, labels, strengths):
    """Return the `Optimum` at each strength, from the strongest to the weakest, as they are kept.

    Each begins at the one before.
    """
    data = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()

    def solve():
        problem, found = SoftmaxRegression(images, labels), []
        for strength in strengths:
            found.append(problem.solve(strength, start=found[-1] if found else None))
        return {name: np.array([getattr(each, name) for each in found]) for name in Optimum._fields}

    known = {"strengths": [*strengths], "data": data}
    kept = store.computed("exact optima", known, __file__, solve)
    columns = (kept[name] for name in Optimum._fields)
    return [Optimum(*each) for each in zip(*columns, strict=True)]


class LeastSquares:
    """Half the mean squared error of `x W^T` on one-hot targets, summed over the classes.

    Its ridge solutions, and where gradient descent from zero stands after any number of steps, are
    both diagonal in the eigenvectors of the pixels' second moments.
    """

    def __init__(self, images, labels, classes=10):
        """Find the eigenvectors."""
        x = pixels(images)
        self.shape = classes, *images.shape[1:]
        self.eigenvalues, self._vectors = np.linalg.eigh(x.T @ x / len(x))
        self._moments = self._vectors.T @ (x.T @ np.eye(classes)[labels] / len(x))

    def ridge(self, strength):
        """Return the minimum with `strength / 2` times the squared weights added."""
        return self._weights(1 / (self.eigenvalues + strength))

    def descent(self, rate, steps):
        """Return the weights after `steps` of gradient descent from zero, at any real `steps`."""
        each = np.clip(self.eigenvalues, 1e-12, None)
        return self._weights(-np.expm1(steps * np.log1p(-rate * each)) / each)

    def _weights(self, gain):
        return (self._vectors @ (gain[:, None] * self._moments)).T.reshape(self.shape)


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
