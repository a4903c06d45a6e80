"""Mixup."""

from dataclasses import dataclass

from regularization.core.backend import ops
from regularization.core.technique import Draw, Technique, above_0


@dataclass(frozen=True)
class Mixup(Technique):
    """Mix each image of a batch with its neighbour, and their labels in the same parts.

    Zhang et al. (2018), equation 1: the part is drawn from a beta distribution with both parameters
    at `concentration`, for each pair. Batches are in random order, so a neighbour is anyone.
    """

    concentration: float = above_0(1.0)

    def noise(self, x_shape, kernel_shape):
        """The part that each image keeps of itself."""
        return {"batch": Draw("beta", (x_shape[0], 1), self.concentration)}

    def images(self, x, noise=None):
        """Return `[replicas, batch, ...]`, each row mixed with the one before it."""
        return x if noise is None else noise * x + (1 - noise) * ops.roll(x, 1, axis=1)

    def labels(self, targets, noise=None):
        """Return the targets, mixed as the images are."""
        return self.images(targets, noise)
