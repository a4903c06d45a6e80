"""Noise on the weights."""

import keras
import numpy as np
import pytest
from samples import RNG, numpy, tensor

from regularization.core.techniques.weight_noise import WeightNoise


def test_weight_noise_is_kerass_gaussian_noise_on_the_kernel():
    """The same mean and spread; at test time, none."""
    kernel = tensor(np.zeros((2, 200, 300)))
    noise = RNG.standard_normal(kernel.shape).astype("float32")
    ours = numpy(WeightNoise(np.array([0.1, 0.4])).weights({"kernel": kernel}, noise))
    for scale, noisy in zip((0.1, 0.4), ours, strict=True):
        theirs = numpy(keras.layers.GaussianNoise(scale, seed=1)(kernel[0], training=True))
        assert noisy.std() == pytest.approx(theirs.std(), rel=0.02)
        assert noisy.mean() == pytest.approx(theirs.mean(), abs=0.01)
    assert WeightNoise().weights({"kernel": kernel}) is kernel
    (draw,) = WeightNoise().noise((32, 5), (10, 5)).values()
    assert (draw.kind, draw.shape) == ("normal", (10, 5))
