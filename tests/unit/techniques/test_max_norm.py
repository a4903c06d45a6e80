"""Max-norm."""

import keras
import numpy as np
from samples import KERNEL, numpy, tensor

from regularization.core.techniques.max_norm import MaxNorm


def test_max_norm_is_kerass_constraint():
    """Half of the classes are longer than 4 here, and half shorter."""
    parameters = {"kernel": tensor(KERNEL)}
    ours = numpy(MaxNorm(4.0).update(parameters, parameters, 0.1)["kernel"])
    theirs = numpy(keras.constraints.MaxNorm(4.0, axis=-1)(tensor(KERNEL)))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    changed = np.abs(ours - KERNEL).max(axis=-1) > 0
    assert changed.any() and not changed.all()


def test_each_replica_has_its_own_norm():
    parameters = {"kernel": tensor(10 * KERNEL)}
    ours = numpy(MaxNorm(np.array([1.0, 3.0])).update(parameters, parameters, 0.1)["kernel"])
    np.testing.assert_allclose(np.linalg.norm(ours, axis=-1), [[1.0] * 10, [3.0] * 10], rtol=1e-5)
