"""Early stopping."""

from dataclasses import dataclass

import numpy as np

from regularization.core.backend import ops
from regularization.core.technique import Technique, at_least_1, per_replica


@dataclass(frozen=True)
class EarlyStopping(Technique):
    """Keep the weights that were best on the validation images, and stop once that was long ago.

    It stops at the first evaluation that comes `patience` evaluations after the best one, as
    Keras's callback does; Prechelt (1998) has more such rules. What is trained after that is lost.
    """

    patience: float = at_least_1(10)

    def parameters(self, kernel):
        """The kernel in training, and the best so far."""
        return {"kernel": kernel, "best": kernel}

    def review(self, parameters, scores):
        """Keep the kernel if it is the best so far, and training has not stopped before."""
        patience = np.broadcast_to(self.patience, scores.shape[1])
        kept = [stopping(*each)[0] for each in zip(scores.T, patience, strict=True)]
        better = per_replica(np.array(kept) == len(scores) - 1, parameters["kernel"]) > 0
        best = ops.where(better, parameters["kernel"], parameters["best"])
        return parameters | {"best": best}

    def at_test(self, parameters):
        """Return the best."""
        return {"kernel": parameters["best"]}


def stopping(scores, patience):
    """Return the numbers of the best evaluation before training stops, and of the last one.

    It stops `patience` evaluations after the best one, the earliest of equal ones; or at the end.
    """
    best = 0
    for number, score in enumerate(scores):
        best = number if score > scores[best] else best
        if number - best >= patience:
            break
    return best, number
