"""Data augmentation."""

from dataclasses import dataclass

from regularization.core.backend import ops
from regularization.core.geometry import moved
from regularization.core.technique import Draw, Technique, at_least_0, per_replica


@dataclass(frozen=True)
class Augmentation(Technique):
    """Shift each image by up to `pixels` each way and turn it by up to `degrees`, at random.

    What Baird (1992) and Simard et al. (2003) do to digits, without their elastic distortions.
    """

    pixels: float = at_least_0(1.0)
    degrees: float = at_least_0(10.0)

    def noise(self, x_shape, kernel_shape):
        """A turn and two shifts for each image."""
        return {"batch": Draw("uniform", (x_shape[0], 3))}

    def images(self, x, noise=None):
        """Return the images moved; without noise, as they are."""
        if noise is None:
            return x
        turn, down, right = ops.split(2 * noise - 1, 3, axis=-1)
        pixels = per_replica(self.pixels, x)
        turn = per_replica(self.degrees, x) * turn
        return moved(x, turn, pixels * down, pixels * right, self.image_shape)
