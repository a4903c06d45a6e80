"""Weight normalization as the name is used today."""

from dataclasses import dataclass

from regularization.core.backend import ops
from regularization.core.technique import Technique


@dataclass(frozen=True)
class WeightNormalizationWithGain(Technique):
    """Learn the length and the direction of each class's weights apart.

    Salimans and Kingma (2016), equation 2: `w = g v / |v|` for each class, gain and direction both
    trained. The gain starts at the length of the start, so that it changes nothing at first.
    """

    def parameters(self, kernel):
        """A direction for each class, and a gain `[replicas, classes, 1]`."""
        return {"direction": kernel, "gain": ops.sqrt(ops.sum(kernel**2, -1, keepdims=True))}

    def weights(self, parameters, noise=None):
        """Return the directions at length 1, times their gains."""
        direction = parameters["direction"]
        length = ops.sqrt(ops.sum(direction**2, -1, keepdims=True))
        return parameters["gain"] * (direction / length)
