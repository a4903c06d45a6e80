"""Spectral normalization."""

from dataclasses import dataclass

import numpy as np

from regularization.core.backend import ops
from regularization.core.technique import Technique, above_0, per_replica


@dataclass(frozen=True)
class SpectralNormalization(Technique):
    """Hold the kernel's largest singular value at `norm`: how far an image can move the logits.

    Miyato et al. (2018), equation 8, with many power iterations at each step in place of one that
    is carried on: squaring the small matrix `W W^T` eight times does 256 of them.
    """

    norm: float = above_0(1.0)

    def weights(self, parameters, noise=None):
        """Return the kernel divided by its largest singular value, times the norm."""
        kernel = parameters["kernel"]
        power = ops.stop_gradient(ops.matmul(kernel, ops.swapaxes(kernel, 1, 2)))
        for _ in range(8):
            power = power / ops.max(ops.abs(power), axis=(1, 2), keepdims=True)
            power = ops.matmul(power, power)
        guess = np.cos(np.arange(kernel.shape[1], dtype="float32"))[:, None]  # across no direction
        left = ops.matmul(power, guess)
        left = left / ops.sqrt(ops.sum(left**2, axis=1, keepdims=True))
        right = ops.sum(left * kernel, axis=1, keepdims=True)
        largest = ops.sqrt(ops.sum(right**2, axis=2, keepdims=True))
        return kernel * (per_replica(self.norm, kernel) / largest)
