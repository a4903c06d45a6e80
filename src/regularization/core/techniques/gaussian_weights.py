"""Gaussian weights: as the post has them, and the two things that the name could mean."""

from dataclasses import dataclass

import numpy as np

from regularization.core.backend import ops
from regularization.core.technique import Draw, Technique, at_least_0, per_replica


@dataclass(frozen=True)
class GaussianWeights(Technique):
    """The post's own idea: a mean and a width for every weight, both trained.

    The weight is *not* drawn from a Gaussian. It is the value, at a noise `n`, of the function
    `exp(-((n - mu) / sigma)^2 / (2 sigma^2)) / (sqrt(2 pi) sigma)`, where sigma = exp(log_sigma):
    a density but for the sigma^4 in its exponent. At test time n = 0. In the post `n` is one
    standard normal draw, scaled by `noise_scale` and rotated by one element at each step.
    """

    noise_scale: float = at_least_0(0.5)

    def parameters(self, kernel):
        """Mean and log of the width, both from the same initial values."""
        return {"mu": kernel, "log_sigma": kernel}

    def noise(self, x_shape, kernel_shape):
        """One draw of the kernel's size, kept for the whole run and rotated at each step."""
        return {"weights": Draw("rotated", kernel_shape)}

    def weights(self, parameters, noise=None):
        """Return the function's value at the scaled noise, `[replicas, classes, pixels]`."""
        # In products with 1 / sigma: quotients take a sixth longer.
        mu, inverse_sigma = parameters["mu"], ops.exp(-parameters["log_sigma"])
        n = 0.0 if noise is None else per_replica(self.noise_scale, mu) * noise
        peak = inverse_sigma * (1 / np.sqrt(2 * np.pi))
        return peak * ops.exp(-0.5 * ((n - mu) * inverse_sigma**2) ** 2)


@dataclass(frozen=True)
class DensityWeights(GaussianWeights):
    """The post's Gaussian weights with a true density: the exponent divides by sigma squared."""

    def weights(self, parameters, noise=None):
        """Return the normal density's value at the scaled noise."""
        mu, inverse_sigma = parameters["mu"], ops.exp(-parameters["log_sigma"])
        n = 0.0 if noise is None else per_replica(self.noise_scale, mu) * noise
        peak = inverse_sigma * (1 / np.sqrt(2 * np.pi))
        return peak * ops.exp(-0.5 * ((n - mu) * inverse_sigma) ** 2)


@dataclass(frozen=True)
class DrawnWeights(GaussianWeights):
    """Weights really drawn, `mu + noise_scale * sigma * n`, with `n` standard normal and fresh.

    The reparameterization of Kingma and Welling (2014), as in Blundell et al. (2015, section 3.2)
    but without a prior: the loss is the only reason for a width. At test time the weight is mu.
    """

    def noise(self, x_shape, kernel_shape):
        """A fresh draw of the kernel's size at each step."""
        return {"weights": Draw("normal", kernel_shape)}

    def weights(self, parameters, noise=None):
        """Return a draw of the weights, or without noise their means."""
        if noise is None:
            return parameters["mu"]
        width = per_replica(self.noise_scale, noise) * ops.exp(parameters["log_sigma"])
        return parameters["mu"] + width * noise
