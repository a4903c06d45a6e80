"""TITLE."""

from dataclasses import dataclass

from regularization.core.backend import total
from regularization.core.technique import Technique, at_least_0, per_replica


@dataclass(frozen=True)
class CLASS(Technique):
    """Add to the loss what L2 adds, until you write your own line (author, year)."""

    strength: float = at_least_0(1e-3)

    def penalty(self, parameters):
        """Half the sum of squared weights, times the strength."""
        half_squares = 0.5 * total(parameters["kernel"] ** 2)[:, 0, 0]
        return per_replica(self.strength, half_squares) * half_squares
