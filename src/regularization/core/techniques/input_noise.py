"""Noise on the pixels."""

from dataclasses import dataclass

from regularization.core.technique import Draw, Technique, at_least_0, per_replica


@dataclass(frozen=True)
class InputNoise(Technique):
    """Add normal noise of standard deviation `scale` to every pixel (Bishop, 1995)."""

    scale: float = at_least_0(0.1)

    def noise(self, x_shape, kernel_shape):
        """A fresh draw of the batch's size at each step."""
        return {"inputs": Draw("normal", x_shape)}

    def inputs(self, x, noise=None):
        """Return `x` with the noise on it; without noise, `x`."""
        return x if noise is None else x + per_replica(self.scale, x) * noise
