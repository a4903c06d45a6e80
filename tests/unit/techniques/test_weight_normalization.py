"""Weight normalization."""

import keras
import numpy as np
from samples import KERNEL, numpy, tensor

from regularization.core.techniques.weight_normalization import WeightNormalization


def test_weight_normalization_takes_a_norm_for_each_replica():
    norms = np.array([2.0, 7.0])
    ours = numpy(WeightNormalization(norms).weights({"kernel": tensor(KERNEL)}))
    np.testing.assert_allclose(np.linalg.norm(ours, axis=(1, 2)), norms, rtol=1e-5)


def test_weight_normalization_divides_by_the_norm_of_the_whole_matrix():
    parameters = {"kernel": tensor(KERNEL)}
    ours = numpy(WeightNormalization().weights(parameters))
    np.testing.assert_allclose(ours, [k / np.linalg.norm(k) for k in KERNEL], rtol=1e-5)
    # Keras normalizes vectors: the same for a matrix laid flat.
    flat = numpy(keras.layers.UnitNormalization()(KERNEL.reshape(2, -1)))
    np.testing.assert_allclose(ours.reshape(2, -1), flat, rtol=1e-5)
