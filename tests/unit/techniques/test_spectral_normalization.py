"""Spectral normalization."""

import keras
import numpy as np
from samples import KERNEL, numpy, tensor

from regularization.core.techniques.spectral_normalization import SpectralNormalization


def test_the_largest_singular_value_is_the_norm():
    norms = np.array([1.0, 3.0])
    ours = numpy(SpectralNormalization(norms).weights({"kernel": tensor(KERNEL)}))
    largest = np.linalg.svd(ours, compute_uv=False)[:, 0]
    np.testing.assert_allclose(largest, norms, rtol=1e-3)


def test_spectral_normalization_is_kerass():
    dense = keras.layers.Dense(10, use_bias=False)
    layer = keras.layers.SpectralNormalization(dense, power_iterations=200)
    layer.build((None, KERNEL.shape[-1]))
    dense.kernel.assign(KERNEL[0].T)
    theirs = numpy(layer(np.eye(KERNEL.shape[-1], dtype="float32"), training=True)).T
    ours = numpy(SpectralNormalization().weights({"kernel": tensor(KERNEL)}))[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_a_kernel_of_one_direction_is_normalized_too():
    """Of rank 1, and with a class without weights: as after a strong penalty."""
    kernel = np.outer([0, 1, -2.0], np.arange(4))[None]
    ours = numpy(SpectralNormalization().weights({"kernel": tensor(kernel)}))[0]
    np.testing.assert_allclose(ours, kernel[0] / np.linalg.norm(kernel), atol=1e-5)
