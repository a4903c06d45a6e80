"""Label smoothing."""

from dataclasses import dataclass

from regularization.core.technique import Technique, from_0_to_1, per_replica


@dataclass(frozen=True)
class LabelSmoothing(Technique):
    """Take `rate` of every target and share it out among all classes.

    Szegedy et al. (2016), section 7.
    """

    rate: float = from_0_to_1(0.1)

    def labels(self, targets, noise=None):
        """Return the targets, mixed with what says nothing."""
        rate = per_replica(self.rate, targets)
        return (1 - rate) * targets + rate / targets.shape[-1]
