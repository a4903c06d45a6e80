"""L1."""

import keras
import numpy as np
from samples import KERNEL, numpy, tensor

from regularization.core.backend import ops
from regularization.core.techniques.l1 import L1


def test_l1_is_kerass():
    penalty = numpy(L1(strength=0.01).penalty({"kernel": tensor(KERNEL)}))
    theirs = [float(keras.regularizers.L1(0.01)(ops.convert_to_tensor(k))) for k in KERNEL]
    np.testing.assert_allclose(penalty, theirs, rtol=1e-5)
