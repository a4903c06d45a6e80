"""L2."""

import keras
import numpy as np
from samples import KERNEL, numpy, tensor

from regularization.core.backend import ops
from regularization.core.techniques.l2 import L2


def test_l2_is_half_the_squares_and_kerass_l2_at_half_the_strength():
    penalty = numpy(L2(strength=0.01).penalty({"kernel": tensor(KERNEL)}))
    by_hand = [0.01 / 2 * sum(w**2 for w in kernel.ravel()) for kernel in KERNEL]
    np.testing.assert_allclose(penalty, by_hand, rtol=1e-5)
    theirs = [float(keras.regularizers.L2(0.005)(ops.convert_to_tensor(k))) for k in KERNEL]
    np.testing.assert_allclose(penalty, theirs, rtol=1e-5)


def test_l2_takes_a_strength_for_each_replica():
    kernel = tensor(KERNEL)
    path = numpy(L2(strength=np.geomspace(0.1, 1, 2)).penalty({"kernel": kernel}))
    single = [numpy(L2(strength=s).penalty({"kernel": kernel}))[i] for i, s in enumerate([0.1, 1])]
    np.testing.assert_allclose(path, single, rtol=1e-6)
