"""The elastic net."""

from dataclasses import dataclass

from regularization.core.backend import ops, total
from regularization.core.technique import Technique, at_least_0, from_0_to_1, per_replica


@dataclass(frozen=True)
class ElasticNet(Technique):
    """Add L1 and L2 together: `strength (share |w| + (1 - share) w^2 / 2)`, summed.

    Zou and Hastie (2005), in the parameters of Friedman et al. (2010): `share` is the part of L1.
    """

    strength: float = at_least_0(1e-4)
    share: float = from_0_to_1(0.5)

    def penalty(self, parameters):
        """The mixture of sizes and half squares, times the strength."""
        kernel = parameters["kernel"]
        part = per_replica(self.share, kernel)
        mixture = total(part * ops.abs(kernel) + (1 - part) / 2 * kernel**2)[:, 0, 0]
        return per_replica(self.strength, mixture) * mixture
