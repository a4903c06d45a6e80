"""Adversarial training."""

from dataclasses import dataclass

from regularization.core.backend import ops
from regularization.core.technique import Technique, at_least_0, per_replica


@dataclass(frozen=True)
class AdversarialTraining(Technique):
    """Train on the worst images near the given ones: every pixel moved by `epsilon` to hurt.

    The fast gradient sign method (Goodfellow, Shlens and Szegedy, 2015, section 5). Pixels may
    leave [0, 1], so that for two classes it is exactly a penalty on the sizes of their difference.
    """

    epsilon: float = at_least_0(0.1)

    def attack(self, x, slope):
        """Return the images, each pixel moved to where the loss grows."""
        return x + per_replica(self.epsilon, x) * ops.sign(slope)
