"""What the tests of the techniques share: a kernel, images, and the way back to NumPy."""

import numpy as np

from regularization.core.backend import ops

RNG = np.random.default_rng(0)
KERNEL = RNG.normal(size=(2, 10, 16)).astype("float32")
X = RNG.uniform(size=(2, 5, 16)).astype("float32")


def tensor(array):
    return ops.convert_to_tensor(np.float32(array))


def numpy(array):
    return ops.convert_to_numpy(array)
