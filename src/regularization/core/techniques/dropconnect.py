"""DropConnect."""

from dataclasses import dataclass

from regularization.core.backend import ops
from regularization.core.technique import Draw, Technique, from_0_below_1, per_replica


@dataclass(frozen=True)
class DropConnect(Technique):
    """Zero each weight with probability `rate`, divide the others by `1 - rate`.

    Wan et al. (2013), but for two things: one mask serves a whole batch, where theirs is drawn for
    each image, and at test time the weights are all there, where theirs are approximated by draws.
    """

    rate: float = from_0_below_1(0.5)

    def noise(self, x_shape, kernel_shape):
        """Which weights to keep."""
        return {"weights": Draw("bernoulli", kernel_shape, 1 - self.rate)}

    def weights(self, parameters, noise=None):
        """Return the kernel, what is dropped at zero; without noise all of it."""
        kernel = parameters["kernel"]
        if noise is None:
            return kernel
        return ops.where(noise, kernel * (1 / (1 - per_replica(self.rate, kernel))), 0.0)
