"""Dropout."""

from dataclasses import dataclass
from typing import ClassVar

from regularization.core.backend import ops
from regularization.core.technique import Draw, Technique, from_0_below_1, per_replica


@dataclass(frozen=True)
class Dropout(Technique):
    """Zero each input pixel with probability `rate`, divide the others by `1 - rate`.

    Srivastava et al. (2014), in the inverted form that keeps the expected input unchanged.
    """

    rate: float = from_0_below_1(0.5)
    left_on_in_post: ClassVar[bool] = True

    def noise(self, x_shape, kernel_shape):
        """Which pixels of the batch to keep."""
        return {"inputs": Draw("bernoulli", x_shape, 1 - self.rate)}

    def inputs(self, x, noise=None):
        """Return `x`, what is dropped at zero and what is kept scaled up; without noise, `x`."""
        if noise is None:
            return x
        return ops.where(noise, x * (1 / (1 - per_replica(self.rate, x))), 0.0)
