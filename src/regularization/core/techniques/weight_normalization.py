"""Weight normalization, as the post has it."""

from dataclasses import dataclass

from regularization.core.backend import ops, total
from regularization.core.technique import Technique, above_0, per_replica


@dataclass(frozen=True)
class WeightNormalization(Technique):
    """Divide the kernel by its Frobenius norm: the whole matrix, at `norm`, with no gain.

    At norm 1 this is what the post calls weight normalization. Salimans and Kingma (2016) normalize
    each class's weights and train a gain beside them.
    """

    norm: float = above_0(1.0)

    def weights(self, parameters, noise=None):
        """Return the kernel at `norm` (the floor under the square is TensorFlow's, 1e-12)."""
        kernel = parameters["kernel"]
        scale = per_replica(self.norm, kernel) * ops.rsqrt(ops.maximum(total(kernel**2), 1e-12))
        return kernel * scale
