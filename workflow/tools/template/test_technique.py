"""TITLE."""

import numpy as np
from samples import KERNEL, numpy, tensor

from regularization.core.techniques.SLUG import CLASS


def test_its_penalty_is_what_numpy_gets_by_hand():
    ours = numpy(CLASS(0.01).penalty({"kernel": tensor(KERNEL)}))
    by_hand = [0.01 / 2 * np.sum(kernel.astype("float64") ** 2) for kernel in KERNEL]
    np.testing.assert_allclose(ours, by_hand, rtol=1e-5)


def test_each_replica_has_its_own_strength_and_at_0_nothing_is_added():
    ours = numpy(CLASS(np.array([0.0, 0.1])).penalty({"kernel": tensor(KERNEL)}))
    alone = numpy(CLASS(0.1).penalty({"kernel": tensor(KERNEL)}))
    np.testing.assert_allclose(ours, [0, alone[1]], rtol=1e-6)
