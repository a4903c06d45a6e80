"""L2 regularization."""

from dataclasses import dataclass

from regularization.core.backend import total
from regularization.core.technique import Technique, at_least_0, per_replica


@dataclass(frozen=True)
class L2(Technique):
    """Add `strength / 2` times the sum of squared weights to the loss (mind the half)."""

    strength: float = at_least_0(1e-2)

    def penalty(self, parameters):
        """Half the squared Frobenius norm, times the strength."""
        half_squares = 0.5 * total(parameters["kernel"] ** 2)[:, 0, 0]
        return per_replica(self.strength, half_squares) * half_squares
