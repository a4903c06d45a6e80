"""L1 regularization."""

from dataclasses import dataclass

from regularization.core.backend import ops, total
from regularization.core.technique import Technique, at_least_0, per_replica


@dataclass(frozen=True)
class L1(Technique):
    """Add `strength` times the sum of the weights' sizes to the loss (Tibshirani, 1996)."""

    strength: float = at_least_0(1e-4)

    def penalty(self, parameters):
        """The sum of the weights' sizes, times the strength."""
        sizes = total(ops.abs(parameters["kernel"]))[:, 0, 0]
        return per_replica(self.strength, sizes) * sizes
