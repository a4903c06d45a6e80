"""The elastic net."""

import keras
import numpy as np
from samples import KERNEL, numpy, tensor

from regularization.core.techniques.elastic_net import ElasticNet
from regularization.core.techniques.l1 import L1
from regularization.core.techniques.l2 import L2


def test_elastic_net_is_kerass_l1_and_l2():
    """Keras's L2 has no half: strength 0.02, three quarters of it L1."""
    penalty = numpy(ElasticNet(0.02, share=0.75).penalty({"kernel": tensor(KERNEL)}))
    regularizer = keras.regularizers.L1L2(l1=0.015, l2=0.0025)
    np.testing.assert_allclose(penalty, [float(regularizer(tensor(k))) for k in KERNEL], rtol=1e-5)


def test_its_ends_are_l1_and_l2():
    parameters = {"kernel": tensor(KERNEL)}
    ends = numpy(ElasticNet(0.02, share=np.array([1.0, 0.0])).penalty(parameters))
    by_name = [numpy(kind(0.02).penalty(parameters))[i] for i, kind in enumerate((L1, L2))]
    np.testing.assert_allclose(ends, by_name, rtol=1e-5)
