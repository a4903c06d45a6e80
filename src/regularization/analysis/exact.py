"""Softmax regression solved, not trained: optima to as many digits as one likes, in float64.

Images are bytes `[n, height, width]` and count as pixels on [0, 1], labels are integers `[n]`.
"""

import hashlib
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from regularization.analysis.least_squares import pixels
from regularization.results import store


class Optimum(NamedTuple):
    """Where a convex loss has its minimum: weights `[classes, height, width]`, how it was found."""

    weights: np.ndarray
    loss: float
    gradient_norm: float
    evaluations: int


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
        loss, slopes = self._of_logits(self.x @ w.T)
        gradient = slopes.T @ self.x + strength * w
        return loss + strength / 2 * np.sum(w**2), gradient.ravel()

    def _of_logits(self, z):
        """Return the data's loss, and its slopes along the logits, `[n, classes]`."""
        log_p = log_softmax(z, axis=1)
        return -np.sum(self.targets * log_p) / len(z), (np.exp(log_p) - self.targets) / len(z)

    def first_step(self):
        """Return minus the gradient at zero weights: where a step downhill from there goes.

        Under a penalty so strong that the weights stay near zero the gradient is still the same,
        and the optimum is this over the strength.
        """
        _, gradient = self._loss_and_gradient(np.zeros(self.shape[0] * self.ink.sum()), 0.0)
        return self._as_images(-gradient)

    def _as_images(self, flat):
        weights = np.zeros((self.shape[0], self.ink.size))
        weights[:, self.ink] = flat.reshape(self.shape[0], -1)
        return weights.reshape(self.shape)

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
        weights, norm = self._as_images(found.x), np.linalg.norm(found.jac)
        return Optimum(weights, float(found.fun), float(norm), found.nfev)


class SquaredError(SoftmaxRegression):
    """The same with the post's loss: half the mean squared error of the softmax.

    Not convex, so what `solve` finds from a start nearby is a minimum, and need not be the lowest.
    """

    def _of_logits(self, z):
        p = softmax(z, axis=1)
        errors = p - self.targets
        slopes = p * (errors - np.sum(errors * p, axis=1, keepdims=True))
        return 0.5 * np.mean(errors**2), slopes / errors.size


def margin(weights, images, labels):
    """Return the least lead of the right class's logit over the best other, at weights of length 1.

    What all classes share does not count towards the length: it moves no lead.
    """
    weights = np.float64(weights) - np.mean(weights, axis=0)
    z = pixels(images) @ (weights / np.linalg.norm(weights)).reshape(len(weights), -1).T
    own = np.eye(len(weights), dtype=bool)[labels]
    return float(np.min(z[own] - np.where(own, -np.inf, z).max(axis=1)))


def path(images, labels, strengths, problem=SoftmaxRegression):
    """Return the `Optimum` at each strength, from the strongest to the weakest, as they are kept.

    Each begins at the one before.
    """
    data = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()

    def solve():
        of_images, found = problem(images, labels), []
        for strength in strengths:
            found.append(of_images.solve(strength, start=found[-1] if found else None))
        return {name: np.array([getattr(each, name) for each in found]) for name in Optimum._fields}

    known = {"strengths": [*strengths], "data": data, "problem": problem.__name__}
    kept = store.computed("exact optima", known, __file__, solve)
    columns = (kept[name] for name in Optimum._fields)
    return [Optimum(*each) for each in zip(*columns, strict=True)]
