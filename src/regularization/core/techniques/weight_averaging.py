"""Weight averaging."""

from dataclasses import dataclass

from regularization.core.backend import ops
from regularization.core.technique import Technique, at_least_1, per_replica


@dataclass(frozen=True)
class WeightAveraging(Technique):
    """Answer with an average of the weights over the last steps, of which training knows nothing.

    Polyak and Juditsky (1992), but a moving average, in which a step counts less by a factor e for
    every `steps` steps that it lies back; unbiased as Adam's are (Kingma and Ba, 2015, section 3).
    """

    steps: float = at_least_1(5_000)

    def parameters(self, kernel):
        """The kernel in training, its average, and how much of an average that is yet."""
        zeros = ops.zeros_like(kernel)
        return {"kernel": kernel, "average": zeros, "mass": zeros[:, :1, :1]}

    def update(self, before, after, learning_rate):
        """Move the average a small part of the way to the new kernel."""
        part = 1 / per_replica(self.steps, after["kernel"])
        average = before["average"] + part * (after["kernel"] - before["average"])
        return after | {"average": average, "mass": before["mass"] + part * (1 - before["mass"])}

    def at_test(self, parameters):
        """Return the average."""
        return {"kernel": parameters["average"] / parameters["mass"]}
