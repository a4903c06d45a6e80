"""Variational weights."""

import numpy as np
from samples import KERNEL, RNG, numpy, tensor

from regularization.core.techniques.variational_weights import VariationalWeights


def test_variational_weights_start_narrow_and_are_drawn_weights():
    technique = VariationalWeights()
    start = technique.parameters(tensor(KERNEL))
    np.testing.assert_array_equal(numpy(start["mu"]), KERNEL)
    noise = RNG.standard_normal(KERNEL.shape).astype("float32")
    drawn = numpy(technique.weights(start, noise))
    np.testing.assert_allclose(drawn, KERNEL + np.exp(-3) * noise, rtol=1e-4, atol=1e-6)
