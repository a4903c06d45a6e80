"""Noise on the weights."""

from dataclasses import dataclass

from regularization.core.technique import Draw, Technique, at_least_0, per_replica


@dataclass(frozen=True)
class WeightNoise(Technique):
    """Add normal noise of standard deviation `scale` to every weight, fresh at each step.

    An (1996). In Murray and Edwards (1994) the noise grows with the weight.
    """

    scale: float = at_least_0(0.1)

    def noise(self, x_shape, kernel_shape):
        """A fresh draw of the kernel's size at each step."""
        return {"weights": Draw("normal", kernel_shape)}

    def weights(self, parameters, noise=None):
        """Return the kernel with the noise on it; without noise, the kernel."""
        kernel = parameters["kernel"]
        return kernel if noise is None else kernel + per_replica(self.scale, kernel) * noise
