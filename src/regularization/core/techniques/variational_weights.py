"""Variational Gaussian weights."""

from dataclasses import dataclass
from typing import ClassVar

from regularization.core.backend import ops, total
from regularization.core.technique import above_0, per_replica
from regularization.core.techniques.gaussian_weights import DrawnWeights


@dataclass(frozen=True)
class VariationalWeights(DrawnWeights):
    """Drawn weights with a normal prior: mean-field variational inference.

    With cross-entropy the loss becomes the negative evidence lower bound, divided by the number
    of training images: Graves (2011, equation 5), Blundell et al. (2015, equation 1),
    with the divergence in closed form. `prior` is the prior's standard deviation.
    """

    prior: float = above_0(1.0)
    noise_scale: ClassVar[float] = 1.0  # drawn as wide as they are

    def parameters(self, kernel):
        """The means from the initial values, the widths narrow, so that learning gets through."""
        return {"mu": kernel, "log_sigma": ops.full_like(kernel, -3.0)}

    def penalty(self, parameters):
        """The divergence of the weights' distribution from the prior, per training image."""
        mu, log_sigma = parameters["mu"], parameters["log_sigma"]
        prior = per_replica(self.prior, mu)
        squares = (ops.exp(2 * log_sigma) + mu**2) / (2 * prior**2)
        divergence = total(squares - log_sigma + ops.log(prior) - 0.5)[:, 0, 0]
        return divergence / per_replica(self.train_size, divergence)
