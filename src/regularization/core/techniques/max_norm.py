"""Max-norm."""

from dataclasses import dataclass

from regularization.core.backend import ops
from regularization.core.technique import Technique, above_0, per_replica


@dataclass(frozen=True)
class MaxNorm(Technique):
    """Keep the length of each class's weights at or below `norm`: cut to it after every step.

    Srivastava et al. (2014), section 5.1, for each unit's incoming weights.
    """

    norm: float = above_0(1.0)

    def update(self, before, after, learning_rate):
        """Return the kernel with the classes' lengths cut to the norm, others as they are."""
        kernel = after["kernel"]
        length = ops.sqrt(ops.sum(kernel**2, axis=-1, keepdims=True))
        longer = ops.maximum(length / per_replica(self.norm, kernel), 1.0)
        return after | {"kernel": kernel / longer}
