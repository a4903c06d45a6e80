"""What a technique is: a softmax layer without bias, `softmax(f(x) @ f(kernel).T)`, and hooks.

A technique overrides the hooks that it changes, and what it does not override stays as it is. Hooks
are pure functions of arrays, written in `keras.ops`. Every array has a leading axis of replicas,
models that train side by side: kernels are `[replicas, classes, pixels]`, batches
`[replicas, batch, pixels]`. A hyperparameter is a number or one number per replica. Noise is an
input: the loop draws it, and at test time it is None. A deeper model calls the hooks of weights,
inputs, penalty and update on every layer, those of a batch once.
"""

import math
import textwrap
from copy import copy
from dataclasses import dataclass, field, fields
from typing import ClassVar, NamedTuple

import numpy as np

from regularization.core.backend import ops

#: What a technique can change, and the hooks by which it does.
CHANGES = {
    "inputs": ("images", "attack", "inputs"),
    "weights": ("weights",),
    "loss": ("penalty",),
    "labels": ("labels",),
    "update": ("update", "review"),
}


class Draw(NamedTuple):
    """What a hook wants drawn at each step and for each replica.

    `kind` is "bernoulli" (True with `parameter`, a number or one per replica, to 16 bits), "normal"
    (standard normal), "uniform" (between 0 and 1), "beta" (symmetric, both of its parameters are
    `parameter`), or "rotated" (one normal draw, rotated by one element a step).
    """

    kind: str
    shape: tuple
    parameter: float = 0.5


@dataclass(frozen=True)
class Range:
    """What a hyperparameter can be: from `low` to `high`, but `above` the one, `below` the other.

    `expected` says it in words.
    """

    expected: str = "a number"
    low: float = -math.inf
    high: float = math.inf
    above: float = -math.inf
    below: float = math.inf

    def holds(self, value):
        """Return whether a number, or each of an array's, is in the range; none is infinite."""
        least, most = (value >= self.low) & (value > self.above), (value <= self.high)
        return np.isfinite(value) & least & most & (value < self.below)


def at_least_0(default):
    """Declare a hyperparameter that is a number of at least 0."""
    return _number(default, Range("a number of at least 0", low=0))


def above_0(default):
    """Declare a hyperparameter that is a number above 0."""
    return _number(default, Range("a number above 0", above=0))


def at_least_1(default):
    """Declare a hyperparameter that is a number of at least 1."""
    return _number(default, Range("a number of at least 1", low=1))


def from_0_below_1(default):
    """Declare a hyperparameter that is a number from 0 to less than 1."""
    return _number(default, Range("a number from 0 to less than 1", low=0, below=1))


def from_0_to_1(default):
    """Declare a hyperparameter that is a number from 0 to 1."""
    return _number(default, Range("a number from 0 to 1", low=0, high=1))


def _number(default, within):
    return field(default=default, metadata={"range": within})


def _numbers(value):
    """Return a number or a list of them as an array; of anything else None."""
    try:
        value = np.asarray(value)
    except ValueError:  # a ragged list
        return None
    return value if value.size and value.ndim < 2 and value.dtype.kind in "iuf" else None


def per_replica(value, x):
    """Shape a number, or one number per replica, so that it broadcasts against `x`."""
    if np.ndim(value) == 0:
        return np.float32(value)
    return ops.reshape(ops.convert_to_tensor(value, "float32"), (-1,) + (1,) * (len(x.shape) - 1))


@dataclass(frozen=True)
class Technique:
    """No regularization: every hook at its default, which changes nothing."""

    left_on_in_post: ClassVar[bool] = False  # whether the post measured with the noise still on
    #: How many images a model is trained on, a number or one per replica: the loop says it.
    train_size: ClassVar = None
    #: Height and width of an image, which the loop says, too; None where it has as many rows as
    #: columns.
    image_shape: ClassVar = None

    def parameters(self, kernel):
        """Return what is trained, a dict of arrays, from the initial `kernel`."""
        return {"kernel": kernel}

    def weights(self, parameters, noise=None):
        """Return the kernel `[replicas, classes, pixels]` that the inputs are multiplied with."""
        return parameters["kernel"]

    def inputs(self, x, noise=None):
        """Return the inputs `[replicas, batch, pixels]` that the layer sees."""
        return x

    def images(self, x, noise=None):
        """Return the images `[replicas, batch, pixels]` that a step trains on."""
        return x

    def attack(self, x, slope):
        """Return the images that a step trains on, from those of `images` and what hurts them.

        A technique that overrides it is given the `slope`, of the batch's loss along the images.
        """
        return x

    def labels(self, targets, noise=None):
        """Return the targets that a step trains on, from one-hot ones `[replicas, batch, classes]`.

        `noise` is the same as that of `images`.
        """
        return targets

    def penalty(self, parameters):
        """Return what is added to the loss, one number per replica."""
        return 0.0

    def update(self, before, after, learning_rate):
        """Return the parameters after a step, from those before it and those that Adam made."""
        return after

    def review(self, parameters, scores):
        """Return the parameters after an evaluation.

        A technique that overrides it is given `scores`: the accuracy of the weights in training on
        the validation images, at every evaluation so far, `[evaluations, replicas]`.
        """
        return parameters

    def at_test(self, parameters):
        """Return the parameters that the model answers with at test time."""
        return parameters

    def noise(self, x_shape, kernel_shape):
        """Return the draws of one step and replica: {"inputs", "weights" or "batch": Draw}.

        "batch" is what `images` and `labels` are given.
        """
        return {}

    def __post_init__(self):
        """Refuse a hyperparameter out of its range."""
        for each in fields(self):
            given = getattr(self, each.name)
            value = _numbers(given)
            within = each.metadata.get("range", Range())
            if value is None or not np.all(within.holds(value)):
                said = textwrap.shorten(repr(given), 200, placeholder=" ...")
                raise ValueError(
                    f"{type(self).__name__}({each.name}={said}): {each.name} should be "
                    f"{within.expected}, or an array with one such number per replica. "
                    "Give a value in that range."
                )
            if value.ndim:  # a list, for example
                object.__setattr__(self, each.name, value)

    def overrides(self, hook):
        """Return whether the technique does something of its own in a hook."""
        return getattr(type(self), hook) is not getattr(Technique, hook)

    @property
    def changes(self):
        """What the technique changes: some of the names in CHANGES."""
        return [name for name, hooks in CHANGES.items() if any(map(self.overrides, hooks))]

    def settings(self):
        """Return the hyperparameters by name, numbers or lists of numbers."""
        return {each.name: np.asarray(getattr(self, each.name)).tolist() for each in fields(self)}

    def arrays(self):
        """Return what there is a number of for each replica, float32 `[replicas]` by name."""
        names = [*(each.name for each in fields(self)), "train_size"]
        found = {name: getattr(self, name) for name in names}
        return {name: np.float32(value) for name, value in found.items() if np.ndim(value)}

    def with_arrays(self, arrays):
        """Return the technique with `arrays` as its own; inside a compiled program, its inputs."""
        changed = copy(self)
        for name, value in arrays.items():
            object.__setattr__(changed, name, value)
        return changed

    def of_replicas(self, chosen):
        """Return the technique of some replicas: arrays are cut to them."""
        return self.with_arrays({name: value[chosen] for name, value in self.arrays().items()})

    def __str__(self):
        """Return the technique as it is written: `Dropout(rate=0.5)`."""
        values = (f"{name}={value}" for name, value in self.settings().items())
        return f"{type(self).__name__}({', '.join(values)})"
