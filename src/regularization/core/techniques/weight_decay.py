"""Decoupled weight decay."""

from dataclasses import dataclass

from regularization.core.technique import Technique, at_least_0, per_replica


@dataclass(frozen=True)
class WeightDecay(Technique):
    """Shrink every weight by `learning_rate * strength` of itself at each step, beside Adam's step.

    AdamW as PyTorch and Keras have it: the loss knows nothing of the shrinking. In Loshchilov and
    Hutter (2019), algorithm 2, the strength is not multiplied by the learning rate.
    """

    strength: float = at_least_0(0.1)

    def update(self, before, after, learning_rate):
        """Return Adam's parameters, each less a share of what it was."""

        def faded(value):
            rate = per_replica(learning_rate, value)
            return rate * per_replica(self.strength, value) * value

        return {name: value - faded(before[name]) for name, value in after.items()}
