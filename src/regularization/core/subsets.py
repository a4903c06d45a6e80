"""Which training images a model sees, what labels it is told, and in which order they come."""

from typing import NamedTuple

import numpy as np

from regularization.core import streams


class Subset(NamedTuple):
    """What a model trains on: the indices of some training images, and the labels it is told."""

    indices: np.ndarray
    labels: np.ndarray


def subset(digits, seed, size=None, label_noise=0.0):
    """Return a seed's `Subset`: `size` training images, a share `label_noise` of them mislabelled.

    A wrong label is any other class. A larger subset of a seed contains its smaller ones, and a
    larger share of wrong labels the smaller ones. All images are taken unless a `size` is given.
    """
    count = len(digits.train_images)
    indices = np.arange(count)
    if size is not None and size < count:
        indices = streams.generator(seed, streams.SUBSET).permutation(count)[:size]
    labels = digits.train_labels[indices].astype("int32")
    rng = streams.generator(seed, streams.WRONG_LABELS)
    wrong, by = rng.random(len(labels)) < label_noise, rng.integers(1, digits.classes, len(labels))
    return Subset(indices.astype("int32"), np.where(wrong, (labels + by) % digits.classes, labels))


def image_order(seed, count, batch_size):
    """Return a function to the next steps' places, int32 `[steps, batch]`, in a set of `count`.

    The images are reshuffled every epoch; a batch may span two.
    """
    rng, ahead = streams.generator(seed, streams.ORDER), np.empty(0, "int32")

    def take(steps):
        nonlocal ahead
        missing = -(-max(steps * batch_size - len(ahead), 0) // count)
        epochs = [rng.permutation(count).astype("int32") for _ in range(missing)]
        ahead = np.concatenate([ahead, *epochs])
        taken, ahead = np.split(ahead, [steps * batch_size])
        return taken.reshape(steps, batch_size)

    return take
